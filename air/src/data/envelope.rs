//! The envelope: versions first, so that data of a foreign layout can be named in an error.

use alloc::vec::Vec;
use core::fmt;
use semver::Version;

use super::{DATA_VERSION, INTERPRETER_VERSION};
use crate::msgpack::{Malformed, Reader, put};

/// The two versions of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Version of the data layout.
    pub data: Version,
    /// Version of the interpreter that wrote.
    pub interpreter: Version,
}

/// An envelope as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Versions of the writer.
    pub versions: Versions,
    /// The body.
    pub inner_data: &'a [u8],
}

/// Why an envelope was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Not even the versions could be read.
    Malformed(Malformed),
    /// Only the versions could be read.
    BodyMissing(Versions),
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) => write!(f, "{reason}"),
            Self::BodyMissing(_) => f.write_str("missing field `inner_data`"),
        }
    }
}

impl core::error::Error for EnvelopeError {}

impl<'a> Envelope<'a> {
    /// Reads an envelope: keys in any order, unknown keys ignored, bytes behind it ignored.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let fields = Fields::read(bytes).map_err(EnvelopeError::Malformed)?;
        let versions = Versions {
            data: fields.data,
            interpreter: fields.interpreter,
        };
        match fields.inner_data {
            Some(inner_data) => Ok(Envelope {
                versions,
                inner_data,
            }),
            None => Err(EnvelopeError::BodyMissing(versions)),
        }
    }
}

struct Fields<'a> {
    data: Version,
    interpreter: Version,
    /// None if absent, of another type, or if the map ends early behind the versions.
    inner_data: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (mut data, mut interpreter, mut inner_data) = (None, None, None);
        for _ in 0..reader.map_len()? {
            match reader.str()? {
                "version" if data.is_none() => data = Some(version(reader.str()?)?),
                "interpreter_version" if interpreter.is_none() => {
                    interpreter = Some(version(reader.str()?)?);
                }
                "inner_data" if inner_data.is_none() => {
                    let start = reader;
                    inner_data = Some(reader.bin().ok());
                    if inner_data == Some(None) {
                        reader = start;
                        reader.skip()?;
                    }
                }
                "version" | "interpreter_version" | "inner_data" => {
                    return Err(Malformed("a field occurs twice"));
                }
                _ => reader.skip()?,
            }
        }
        Ok(Fields {
            data: data.ok_or(Malformed("missing field `version`"))?,
            interpreter: interpreter.ok_or(Malformed("missing field `interpreter_version`"))?,
            inner_data: inner_data.flatten(),
        })
    }
}

fn version(text: &str) -> Result<Version, Malformed> {
    Version::parse(text).map_err(|_| Malformed("a version is not a semantic version"))
}

/// Writes the head of an envelope, with room for the longest length of the body; returns where the
/// body starts.
pub(super) fn open(out: &mut Vec<u8>) -> usize {
    put::map_len(out, 3);
    for text in [
        "version",
        DATA_VERSION,
        "interpreter_version",
        INTERPRETER_VERSION,
        "inner_data",
    ] {
        put::str(out, text);
    }
    put::open_bin(out)
}

/// Writes the length of the body that was written behind `body`.
pub(super) fn close(out: &mut Vec<u8>, body: usize) {
    put::close_bin(out, body);
}
