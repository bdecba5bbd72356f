//! The guest's serial line, kept line by line.

use std::{
    collections::VecDeque,
    io::Read,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Most lines that are kept: a guest that never stops talking must not fill the host's memory.
const MAX_LINES: usize = 100_000;

/// Longest line that is kept whole, in bytes; longer ones are cut into several.
const MAX_LINE: usize = 64 * 1024;

/// What a guest has said so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Serial(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Log {
    lines: VecDeque<String>,
    /// Number of lines that were dropped at the front.
    dropped: usize,
    /// Whether nobody reads for the time being.
    held: bool,
    ended: bool,
}

/// Why a line was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The time was over.
    Timeout,
    /// The guest ended and will say nothing more.
    Ended,
}

impl Serial {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a guest's serial line to its end.
    pub(crate) fn read(&self, mut input: impl Read, mut echo: impl FnMut(&str)) {
        let mut cleaner = Cleaner::default();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = input.read(&mut buffer) {
            self.wait_while_held();
            for &byte in &buffer[..length] {
                if let Some(line) = cleaner.take(byte) {
                    echo(&line);
                    self.push(line);
                }
            }
        }
        if !cleaner.line.is_empty() {
            let line = cleaner.line();
            echo(&line);
            self.push(line);
        }
        self.log().ended = true;
        self.0.changed.notify_all();
    }

    /// Lets nobody read from now on, or again: with nobody at its end the line soon takes nothing
    /// more from the guest.
    pub fn hold(&self, held: bool) {
        self.log().held = held;
        self.0.changed.notify_all();
    }

    fn wait_while_held(&self) {
        let held = self.0.changed.wait_while(self.log(), |log| log.held);
        drop(held.unwrap_or_else(PoisonError::into_inner));
    }

    fn push(&self, line: String) {
        let mut log = self.log();
        if log.lines.len() == MAX_LINES {
            log.lines.pop_front();
            log.dropped += 1;
        }
        log.lines.push_back(line);
        self.0.changed.notify_all();
    }

    /// The number of lines so far: a mark to wait from, see [`Serial::wait`].
    #[must_use]
    pub fn mark(&self) -> usize {
        let log = self.log();
        log.dropped + log.lines.len()
    }

    /// The lines from a mark on.
    #[must_use]
    pub fn lines(&self, mark: usize) -> Vec<String> {
        let log = self.log();
        log.lines
            .iter()
            .skip(mark.saturating_sub(log.dropped))
            .cloned()
            .collect()
    }

    /// The last `count` lines.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<String> {
        self.lines(self.mark().saturating_sub(count))
    }

    /// Waits for a line, from a mark on, for which `wanted` has an answer.
    ///
    /// # Errors
    /// When no such line comes in time or the guest ends without it.
    pub fn wait<T>(
        &self,
        mark: usize,
        limit: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<T, Unheard> {
        let start = Instant::now();
        let mut next = mark;
        let mut log = self.log();
        loop {
            let skip = next.saturating_sub(log.dropped);
            if let Some(answer) = log.lines.iter().skip(skip).find_map(|line| wanted(line)) {
                return Ok(answer);
            }
            next = log.dropped + log.lines.len();
            if log.ended {
                return Err(Unheard::Ended);
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(Unheard::Timeout);
            }
            let waited = self.0.changed.wait_timeout(log, left);
            log = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Makes lines of bytes, without the escape sequences by which firmware moves the cursor.
#[derive(Default)]
struct Cleaner {
    line: Vec<u8>,
    escape: Escape,
}

#[derive(Default, PartialEq)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
}

impl Cleaner {
    fn take(&mut self, byte: u8) -> Option<String> {
        match (&self.escape, byte) {
            (_, 0x1b) => self.escape = Escape::Begun,
            (Escape::Begun, b'[') => self.escape = Escape::Sequence,
            (Escape::Begun, _) | (Escape::Sequence, b'@'..=b'~') => self.escape = Escape::None,
            (Escape::Sequence, _) => {}
            (Escape::None, b'\n') => return Some(self.line()),
            (Escape::None, b'\t' | b' '..=b'~' | 0x80..) => {
                self.line.push(byte);
                return (self.line.len() == MAX_LINE).then(|| self.line());
            }
            (Escape::None, _) => {}
        }
        None
    }

    fn line(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    fn heard(bytes: &[u8]) -> Serial {
        let serial = Serial::default();
        serial.read(bytes, |_| {});
        serial
    }

    #[test]
    fn lines_are_clean_and_in_order() {
        let serial = heard(b"\x1b[2J\x1b[01;01Hone\r\n\ntwo\x07 \xff\r\nthree");
        assert_eq!(serial.lines(0), ["one", "", "two \u{fffd}", "three"]);
        assert_eq!(serial.last(2), ["two \u{fffd}", "three"]);
        assert_eq!(serial.mark(), 4);
    }

    #[test]
    fn waiting_ends_with_the_line_the_guest_or_the_time() {
        let serial = heard(b"one\ntwo\none\n");
        let one = |mark| serial.wait(mark, SOON, |line| (line == "one").then_some(line.len()));
        assert_eq!(one(0), Ok(3));
        assert_eq!(one(1), Ok(3));
        assert_eq!(one(3), Err(Unheard::Ended));
        let silent = Serial::default();
        assert_eq!(silent.wait(0, SOON, |_| Some(())), Err(Unheard::Timeout));
    }

    #[test]
    fn an_endless_talker_is_bounded() {
        let serial = heard("x\n".repeat(MAX_LINES + 7).as_bytes());
        assert_eq!(serial.mark(), MAX_LINES + 7);
        assert_eq!(serial.lines(0).len(), MAX_LINES);
        let long = heard(&vec![b'y'; MAX_LINE + 1]);
        assert_eq!(long.lines(0).len(), 2);
    }
}
