//! Rows of `[node]`.

use super::key::{Fallback, Key, Secret, Section, field};
use crate::{
    formats,
    kind::{Check, Kind},
    limits::MAX_LIST,
};

pub(super) const NODE: Section = Section {
    name: "node",
    about: "Who the node is and which peers it knows.",
    keys: &[
        Key {
            name: "network",
            kind: Kind::Either(&["dar", "stage", "kras"], &Kind::Hex(32)),
            default: Fallback::Value("\"dar\""),
            example: "\"kras\"",
            meaning: "The network that the node belongs to. \"dar\" is the main network, \"stage\" \
                      the staging network, \"kras\" the test network. A private network is named \
                      by 32 random bytes in hex.",
            secret: Secret::No,
            field: field!(node.network),
        },
        Key {
            name: "seed",
            kind: Kind::Base64(32),
            default: Fallback::Rule("generated at the first boot and kept"),
            example: "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"",
            meaning: "The seed of the node's Ed25519 key, which its peer id is made from. Make \
                      one with `openssl rand -base64 32`.",
            secret: Secret::Yes,
            field: field!(node.seed),
        },
        Key {
            name: "management_peer_id",
            kind: Kind::Checked(
                "a string: a peer id such as \"12D3KooW..\"",
                Check(formats::peer_id),
            ),
            default: Fallback::Nothing,
            example: "\"12D3KooWEXNUbCXooUwHrHBbrmjsrpHXoEphPwbjQXEGyzbqKnE9\"",
            meaning: "The operator's peer id. This peer may manage the node.",
            secret: Secret::No,
            field: field!(node.management_peer_id),
        },
        Key {
            name: "bootstrap",
            kind: Kind::List {
                of: "multiaddrs such as \"/ip4/192.0.2.1/tcp/7001/p2p/12D3KooW..\"",
                most: MAX_LIST,
                entry: &Kind::Checked("a multiaddr", Check(formats::peer_address)),
            },
            default: Fallback::Value("[]"),
            example: r#"[
    "/ip4/192.0.2.20/tcp/7001/p2p/12D3KooWEXNUbCXooUwHrHBbrmjsrpHXoEphPwbjQXEGyzbqKnE9",
    "/dns4/peer.example.org/tcp/9001/ws/p2p/12D3KooWEXNUbCXooUwHrHBbrmjsrpHXoEphPwbjQXEGyzbqKnE9",
]"#,
            meaning: "Peers that the node connects to at start, and again whenever the connection \
                      is lost.",
            secret: Secret::No,
            field: field!(node.bootstrap),
        },
    ],
};
