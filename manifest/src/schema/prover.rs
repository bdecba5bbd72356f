//! Rows of `[prover]`.

use super::{
    joined,
    key::{Fallback, Key, Secret, Section, field},
};
use crate::{
    kind::Kind,
    limits::MAX_CORES,
    model::{ProverMode, Registers},
    words::Words,
};

pub(super) const PROVER: Section = Section {
    name: "prover",
    about: "Proofs of compute capacity.",
    keys: &[
        Key {
            name: "mode",
            kind: Kind::Words(ProverMode::WORDS),
            default: Fallback::Value("\"off\""),
            example: "\"fast\"",
            meaning: "Whether compute cores that serve no deal prove capacity. \"fast\" takes \
                      4.03 GiB of memory per unit, \"light\" 256 MiB, at a tenth of the rate.",
            secret: Secret::No,
            field: field!(prover.mode),
        },
        Key {
            name: "units",
            kind: Kind::List {
                of: "strings of 64 hex digits",
                most: MAX_CORES as usize,
                entry: &Kind::Hex(32),
            },
            default: Fallback::Value("[]"),
            example: "[\"67b2ad3866429282e16e55b715d12a77f85b7ce8c3cbb4d9ffd7dcb57e3a2b6f\"]",
            meaning: "Ids of the compute units: at most one for each physical compute core.",
            secret: Secret::No,
            field: field!(prover.units),
        },
        Key {
            name: "global_nonce",
            kind: Kind::Hex(32),
            default: Fallback::Nothing,
            example: "\"0b5bd0e2a3c2cd1bcf1c3e4ba0ccc8a4ee9aa4a9b3b38e91d4d67c92ffabd5e0\"",
            meaning: "The global nonce that proofs are made for.",
            secret: Secret::No,
            field: joined::GLOBAL_NONCE,
        },
        Key {
            name: "difficulty",
            kind: Kind::Hex(32),
            default: Fallback::Nothing,
            example: "\"0000241fffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"",
            meaning: "The difficulty, a big-endian number. The hash of a proof must not exceed it.",
            secret: Secret::No,
            field: joined::DIFFICULTY,
        },
        Key {
            name: "epoch_seconds",
            // Up to a year.
            kind: Kind::Integer {
                low: 1,
                high: 31_536_000,
                unit: "seconds",
            },
            default: Fallback::Nothing,
            example: "86400",
            meaning: "Length of an epoch by the clock. Each epoch then has a nonce of its own: the \
                      Keccak-256 of `global_nonce` and the epoch's number (seconds since 1970 \
                      divided by this value) as 32 big-endian bytes. Without it there is a single \
                      epoch, with `global_nonce`.",
            secret: Secret::No,
            field: field!(prover.epoch_seconds),
        },
        Key {
            name: "min_proofs",
            kind: Kind::integer(0, 65_535),
            default: Fallback::Nothing,
            example: "30",
            meaning: "Proofs that a unit must make per epoch. The status tells how likely it is \
                      that it will.",
            secret: Secret::No,
            field: field!(prover.min_proofs),
        },
        Key {
            name: "max_proofs",
            kind: Kind::integer(1, 65_535),
            default: Fallback::Nothing,
            example: "50",
            meaning: "Proofs that a unit may make per epoch. It stops when it has made them.",
            secret: Secret::No,
            field: field!(prover.max_proofs),
        },
        Key {
            name: "datasets",
            kind: Kind::integer(1, MAX_CORES as u64),
            default: Fallback::Rule("one for each unit"),
            example: "1",
            meaning: "Datasets in memory at the same time. If there are fewer than units, the \
                      units take turns.",
            secret: Secret::No,
            field: field!(prover.datasets),
        },
        Key {
            name: "registers",
            kind: Kind::Words(Registers::WORDS),
            default: Fallback::Value("\"auto\""),
            example: "\"auto\"",
            meaning: "Whether proving cores switch off their hardware prefetchers, on processor \
                      models whose registers are known. \"auto\" does so unless the machine is \
                      virtual.",
            secret: Secret::No,
            field: field!(prover.registers),
        },
    ],
};
