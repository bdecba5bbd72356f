//! Calls on descriptors.

use basalt_wasm_host::{engine::Raw, wasi::Errno};
use rustix::fs::{OFlags, SeekFrom, Timespec, Timestamps};

use super::compare::entries;
use super::guest::{DATA, RESULT};
use super::linux::{self, described, errno};
use super::{APPEND, Both, NONE, READ, Step, WRITE};

impl Both {
    /// Calls a function that moves bytes, at an offset or where the descriptor is: the descriptor,
    /// how many bytes, the offset, and what the function answers.
    fn moves(
        &mut self,
        step: &Step<'_>,
        [there, at_offset]: [&str; 2],
    ) -> (i32, usize, Option<u64>, u16) {
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
                    .call(at_offset, &[fd_arg, vectors, count, at, done])
            }
            None => self.guest.call(there, &[fd_arg, vectors, count, done]),
        };
        (fd, len, at, ours)
    }

    pub(super) fn write(&mut self, step: &Step<'_>) {
        let (fd, len, at, ours) = self.moves(step, ["fd_write", "fd_pwrite"]);
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

    pub(super) fn read(&mut self, step: &Step<'_>) {
        let (fd, len, at, ours) = self.moves(step, ["fd_read", "fd_pread"]);
        let open = self.open.get(&fd);
        let Some(open) = open.filter(|open| open.read && !open.directory) else {
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

    pub(super) fn seek(&mut self, step: &Step<'_>) {
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

    pub(super) fn resize(&mut self, step: &Step<'_>) {
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

    /// Times that a step asks for, for both sides. Those of now are not compared: the flags say
    /// which are given.
    pub(super) fn times(step: &Step<'_>) -> ([Raw; 3], Timestamps, [Option<u64>; 2], bool) {
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

    pub(super) fn set_times(&mut self, step: &Step<'_>) {
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

    /// Of the `filestat` at [`DATA`] those times that were given.
    pub(super) fn compare_times(&self, given: [Option<u64>; 2], stat: &rustix::fs::Stat) {
        // To look a link up is to read it, for Linux.
        let [accessed, modified] = given;
        let is_link = linux::kind(stat.st_mode) == 7;
        let given = [accessed.filter(|_| !is_link), modified];
        let (accessed, modified) = self.guest.times(DATA);
        let real = [
            (stat.st_atime, stat.st_atime_nsec),
            (stat.st_mtime, stat.st_mtime_nsec),
        ];
        for ((given, ours), (seconds, ns)) in given.into_iter().zip([accessed, modified]).zip(real)
        {
            let real = seconds as u64 * 1_000_000_000 + ns;
            let agree = given.is_none_or(|given| (ours, real) == (given, given));
            assert!(agree, "{given:?}, {ours} and {real}");
        }
    }

    pub(super) fn stat(&mut self, step: &Step<'_>) {
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

    pub(super) fn set_flags(&mut self, step: &Step<'_>) {
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

    pub(super) fn close(&mut self, step: &Step<'_>) {
        let fd = self.pick(step.bytes[1]);
        let ours = self.guest.call("fd_close", &[Raw::I32(fd)]);
        let known = self.open.remove(&fd).is_some();
        assert_eq!(ours, if known { 0 } else { Errno::BADF.0 });
    }

    pub(super) fn renumber(&mut self, step: &Step<'_>) {
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
    pub(super) fn list(&mut self, step: &Step<'_>) {
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

    pub(super) fn advise(&mut self, step: &Step<'_>) {
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
    pub(super) fn poll(&mut self, step: &Step<'_>) {
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
    pub(super) fn set_rights(&mut self, step: &Step<'_>) {
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
