//! What the formats of AIR say about malformed MessagePack; the reader and the writers are shared.

use core::fmt;

use basalt_terms::msgpack::{Kind, MsgpackError};
pub(crate) use basalt_terms::msgpack::{Reader, put};

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<MsgpackError> for Malformed {
    fn from(error: MsgpackError) -> Self {
        Malformed(match error {
            MsgpackError::Truncated => "the message is cut short",
            MsgpackError::Utf8 => "a string is not UTF-8",
            MsgpackError::Range => "an integer is out of range",
            MsgpackError::Type { expected, .. } => match expected {
                Kind::Any => "a reserved marker",
                Kind::Map => "expected a map",
                Kind::Array => "expected an array",
                Kind::Text => "expected a string",
                Kind::Bytes => "expected a byte string",
                Kind::Integer => "expected an integer",
            },
        })
    }
}
