//! Marine services: modules, blueprints, services with aliases in scopes, calls of them on compute
//! cores.
//!
//! A service is ready, on a core with a call, or cold: known but not started. A cold service is
//! started by its first call, from its modules and the records of its files, so that a reboot costs
//! nothing for services that nobody calls. Calls of one service run one after another. Each brings
//! the changes of its files back, and its result waits until these are on the store. If the store
//! refuses them the call fails, and the service starts cold again, as it was before the call.
//!
//! | module | what it knows |
//! |---|---|
//! | `modules` | modules and blueprints |
//! | `registry` | services, aliases, who may do what to them |
//! | `jobs` | jobs for services: starting, running, keeping what changed |
//! | `calls` | calls of scripts, new services, uploads of modules |
//! | `running` | a service on a core |
//! | `rest` | services that nobody calls give up their memory |
//! | `files` | records of a service's files |
//! | `stats` | what calls took |

mod calls;
mod error;
mod files;
mod jobs;
mod modules;
mod registry;
mod rest;
mod running;
mod stats;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::MemoryPool;

pub(crate) use calls::{Called as ServiceCall, Loading};
pub use error::Error;
pub(crate) use modules::dag_json;
pub use modules::{Blueprint, Modules};
pub(crate) use registry::Named;
pub(crate) use registry::OWN_ALIASES;
pub use registry::{Kind, Record};
pub(crate) use running::{File, Running};

use crate::compute::{JobId, JobIds, Platform, Queues};
use crate::limits::ServiceLimits;
use crate::state::{Changes, Room, State};
use crate::web::Web;
use jobs::{Turn, UnderWay};
use stats::Stats;

/// Calls of services so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Time on compute cores.
    pub time: Duration,
}

impl Calls {
    pub(crate) fn add(&mut self, succeeded: bool, time: Duration) {
        match succeeded {
            true => self.succeeded += 1,
            false => self.failed += 1,
        }
        self.time += time;
    }
}

/// A service and where it is.
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) aliases: Vec<String>,
    /// The compute core that it runs on.
    core: usize,
    place: Place,
    pub(crate) stats: Stats,
    /// When its last work ended.
    used_at: Instant,
    /// Memory of its modules after the last call.
    pub(crate) memory: Vec<(String, u64)>,
    /// Numbers of the records of its files that may be on the store.
    file_records: Range<u64>,
    /// Bytes of records since all files were written at once.
    file_log: u64,
    /// Whether it stands on the store.
    kept: bool,
}

impl Entry {
    fn new(record: Record, core: usize) -> Entry {
        Entry {
            record,
            aliases: Vec::new(),
            core,
            place: Place::Cold,
            used_at: Instant::ZERO,
            stats: Stats::default(),
            memory: Vec::new(),
            file_records: 0..0,
            file_log: 0,
            kept: false,
        }
    }
}

/// Where a service is.
enum Place {
    /// Not started.
    Cold,
    /// With the node: a call can have it.
    Ready(Box<Running>),
    /// On a core, or on its way there or back.
    Away,
}

/// What services get from the machine.
pub(crate) struct Means {
    /// Clocks and randomness; `None`: this machine runs no services.
    pub(crate) platform: Option<Arc<dyn Platform>>,
    /// Compute cores.
    pub(crate) cores: usize,
    /// Memory of all services, of their files and of vaults.
    pub(crate) memory: MemoryPool,
    /// Their requests.
    pub(crate) web: Web,
}

/// All services of the node.
pub struct Services {
    /// Modules and blueprints.
    pub modules: Modules,
    limits: ServiceLimits,
    means: Means,
    ids: JobIds,
    queues: Queues<Turn>,
    under_way: BTreeMap<JobId, UnderWay>,
    calls: Calls,
    entries: BTreeMap<String, Entry>,
    aliases: BTreeMap<(PeerId, String), String>,
    /// Idle services that may rest, by the time of their last work.
    idle: BTreeSet<(Instant, String)>,
    /// Services that rest.
    resting: usize,
    /// Jobs of each scope that wait or are under way.
    jobs: BTreeMap<PeerId, usize>,
}

