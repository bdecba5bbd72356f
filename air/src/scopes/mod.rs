//! What names stand for while a script runs.

mod errors;
mod iterators;
mod streams;
mod variables;

pub(crate) use errors::{ErrorObject, ErrorState, Raised};
pub(crate) use iterators::{Items, Iterators};
pub(crate) use streams::{Cursor, NewStream, Place, StreamValue, Streams};
pub(crate) use variables::{Depths, Found, Table, Variables};

use crate::data::{Cid, Provenance, Tetraplet};
use crate::values::Value;

/// A value with its origin: what scalars, streams and canons hold.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'r> {
    pub(crate) value: Value<'r>,
    pub(crate) tetraplet: &'r Tetraplet<'r>,
    pub(crate) provenance: Provenance,
}

/// A canonicalised stream or map.
#[derive(Clone, Copy)]
pub(crate) struct Canon<'r> {
    pub(crate) elements: &'r [Stored<'r>],
    /// Of the peer that made it.
    pub(crate) tetraplet: &'r Tetraplet<'r>,
    pub(crate) cid: Cid,
}
