//! What is wrong with a manifest, in words for the person who wrote it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{limits::MAX_PROBLEMS, source::Place};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line from 1; 0 when the problem has no place in the text.
    pub line: usize,
    /// Column in characters from 1; 0 when the problem has no place in the text.
    pub column: usize,
    /// What is wrong and why.
    pub message: String,
    /// What was probably meant, or what to do.
    pub hint: Option<String>,
    place: Option<Place>,
}

impl Problem {
    pub(crate) fn at(place: Option<&Place>, message: String, hint: Option<String>) -> Self {
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        Self {
            line,
            column,
            message,
            hint,
            place: place.cloned(),
        }
    }
}

impl fmt::Display for Problem {
    /// Writes the message, then the source line with a caret under the place and the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = &self.place else {
            f.write_str(&self.message)?;
            return match &self.hint {
                Some(hint) => write!(f, "\n  = {hint}"),
                None => Ok(()),
            };
        };
        writeln!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )?;
        writeln!(f, "{:>5} | {}", self.line, place.excerpt)?;
        write!(
            f,
            "      | {:lead$}{:^<width$}",
            "",
            "",
            lead = place.lead,
            width = place.width
        )?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

/// All that is wrong, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(problem);
        } else {
            self.skip();
        }
    }

    /// Counts a problem that is not kept.
    pub(crate) fn skip(&mut self) {
        self.more += 1;
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// The problems, at most [`MAX_PROBLEMS`].
    pub fn iter(&self) -> core::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// How many there are in all, shown or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.len() + self.more
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = core::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    /// Writes all problems, one after the other, without a newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl core::error::Error for Problems {}
