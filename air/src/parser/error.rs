//! Why a script was refused, and where.

use alloc::string::{String, ToString};
use core::fmt;

use crate::budget::BudgetExceeded;

/// A refusal with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Byte offset in the script.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Microseconds that parsing took until then, as work is counted.
    pub time: u64,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// Something else stands where this was expected.
    Expected(&'static str),
    /// A string literal has no closing quote.
    UnclosedQuote,
    /// Not a number, or one that does not fit.
    Number(&'static str),
    /// Not a valid name.
    Name(&'static str),
    /// Not a valid lens.
    Lens(&'static str),
    /// A variable is used before any definition.
    UndefinedVariable(String),
    /// `next` outside of the fold of its iterator.
    UndefinedIterator(String),
    /// `new` of an iterator.
    NewOfIterator(String),
    /// A fold within a fold with the same iterator.
    IteratorInUse(String),
    /// A second `next` of one iterator in one fold.
    MultipleNext(String),
    /// `fail 0`.
    FailZero,
    /// Something follows `next` in a fold over a stream.
    AfterNext,
    /// More instructions within each other than the configuration allows.
    TooDeep(usize),
    /// More than 4 GiB of text.
    TooLong,
    /// More than a run of the script may take: of the thing named.
    Budget(&'static str),
}

impl From<BudgetExceeded> for (usize, ParseErrorKind) {
    fn from(exceeded: BudgetExceeded) -> Self {
        (0, ParseErrorKind::Budget(exceeded.name()))
    }
}

impl ParseError {
    pub(super) fn new(source: &str, offset: usize, kind: ParseErrorKind) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ParseError {
            kind,
            offset,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            time: 0,
        }
    }

    /// The text that hosts report.
    pub(crate) fn report(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.kind)
    }
}

impl core::error::Error for ParseError {}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::UnclosedQuote => f.write_str("unclosed quote"),
            Self::Number(what) | Self::Name(what) | Self::Lens(what) => f.write_str(what),
            Self::UndefinedVariable(name) => write!(f, "variable '{name}' wasn't defined"),
            Self::UndefinedIterator(name) => write!(f, "iterable '{name}' wasn't defined"),
            Self::NewOfIterator(name) => {
                write!(
                    f,
                    "new can't be applied to a '{name}' because it's an iterator"
                )
            }
            Self::IteratorInUse(name) => {
                write!(
                    f,
                    "multiple iterable values found for iterator name '{name}'"
                )
            }
            Self::MultipleNext(name) => write!(
                f,
                "multiple next instructions for iterator '{name}' found for one fold, that is \
                 prohibited"
            ),
            Self::FailZero => f.write_str("error code 0 with fail is unsupported"),
            Self::AfterNext => f.write_str("fold can not have instructions after next"),
            Self::TooDeep(limit) => write!(f, "instructions are nested deeper than {limit}"),
            Self::Budget(what) => write!(f, "the budget of {what} is exceeded"),
            Self::TooLong => f.write_str("the script is longer than 4 GiB"),
        }
    }
}
