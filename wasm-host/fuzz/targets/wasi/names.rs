//! Calls on paths.

use std::os::fd::OwnedFd;

use basalt_wasm_host::{engine::Raw, wasi::Errno};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};

use super::guest::{DATA, Guest, RESULT};
use super::linux::{self, described, errno, leaves};
use super::{APPEND, Both, NONE, Open, READ, Step, WRITE, agree, ends_in_dots, is_link};

impl Both {
    pub(super) fn open(&mut self, step: &Step<'_>) {
        let (path, bits) = (step.path(), step.more());
        let (create, directory) = (bits & 1 != 0, bits & 2 != 0);
        let (exclusive, truncate) = (bits & 4 != 0, bits & 8 != 0);
        let (read, write, follow) = (bits & 16 != 0, bits & 32 != 0, bits & 64 != 0);
        // Of a link with a slash that is not to be followed and leads nowhere there are two errors.
        let path = match directory && !follow {
            true => path.trim_end_matches('/').to_string(),
            false => path,
        };
        let append = write && step.byte() & APPEND != 0;
        let rights = if read { READ } else { 0 } | if write { WRITE } else { 0 };
        let fd = self.directory(step.bytes[1]);
        let ours = |guest: &mut Guest, dir: i32| {
            let [pointer, len] = guest.path(&path);
            let args = [
                Raw::I32(dir),
                Raw::I32(i32::from(follow)),
                pointer,
                len,
                Raw::I32(i32::from(bits & 15)),
                Raw::I64(rights as i64),
                Raw::I64(rights as i64),
                Raw::I32(i32::from(append)),
                Raw::I32(RESULT as i32),
            ];
            guest.call("path_open", &args)
        };
        if fd.is_some() && (directory && bits & 13 != 0 || truncate && !write) {
            // The kernel takes these together; the reference does not.
            let fd = fd.unwrap_or(NONE);
            assert_eq!(ours(&mut self.guest, fd), Errno::INVAL.0, "open {path}");
            return;
        }
        let mut flags = match (read, write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        for (asked, flag) in [
            (create, OFlags::CREATE),
            (exclusive, OFlags::EXCL),
            (truncate, OFlags::TRUNC),
            (directory, OFlags::DIRECTORY),
            (append, OFlags::APPEND),
            (!follow, OFlags::NOFOLLOW),
        ] {
            flags.set(flag, asked);
        }
        // Without a file to create it asks for nothing.
        flags.set(OFlags::EXCL, exclusive && create);
        let mut opened = None;
        let last = follow && !(create && (exclusive || path.ends_with('/')));
        let walked = match create {
            true => path.trim_end_matches('/'),
            false => &path,
        };
        let lowest = (3..).find(|fd| !self.open.contains_key(fd));
        self.on_path("open", (fd, walked, last), ours, |dir| {
            let nofollow_directory = directory && !follow;
            opened = match rustix::fs::openat(dir, &path, flags, Mode::RUSR | Mode::WUSR) {
                // The reference says that it is a link.
                Err(rustix::io::Errno::NOTDIR) if nofollow_directory && is_link(dir, &path) => {
                    return Err(rustix::io::Errno::LOOP);
                }
                other => Some(other?),
            };
            Ok(())
        });
        let Some(real) = opened else { return };
        let stat = rustix::fs::fstat(&real).expect("open");
        let directory = linux::kind(stat.st_mode) == 3;
        let open = Open {
            real,
            directory,
            append,
            read,
            write,
        };
        let fd = self.guest.word(RESULT) as i32;
        assert_eq!(Some(fd), lowest, "the lowest free number");
        self.open.insert(fd, open);
    }

    pub(super) fn create_directory(&mut self, step: &Step<'_>) {
        let path = step.path();
        self.on_path(
            "path_create_directory",
            (self.directory(step.bytes[1]), &path, false),
            |guest, dir| guest.on_path("path_create_directory", dir, &path),
            |dir| rustix::fs::mkdirat(dir, &path, Mode::RWXU),
        );
    }

    pub(super) fn remove(&mut self, step: &Step<'_>, directory: bool) {
        let path = step.path();
        let (name, flags) = match directory {
            true => ("path_remove_directory", AtFlags::REMOVEDIR),
            false => ("path_unlink_file", AtFlags::empty()),
        };
        if ends_in_dots(&path) {
            return;
        }
        self.on_path(
            name,
            (self.directory(step.bytes[1]), &path, false),
            |guest, dir| guest.on_path(name, dir, &path),
            |dir| rustix::fs::unlinkat(dir, &path, flags),
        );
    }

    /// A function of two paths, each in a directory of its own.
    pub(super) fn on_two_paths(
        &mut self,
        name: &str,
        step: &Step<'_>,
        ours: impl FnOnce(&mut Guest, [i32; 2], [&str; 2]) -> u16,
        real: impl FnOnce([&OwnedFd; 2], [&str; 2]) -> Result<(), rustix::io::Errno>,
    ) {
        let (path, other) = (step.path(), step.other());
        if ends_in_dots(&path) || ends_in_dots(&other) {
            return;
        }
        let dirs = (
            self.directory(step.bytes[1]),
            self.directory(step.bytes[1] >> 4),
        );
        let (Some(from), Some(to)) = dirs else {
            let ours = ours(&mut self.guest, [NONE; 2], [&path, &other]);
            assert_eq!(ours, Errno::BADF.0);
            return;
        };
        let out = leaves(&self.open[&from].real, &path, false)
            || leaves(&self.open[&to].real, &other, false);
        let paths = [path.as_str(), other.as_str()];
        if out {
            // Which of two errors comes first is not asked.
            assert_ne!(
                ours(&mut self.guest, [from, to], paths),
                0,
                "{name} {paths:?}"
            );
            return;
        }
        let done = real([&self.open[&from].real, &self.open[&to].real], paths);
        let ours = ours(&mut self.guest, [from, to], paths);
        let paths = format!("{path} {other}");
        agree(name, &paths, ours, done.err().map_or(0, errno));
    }

    pub(super) fn rename(&mut self, step: &Step<'_>) {
        self.on_two_paths(
            "path_rename",
            step,
            |guest, [from, to], [path, other]| {
                let ([a, b], [c, d]) = (guest.path(path), guest.other(other));
                let args = [Raw::I32(from), a, b, Raw::I32(to), c, d];
                guest.call("path_rename", &args)
            },
            |[from, to], [path, other]| {
                rustix::fs::renameat_with(from, path, to, other, RenameFlags::empty())
            },
        );
    }

    pub(super) fn link(&mut self, step: &Step<'_>) {
        self.on_two_paths(
            "path_link",
            step,
            |guest, [from, to], [path, other]| {
                let ([a, b], [c, d]) = (guest.path(path), guest.other(other));
                let args = [Raw::I32(from), Raw::I32(0), a, b, Raw::I32(to), c, d];
                guest.call("path_link", &args)
            },
            |[from, to], [path, other]| rustix::fs::linkat(from, path, to, other, AtFlags::empty()),
        );
    }

    pub(super) fn symlink(&mut self, step: &Step<'_>) {
        let (target, path) = (step.path(), step.other());
        self.on_path(
            "path_symlink",
            (self.directory(step.bytes[1]), &path, false),
            |guest, dir| {
                let ([a, b], [c, d]) = (guest.path(&target), guest.other(&path));
                guest.call("path_symlink", &[a, b, Raw::I32(dir), c, d])
            },
            |dir| rustix::fs::symlinkat(&target, dir, &path),
        );
    }

    pub(super) fn readlink(&mut self, step: &Step<'_>) {
        let path = step.path();
        let room = usize::from(step.byte() % 16);
        let mut target = None;
        self.on_path(
            "path_readlink",
            (self.directory(step.bytes[1]), &path, false),
            |guest, dir| {
                let [pointer, len] = guest.path(&path);
                let (at, room) = (Raw::I32(DATA as i32), Raw::I32(room as i32));
                let args = [
                    Raw::I32(dir),
                    pointer,
                    len,
                    at,
                    room,
                    Raw::I32(RESULT as i32),
                ];
                guest.call("path_readlink", &args)
            },
            |dir| {
                target = Some(linux::read_link(dir, &path)?);
                Ok(())
            },
        );
        if let Some(target) = target {
            let cut = &target.as_bytes()[..target.len().min(room)];
            assert_eq!(self.guest.word(RESULT) as usize, cut.len());
            assert_eq!(&self.guest.memory[DATA..DATA + cut.len()], cut);
        }
    }

    pub(super) fn set_times_of_path(&mut self, step: &Step<'_>) {
        let path = step.path();
        let ([a, b, flags], times, given, wrong) = Self::times(step);
        let follow = step.bytes[3] & 1 != 0;
        let fd = self.directory(step.bytes[3] >> 1);
        let at = match follow {
            true => AtFlags::empty(),
            false => AtFlags::SYMLINK_NOFOLLOW,
        };
        let (lookup, mut found) = (Raw::I32(i32::from(follow)), None);
        let ours = |guest: &mut Guest, dir: i32| {
            let [pointer, len] = guest.path(&path);
            let args = [Raw::I32(dir), lookup, pointer, len, a, b, flags];
            let done = guest.call("path_filestat_set_times", &args);
            let [pointer, len] = guest.path(&path);
            let args = [Raw::I32(dir), lookup, pointer, len, Raw::I32(DATA as i32)];
            let told = guest.call("path_filestat_get", &args);
            assert!(done != 0 || told == 0, "{path}");
            done
        };
        if wrong {
            let ours = ours(&mut self.guest, fd.unwrap_or(NONE));
            assert_eq!(ours, Errno::INVAL.0);
            return;
        }
        self.on_path(
            "path_filestat_set_times",
            (fd, &path, follow),
            ours,
            |dir| {
                rustix::fs::utimensat(dir, &path, &times, at)?;
                found = Some(rustix::fs::statat(dir, &path, at)?);
                Ok(())
            },
        );
        if let Some(stat) = found {
            self.compare_times(given, &stat);
        }
    }

    pub(super) fn stat_path(&mut self, step: &Step<'_>) {
        let (path, follow) = (step.path(), step.byte() & 1 != 0);
        let at = match follow {
            true => AtFlags::empty(),
            false => AtFlags::SYMLINK_NOFOLLOW,
        };
        let mut found = None;
        self.on_path(
            "path_filestat_get",
            (self.directory(step.bytes[1]), &path, follow),
            |guest, dir| {
                let [pointer, len] = guest.path(&path);
                let lookup = Raw::I32(i32::from(follow));
                let args = [Raw::I32(dir), lookup, pointer, len, Raw::I32(DATA as i32)];
                guest.call("path_filestat_get", &args)
            },
            |dir| {
                found = Some(rustix::fs::statat(dir, &path, at)?);
                Ok(())
            },
        );
        if let Some(stat) = found {
            assert_eq!(self.guest.described(DATA), described(&stat), "{path}");
        }
    }
}
