//! Keys and signatures (AIR spec sections 6.5 and 8).

mod cache;
mod key;
mod signatures;

pub use cache::VerifiedSignatures;
pub use key::{Key, KeyError};
pub(crate) use signatures::SignatureStore;
