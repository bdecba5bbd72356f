//! Problems as they are found, and what the checks ask of the text.

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;

use toml::de::{DeTable, DeValue};

use super::secrecy::{Secrecy, shape};
use crate::{
    kind::Fault,
    limits::MAX_PROBLEMS,
    problem::{Problem, Problems},
    schema::{self, Key},
    source::Place,
    text::shortened,
    value::Written,
};

/// A problem before its place was worked out.
struct Finding {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
}

/// The problems of one text. Keys are named `section.key`.
pub(super) struct Report<'a, 'i> {
    text: &'i str,
    root: &'a DeTable<'i>,
    pub(super) secrecy: Secrecy<'i>,
    findings: Vec<Finding>,
    /// How many of the first findings are errors of TOML itself.
    syntax: usize,
}

impl<'a, 'i> Report<'a, 'i> {
    /// Begins a report with what the parser says.
    pub(super) fn new(text: &'i str, root: &'a DeTable<'i>, errors: &[toml::de::Error]) -> Self {
        let findings: Vec<_> = errors
            .iter()
            .map(|error| Finding {
                span: error.span().unwrap_or(0..0),
                message: error.message().into(),
                hint: None,
            })
            .collect();
        let first = findings.iter().map(|finding| finding.span.start).min();
        Self {
            text,
            root,
            secrecy: Secrecy::new(text, root, first),
            syntax: findings.len(),
            findings,
        }
    }

    /// Reports a problem at a place.
    pub(super) fn find(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        self.findings.push(Finding {
            span,
            message,
            hint,
        });
    }

    /// Refuses a value, or an entry of it, for itself.
    pub(super) fn fault(
        &mut self,
        key: &Key,
        value: &Written<'_>,
        span: Range<usize>,
        fault: Fault,
    ) {
        let entry = entry_at(value, &span).unwrap_or(value);
        let name = key.name;
        let shown = self.secrecy.shows(&span);
        let message = match (fault, entry.get_ref()) {
            (Fault::Plain(reason), _) => format!("`{name}` {reason}"),
            (Fault::Quoting(reason), _) if shown => format!("`{name}` {reason}"),
            (_, DeValue::String(text)) if shown && !text.is_empty() => {
                format!("`{name}` must be {}, not \"{}\"", key.kind, shortened(text))
            }
            _ => format!("`{name}` must be {}, not {}", key.kind, shape(entry)),
        };
        self.find(span, message, None);
    }

    /// The value of a key, as it was written.
    pub(super) fn value(&self, key: &str) -> Option<&'a Written<'i>> {
        let (section, name) = key.split_once('.')?;
        debug_assert!(
            schema::section(section).is_some_and(|section| section.key(name).is_some()),
            "{key} is not in the table"
        );
        self.root.get(section)?.get_ref().as_table()?.get(name)
    }

    /// Whether a key was given.
    pub(super) fn given(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Whether a key was given and refused.
    pub(super) fn refused(&self, key: &str) -> bool {
        self.value(key).is_some_and(|value| {
            let span = value.span();
            let inside = |other: &Range<usize>| span.start <= other.start && other.end <= span.end;
            self.findings.iter().any(|finding| inside(&finding.span))
        })
    }

    /// Refuses a key, if it was given, for what stands beside it. The reason completes the sentence
    /// "`key` ..". A key that was refused already is left alone: one problem at a time.
    pub(super) fn refuse(&mut self, key: &str, reason: &str) {
        let (Some(value), false) = (self.value(key), self.refused(key)) else {
            return;
        };
        let name = key.split_once('.').map_or(key, |(_, name)| name);
        self.find(value.span(), format!("`{name}` {reason}"), None);
    }

    /// The place of a key's value, for checks that come after reading.
    pub(super) fn place(&self, key: &str) -> Option<Place> {
        self.value(key)
            .map(|value| self.secrecy.place(value.span()))
    }

    /// Sorts the findings and gives each its place. A line that is not TOML gets no second opinion
    /// on what was salvaged from it.
    pub(super) fn finish(self) -> Problems {
        let line_ends: Vec<_> = self.text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |finding: &Finding| line_ends.partition_point(|end| *end < finding.span.start);
        let mut findings = self.findings;
        let salvaged = findings.split_off(self.syntax);
        let mut broken: Vec<_> = findings.iter().map(line).collect();
        broken.sort_unstable();
        let judged = |finding: &Finding| broken.binary_search(&line(finding)).is_err();
        findings.extend(salvaged.into_iter().filter(judged));
        findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
        let mut problems = Problems::default();
        for finding in findings {
            if problems.count() < MAX_PROBLEMS {
                let place = self.secrecy.place(finding.span);
                problems.push(Problem::at(Some(&place), finding.message, finding.hint));
            } else {
                problems.skip();
            }
        }
        problems
    }
}

/// The entry of a list that stands at `span`.
fn entry_at<'v, 'i>(value: &'v Written<'i>, span: &Range<usize>) -> Option<&'v Written<'i>> {
    let array = value.get_ref().as_array()?;
    array.iter().find(|entry| entry.span() == *span)
}