impl Services {
    /// No services.
    pub(crate) fn new(limits: ServiceLimits, means: Means, ids: JobIds) -> Services {
        Services {
            modules: Modules::default(),
            queues: Queues::new(means.cores, limits.max_jobs),
            limits,
            means,
            ids,
            under_way: BTreeMap::new(),
            calls: Calls::default(),
            entries: BTreeMap::new(),
            aliases: BTreeMap::new(),
            idle: BTreeSet::new(),
            resting: 0,
            jobs: BTreeMap::new(),
        }
    }

    /// Takes the services that the state has, all cold; `core` chooses the core of each.
    pub(crate) fn restore(
        &mut self,
        state: &mut State,
        core: impl Fn(&PeerId, &str, usize) -> usize,
    ) -> Result<(), Error> {
        let services = self;
        services.modules = Modules::restore(state)?;
        for (id, text) in state.records(Room::Services, b"")? {
            let Some((record, aliases)) = Record::parse(&text) else {
                log::error!(target: "service", "the record of {} is damaged: skipped", id.escape_ascii());
                continue;
            };
            for alias in &aliases {
                let key = (record.scope, alias.clone());
                services.aliases.insert(key, record.id.clone());
            }
            let core = core(&record.scope, &record.id, services.queues.cores());
            let mut entry = Entry::new(record, core);
            entry.aliases = aliases;
            entry.kept = true;
            let files = state.keys(Room::Files, &file_prefix(&entry.record.id));
            let next = files.last().map_or(0, |key| file_number(key) + 1);
            entry.file_records = files.first().map_or(next, |key| file_number(key))..next;
            services.entries.insert(entry.record.id.clone(), entry);
        }
        let mut orphans = Changes::new();
        for key in state.keys(Room::Files, b"") {
            let known = core::str::from_utf8(&key[..key.len().saturating_sub(9)])
                .is_ok_and(|id| services.entries.contains_key(id));
            if !known {
                orphans.delete(Room::Files, key);
            }
        }
        state.commit(orphans)?;
        Ok(())
    }

    /// Compute cores that run services.
    pub(crate) fn cores(&self) -> usize {
        self.queues.cores()
    }

    /// Jobs and calls that wait for a core.
    pub(crate) fn waiting(&self) -> usize {
        self.queues.waiting()
    }

    /// Monotonic time, where the machine has a clock for services.
    pub(crate) fn now(&self) -> Option<Instant> {
        Some(self.means.platform.as_ref()?.clock().now)
    }

    /// Whether this machine runs services.
    pub(crate) fn can_run(&self) -> bool {
        self.means.platform.is_some()
    }

    /// Longest call of a service, in milliseconds.
    pub(crate) fn max_call_ms(&self) -> u64 {
        self.limits.max_call_ms
    }

    /// Calls of services so far.
    pub fn calls(&self) -> Calls {
        self.calls
    }

    /// Memory of all services, of their files and of vaults.
    pub fn memory(&self) -> &MemoryPool {
        &self.means.memory
    }

    /// Requests that services make.
    pub(crate) fn web(&self) -> &Web {
        &self.means.web
    }

    /// Number of services.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Jobs of the services of a scope that wait or are under way.
    pub(crate) fn jobs_of(&self, scope: &PeerId) -> usize {
        self.jobs.get(scope).copied().unwrap_or_default()
    }

    fn job_begins(&mut self, scope: PeerId) {
        *self.jobs.entry(scope).or_default() += 1;
    }

    fn job_ends(&mut self, scope: &PeerId) {
        if let Some(jobs) = self.jobs.get_mut(scope) {
            *jobs -= 1;
            if *jobs == 0 {
                self.jobs.remove(scope);
            }
        }
    }

    /// Services that rest between calls.
    pub fn resting(&self) -> usize {
        self.resting
    }
}

/// What the keys of a service's file records begin with.
fn file_prefix(id: &str) -> Vec<u8> {
    [id.as_bytes(), b"/"].concat()
}

/// Key of a record of a service's files.
fn file_key(id: &str, number: u64) -> Vec<u8> {
    [id.as_bytes(), b"/", &number.to_be_bytes()].concat()
}

/// The number in such a key.
fn file_number(key: &[u8]) -> u64 {
    key.last_chunk()
        .map_or(0, |number| u64::from_be_bytes(*number))
}
