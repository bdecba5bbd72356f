//! Everything of Basalt that speaks to a network, as state machines without I/O.
//!
//! # Layers
//!
//! ```text
//! swarm        all connections of one peer: who is connected, events, sending
//! connection   the whole stack of one connection, one value
//!   identify, ping, particle, kad   protocols, one stream each
//!   multistream                     agreement on a protocol
//!   yamux                           streams over one byte stream
//!   noise                           encryption and the peer's identity
//!   websocket                       RFC 6455 framing, where the transport has it
//!   tls                             TLS 1.3 below WebSocket, where an address asks for it
//! direction, refusal, sending       terms that connection and swarm share
//! ip           link, IP and TCP (the kernel's side only)
//! dns          questions to name servers, for `ip` and for the hosted node
//! ```
//!
//! Below them lies what they share: [`keypair`], and of `basalt-terms` [`peer_id`], [`multiaddr`],
//! [`varint`], [`protobuf`], [`prefixed`] and [`time`].
//!
//! # Principles
//!
//! * Time, bytes and entropy are arguments; bytes, effects and "wake me at" are results. What runs
//!   on metal is what a test feeds byte by byte.
//! * Every byte from outside is hostile. A limit is a named field of a `Config` whose doc says
//!   which attack it bounds; what exceeds it is refused with a reason, and the reason is counted.
//! * Copies cost more than code: ciphertext is decrypted where it lies and encrypted where it
//!   leaves.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod aead;
pub mod connection;
mod direction;
pub mod dns;
pub mod identify;
pub mod identity_key;
pub mod ip;
pub mod kad;
pub mod keypair;
pub mod multistream;
pub mod noise;
pub mod particle;
pub mod ping;
mod refusal;
mod sending;
pub mod swarm;
pub mod tls;
pub mod websocket;
mod x25519;
pub mod yamux;

pub use basalt_terms::{multiaddr, peer_id, prefixed, protobuf, time, varint};

pub use basalt_terms::{Multiaddr, PeerId};
pub use keypair::{Keypair, PublicKey};
pub use particle::{Authored, Particle};
