//! Multiaddrs: self-describing addresses such as `/ip4/1.2.3.4/tcp/999/ws/p2p/12D3..`
//! (multiformats "multiaddr"), in text and in binary form.
//!
//! A [`Multiaddr`] holds checked binary; [`Multiaddr::iter`] gives its components. Components that
//! are not known are carried along unchanged. [`Endpoint`] is what a dialer makes of one.

mod address;
mod endpoint;
mod error;
mod protocol;

pub use address::{Components, Multiaddr};
pub use endpoint::{Endpoint, EndpointError, HostName, Scope, Transport, is_global};
pub use error::MultiaddrError;
pub use protocol::Protocol;
