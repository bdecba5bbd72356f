//! Limits of particles, and what a run of a script costs.

use core::time::Duration;

use basalt_manifest as manifest;

/// What strangers may make the node spend. Each limit names the attack it bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Particles alive at the same time. Against floods of small particles with long lives.
    pub max_actors: usize,
    /// Ids of particles that are alive or have nothing left to do, until their time is over. A
    /// finished particle costs an id and nothing else, some 64 bytes. Against floods of particles
    /// that end at once and live for a day.
    pub max_ids: usize,
    /// Data of one particle that came in and waits for its turn, in pieces. Against one particle
    /// sent over and over.
    pub max_mailbox: usize,
    /// Bytes of all scripts, waiting data, kept data, call results and messages of `peer.timeout`.
    /// Against particles that grow or bring much. One run may exceed it by its own outcome.
    pub max_memory: usize,
    /// Calls of `peer.timeout` that wait. Against scripts that set alarms without end.
    pub max_timers: usize,
    /// Calls of `peer.connect` that wait.
    pub max_connects: usize,
    /// Expired particles removed per round. When many expire at once, connections are served in
    /// between.
    pub max_removed_per_round: usize,
    /// What the particles of one author may take. Against authors who keep the node from all
    /// others. It does not hold for the host, its workers and the operator.
    pub author: Share,
    /// What the particles in the scope of one worker may take. Against a deal that keeps the node
    /// from all others. It does not hold for particles of the host and the operator.
    pub worker: Share,
    /// Authors that are counted. Against particles under ever new names.
    pub max_authors: usize,
    /// Longest life of a particle on this node, counted from when it first came in, in
    /// milliseconds. Against particles that claim to come from the future or to live for weeks.
    pub max_life_ms: u64,
    /// Longest script, in bytes.
    pub max_script: usize,
    /// Particles of one spell for which this node has something to do. While there are as many, its
    /// clock does not trigger it. Against spells that take longer than their period and pile up.
    pub spell_runs: usize,
    /// Particles of one spell that are alive, each counted on the host and again on its worker.
    /// While there are as many, nothing triggers it. Against peers that connect and disconnect to
    /// trigger the spells that wait for that.
    pub spell_alive: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_actors: 50_000,
            max_ids: ids_in(256 << 20),
            max_mailbox: 64,
            max_memory: 256 << 20,
            max_timers: 10_000,
            max_connects: 64,
            max_removed_per_round: 1024,
            author: Share {
                rate: 50_000,
                bytes: 128 << 20,
                actors: 40_000,
                memory: 192 << 20,
                work: CORE / 2,
            },
            worker: Share {
                rate: 25_000,
                bytes: 128 << 20,
                actors: 25_000,
                memory: 128 << 20,
                work: CORE / 5 * 2,
            },
            max_authors: 50_000,
            max_life_ms: 24 * 3_600_000,
            max_script: 16 << 20,
            spell_runs: 8,
            spell_alive: 2048,
        }
    }
}

/// What one of many may take of the node's work on particles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Particles per second, and at once. More are refused. Against floods of small particles.
    pub rate: u32,
    /// The same in bytes. Against floods of big particles. One particle may be bigger than this if
    /// none came in the second before it.
    pub bytes: u64,
    /// Particles alive at the same time. Against particles that live long.
    pub actors: usize,
    /// Memory of the particles alive, in bytes. Against particles that grow.
    pub memory: usize,
    /// Work of the interpreter per second, as [`cost`] counts it. Particles of whoever has had more
    /// run only when no others wait. Against scripts that loop.
    pub work: u64,
}

impl Share {
    /// Takes what the manifest says. `memory` is for when it does not name the memory.
    fn set(&mut self, given: &manifest::Share, memory: usize) {
        if let Some(rate) = given.rate {
            self.rate = rate;
        }
        if let Some(alive) = given.alive {
            self.actors = alive as usize;
        }
        self.memory = given.memory.map_or(memory, |mib| (mib as usize) << 20);
        if let Some(percent) = given.work {
            self.work = CORE * u64::from(percent) / 100;
        }
    }
}

impl Limits {
    /// Takes what the manifest says. All particles together may have `memory` bytes.
    pub fn set(&mut self, given: &manifest::Particles, memory: usize) {
        self.max_memory = memory;
        self.max_ids = ids_in(memory);
        self.author.set(&given.author, memory / 4 * 3);
        self.worker.set(&given.worker, memory / 2);
    }
}

/// How many ids of particles are kept beside so many bytes of particles: they take half as much.
const fn ids_in(memory: usize) -> usize {
    memory / 128
}

/// Work of the interpreter that one core does in a second, as [`cost`] counts it.
const CORE: u64 = 1_000_000;

/// What a run costs in microseconds: what the interpreter counts, and what goes on around it.
pub(crate) fn cost(run: Duration) -> u64 {
    25 + u64::try_from(run.as_micros()).unwrap_or(u64::MAX)
}
