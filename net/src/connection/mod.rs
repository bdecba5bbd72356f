//! The whole stack of one connection as one value.

mod error;
mod limits;

pub use error::Error;
pub use limits::Limits;
