//! All connections of one peer.

mod effect;

pub use effect::*;
