//! Sections `[network]` and `[tls]`.

use alloc::{string::String, vec::Vec};
use core::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Section `[network]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Where the appliance's IPv4 address comes from.
    pub addressing: Addressing,
    /// A static IPv6 address beside it.
    pub ipv6: Option<StaticAddress6>,
    /// The VLAN that the appliance is on, 1 to 4094; absent: frames have no tag.
    pub vlan: Option<u16>,
    /// Name told to the DHCP server.
    pub hostname: String,
    /// Port of the TCP listener.
    pub tcp_port: u16,
    /// Port of the WebSocket listener; never equal to `tcp_port`.
    pub websocket_port: u16,
    /// Multiaddrs (without `/p2p/..`) under which others reach the node, beside its own address.
    pub external_addresses: Vec<String>,
    /// Whether TCP is measured instead of running a node.
    pub speed_test: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            addressing: Addressing::Dhcp,
            ipv6: None,
            vlan: None,
            hostname: "basalt".into(),
            tcp_port: 977,
            websocket_port: 999,
            external_addresses: Vec::new(),
            speed_test: false,
        }
    }
}

/// Where the IPv4 address comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// Address, gateway and name servers come from a DHCP server.
    #[default]
    Dhcp,
    /// They stand in the manifest.
    Static(StaticAddress),
}

/// A static IPv4 configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticAddress {
    /// The appliance's address.
    pub address: Ipv4Addr,
    /// Length of the subnet's prefix in bits, 1 to 32.
    pub prefix: u8,
    /// The router; it may lie outside the subnet.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers, at most [`MAX_DNS`](crate::MAX_DNS).
    pub dns: Vec<Ipv4Addr>,
}

/// A static IPv6 configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticAddress6 {
    /// The appliance's address.
    pub address: Ipv6Addr,
    /// Length of the subnet's prefix in bits, 1 to 128.
    pub prefix: u8,
    /// The router: in the subnet, or a link-local address.
    pub gateway: Option<Ipv6Addr>,
}

/// Section `[tls]`. All texts are PEM, checked by the network code that uses them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The node's certificate chain and its key.
    pub certificate: Option<(String, String)>,
    /// Certificates of authorities that are trusted beside those that browsers trust.
    pub roots: Vec<String>,
}

impl fmt::Debug for Tls {
    /// Shows none of the texts: one of them is the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("certificate", &self.certificate.is_some())
            .field("roots", &self.roots.len())
            .finish()
    }
}
