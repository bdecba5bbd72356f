//! MessagePack (msgpack.org specification): particles, the data of scripts and calls are written in
//! it.
//!
//! [`Reader`] takes values off the front of a byte slice and copies nothing; [`put`] appends values
//! to a vector. Neither recurses, so a message can be nested as deep as it likes.

mod marker;
pub mod put;
mod read;

pub use read::{Kind, MsgpackError, Reader};
