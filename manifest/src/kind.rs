//! What a value may be.

use alloc::string::String;
use core::fmt;

/// What a value must be. [`Display`](fmt::Display) completes the sentence "must be ..".
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer {
        /// The lowest number allowed.
        low: u64,
        /// The highest number allowed.
        high: u64,
        /// What is counted; empty where the key's meaning says it.
        unit: &'static str,
    },
    /// One of these words.
    Words(&'static [&'static str]),
    /// One of these words, or a value of the other kind.
    Either(&'static [&'static str], &'static Kind),
    /// So many bytes as hex digits.
    Hex(usize),
    /// So many bytes in base64, with or without padding.
    Base64(usize),
    /// A string that the type of the model's field reads. The text says what it is, such as "a
    /// string: an IPv4 address".
    Parsed(&'static str),
    /// A string that stays a string. The text says what it is, the function checks it.
    Checked(&'static str, Check),
    /// A list.
    List {
        /// What is in it, as it completes the sentence "a list of ..".
        of: &'static str,
        /// Most entries.
        most: usize,
        /// What each entry must be.
        entry: &'static Kind,
    },
}

/// A check of a string.
#[derive(Clone, Copy)]
pub struct Check(pub(crate) fn(&str) -> Result<(), Fault>);

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check(..)")
    }
}

impl Kind {
    /// A whole number of something that the key's meaning names.
    pub(crate) const fn integer(low: u64, high: u64) -> Self {
        Self::Integer {
            low,
            high,
            unit: "",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Flag => f.write_str("true or false"),
            Self::Integer { low, high, unit } => {
                write!(f, "an integer from {low} to {high}")?;
                match unit {
                    "" => Ok(()),
                    unit => write!(f, ", in {unit}"),
                }
            }
            Self::Words(words) => {
                for (index, word) in words.iter().enumerate() {
                    let before = match index {
                        0 => "",
                        _ if index + 1 == words.len() => " or ",
                        _ => ", ",
                    };
                    write!(f, "{before}\"{word}\"")?;
                }
                Ok(())
            }
            Self::Either(words, other) => {
                for (index, word) in words.iter().enumerate() {
                    let before = if index == 0 { "" } else { ", " };
                    write!(f, "{before}\"{word}\"")?;
                }
                write!(f, " or {other}")
            }
            Self::Hex(bytes) => write!(f, "a string of {} hex digits", 2 * bytes),
            Self::Base64(bytes) => write!(f, "a string: base64 of {bytes} bytes"),
            Self::Parsed(what) | Self::Checked(what, _) => f.write_str(what),
            Self::List { of, .. } => write!(f, "a list of {of}"),
        }
    }
}

/// Why a value is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is of another kind than its row says.
    Kind,
    /// It is of the right kind; the text completes the sentence "`key` .." and quotes nothing of
    /// the value, so that it may be shown for a secret too.
    Plain(String),
    /// The same, but the text quotes from the value.
    Quoting(String),
}

impl From<&'static str> for Fault {
    fn from(reason: &'static str) -> Self {
        Self::Plain(reason.into())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn kinds_complete_a_sentence() {
        for (kind, said) in [
            (Kind::Flag, "true or false"),
            (Kind::integer(1, 9), "an integer from 1 to 9"),
            (
                Kind::Integer {
                    low: 0,
                    high: 5,
                    unit: "MiB",
                },
                "an integer from 0 to 5, in MiB",
            ),
            (Kind::Words(&["a", "b"]), "\"a\" or \"b\""),
            (Kind::Words(&["a", "b", "c"]), "\"a\", \"b\" or \"c\""),
            (
                Kind::Either(&["a", "b"], &Kind::Hex(32)),
                "\"a\", \"b\" or a string of 64 hex digits",
            ),
            (Kind::Base64(32), "a string: base64 of 32 bytes"),
        ] {
            assert_eq!(kind.to_string(), said);
        }
    }
}
