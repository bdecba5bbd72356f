//! Bounded texts: errors quote values that callers and guests chose.

use alloc::string::String;
use basalt_terms::layout;
use core::fmt::{self, Debug, Write};

/// Longest quotation in bytes.
const QUOTE: usize = 1024;

/// The `Debug` text of a value, cut at [`QUOTE`] bytes. Formatting stops there, so that a large
/// value costs no more than a small one. Floats have the network's layout.
pub(crate) fn quote(value: &impl Debug) -> String {
    let mut cut = Cut(String::new());
    // The error is how the writer stops the formatter.
    let is_cut = write!(cut, "{value:?}").is_err();
    let mut text = layout::network(cut.0);
    if is_cut {
        text += "...";
    }
    text
}

struct Cut(String);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = QUOTE - self.0.len();
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_long_texts_between_letters() {
        assert_eq!(quote(&[1, 2]), "[1, 2]");
        let long = quote(&"é".repeat(2000));
        assert!(long.len() <= QUOTE + 3 && long.ends_with("é..."));
    }
}
