//! What happens in the stack, and the names of what it happens to.

use alloc::vec::Vec;
use core::net::SocketAddr;

use smoltcp::wire::{Ipv4Address, Ipv4Cidr, Ipv6Cidr};

use crate::dns;

/// The id of a TCP connection. It is never reused, so an old id never names another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub(super) u64);

/// A name lookup under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryId(pub(super) u32);

/// Something that happened in the stack. Sockets are named by [`SocketId`], which is never reused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The interface has this address now. Sockets opened under another address are gone.
    Configured(Configuration),
    /// The DHCP lease ended without a new one; nothing can be sent until the next `Configured`.
    Deconfigured,
    /// A connection came in on a listened port.
    Accepted {
        /// The new connection.
        socket: SocketId,
        /// The listened port.
        port: u16,
        /// Who connected.
        remote: SocketAddr,
    },
    /// An outgoing connection is established.
    Connected(SocketId),
    /// An outgoing connection could not be established; the socket is gone.
    Failed(SocketId),
    /// Bytes wait to be received. Repeated at each poll until they are taken.
    Readable(SocketId),
    /// There is room to send again after a `send` that took less than it was given.
    Writable(SocketId),
    /// The other side has sent its last byte (FIN) and all of them were taken. Fires once.
    Finished(SocketId),
    /// The connection is over, in good order or by reset or time-out; the socket is gone.
    Closed {
        /// The connection.
        socket: SocketId,
        /// True when it was reset or timed out rather than closed by both sides.
        reset: bool,
    },
    /// A name lookup ended.
    Resolved {
        /// The lookup.
        query: QueryId,
        /// The records in the order of the answer, at least one; or why the lookup failed.
        result: Result<Vec<dns::Record>, dns::Error>,
    },
}

/// The interface's addressing in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Own address and prefix length.
    pub address: Ipv4Cidr,
    /// Default gateway.
    pub gateway: Option<Ipv4Address>,
    /// Name servers: the configured ones, else those of the lease.
    pub dns: Vec<Ipv4Address>,
    /// Own IPv6 address, beside the link-local one.
    pub ipv6: Option<Ipv6Cidr>,
}
