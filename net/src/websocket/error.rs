//! How a WebSocket connection fails.

use core::fmt;

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
            Self::BadAnswer => "the HTTP answer does not match the request",
            Self::Reserved => "a WebSocket frame has reserved bits or an undefined opcode",
            Self::Mask => "a WebSocket frame of a client is not masked, or one of a server is",
            Self::Control => "a WebSocket control frame is fragmented or too long",
            Self::Length => "a WebSocket frame is longer than 256 MiB, or its length takes more bytes than it needs",
            Self::Fragment => "a WebSocket fragment continues nothing, or a message starts inside another",
        })
    }
}

impl core::error::Error for WebSocketError {}
