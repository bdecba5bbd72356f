//! Any sequence of WASI file calls, done to the virtual file system and to the host's own in a
//! temporary folder: results, contents, links, times and errors agree.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, OwnedFd},
};

use basalt_wasm_host::{Vfs, engine::Raw, vfs::Tree, wasi::Errno};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags, SeekFrom, Timespec, Timestamps};

#[path = "wasi/guest.rs"]
mod guest;
#[path = "wasi/linux.rs"]
mod linux;

use guest::{DATA, Guest, PREOPENED, RESULT};
use linux::{Folder, described, errno, leaves};

const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
const APPEND: u8 = 1;
/// A descriptor that is never open.
const NONE: i32 = 77;

/// An open file or directory of the host, and what its guest's twin may do.
struct Open {
    real: OwnedFd,
    directory: bool,
    append: bool,
    read: bool,
    write: bool,
}

/// One step of an input.
struct Step<'a> {
    bytes: &'a [u8],
}

impl Step<'_> {
    fn path(&self) -> String {
        path(self.bytes[2])
    }

    fn other(&self) -> String {
        path(self.bytes[3])
    }

    fn byte(&self) -> u8 {
        self.bytes[4]
    }

    fn more(&self) -> u8 {
        self.bytes[5]
    }
}

struct Both {
    guest: Guest,
    open: BTreeMap<i32, Open>,
}

pub fn check(data: &[u8]) {
    let folder = Folder::new();
    let (guest, vfs) = Guest::new();
    let root = || Open {
        real: folder.open(),
        directory: true,
        append: false,
        read: false,
        write: false,
    };
    let open = PREOPENED.map(|fd| (fd, root())).collect();
    let mut both = Both { guest, open };
    for bytes in data.chunks_exact(6).take(128) {
        let step = Step { bytes };
        match bytes[0] % 32 {
            0..=3 => both.open(&step),
            4 | 5 => both.write(&step),
            6 | 7 => both.read(&step),
            8 => both.seek(&step),
            9 => both.resize(&step),
            10 | 11 => both.create_directory(&step),
            12 => both.remove(&step, true),
            13 => both.remove(&step, false),
            14 | 15 => both.rename(&step),
            16 | 17 => both.link(&step),
            18 | 19 => both.symlink(&step),
            20 => both.readlink(&step),
            21 => both.set_times(&step),
            22 => both.set_times_of_path(&step),
            23 => both.stat(&step),
            24 => both.stat_path(&step),
            25 => both.set_flags(&step),
            26 => both.close(&step),
            27 => both.renumber(&step),
            28 => both.list(&step),
            29 => both.advise(&step),
            30 => both.poll(&step),
            _ => both.set_rights(&step),
        }
    }
    compare(&vfs, Tree::ROOT, &folder.open(), "");
}

impl Both {
    /// A descriptor: mostly an open one.
    fn pick(&self, byte: u8) -> i32 {
        let index = usize::from(byte) % (self.open.len() + 1);
        self.open.keys().nth(index).copied().unwrap_or(NONE)
    }

    /// A directory to start in, its twin, and whether there is one.
    fn directory(&self, byte: u8) -> Option<i32> {
        let directories = self.open.iter().filter(|(_, open)| open.directory);
        let directories: Vec<i32> = directories.map(|(fd, _)| *fd).collect();
        let count = directories.len().max(1);
        directories.get(usize::from(byte) % count).copied()
    }

    /// Does a function on paths: in a directory that is open, with a path that does not leave it.
    /// Otherwise it fails, as it must.
    fn on_path(
        &mut self,
        name: &str,
        (fd, path, last): (Option<i32>, &str, bool),
        ours: impl FnOnce(&mut Guest, i32) -> u16,
        real: impl FnOnce(&OwnedFd) -> Result<(), rustix::io::Errno>,
    ) {
        let Some(fd) = fd else {
            assert_eq!(ours(&mut self.guest, NONE), Errno::BADF.0, "{name} {path}");
            return;
        };
        // These do not follow a link with a slash after it.
        let walked = match name {
            "path_create_directory" | "path_remove_directory" | "path_unlink_file" => {
                path.trim_end_matches('/')
            }
            _ => path,
        };
        let wanted = match leaves(&self.open[&fd].real, walked, last) {
            true => Errno::PERM.0,
            false => real(&self.open[&fd].real).err().map_or(0, errno),
        };
        let ours = ours(&mut self.guest, fd);
        agree(name, path, ours, wanted);
    }

