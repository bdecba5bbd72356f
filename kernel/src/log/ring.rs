//! What waits for the serial line. The line takes 11,520 bytes a second, and no core waits for it:
//! lines that find no room are left out, and how many they were is told in their place. Pure.

use core::fmt::Write as _;

use heapless::String;

/// Bytes that may wait: about three seconds of the line.
pub const CAPACITY: usize = 32 << 10;
/// Of these the last are for lines that tools wait for.
const RESERVE: usize = 4 << 10;

const END: &[u8] = b"\r\n";

/// Bytes in the order in which they go out.
pub struct Ring {
    bytes: [u8; CAPACITY],
    /// Where the next byte goes out; counts on, as `written` does.
    read: usize,
    written: usize,
    /// Lines left out since the last one that found room.
    dropped: u64,
    /// Lines left out in all.
    left_out: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

impl Ring {
    /// Nothing waits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; CAPACITY],
            read: 0,
            written: 0,
            dropped: 0,
            left_out: 0,
        }
    }

    const fn waiting(&self) -> usize {
        self.written.wrapping_sub(self.read)
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.dropped == 0
    }

    /// Lines that were left out, in all.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Adds a line, whole or not at all. An `important` one may use the reserve.
    pub fn push_line(&mut self, line: &[u8], important: bool) {
        let notice = self.notice();
        let needed = notice.len() + line.len() + END.len();
        let kept = if important { 0 } else { RESERVE };
        if self.waiting() + needed > CAPACITY - kept {
            self.dropped = self.dropped.saturating_add(1);
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.dropped = 0;
        self.push(notice.as_bytes());
        self.push(line);
        self.push(END);
    }

    /// The line that tells of those that were left out, if any were.
    fn notice(&self) -> String<80> {
        let mut notice = String::new();
        if self.dropped > 0 {
            // It has room for the largest number.
            let _ = write!(
                notice,
                "basalt: {} lines are left out: the serial line is slow\r\n",
                self.dropped
            );
        }
        notice
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.bytes[self.written % CAPACITY] = byte;
            self.written = self.written.wrapping_add(1);
        }
    }

    /// Takes the next byte.
    pub fn pop(&mut self) -> Option<u8> {
        if self.waiting() == 0 {
            // What was left out last has no line behind it that tells of it.
            let notice = self.notice();
            self.dropped = 0;
            self.push(notice.as_bytes());
        }
        if self.waiting() == 0 {
            return None;
        }
        let byte = self.bytes[self.read % CAPACITY];
        self.read = self.read.wrapping_add(1);
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn all(ring: &mut Ring) -> String {
        let bytes: Vec<u8> = core::iter::from_fn(|| ring.pop()).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_come_out_as_they_went_in() {
        let mut ring = Ring::new();
        for round in 0..5_000 {
            ring.push_line(std::format!("line {round}").as_bytes(), false);
            if round % 100 == 99 {
                let first = round - 99;
                assert!(all(&mut ring).starts_with(&std::format!("line {first}\r\nline ")));
                assert!(ring.is_empty());
            }
        }
    }

    #[test]
    fn a_flood_is_left_out_whole_line_by_line_and_counted() {
        let mut ring = Ring::new();
        for round in 0..10_000 {
            ring.push_line(
                std::format!("a connection of a peer {round:5}").as_bytes(),
                false,
            );
        }
        assert!(ring.waiting() <= CAPACITY - RESERVE);
        // A line that tools wait for finds room, and tells of the others.
        ring.push_line(b"basalt: listening", true);
        let text = all(&mut ring);
        let lines: Vec<&str> = text.lines().collect();
        let kept = lines.len() - 2;
        assert!(
            lines[..kept].iter().all(|line| line.len() == 28),
            "{lines:?}"
        );
        let notice = std::format!(
            "basalt: {} lines are left out: the serial line is slow",
            10_000 - kept
        );
        assert_eq!(lines[kept..], [&*notice, "basalt: listening"]);
        ring.push_line(b"as before", false);
        assert_eq!(all(&mut ring), "as before\r\n");
        assert_eq!(ring.left_out(), 10_000 - kept as u64);
    }

    #[test]
    fn even_important_lines_do_not_go_beyond_the_end() {
        let mut ring = Ring::new();
        for _ in 0..1_000 {
            ring.push_line(&[b'x'; 480], true);
            assert!(ring.waiting() <= CAPACITY);
        }
        let text = all(&mut ring);
        let kept = text.lines().filter(|line| line.len() == 480).count();
        let notice = std::format!("basalt: {} lines are left out: the ", 1_000 - kept);
        assert!(text.lines().last().unwrap().starts_with(&notice), "{text}");
        assert!(ring.is_empty());
    }
}
