//! Rows of `[services]`.

use super::key::{Fallback, Key, Secret, Section, field};
use crate::{kind::Kind, limits::MAX_LIST, model::Reach, words::Words};

pub(super) const SERVICES: Section = Section {
    name: "services",
    about: "What services may use.",
    keys: &[
        Key {
            name: "memory",
            // Up to 16 TiB.
            kind: Kind::Integer {
                low: 16,
                high: 1 << 24,
                unit: "MiB",
            },
            default: Fallback::Rule("half of what is free at start"),
            example: "4096",
            meaning: "Memory of all services together. When it is used up, no service can be \
                      created and none can get more memory.",
            secret: Secret::No,
            field: field!(services.memory),
        },
        Key {
            name: "service_memory",
            // WebAssembly addresses 4 GiB; a service has two modules or more.
            kind: Kind::Integer {
                low: 2,
                high: 8192,
                unit: "MiB",
            },
            default: Fallback::Rule("a quarter of `memory`, 256 at most"),
            example: "256",
            meaning: "Memory of one service.",
            secret: Secret::No,
            field: field!(services.service_memory),
        },
        Key {
            name: "rest_seconds",
            // Up to a year.
            kind: Kind::Integer {
                low: 1,
                high: 31_536_000,
                unit: "seconds",
            },
            default: Fallback::Value("300"),
            example: "300",
            meaning: "After this time without a call the memory of a service is freed. The next \
                      call restores it. When memory is scarce it is freed earlier.",
            secret: Secret::No,
            field: field!(services.rest_seconds),
        },
        Key {
            name: "http",
            kind: Kind::Words(Reach::WORDS),
            default: Fallback::Value("\"public\""),
            example: "\"public\"",
            meaning: "Which addresses services may reach by HTTP: \"off\" none, \"public\" those of \
                      the public internet, \"all\" every address, your own network included.",
            secret: Secret::No,
            field: field!(services.http),
        },
        Key {
            name: "effectors",
            kind: Kind::List {
                of: "strings such as \"bafkreids22lg.. curl\"",
                most: MAX_LIST,
                entry: &Kind::Parsed("a string such as \"bafkreids22lg.. curl\""),
            },
            default: Fallback::Value("[]"),
            example: r#"[
    "bafkreibxa3difimdgmbgdzmstnceqcdwzry57eabsnbuy4aco6o4lpfy3e curl ipfs",
    "bafybeidqlb5kcpb3djlrqs6czcnnsfnb24asehsxxpqvbfzzdhhkdwdvsi curl",
]"#,
            meaning: "Modules that may use programs of the host, beside the published `curl` \
                      effector. An entry is the module's CID, then the names of its programs. The \
                      node has `curl` and `ipfs`. A module may name any other program, but its \
                      calls fail.",
            secret: Secret::No,
            field: field!(services.effectors),
        },
    ],
};
