//! Texts of strangers in log lines.

use core::fmt;

/// Characters shown of a text.
const SHOWN: usize = 120;

/// A text as it may stand in a log: no control characters, so that nobody else's words can look
/// like a line of ours, and not too long.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(SHOWN) {
            write!(f, "{}", character.escape_debug())?;
        }
        match characters.next() {
            None => Ok(()),
            Some(_) => write!(f, ".. ({} bytes)", self.0.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn no_line_of_another_and_no_endless_one() {
        assert_eq!(
            Quoted("a\nbasalt: halted").to_string(),
            "a\\nbasalt: halted"
        );
        let long = "x".repeat(SHOWN + 1);
        assert!(Quoted(&long).to_string().ends_with("x.. (121 bytes)"));
        assert_eq!(Quoted(&long[1..]).to_string(), &long[1..]);
    }
}
