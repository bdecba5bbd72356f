//! Yamux: many streams over one byte stream, each with its own window (hashicorp/yamux spec, as
//! libp2p uses it).
//!
//! * [`Session::read`] takes the front of incoming bytes and gives what they mean, without a copy.
//! * [`Session::write`] fills a buffer with frames: control frames first, then data, one frame per
//!   stream in turn, so that no stream starves another.
//! * Credit is counted in 64 bits, since peers grow windows far beyond the initial 256 KiB. Our own
//!   receive windows double while a stream uses up its window within two round trips.

mod config;
mod error;
mod frame;
mod session;
mod stream;
#[cfg(test)]
mod tests;

pub use config::{Config, INITIAL_WINDOW, StreamId};
pub use error::YamuxError;
pub use frame::{Flags, HEADER, Header, Kind};
pub use session::{Event, Session};

/// The protocol's name in multistream-select.
pub const PROTOCOL: &str = "/yamux/1.0.0";
