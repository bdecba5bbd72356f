//! JSON values: shared, read when needed, written once.
//!
//! A [`Value`] is a text, a tree, or both; whichever is missing is made when it is asked for. Most
//! values pass through a peer as texts and never become trees. All memory comes from the run's
//! [`Heap`].
//!
//! Canonical text is what this crate writes: compact, keys sorted by bytes, escapes as `serde_json`
//! writes them, floats as Ryu does. Only canonical texts are stored, hashed and compared;
//! [`scan::is_canonical`] recognises most of them without parsing.
//!
//! Nothing but reading recurses over a value's depth, and reading stops at 128 levels.

mod float;
mod json;
mod lazy;
mod lens;
mod msgpack;
mod read;
mod scan;
mod write;

pub(crate) use json::{Json, Number, ReadError, Value};
pub(crate) use lens::{Key, Step, Walk, WalkError};
pub(crate) use msgpack::{Counts, json_to_msgpack};
pub(crate) use scan::texts_equal;
pub(crate) use write::write_string;
