//! Texts as messages and pages show them.

use alloc::string::String;
use core::fmt::Write;

/// The text, cut where it would make a message unreadable, without control characters.
pub(crate) fn shortened(text: &str) -> String {
    const MAX: usize = 40;
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(MAX).collect();
    if text.chars().count() > MAX {
        short.push_str("..");
    }
    short
}

/// The text as a basic string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                // A `String` takes whatever is written to it.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A `String` takes whatever is written to it.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The names, a comma between each.
pub(crate) fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_are_read_as_they_were() {
        for text in [
            "",
            "a \"b\" \\n",
            "line\nline\r\n\ttab",
            "\u{7f}\u{1b}\u{85}ö",
        ] {
            let table: toml::Table = alloc::format!("x = {}", quoted(text)).parse().unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shortened("a\u{1b}b"), "ab");
        assert_eq!(shortened(&"x".repeat(50)).len(), 42);
    }
}
