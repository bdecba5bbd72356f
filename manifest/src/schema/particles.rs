//! Rows of `[particles]`.

use super::key::{Fallback, Key, Secret, Section, field};
use crate::kind::Kind;

/// A number of particles.
const COUNT: Kind = Kind::integer(1, 1_000_000);

const MEMORY: Kind = Kind::Integer {
    low: 1,
    high: 65_536,
    unit: "MiB",
};

/// Of one run. Up to ten seconds.
const TIME: Kind = Kind::Integer {
    low: 1,
    high: 10_000,
    unit: "milliseconds",
};

const PERCENT: Kind = Kind::Integer {
    low: 1,
    high: 100,
    unit: "per cent",
};

pub(super) const PARTICLES: Section = Section {
    name: "particles",
    about: "What the particles of one author, those for one worker, and one run may use.",
    keys: &[
        Key {
            name: "author_rate",
            kind: COUNT,
            default: Fallback::Value("50000"),
            example: "50000",
            meaning: "Particles per second that the node accepts from one author. No limit of \
                      authors applies to the operator and the node's own workers.",
            secret: Secret::No,
            field: field!(particles.author.rate),
        },
        Key {
            name: "author_alive",
            kind: COUNT,
            default: Fallback::Value("40000"),
            example: "40000",
            meaning: "Particles of one author that may be alive at the same time.",
            secret: Secret::No,
            field: field!(particles.author.alive),
        },
        Key {
            name: "author_memory",
            kind: MEMORY,
            default: Fallback::Rule("three quarters of the memory for particles"),
            example: "192",
            meaning: "Memory of the particles of one author.",
            secret: Secret::No,
            field: field!(particles.author.memory),
        },
        Key {
            name: "author_work",
            kind: PERCENT,
            default: Fallback::Value("50"),
            example: "50",
            meaning: "Share of the interpreter's time that scripts of one author get while others \
                      wait.",
            secret: Secret::No,
            field: field!(particles.author.work),
        },
        Key {
            name: "worker_rate",
            kind: COUNT,
            default: Fallback::Value("25000"),
            example: "25000",
            meaning: "Particles per second that the node accepts for one worker. No limit of \
                      workers applies to the operator's particles.",
            secret: Secret::No,
            field: field!(particles.worker.rate),
        },
        Key {
            name: "worker_alive",
            kind: COUNT,
            default: Fallback::Value("25000"),
            example: "25000",
            meaning: "Particles for one worker that may be alive at the same time.",
            secret: Secret::No,
            field: field!(particles.worker.alive),
        },
        Key {
            name: "worker_memory",
            kind: MEMORY,
            default: Fallback::Rule("half of the memory for particles"),
            example: "128",
            meaning: "Memory of the particles for one worker.",
            secret: Secret::No,
            field: field!(particles.worker.memory),
        },
        Key {
            name: "worker_work",
            kind: PERCENT,
            default: Fallback::Value("40"),
            example: "40",
            meaning: "Share of the interpreter's time that scripts for one worker get while others \
                      wait.",
            secret: Secret::No,
            field: field!(particles.worker.work),
        },
        Key {
            name: "run_time",
            kind: TIME,
            default: Fallback::Value("50"),
            example: "50",
            meaning: "Time of one run of a script. It is counted as work, so that a run ends at \
                      the same place on every machine. A run that takes more ends with error \
                      20900; its particle stays as it was before.",
            secret: Secret::No,
            field: field!(particles.run.time),
        },
        Key {
            name: "run_time_per_mib",
            kind: TIME,
            default: Fallback::Value("4"),
            example: "4",
            meaning: "Time of one run beside that, for each MiB of the particle as it came in.",
            secret: Secret::No,
            field: field!(particles.run.time_per_mib),
        },
        Key {
            name: "run_memory",
            kind: MEMORY,
            default: Fallback::Value("64"),
            example: "64",
            meaning: "Memory of one run.",
            secret: Secret::No,
            field: field!(particles.run.memory),
        },
        Key {
            name: "run_memory_per_byte",
            kind: Kind::Integer {
                low: 1,
                high: 64,
                unit: "bytes",
            },
            default: Fallback::Value("4"),
            example: "4",
            meaning: "Memory of one run beside that, for each byte of the particle as it came in.",
            secret: Secret::No,
            field: field!(particles.run.memory_per_byte),
        },
    ],
};
