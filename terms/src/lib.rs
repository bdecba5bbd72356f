//! The shared vocabulary of Basalt: identities, addresses, time and the encodings they are made of.
//!
//! This crate lies below all others. It holds data and formats only: no cryptography, no I/O and no
//! dependency that has them, so that tools which only read a manifest compile in seconds.
//!
//! # Layers
//!
//! ```text
//! multiaddr               addresses of peers, and the endpoint that a dialer makes of one
//! peer_id    cid          the identity of a peer, and that of content
//! public_key              a public key's protobuf message
//! protobuf   prefixed     messages; messages with their length in front
//! multibase               text of bytes whose first character names the base
//! varint     base58       numbers; text of short byte strings
//! layout                  how floats are written in JSON
//! time                    monotonic time as an argument
//! ```
//!
//! # Principles
//!
//! * Every byte may come from a stranger: readers check before they allocate, and say what is
//!   wrong.
//! * A value of one of these types is well formed: it was checked when it was made.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod base58;
pub mod cid;
pub mod layout;
pub mod msgpack;
pub mod multiaddr;
pub mod multibase;
pub mod peer_id;
pub mod prefixed;
pub mod protobuf;
pub mod public_key;
pub mod time;
pub mod varint;

pub use multiaddr::Multiaddr;
pub use peer_id::PeerId;
