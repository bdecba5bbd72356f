//! Positions in the manifest's text, and the excerpt that a problem shows.

use alloc::string::String;
use core::ops::Range;

/// Longest part of a source line that an excerpt shows, in characters.
const MAX_EXCERPT: usize = 96;

/// A position in the text together with what stands there, kept so that the text need not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// The line, or the part of it around the position.
    pub(crate) excerpt: String,
    /// Characters of the excerpt in front of the position.
    pub(crate) lead: usize,
    /// Characters to underline.
    pub(crate) width: usize,
}

impl Place {
    /// The place of `span` (in bytes) of `text`. `shown` says which of its bytes may be shown; of
    /// the others only the punctuation of TOML is, and stars tell how long they are.
    pub(crate) fn of(text: &str, span: Range<usize>, shown: &dyn Fn(usize) -> bool) -> Self {
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(span.start), floor(span.end));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let before = text[line_start..start]
            .trim_start_matches('\u{feff}')
            .chars()
            .count();
        let width = text[start..end.clamp(start, line_end)]
            .trim_end()
            .chars()
            .count();

        let line = text[line_start..line_end].trim_end();
        let line =
            line.char_indices()
                .filter(|(_, c)| *c != '\u{feff}')
                .map(|(at, c)| match shown(line_start + at) {
                    true => printable(c),
                    false => masked(c),
                });
        // A third of the room in front of the position keeps the context of a long line.
        let skipped = if before + width > MAX_EXCERPT {
            before.saturating_sub(MAX_EXCERPT / 3)
        } else {
            0
        };
        let excerpt: String = line.skip(skipped).take(MAX_EXCERPT).collect();
        let lead = before - skipped;
        Self {
            line: 1 + text[..line_start].matches('\n').count(),
            column: 1 + before,
            width: width.clamp(1, (MAX_EXCERPT - lead.min(MAX_EXCERPT)).max(1)),
            lead,
            excerpt,
        }
    }
}

/// A character in place of one that could drive a terminal.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// What stands in place of a character that may not be shown.
fn masked(c: char) -> char {
    match c {
        '=' | '"' | '\'' | '[' | ']' | '{' | '}' | ',' | '#' => c,
        c if c.is_whitespace() || c.is_control() => printable(c),
        _ => '*',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, span: Range<usize>) -> Place {
        Place::of(text, span, &|_| true)
    }

    #[test]
    fn counts_lines_and_characters() {
        let text = "\u{feff}a = 1\r\nsmörgås = 2\r\n";
        let at = text.find('2').unwrap();
        let place = all(text, at..at + 1);
        assert_eq!(
            (place.line, place.column, place.lead, place.width),
            (2, 11, 10, 1)
        );
        assert_eq!(place.excerpt, "smörgås = 2");
        let first = all(text, 3..4);
        assert_eq!(
            (first.line, first.column, first.excerpt.as_str()),
            (1, 1, "a = 1")
        );
    }

    #[test]
    fn a_position_at_the_end_or_inside_a_character_is_fine() {
        let place = all("a = ", 4..4);
        assert_eq!((place.line, place.column, place.width), (1, 5, 1));
        assert_eq!(all("ö", 1..9).column, 1);
        assert_eq!(all("", 0..0).line, 1);
    }

    #[test]
    fn long_lines_are_cut_around_the_position() {
        let text = alloc::format!("{}X{}", " ".repeat(500), "y".repeat(500));
        let place = all(&text, 500..501);
        assert_eq!(place.column, 501);
        assert_eq!(place.excerpt.chars().nth(place.lead), Some('X'));
        assert!(place.excerpt.chars().count() <= MAX_EXCERPT);
        let whole = all(&text, 0..1001);
        assert!(whole.lead + whole.width <= MAX_EXCERPT);
    }

    #[test]
    fn what_may_not_be_shown_is_masked() {
        let text = "seed = \"AbC+9=\" # x";
        let place = Place::of(text, 7..15, &|at| at < 4);
        assert_eq!(place.excerpt, "seed = \"*****=\" # *");
        assert_eq!(
            all("a = \"\u{1b}[2J\"", 4..5).excerpt,
            "a = \"\u{fffd}[2J\""
        );
    }
}
