//! Particle data: the blob that travels with a particle and that each peer keeps between runs.
//!
//! Three layers, each usable alone:
//!
//! * [`Envelope`]: the MessagePack map with two versions and the body (AIR spec section 6.1);
//! * a checked reader (`read`) over the body, an rkyv 0.7 archive in big endian with 32-bit
//!   pointers (section 6.2): every offset, tag, count and text is checked before it is followed,
//!   nothing is copied, and what comes out are the plain structs of `model`, which borrow from the
//!   blob;
//! * a writer (`write`), the reader's inverse.
//!
//! Reading allocates in proportion to the blob's length: arrays must lie inside the blob without
//! overlap, so a count cannot promise more elements than bytes are there.

mod envelope;
mod field;
mod model;
mod read;
mod versions;
mod write;

pub use envelope::{Envelope, EnvelopeError, Versions};
pub use model::*;
pub use read::DecodeError;
pub use versions::{DATA_VERSION, INTERPRETER_VERSION, MIN_INTERPRETER_VERSION};
