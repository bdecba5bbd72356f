//! Addressing and budgets of the stack.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use crate::dns;

/// Where the interface's address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// Ask the network.
    Dhcp,
    /// As written by the owner.
    Static {
        /// Own address and prefix length; a /32 is fine.
        address: Ipv4Cidr,
        /// Default gateway; may lie outside the prefix.
        gateway: Option<Ipv4Address>,
    },
}

/// A fixed IPv6 address beside the IPv4 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed6 {
    /// Own address and prefix length.
    pub address: Ipv6Cidr,
    /// Default gateway: in the prefix, or a link-local address such as fe80::1.
    pub gateway: Option<Ipv6Address>,
}

/// What the owner decides about one interface.
#[derive(Debug, Clone)]
pub struct Config {
    /// The NIC's hardware address.
    pub mac: EthernetAddress,
    /// DHCP or static.
    pub addressing: Addressing,
    /// The IPv6 address, if the interface has one.
    pub ipv6: Option<Fixed6>,
    /// The VLAN that the interface is on, 1 to 4094; absent: frames have no tag.
    pub vlan: Option<u16>,
    /// Gateway that replaces the one of the DHCP lease.
    pub gateway: Option<Ipv4Address>,
    /// Name servers; empty: those of the DHCP lease.
    pub dns: Vec<Ipv4Address>,
    /// Name told to the DHCP server.
    pub hostname: Option<String>,
    /// Budgets.
    pub limits: Limits,
}

impl Config {
    /// DHCP with default budgets.
    pub fn dhcp(mac: EthernetAddress) -> Config {
        Config {
            mac,
            addressing: Addressing::Dhcp,
            ipv6: None,
            vlan: None,
            gateway: None,
            dns: Vec::new(),
            hostname: None,
            limits: Limits::default(),
        }
    }

    /// A fixed address with default budgets.
    pub fn fixed(mac: EthernetAddress, address: Ipv4Cidr, gateway: Option<Ipv4Address>) -> Config {
        Config {
            addressing: Addressing::Static { address, gateway },
            ..Config::dhcp(mac)
        }
    }
}

/// Budgets of the stack; each bounds what strangers can make the machine spend.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections whose handshake is complete. Bounds memory against connection floods. The
    /// buffers take at most `max_sockets * (receive_buffer + send_buffer) + extra_buffers` bytes,
    /// plus those of listening sockets, of half-open ones and of sockets that only have a reset
    /// to send.
    pub max_sockets: usize,
    /// Connections whose handshake is not complete. Bounds SYN floods: when all are taken, the
    /// oldest is dropped, so that real clients still get in while spoofed ones time out.
    pub max_half_open: usize,
    /// How long a handshake may take. Bounds half-open connections that never complete.
    pub handshake_timeout: Duration,
    /// Listening sockets kept ready per port. A SYN uses up one; they are refilled after each
    /// frame.
    pub backlog: usize,
    /// Smallest receive buffer of a connection in bytes: bounds what a sender may have in flight.
    pub receive_buffer: usize,
    /// Smallest send buffer of a connection in bytes.
    pub send_buffer: usize,
    /// Memory for larger buffers, of all connections together, in bytes. Paths with long round
    /// trips are slow without it. Each buffer takes up to an eighth of what is left. The memory
    /// stays with the socket and serves its next connection.
    pub extra_buffers: usize,
    /// Silence after which the other side is probed.
    pub keep_alive: Duration,
    /// Silence, despite probes or unacknowledged data, after which a connection is dead. Bounds
    /// peers that vanish and would hold a socket for ever.
    pub timeout: Duration,
    /// How long a closed connection may wait for the other side to close too. Bounds peers that
    /// never do.
    pub linger: Duration,
    /// How long a reset may wait for the hardware address of its receiver. Bounds neighbours that
    /// are gone: the stack asks for one hardware address a second, and resets to neighbours that
    /// never answer would delay all others.
    pub reset_patience: Duration,
    /// Name lookups at the same time.
    pub max_queries: usize,
    /// What one of them may cost.
    pub dns: dns::Limits,
    /// Paths remembered that do not take the largest packets. Bounds what routers can make us
    /// remember.
    pub max_paths: usize,
    /// Frames taken from the device per poll, so that a flood of frames cannot starve the rest of
    /// the core's loop.
    pub ingress_per_poll: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_sockets: 256,
            max_half_open: 32,
            handshake_timeout: Duration::from_secs(10),
            backlog: 2,
            receive_buffer: 64 * 1024,
            send_buffer: 64 * 1024,
            extra_buffers: 8 * 1024 * 1024,
            keep_alive: Duration::from_secs(30),
            timeout: Duration::from_secs(90),
            linger: Duration::from_secs(20),
            reset_patience: Duration::from_secs(2),
            max_queries: 8,
            dns: dns::Limits::default(),
            max_paths: 256,
            ingress_per_poll: 256,
        }
    }
}
