//! WebSocket (RFC 6455) as libp2p uses it: one byte stream in binary messages whose borders carry no
//! meaning. No extensions, no subprotocols.
//!
//! [`handshake`] turns the HTTP request into an upgraded connection, on either side. After that a
//! [`Reader`] strips frames off incoming bytes and a frame header goes in front of what leaves.

mod frame;
pub mod handshake;

use core::fmt;

pub use frame::{Control, MAX_HEADER, Opcode, Reader, apply_mask, header};

/// Longest frame taken, in bytes: what rust-libp2p takes. Frames are not collected, so this only stops
/// peers that make no sense.
pub const MAX_FRAME: u64 = 256 * 1024 * 1024;

/// Which side of a WebSocket connection; the client masks what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The side that sent the HTTP request.
    Client,
    /// The side that answered it.
    Server,
}

/// How the other side broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebSocketError {
    /// The HTTP message is malformed.
    Http,
    /// The HTTP message has too many bytes or headers.
    HttpTooBig,
    /// The request does not ask for a WebSocket of version 13.
    NotAnUpgrade,
    /// The answer to our request is this HTTP status instead of an upgrade.
    Status(u16),
    /// The answer to our request does not fit it.
    BadAnswer,
    /// A frame has reserved bits or an opcode that is not defined.
    Reserved,
    /// A client's frame is not masked, or a server's is.
    Mask,
    /// A control frame is fragmented or longer than 125 bytes.
    Control,
    /// A length is written with more bytes than it needs, or exceeds 256 MiB.
    Length,
    /// A fragment continues nothing, or a message starts inside another.
    Fragment,
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "the HTTP message is malformed",
            Self::HttpTooBig => "the HTTP message is too big",
            Self::NotAnUpgrade => "the HTTP request does not ask for a WebSocket of version 13",
            Self::Status(status) => return write!(f, "the HTTP answer has status {status}"),
            Self::BadAnswer => "the HTTP answer does not fit the request",
            Self::Reserved => "a WebSocket frame uses what is reserved",
            Self::Mask => "a WebSocket frame is masked wrongly",
            Self::Control => "a WebSocket control frame is fragmented or too long",
            Self::Length => "a WebSocket frame has an unacceptable length",
            Self::Fragment => "a WebSocket message is fragmented wrongly",
        })
    }
}

impl core::error::Error for WebSocketError {}
