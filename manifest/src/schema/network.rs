//! Rows of `[network]`.

use super::{
    joined,
    key::{Fallback, Key, Secret, Section, field},
};
use crate::{
    formats,
    kind::{Check, Kind},
    limits::{MAX_DNS, MAX_LIST},
};

const PORT: Kind = Kind::integer(1, 65_535);

pub(super) const NETWORK: Section = Section {
    name: "network",
    about: "Addresses and ports of the node.",
    keys: &[
        Key {
            name: "address",
            kind: Kind::Either(
                &["dhcp"],
                &Kind::Parsed("a string such as \"192.0.2.10/24\""),
            ),
            default: Fallback::Value("\"dhcp\""),
            example: "\"192.0.2.10/24\"",
            meaning: "The appliance's IPv4 address with the length of the subnet's prefix. With \
                      \"dhcp\" a DHCP server gives address, gateway and name servers.",
            secret: Secret::No,
            field: joined::ADDRESS,
        },
        Key {
            name: "gateway",
            kind: Kind::Parsed("a string: an IPv4 address"),
            default: Fallback::Nothing,
            example: "\"192.0.2.1\"",
            meaning: "The router, with a static address only. It may lie outside the subnet.",
            secret: Secret::No,
            field: joined::GATEWAY,
        },
        Key {
            name: "dns",
            kind: Kind::List {
                of: "IPv4 addresses",
                most: MAX_DNS,
                entry: &Kind::Parsed("a string: an IPv4 address"),
            },
            default: Fallback::Value("[]"),
            example: "[\"192.0.2.1\", \"198.51.100.53\"]",
            meaning: "Name servers, with a static address only. At most three.",
            secret: Secret::No,
            field: joined::DNS,
        },
        Key {
            name: "ipv6_address",
            kind: Kind::Parsed("a string such as \"2001:db8::10/64\""),
            default: Fallback::Nothing,
            example: "\"2001:db8::10/64\"",
            meaning: "A static IPv6 address, beside the IPv4 address, with the length of the \
                      subnet's prefix.",
            secret: Secret::No,
            field: joined::ADDRESS6,
        },
        Key {
            name: "ipv6_gateway",
            kind: Kind::Parsed("a string: an IPv6 address such as \"fe80::1\""),
            default: Fallback::Nothing,
            example: "\"fe80::1\"",
            meaning: "The router for IPv6: an address in the subnet, or a link-local address.",
            secret: Secret::No,
            field: joined::GATEWAY6,
        },
        Key {
            name: "vlan",
            // 0 means no VLAN, 4095 is reserved (IEEE 802.1Q, table 9-2).
            kind: Kind::integer(1, 4094),
            default: Fallback::Nothing,
            example: "100",
            meaning: "The VLAN (IEEE 802.1Q) of the appliance, for switch ports that carry several \
                      VLANs. The appliance tags its frames with this id and ignores frames \
                      without it.",
            secret: Secret::No,
            field: field!(network.vlan),
        },
        Key {
            name: "hostname",
            kind: Kind::Checked(
                "a string of 1 to 63 letters, digits and inner hyphens",
                Check(formats::hostname),
            ),
            default: Fallback::Value("\"basalt\""),
            example: "\"basalt-1\"",
            meaning: "The name that the appliance tells the DHCP server.",
            secret: Secret::No,
            field: field!(network.hostname),
        },
        Key {
            name: "tcp_port",
            kind: PORT,
            default: Fallback::Value("977"),
            example: "977",
            meaning: "Port of the TCP listener.",
            secret: Secret::No,
            field: field!(network.tcp_port),
        },
        Key {
            name: "websocket_port",
            kind: PORT,
            default: Fallback::Value("999"),
            example: "999",
            meaning: "Port of the WebSocket listener. It must differ from `tcp_port`.",
            secret: Secret::No,
            field: field!(network.websocket_port),
        },
        Key {
            name: "external_addresses",
            kind: Kind::List {
                of: "multiaddrs such as \"/dns4/node.example.org/tcp/977\"",
                most: MAX_LIST,
                entry: &Kind::Checked("a multiaddr", Check(formats::own_address)),
            },
            default: Fallback::Value("[]"),
            example: "[\"/ip4/203.0.113.7/tcp/977\", \"/dns4/node.example.org/tcp/999/ws\"]",
            meaning: "Further addresses under which others reach the node, for example behind a \
                      router that translates addresses.",
            secret: Secret::No,
            field: field!(network.external_addresses),
        },
        Key {
            name: "speed_test",
            kind: Kind::Flag,
            default: Fallback::Value("false"),
            example: "false",
            meaning: "Measures TCP instead of running a node. The appliance counts the bytes that \
                      arrive at `tcp_port`, and sends 32 MiB to each client of `websocket_port` \
                      and to the first peer of `bootstrap`.",
            secret: Secret::No,
            field: field!(network.speed_test),
        },
    ],
};
