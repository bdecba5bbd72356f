//! Budgets of the node.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

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
    /// Particles per second of one author, and so many at once. Against authors who keep the node from all others; the host,
    /// its management and its workers are free of this and of the limits of authors below.
    pub author_rate: u32,
    /// Particles of one author alive at the same time.
    pub author_actors: usize,
    /// Memory of one author's particles, in bytes.
    pub author_memory: usize,
    /// Authors that are counted. Against particles under ever new names.
    pub max_authors: usize,
    /// Longest life of a particle on this node from its first arrival on, in milliseconds. Against particles that claim to
    /// come from the future or to live for weeks.
    pub max_life_ms: u64,
    /// Longest script, in bytes.
    pub max_script: usize,
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
            author_rate: 50_000,
            author_actors: 40_000,
            author_memory: 192 << 20,
            max_authors: 50_000,
            max_life_ms: 24 * 3_600_000,
            max_script: 16 << 20,
        }
    }
}

/// What services may cost. Each limit names the attack it bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Jobs for compute cores that wait. Against scripts that call services faster than cores can serve them: what is over
    /// it is refused.
    pub max_jobs: usize,
    /// Calls that wait for one service. Against scripts that keep the others from it.
    pub max_service_queue: usize,
    /// Longest call of a service, in milliseconds; a call never outlives its particle. Against modules that do not return.
    pub max_call_ms: u64,
    /// Services of all scopes.
    pub max_services: usize,
    /// Modules of the node. Against floods of uploads.
    pub max_modules: usize,
    /// Memory of one service, in bytes. Against modules that allocate without end.
    pub service_memory: u64,
    /// Memory of all services beyond which no more are created, in bytes.
    pub services_memory: u64,
    /// Files of one service, in bytes, on its storage and again in its scratch space.
    pub service_files: u64,
    /// Files of all particles of one scope, in bytes.
    pub vault_bytes: u64,
    /// Cores set aside for services of the host scope; 0: they share all cores.
    pub host_cores: usize,
    /// Whether compute units of workers share cores when there are too few for each to have its own.
    pub share_cores: bool,
    /// Modules that may use programs of the host: their CIDs, and the names of those programs.
    pub binaries: BTreeMap<String, Vec<String>>,
}

/// The published module that makes HTTP requests by `curl`.
const CURL_EFFECTOR: &str = "bafkreids22lgia5bqs63uigw4mqwhsoxvtnkpfqxqy5uwyyerrldsr32ce";

impl Default for ServiceLimits {
    fn default() -> ServiceLimits {
        ServiceLimits {
            max_jobs: 1024,
            max_service_queue: 256,
            max_call_ms: 60_000,
            max_services: 10_000,
            max_modules: 10_000,
            service_memory: 256 << 20,
            services_memory: 2 << 30,
            service_files: 256 << 20,
            vault_bytes: 256 << 20,
            host_cores: 0,
            share_cores: true,
            binaries: BTreeMap::from([(CURL_EFFECTOR.into(), vec!["curl".into()])]),
        }
    }
}
