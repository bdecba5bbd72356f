//! Rows of `[chain]`.

use super::key::{Fallback, Key, Secret, Section, field};
use crate::{
    formats,
    kind::{Check, Kind},
    model::Chain,
};

/// As far as integers of TOML reach.
const MOST: u64 = i64::MAX as u64;

const FEE: Kind = Kind::Integer {
    low: 0,
    high: MOST,
    unit: "wei per gas",
};

pub(super) const CHAIN: Section = Section {
    name: "chain",
    about: "The chain that deals are on. Without this section the node serves no deals.",
    keys: &[
        Key {
            name: "endpoint",
            kind: Kind::Parsed(
                "a string such as \"https://rpc.example.org/path\" or \
                 \"http://192.0.2.9:8545/path\"",
            ),
            default: Fallback::Rule("none: the node serves no deals"),
            example: "\"http://192.0.2.9:8545/rpc\"",
            meaning: "URL of a node of the chain that takes JSON-RPC. With `https` its certificate \
                      must be signed by one of `[tls] roots` or by an authority that browsers \
                      trust. Its path is not shown, since it often holds a customer's key.",
            secret: Secret::Partly,
            field: field!(chain?.endpoint of Chain),
        },
        Key {
            name: "diamond",
            kind: Kind::Hex(20),
            default: Fallback::Nothing,
            example: "\"0xb05C35133C01C7193F09079eAeF97F693aE0E552\"",
            meaning: "Address of the market's contract, with or without `0x`.",
            secret: Secret::No,
            field: field!(chain?.diamond of Chain),
        },
        Key {
            name: "chain_id",
            kind: Kind::integer(0, MOST),
            default: Fallback::Nothing,
            example: "9999999",
            meaning: "The chain's id. While the endpoint tells another one, the node sends no \
                      transactions.",
            secret: Secret::No,
            field: field!(chain?.chain_id of Chain),
        },
        Key {
            name: "wallet_key",
            kind: Kind::Hex(32),
            default: Fallback::Nothing,
            example: "\"1111111111111111111111111111111111111111111111111111111111111111\"",
            meaning: "Private key of the wallet that owns this peer on the chain and pays for its \
                      transactions, with or without `0x`. The key of the example is public.",
            secret: Secret::Yes,
            field: field!(chain?.wallet_key of Chain),
        },
        Key {
            name: "base_fee",
            kind: FEE,
            default: Fallback::Rule("what the chain says"),
            example: "100000000",
            meaning: "Base fee that transactions reckon with.",
            secret: Secret::No,
            field: field!(chain?.base_fee of Chain),
        },
        Key {
            name: "priority_fee",
            kind: FEE,
            default: Fallback::Rule("what the chain suggests"),
            example: "0",
            meaning: "Priority fee of transactions.",
            secret: Secret::No,
            field: field!(chain?.priority_fee of Chain),
        },
        Key {
            name: "ipfs",
            kind: Kind::Checked(
                "a string: a multiaddr such as \"/ip4/192.0.2.9/tcp/5001\"",
                Check(formats::server_address),
            ),
            default: Fallback::Rule("the network's own"),
            example: "\"/ip4/192.0.2.9/tcp/5001\"",
            meaning: "Address of the IPFS API that has the definitions of deals.",
            secret: Secret::No,
            field: field!(chain?.ipfs of Chain),
        },
    ],
};
