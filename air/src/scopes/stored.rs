//! What names are bound to.

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
