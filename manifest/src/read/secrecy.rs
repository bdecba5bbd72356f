//! What of a manifest's text may be shown in the report of its problems.
//!
//! A report ends on screens, in logs and in messages to others. So nothing of the text is shown but
//! what is known to be harmless: names of sections and keys, and values on one line under a key
//! that exists and is not secret. A value is masked under a key that is unknown, misspelt or in the
//! wrong section, since it may be a secret's; in comments; and from the first line on that is not
//! TOML, since nobody can tell which key a value belongs to after it.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
};
use core::ops::Range;

use toml::de::DeTable;

use crate::{
    nearest::nearest,
    schema::{self, SECTIONS, Secret},
    source::Place,
    text::shortened,
    value::Written,
};

/// A text together with what may be shown of it.
pub(super) struct Secrecy<'t> {
    text: &'t str,
    /// The ranges that may be shown, in bytes: each one's start, and its end.
    shown: BTreeMap<usize, usize>,
    /// Where the first line begins that is not TOML.
    broken_from: Option<usize>,
}

impl<'t> Secrecy<'t> {
    /// A text of which nothing could be read.
    pub(super) fn of_unreadable(text: &'t str) -> Self {
        Self {
            text,
            shown: BTreeMap::new(),
            broken_from: Some(0),
        }
    }

    /// A text, what the parser read of it, and where its first error is.
    pub(super) fn new(text: &'t str, root: &DeTable<'_>, error: Option<usize>) -> Self {
        let mut secrecy = Self {
            text,
            shown: BTreeMap::new(),
            broken_from: error.map(|at| line_start(text, at)),
        };
        for (name, content) in root {
            let Some(section) = schema::section(name.get_ref()) else {
                continue;
            };
            secrecy.show(name.span());
            for (name, value) in content.get_ref().as_table().into_iter().flatten() {
                let Some(key) = section.key(name.get_ref()) else {
                    continue;
                };
                secrecy.show(name.span());
                if key.secret == Secret::No {
                    secrecy.show_value(value);
                }
            }
        }
        secrecy
    }

    fn show(&mut self, range: Range<usize>) {
        self.shown.insert(range.start, range.end);
    }

    /// Shows a value that is on one line; of a list each entry for itself.
    fn show_value(&mut self, value: &Written<'_>) {
        let span = value.span();
        let content = value.get_ref();
        if let Some(array) = content.as_array() {
            for entry in array.iter() {
                self.show_value(entry);
            }
        } else if !content.is_table()
            && self.broken_from.is_none_or(|from| span.end <= from)
            && (self.text.get(span.clone())).is_some_and(|text| !text.contains('\n'))
        {
            self.show(span);
        }
    }

    /// An unknown name as a message calls it. `near`: it resembles a name that exists.
    pub(super) fn name(&mut self, name: &str, span: Range<usize>, near: bool) -> String {
        /// Longest name that nobody takes for a key in hex or base64.
        const LONGEST: usize = 24;
        let word = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-');
        let harmless = name.len() <= LONGEST && name.bytes().all(word);
        if near || (harmless && self.broken_from.is_none()) {
            self.show(span);
            format!("`{}`", shortened(name))
        } else {
            format!("of {} characters", name.chars().count())
        }
    }

    /// Whether a value may be shown.
    pub(super) fn shows(&self, span: &Range<usize>) -> bool {
        self.shown.get(&span.start) == Some(&span.end)
    }

    /// The place of `span`, with as much of its line as may be shown.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let line = line_start(self.text, span.start);
        let broken = self.broken_from.is_some_and(|from| line >= from);
        let first_name = match broken {
            true => known_name(self.text, line),
            false => 0..0,
        };
        Place::of(self.text, span, &|at| {
            let mut before = self.shown.range(..=at);
            let inside = before.next_back().is_some_and(|(_, end)| at < *end);
            inside || first_name.contains(&at)
        })
    }
}

/// Where the line begins that `at` is in.
fn line_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let newline = before.iter().rposition(|byte| *byte == b'\n');
    newline.map_or(0, |at| at + 1)
}

/// The name that a line begins with, if it is one that exists, or nearly so.
fn known_name(text: &str, line: usize) -> Range<usize> {
    let blank = |c: char| c.is_whitespace() && c != '\n' || c == '[';
    let rest = text[line..].trim_start_matches(blank);
    let start = text.len() - rest.len();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
    let name = &rest[..end.unwrap_or(rest.len())];
    let keys = SECTIONS.iter().flat_map(|section| section.keys);
    let names = SECTIONS.iter().map(|section| section.name);
    match nearest(name, names.chain(keys.map(|key| key.name))) {
        Some(_) => start..start + name.len(),
        None => 0..0,
    }
}

/// What a value is, with its article; nothing of the value itself.
pub(super) fn shape(value: &Written<'_>) -> String {
    use toml::de::DeValue;
    match value.get_ref() {
        DeValue::String(text) => match text.chars().count() {
            0 => "empty".to_string(),
            length => format!("a string of {length} characters"),
        },
        DeValue::Integer(_) => "an integer".to_string(),
        DeValue::Float(_) => "a float".to_string(),
        DeValue::Boolean(_) => "a boolean".to_string(),
        DeValue::Datetime(_) => "a date or time".to_string(),
        DeValue::Array(_) => "a list".to_string(),
        DeValue::Table(_) => "a section".to_string(),
    }
}
