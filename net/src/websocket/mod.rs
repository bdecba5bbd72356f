//! WebSocket (RFC 6455) as libp2p uses it: one byte stream in binary messages whose borders carry
//! no meaning. No extensions, no subprotocols.
//!
//! [`handshake`] turns the HTTP request into an upgraded connection, on either side. After that a
//! [`Reader`] strips frames off incoming bytes and a frame header goes in front of what leaves.

mod error;
mod frame;
pub mod handshake;

pub use error::WebSocketError;
pub use frame::{Control, MAX_FRAME, MAX_HEADER, Opcode, Reader, Side, apply_mask, header};
