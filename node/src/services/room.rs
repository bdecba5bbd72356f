//! All services of the node: what is kept of them, and what they get from the machine.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::MemoryPool;

use super::entry::{Entry, file_number, file_prefix};
use super::error::Error;
use super::modules::Modules;
use super::record::Record;
use super::under_way::{Turn, UnderWay};
use crate::compute::{JobId, JobIds, Platform, Queues};
use crate::limits::ServiceLimits;
use crate::state::{Batch, Namespace, State};
use crate::web::Web;

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
    pub(super) limits: ServiceLimits,
    pub(super) means: Means,
    pub(super) ids: JobIds,
    pub(super) queues: Queues<Turn>,
    pub(super) under_way: BTreeMap<JobId, UnderWay>,
    pub(super) calls: Calls,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) aliases: BTreeMap<(PeerId, String), String>,
    /// Idle services that may rest, by the time of their last work.
    pub(super) idle: BTreeSet<(Instant, String)>,
    /// Services that rest.
    pub(super) resting: usize,
    /// Jobs of each scope that wait or are under way.
    pub(super) jobs: BTreeMap<PeerId, usize>,
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
        for (id, text) in state.records(Namespace::Services, b"")? {
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
            let files = state.keys(Namespace::Files, &file_prefix(&entry.record.id));
            let next = files.last().map_or(0, |key| file_number(key) + 1);
            entry.file_records = files.first().map_or(next, |key| file_number(key))..next;
            services.entries.insert(entry.record.id.clone(), entry);
        }
        let mut orphans = Batch::new();
        for key in state.keys(Namespace::Files, b"") {
            let known = core::str::from_utf8(&key[..key.len().saturating_sub(9)])
                .is_ok_and(|id| services.entries.contains_key(id));
            if !known {
                orphans.delete(Namespace::Files, key);
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
    pub(crate) fn max_jobs(&self) -> usize {
        self.limits.max_jobs
    }

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

    pub(super) fn job_begins(&mut self, scope: PeerId) {
        *self.jobs.entry(scope).or_default() += 1;
    }

    pub(super) fn job_ends(&mut self, scope: &PeerId) {
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