    fn open(&mut self, step: &Step<'_>) {
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

    fn write(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let (len, at) = (
            usize::from(step.bytes[2]) * 20,
            u64::from(step.bytes[3]) * 40,
        );
        let at = (step.more() & 1 != 0).then_some(at);
        self.guest.memory[DATA..DATA + len].fill(step.byte());
        let [vectors, count] = self.guest.vectors(len);
        let (fd_arg, done) = (Raw::I32(fd), Raw::I32(RESULT as i32));
        let ours = match at {
            Some(at) => {
                let at = Raw::I64(at as i64);
                self.guest
                    .call("fd_pwrite", &[fd_arg, vectors, count, at, done])
            }
            None => self.guest.call("fd_write", &[fd_arg, vectors, count, done]),
        };
        let Some(open) = self.open.get(&fd).filter(|open| open.write) else {
            assert_eq!(ours, Errno::BADF.0, "write to {fd}");
            return;
        };
        let data = vec![step.byte(); len];
        let written = match at {
            // Linux appends whatever the offset, as the guest's does.
            Some(at) => rustix::io::pwrite(&open.real, &data, at),
            None => rustix::io::write(&open.real, &data),
        };
        assert_eq!(ours, 0, "write to {fd}");
        assert_eq!(self.guest.word(RESULT) as usize, written.expect("written"));
    }

    fn read(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let (len, at) = (
            usize::from(step.bytes[2]) * 20,
            u64::from(step.bytes[3]) * 40,
        );
        let at = (step.more() & 1 != 0).then_some(at);
        let [vectors, count] = self.guest.vectors(len);
        let (fd_arg, done) = (Raw::I32(fd), Raw::I32(RESULT as i32));
        let ours = match at {
            Some(at) => {
                let at = Raw::I64(at as i64);
                self.guest
                    .call("fd_pread", &[fd_arg, vectors, count, at, done])
            }
            None => self.guest.call("fd_read", &[fd_arg, vectors, count, done]),
        };
        let Some(open) = self
            .open
            .get(&fd)
            .filter(|open| open.read && !open.directory)
        else {
            assert_eq!(ours, Errno::BADF.0, "read of {fd}");
            return;
        };
        let mut buffer = vec![0; len];
        let got = match at {
            Some(at) => rustix::io::pread(&open.real, &mut buffer[..], at),
            None => rustix::io::read(&open.real, &mut buffer[..]),
        };
        let got = got.expect("read");
        assert_eq!((ours, self.guest.word(RESULT) as usize), (0, got));
        assert_eq!(self.guest.memory[DATA..DATA + got], buffer[..got]);
    }

    fn seek(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let by = i64::from(step.bytes[2] as i8) * 30;
        let whence = step.byte() % 3;
        let args = [
            Raw::I32(fd),
            Raw::I64(by),
            Raw::I32(i32::from(whence)),
            Raw::I32(RESULT as i32),
        ];
        let ours = self.guest.call("fd_seek", &args);
        let tell = [Raw::I32(fd), Raw::I32(DATA as i32)];
        let told = self.guest.call("fd_tell", &tell);
        let Some(open) = self.open.get(&fd).filter(|open| !open.directory) else {
            assert_eq!((ours, told), (Errno::BADF.0, Errno::BADF.0));
            return;
        };
        let from = match whence {
            0 => SeekFrom::Start(by as u64),
            1 => SeekFrom::Current(by),
            _ => SeekFrom::End(by),
        };
        match rustix::fs::seek(&open.real, from) {
            Ok(at) => assert_eq!((ours, self.guest.long(RESULT)), (0, at)),
            Err(error) => assert_eq!(ours, errno(error), "seek by {by}"),
        }
        let at = rustix::fs::tell(&open.real).expect("a file");
        assert_eq!((told, self.guest.long(DATA)), (0, at));
    }

    fn resize(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let len = u64::from(step.bytes[2]) * 50;
        let args = [Raw::I32(fd), Raw::I64(len as i64)];
        let ours = self.guest.call("fd_filestat_set_size", &args);
        let wanted = match self.open.get(&fd) {
            None => Errno::BADF.0,
            Some(open) if open.directory => Errno::BADF.0,
            Some(open) if !open.write => Errno::INVAL.0,
            Some(open) => rustix::fs::ftruncate(&open.real, len)
                .err()
                .map_or(0, errno),
        };
        assert_eq!(ours, wanted, "size of {fd}");
        for sync in ["fd_sync", "fd_datasync"] {
            let known = if self.open.contains_key(&fd) {
                0
            } else {
                Errno::BADF.0
            };
            assert_eq!(self.guest.call(sync, &[Raw::I32(fd)]), known);
        }
    }

    fn create_directory(&mut self, step: &Step<'_>) {
        let path = step.path();
        self.on_path(
            "path_create_directory",
            (self.directory(step.bytes[1]), &path, false),
            |guest, dir| guest.on_path("path_create_directory", dir, &path),
            |dir| rustix::fs::mkdirat(dir, &path, Mode::RWXU),
        );
    }

    fn remove(&mut self, step: &Step<'_>, directory: bool) {
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
    fn on_two_paths(
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

    fn rename(&mut self, step: &Step<'_>) {
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

    fn link(&mut self, step: &Step<'_>) {
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

    fn symlink(&mut self, step: &Step<'_>) {
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

    fn readlink(&mut self, step: &Step<'_>) {
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

    /// Times that a step asks for, for both sides. Those of now are not compared: the flags say
    /// which are given.
    fn times(step: &Step<'_>) -> ([Raw; 3], Timestamps, [Option<u64>; 2], bool) {
        let [a, b] = [step.byte(), step.more()].map(|byte| u64::from(byte) * 1_000_000_007);
        let flags = step.bytes[0] >> 4 | step.bytes[1] & 12;
        let one = |given: bool, now: bool, ns: u64| {
            let tv_nsec = match (given, now) {
                (true, _) => (ns % 1_000_000_000) as i64,
                (_, true) => rustix::fs::UTIME_NOW,
                _ => rustix::fs::UTIME_OMIT,
            };
            Timespec {
                tv_sec: (ns / 1_000_000_000) as i64,
                tv_nsec: tv_nsec as _,
            }
        };
        let has = |bit: u8| flags & bit != 0;
        let times = Timestamps {
            last_access: one(has(1), has(2), a),
            last_modification: one(has(4), has(8), b),
        };
        let args = [
            Raw::I64(a as i64),
            Raw::I64(b as i64),
            Raw::I32(i32::from(flags)),
        ];
        let given = [has(1).then_some(a), has(4).then_some(b)];
        let wrong = flags & 3 == 3 || flags & 12 == 12;
        (args, times, given, wrong)
    }

    fn set_times(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[2]);
        let ([a, b, flags], times, given, wrong) = Self::times(step);
        let ours = self
            .guest
            .call("fd_filestat_set_times", &[Raw::I32(fd), a, b, flags]);
        if wrong {
            assert_eq!(ours, Errno::INVAL.0);
            return;
        }
        let Some(open) = self.open.get(&fd) else {
            assert_eq!(ours, Errno::BADF.0);
            return;
        };
        rustix::fs::futimens(&open.real, &times).expect("times");
        assert_eq!(ours, 0, "times of {fd}");
        let stat = [Raw::I32(fd), Raw::I32(DATA as i32)];
        assert_eq!(self.guest.call("fd_filestat_get", &stat), 0);
        self.compare_times(
            given,
            &rustix::fs::fstat(&self.open[&fd].real).expect("open"),
        );
    }

    fn set_times_of_path(&mut self, step: &Step<'_>) {
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

    /// Of the `filestat` at [`DATA`] those times that were given.
    fn compare_times(&self, given: [Option<u64>; 2], stat: &rustix::fs::Stat) {
        let (accessed, modified) = self.guest.times(DATA);
        let real = [
            (stat.st_atime, stat.st_atime_nsec),
            (stat.st_mtime, stat.st_mtime_nsec),
        ];
        for ((given, ours), (seconds, ns)) in given.into_iter().zip([accessed, modified]).zip(real)
        {
            let real = seconds as u64 * 1_000_000_000 + ns;
            assert!(given.is_none_or(|given| (ours, real) == (given, given)));
        }
    }

    fn stat(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let args = [Raw::I32(fd), Raw::I32(DATA as i32)];
        let ours = self.guest.call("fd_filestat_get", &args);
        let flags = [Raw::I32(fd), Raw::I32(RESULT as i32)];
        let told = self.guest.call("fd_fdstat_get", &flags);
        let Some(open) = self.open.get(&fd) else {
            assert_eq!((ours, told), (Errno::BADF.0, Errno::BADF.0));
            return;
        };
        assert_eq!((ours, told), (0, 0));
        let stat = rustix::fs::fstat(&open.real).expect("open");
        assert_eq!(self.guest.described(DATA), described(&stat), "{fd}");
        assert_eq!(self.guest.memory[RESULT], linux::kind(stat.st_mode));
        if !open.directory {
            let real = rustix::fs::fcntl_getfl(&open.real).expect("open");
            assert_eq!(open.append, real.contains(OFlags::APPEND));
            assert_eq!(self.guest.half(RESULT + 2), u16::from(open.append));
            let rights = if open.read { READ } else { 0 } | if open.write { WRITE } else { 0 };
            assert_eq!(self.guest.long(RESULT + 8), rights);
        }
    }

    fn stat_path(&mut self, step: &Step<'_>) {
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

    fn set_flags(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let append = step.byte() & APPEND != 0;
        let args = [Raw::I32(fd), Raw::I32(i32::from(append))];
        let ours = self.guest.call("fd_fdstat_set_flags", &args);
        match self.open.get_mut(&fd) {
            Some(open) if !open.directory => {
                let flags = match append {
                    true => OFlags::APPEND,
                    false => OFlags::empty(),
                };
                rustix::fs::fcntl_setfl(&open.real, flags).expect("flags");
                open.append = append;
                assert_eq!(ours, 0);
            }
            _ => assert_eq!(ours, Errno::BADF.0),
        }
    }

    fn close(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let ours = self.guest.call("fd_close", &[Raw::I32(fd)]);
        let known = self.open.remove(&fd).is_some();
        assert_eq!(ours, if known { 0 } else { Errno::BADF.0 });
    }

    fn renumber(&mut self, step: &Step<'_>) {
        let from = self.pick(step.bytes[1]);
        let to = match step.byte() & 3 {
            0 => 3 + i32::from(step.more() % 16),
            // That one is never open.
            _ => match self.pick(step.bytes[2]) {
                NONE => 3,
                fd => fd,
            },
        };
        let ours = self
            .guest
            .call("fd_renumber", &[Raw::I32(from), Raw::I32(to)]);
        match self.open.remove(&from) {
            Some(open) => {
                assert_eq!(ours, 0, "{from} to {to}");
                self.open.insert(to, open);
            }
            None => assert_eq!(ours, Errno::BADF.0),
        }
    }

    /// All names of a directory, by as many calls as a small buffer makes of it.
    fn list(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let room = 32 + usize::from(step.byte());
        let mut names: Vec<(String, u8)> = Vec::new();
        let mut cookie = 0;
        let ended = loop {
            let args = [
                Raw::I32(fd),
                Raw::I32(DATA as i32),
                Raw::I32(room as i32),
                Raw::I64(cookie as i64),
                Raw::I32(RESULT as i32),
            ];
            let ours = self.guest.call("fd_readdir", &args);
            if ours != 0 {
                break ours;
            }
            let used = self.guest.word(RESULT) as usize;
            assert!(used <= room);
            let (mut at, known) = (0, names.len());
            while at + 24 <= used {
                let entry = DATA + at;
                let len = self.guest.word(entry + 16) as usize;
                if at + 24 + len > used {
                    break;
                }
                let name = &self.guest.memory[entry + 24..entry + 24 + len];
                let name = String::from_utf8(name.to_vec()).expect("a text");
                names.push((name, self.guest.memory[entry + 20]));
                cookie = self.guest.long(entry);
                at += 24 + len;
            }
            if used < room {
                break 0;
            }
            assert!(names.len() > known, "a name of one byte fits");
        };
        let Some(open) = self.open.get(&fd).filter(|open| open.directory) else {
            assert_eq!(ended, Errno::BADF.0);
            return;
        };
        if rustix::fs::fstat(&open.real).expect("open").st_nlink == 0 {
            assert_eq!(ended, Errno::NOENT.0, "a directory without a name");
            return;
        }
        assert_eq!(ended, 0);
        names.sort();
        assert_eq!(names, entries(&open.real, true));
    }

    fn advise(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let (offset, len) = (i64::from(step.bytes[2]), i64::from(step.bytes[3] as i8));
        let advice = step.byte() % 8;
        let args = [
            Raw::I32(fd),
            Raw::I64(offset),
            Raw::I64(len),
            Raw::I32(i32::from(advice)),
        ];
        let ours = self.guest.call("fd_advise", &args);
        let allocated = self.guest.call("fd_allocate", &args[..3]);
        let wanted = match self.open.get(&fd) {
            Some(open) if !open.directory => match advice <= 5 && len >= 0 {
                true => (0, Errno::NOTSUP.0),
                false => (Errno::INVAL.0, Errno::NOTSUP.0),
            },
            _ => (Errno::BADF.0, Errno::BADF.0),
        };
        assert_eq!((ours, allocated), wanted, "advice {advice} for {fd}");
    }

    /// Files are ready, with what is left to read.
    fn poll(&mut self, step: &Step<'_>) {
        const SUBSCRIPTION: usize = 48;
        let fds = [self.pick(step.bytes[1]), self.pick(step.bytes[2])];
        let kinds = [1 + (step.byte() & 1), 1 + (step.byte() >> 1 & 1)];
        for (index, (fd, kind)) in fds.into_iter().zip(kinds).enumerate() {
            let at = DATA + SUBSCRIPTION * index;
            self.guest.memory[at..at + SUBSCRIPTION].fill(0);
            self.guest.memory[at] = 40 + index as u8;
            self.guest.memory[at + 8] = kind;
            self.guest.memory[at + 16..at + 20].copy_from_slice(&fd.to_le_bytes());
        }
        let events = DATA + 200;
        let args = [DATA, events, 2, RESULT].map(|word| Raw::I32(word as i32));
        let ours = self.guest.call("poll_oneoff", &args);
        let open = |fd: i32| self.open.get(&fd).filter(|open| !open.directory);
        let [Some(first), Some(second)] = fds.map(open) else {
            assert_eq!(ours, Errno::BADF.0);
            return;
        };
        assert_eq!((ours, self.guest.word(RESULT)), (0, 2));
        for (index, (open, kind)) in [first, second].into_iter().zip(kinds).enumerate() {
            let at = events + 32 * index;
            let size = rustix::fs::fstat(&open.real).expect("open").st_size as u64;
            let left = size.saturating_sub(rustix::fs::tell(&open.real).expect("a file"));
            let left = if kind == 1 { left } else { 0 };
            assert_eq!(self.guest.long(at), 40 + index as u64);
            assert_eq!(self.guest.memory[at + 10], kind);
            assert_eq!(self.guest.long(at + 16), left);
        }
    }

    /// Rights go and do not come back.
    fn set_rights(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let (read, write) = (step.byte() & 1 != 0, step.byte() & 2 != 0);
        let rights = if read { READ } else { 0 } | if write { WRITE } else { 0 };
        let args = [Raw::I32(fd), Raw::I64(rights as i64), Raw::I64(0)];
        let ours = self.guest.call("fd_fdstat_set_rights", &args);
        match self.open.get_mut(&fd) {
            None => assert_eq!(ours, Errno::BADF.0),
            Some(open) if open.directory => assert_eq!(ours, 0),
            Some(open) if read && !open.read || write && !open.write => {
                assert_eq!(ours, Errno::NOTCAPABLE.0);
            }
            Some(open) => {
                assert_eq!(ours, 0);
                (open.read, open.write) = (read, write);
            }
        }
    }
}

/// Both sides do the same. With a slash after a name that is to be made, the reference, whose
/// answers the guest gets, fails with another error than the kernel.
fn agree(name: &str, path: &str, ours: u16, wanted: u16) {
    let slash = path.ends_with('/') && matches!(name, "path_symlink" | "path_link");
    match slash {
        true => assert_eq!(ours == 0, wanted == 0, "{name} {path}: {ours}, {wanted}"),
        false => assert_eq!(ours, wanted, "{name} {path}"),
    }
}

fn is_link(dir: &OwnedFd, path: &str) -> bool {
    let stat = rustix::fs::statat(dir, path.trim_end_matches('/'), AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| linux::kind(stat.st_mode) == 7)
}

/// Does a path end in `.` or `..`, which cannot be removed or renamed? Which of several errors that
/// gives is the kernel's own.
fn ends_in_dots(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next();
    matches!(last, Some("." | ".."))
}

fn path(byte: u8) -> String {
    let name = |bits: u8| ["a", "b", "c", "d"][usize::from(bits & 3)];
    let (first, second) = (name(byte), name(byte >> 2));
    match byte >> 4 {
        0..=4 => first.to_string(),
        5..=8 => format!("{first}/{second}"),
        9 => format!("{first}/{second}/{}", name(byte >> 1)),
        10 => format!("{first}/"),
        11 => format!("{first}/../{second}"),
        12 => format!("../{first}"),
        13 => [".", "..", "./.", "a/."][usize::from(byte & 3)].to_string(),
        14 => format!("{first}/.."),
        _ => format!("./{first}//{second}/"),
    }
}

/// Names in a directory and their kinds, in order.
fn entries(dir: &OwnedFd, dots: bool) -> Vec<(String, u8)> {
    // A descriptor of its own: where the other one is in its listing does not matter.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let again = rustix::fs::openat(dir, ".", flags, Mode::empty()).expect("a directory");
    let mut names: Vec<(String, u8)> = Dir::read_from(again.as_fd())
        .expect("a directory")
        .map(|entry| {
            let name = entry
                .expect("an entry")
                .file_name()
                .to_str()
                .expect("a text")
                .to_string();
            let stat = rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW);
            let kind = linux::kind(stat.expect("an entry").st_mode);
            (name, kind)
        })
        .filter(|(name, _)| dots || name != "." && name != "..")
        .collect();
    names.sort();
    names
}

/// Names, kinds, links and contents below a directory are the same on both sides.
fn compare(vfs: &Vfs, ino: u64, real: &OwnedFd, path: &str) {
    let (volume, _) = vfs.locate("");
    let ours: Vec<(String, u64)> = volume.with(|tree| {
        let entries = tree.entries(ino).expect("directory").iter();
        entries.map(|(name, ino)| (name.clone(), *ino)).collect()
    });
    let theirs = entries(real, false);
    let names: Vec<&String> = ours.iter().map(|(name, _)| name).collect();
    let their_names: Vec<&String> = theirs.iter().map(|(name, _)| name).collect();
    assert_eq!(names, their_names, "entries of /{path}");
    for (name, ino) in &ours {
        let path = format!("{path}/{name}");
        let at = rustix::fs::statat(real, name, AtFlags::SYMLINK_NOFOLLOW).expect("an entry");
        let stat = volume.with(|tree| tree.stat(*ino)).expect("an entry");
        let open = || {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
            rustix::fs::openat(real, name, flags, Mode::empty()).expect("an entry")
        };
        match linux::kind(at.st_mode) {
            3 => compare(vfs, *ino, &open(), &path),
            4 => {
                let mut contents = Vec::new();
                std::io::Read::read_to_end(&mut std::fs::File::from(open()), &mut contents)
                    .expect("file");
                let ours = volume.with(|tree| tree.bytes(*ino).map(<[u8]>::to_vec));
                assert_eq!(ours.expect("file"), contents, "contents of {path}");
                assert_eq!(stat.links, at.st_nlink, "names of {path}");
            }
            _ => {
                let target = linux::read_link(real, name).expect("a link");
                volume.with(|tree| {
                    let found = tree.target(Tree::ROOT, path.trim_start_matches('/'));
                    assert_eq!(found, Ok(target.as_str()), "target of {path}");
                });
                assert_eq!(stat.links, at.st_nlink, "names of {path}");
            }
        }
    }
}
