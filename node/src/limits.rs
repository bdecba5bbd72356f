//! Budgets of the node.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use basalt_manifest as manifest;

use crate::web::{Reach, WebLimits};

/// What strangers may make the node spend. Each limit names the attack it bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Particles alive at the same time. Against floods of small particles with long lives.
    pub max_actors: usize,
    /// Arrivals of one particle that wait for their turn. Against one particle sent over and over.
    pub max_mailbox: usize,
    /// Bytes of all scripts, waiting arrivals, kept data, call results and messages of `peer.timeout`. Against particles that
    /// grow or bring much; one execution may exceed it by its own outcome.
    pub max_memory: usize,
    /// Calls of `peer.timeout` that wait. Against scripts that set alarms without end.
    pub max_timers: usize,
    /// Calls of `peer.connect` that wait.
    pub max_connects: usize,
    /// Expired particles removed per round, so that a great dying does not stop the loop.
    pub max_removed_per_round: usize,
    /// What the particles of one author may take. Against authors who keep the node from all others; the host, its
    /// management and its workers are free of it.
    pub author: Share,
    /// What the particles in the scope of one worker may take. Against a deal that keeps the node from all others; the
    /// host's and its management's are free of it.
    pub worker: Share,
    /// Authors that are counted. Against particles under ever new names.
    pub max_authors: usize,
    /// Longest life of a particle on this node from its first arrival on, in milliseconds. Against particles that claim to
    /// come from the future or to live for weeks.
    pub max_life_ms: u64,
    /// Longest script, in bytes.
    pub max_script: usize,
    /// Runs of one spell that work at the same time; its clock begins no further one. Against spells whose runs take longer
    /// than their period and pile up.
    pub spell_runs: usize,
    /// Particles of one spell that are alive, each counted on the host and again on its worker; nothing begins a further
    /// run. Against peers that come and go to make the spells run that wait for peers.
    pub spell_alive: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_actors: 50_000,
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
    /// Particles per second, and so many at once. What is over it is refused. Against floods of small particles.
    pub rate: u32,
    /// The same in bytes. Against floods of big ones. A particle that comes when nothing came before may be bigger.
    pub bytes: u64,
    /// Particles alive at the same time. Against particles that stay for long.
    pub actors: usize,
    /// Memory of the particles alive, in bytes. Against particles that grow.
    pub memory: usize,
    /// Interpreter's work per second, as [`cost`] counts it. Who has had more has his turn when nobody else wants it. Against
    /// scripts that loop.
    pub work: u64,
}

impl Share {
    /// Sets what the manifest says; the memory that it leaves open is what is given here.
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
    /// Sets what the manifest says, for so much memory for all particles.
    pub fn set(&mut self, given: &manifest::Particles, memory: usize) {
        self.max_memory = memory;
        self.author.set(&given.author, memory / 4 * 3);
        self.worker.set(&given.worker, memory / 2);
    }
}

/// Interpreter's work that a core does in a second, as [`cost`] counts it.
const CORE: u64 = 1_000_000;

/// What a run costs: its instructions, a 64th of the bytes that it reads and writes, and 50 for the signature. One unit is
/// about a microsecond.
pub(crate) fn cost(steps: u64, bytes: usize) -> u64 {
    50 + steps + bytes as u64 / 64
}

/// What services may cost. Each limit names the attack it bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Jobs for compute cores that wait. Against scripts that call services faster than cores can serve them: what is over
    /// it is refused.
    pub max_jobs: usize,
    /// Calls that wait for one service. Against scripts that keep the others from it.
    pub max_service_queue: usize,
    /// Jobs of one worker's services that wait or are under way. Against deals that keep others from the cores.
    pub worker_jobs: usize,
    /// Longest call of a service, in milliseconds; a call never outlives its particle. Against modules that do not return.
    pub max_call_ms: u64,
    /// Services of all scopes.
    pub max_services: usize,
    /// Modules of the node. Against floods of uploads.
    pub max_modules: usize,
    /// Memory of one service, in bytes. Against modules that allocate without end.
    pub service_memory: u64,
    /// Memory of all services, their files and vaults, in bytes. Against many services that each stay within their own
    /// limit: beyond it no memory grows, no service is created, and none that rests is woken.
    pub services_memory: u64,
    /// Time without calls after which a service gives up its instances, in milliseconds. Against services that are made and
    /// left alone.
    pub rest_after_ms: u64,
    /// The same when less than a quarter of the memory for services is left.
    pub rest_when_scarce_ms: u64,
    /// Files of one service, in bytes, on its storage and again in its scratch space.
    pub service_files: u64,
    /// Files of all particles of one scope, in bytes.
    pub vault_bytes: u64,
    /// Cores set aside for services of the host scope; 0: they share all cores.
    pub host_cores: usize,
    /// What services may do with HTTP.
    pub web: WebLimits,
    /// Whether compute units of workers share cores when there are too few for each to have its own.
    pub share_cores: bool,
    /// Modules that may use programs of the host: their CIDs, and the names of those programs.
    pub binaries: BTreeMap<String, Vec<String>>,
}

/// The published module that makes HTTP requests by `curl`.
const CURL_EFFECTOR: &str = "bafkreids22lgia5bqs63uigw4mqwhsoxvtnkpfqxqy5uwyyerrldsr32ce";

impl ServiceLimits {
    /// Sets what the manifest says, and the limits of memory that it leaves open by what is free: half of it for all
    /// services, a quarter of that for one, 256 MiB at most.
    pub fn set(&mut self, given: &manifest::Services, free: u64) {
        self.web.reach = match given.http {
            manifest::Reach::Off => Reach::Nobody,
            manifest::Reach::Public => Reach::Public,
            manifest::Reach::All => Reach::All,
        };
        let bytes = |mib: Option<u32>| mib.map(|mib| u64::from(mib) << 20);
        self.services_memory = bytes(given.memory).unwrap_or(free / 2);
        let one = (self.services_memory / 4).min(256 << 20);
        self.service_memory = bytes(given.service_memory).unwrap_or(one);
        self.service_files = self.service_files.min(one);
        self.vault_bytes = self.vault_bytes.min(one);
        for effector in &given.effectors {
            let programs = self.binaries.entry(effector.cid.clone()).or_default();
            programs.extend(effector.programs.iter().cloned());
        }
        if let Some(seconds) = given.rest_seconds {
            self.rest_after_ms = u64::from(seconds) * 1000;
        }
    }
}

impl Default for ServiceLimits {
    fn default() -> ServiceLimits {
        ServiceLimits {
            max_jobs: 1024,
            max_service_queue: 256,
            worker_jobs: 512,
            max_call_ms: 60_000,
            max_services: 10_000,
            max_modules: 10_000,
            service_memory: 256 << 20,
            services_memory: 2 << 30,
            rest_after_ms: 300_000,
            rest_when_scarce_ms: 1_000,
            service_files: 256 << 20,
            vault_bytes: 256 << 20,
            host_cores: 0,
            web: WebLimits::default(),
            share_cores: true,
            binaries: BTreeMap::from([(CURL_EFFECTOR.into(), vec!["curl".into()])]),
        }
    }
}
