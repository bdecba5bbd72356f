//! One log line as bytes: stamp, core, level, area, text. Pure.

use core::fmt::{self, Write};
use core::time::Duration;

use log::Record;

/// Longest line in bytes; the rest is cut and marked. Bounds the time a single record, whose text
/// may hold what a peer sent, keeps the log's lock.
pub const LINE_LIMIT: usize = 480;

const CUT_MARK: &[u8] = b"...";

/// When and where a record was made.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Time since kernel entry.
    pub since_entry: Duration,
    /// Index of the core, 0 is the system core.
    pub core: usize,
}

/// A line without its end-of-line, printable ASCII and UTF-8 only.
pub struct Line {
    bytes: [u8; LINE_LIMIT],
    len: usize,
    is_cut: bool,
}

impl Line {
    const fn empty() -> Self {
        Self {
            bytes: [0; LINE_LIMIT],
            len: 0,
            is_cut: false,
        }
    }

    /// `[    0.123456] c0 info  net: text`.
    #[must_use]
    pub fn of_record(stamp: Stamp, record: &Record<'_>) -> Self {
        let mut line = Self::empty();
        let (seconds, micros) = (
            stamp.since_entry.as_secs(),
            stamp.since_entry.subsec_micros(),
        );
        // Writing to a line never fails: what does not fit is cut.
        let _ = write!(
            line,
            "[{seconds:5}.{micros:06}] c{} {:5} {}: {}",
            stamp.core,
            level_name(record.level()),
            area(record.target()),
            record.args()
        );
        line
    }

    /// The text alone.
    #[must_use]
    pub fn of_text(text: fmt::Arguments<'_>) -> Self {
        let mut line = Self::empty();
        let _ = line.write_fmt(text);
        line
    }

    /// The line's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.is_cut {
                break;
            }
            // A control character in a text (a peer's, perhaps) must not steer the terminal: some
            // obey those beyond ASCII (U+009B) as well.
            let shown = if character.is_control() {
                ' '
            } else {
                character
            };
            let mut utf8 = [0; 4];
            let mut bytes = shown.encode_utf8(&mut utf8).as_bytes();
            if self.len + bytes.len() > LINE_LIMIT - CUT_MARK.len() {
                (bytes, self.is_cut) = (CUT_MARK, true);
            }
            self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
            self.len += bytes.len();
        }
        Ok(())
    }
}

const fn level_name(level: log::Level) -> &'static str {
    match level {
        log::Level::Error => "error",
        log::Level::Warn => "warn",
        log::Level::Info => "info",
        log::Level::Debug => "debug",
        log::Level::Trace => "trace",
    }
}

/// The area of a log target: the crate without its family name, and within the kernel its folder.
#[must_use]
pub fn area(target: &str) -> &str {
    let mut parts = target.split("::");
    let first = parts.next().unwrap_or(target);
    match first {
        "basalt_kernel" => parts.next().unwrap_or("kernel"),
        _ => first.strip_prefix("basalt_").unwrap_or(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;
    use std::string::String;

    fn text(line: &Line) -> String {
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn record_line_has_the_documented_columns() {
        let stamp = Stamp {
            since_entry: Duration::from_micros(123_456),
            core: 0,
        };
        let line = Line::of_record(
            stamp,
            &Record::builder()
                .level(Level::Info)
                .target("net")
                .args(format_args!("lease of {} s", 86_400))
                .build(),
        );
        assert_eq!(text(&line), "[    0.123456] c0 info  net: lease of 86400 s");
    }

    #[test]
    fn area_is_crate_or_kernel_folder() {
        assert_eq!(area("basalt_kernel::mem::frames"), "mem");
        assert_eq!(area("basalt_kernel"), "kernel");
        assert_eq!(area("basalt_net::swarm"), "net");
        assert_eq!(area("smoltcp::iface"), "smoltcp");
    }

    #[test]
    fn long_text_is_cut_and_marked() {
        let long = "x".repeat(2 * LINE_LIMIT);
        let line = Line::of_text(format_args!("{long}{long}"));
        assert_eq!(line.as_bytes().len(), LINE_LIMIT);
        assert!(line.as_bytes().ends_with(b"x..."));
    }

    #[test]
    fn control_bytes_do_not_reach_the_terminal() {
        assert_eq!(
            text(&Line::of_text(format_args!("a\x1b[2Jb\nc"))),
            "a [2Jb c"
        );
        assert_eq!(text(&Line::of_text(format_args!("a\u{9b}2Jb"))), "a 2Jb");
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        for width in ["x", "é", "€", "🦀"] {
            let line = Line::of_text(format_args!("y{}", width.repeat(LINE_LIMIT)));
            let text = text(&line);
            assert!(text.ends_with("...") && text.len() <= LINE_LIMIT, "{text}");
            assert_eq!(text.matches("...").count(), 1);
        }
    }
}
