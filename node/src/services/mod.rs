//! Marine services: modules, blueprints, services with aliases in scopes, calls of them on compute cores.
//!
//! A service is at home, on a core with a call, or cold: known but not started. A cold service is started by its first call,
//! from its modules and the records of its files, so that a reboot costs nothing for services nobody asks for. Calls of one
//! service happen one after another; each brings its files' changes back, which are on the store before the result is
//! seen. Should the store refuse them the call fails and the service starts cold again, as it was before the call.
//!
//! | module | what it knows |
//! |---|---|
//! | `modules` | modules and blueprints |
//! | `registry` | services, aliases, who may do what to them |
//! | `calls` | jobs for services: starting, calling, keeping |
//! | `running` | a service on a core |
//! | `rest` | services that nobody calls give up their memory |
//! | `files` | records of a service's files |
//! | `stats` | what calls took |

mod calls;
mod error;
mod files;
mod modules;
mod registry;
mod rest;
mod running;
mod stats;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

pub use error::Error;
pub(crate) use modules::dag_json;
pub use modules::{Blueprint, Modules};
pub(crate) use registry::OWN_ALIASES;
pub use registry::{Kind, Record};
pub(crate) use running::Running;

use crate::state::{Changes, Room, State};
use calls::{Seat, Waiting};
use stats::Stats;

/// A service and where it is.
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) aliases: Vec<String>,
    /// The compute core that it runs on.
    core: usize,
    seat: Seat,
    waiting: VecDeque<Waiting>,
    pub(crate) stats: Stats,
    /// When its last work ended.
    used_at: Instant,
    /// Memory of its modules after the last call.
    pub(crate) memory: Vec<(String, u64)>,
    /// Number of the next record of its files.
    next_file: u64,
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
            seat: Seat::Cold,
            waiting: VecDeque::new(),
            used_at: Instant::ZERO,
            stats: Stats::default(),
            memory: Vec::new(),
            next_file: 0,
            file_log: 0,
            kept: false,
        }
    }
}

/// All services of the node.
#[derive(Default)]
pub struct Services {
    /// Modules and blueprints.
    pub modules: Modules,
    entries: BTreeMap<String, Entry>,
    aliases: BTreeMap<(PeerId, String), String>,
    /// Services at home that may rest, by the time of their last work.
    idle: BTreeSet<(Instant, String)>,
    /// Services that rest.
    resting: usize,
    /// Jobs of each scope that wait or are under way.
    jobs: BTreeMap<PeerId, usize>,
}

impl Services {
    /// The services that the state has, all cold; `core` chooses the core of each.
    pub(crate) fn restore(
        state: &mut State,
        core: impl Fn(&PeerId, &str) -> usize,
    ) -> Result<Services, Error> {
        let mut services = Services {
            modules: Modules::restore(state)?,
            ..Services::default()
        };
        for (id, text) in state.records(Room::Services, b"")? {
            let Some((record, aliases)) = Record::parse(&text) else {
                log::error!(target: "service", "the record of {} is damaged: skipped", id.escape_ascii());
                continue;
            };
            for alias in &aliases {
                let key = (record.scope, alias.clone());
                services.aliases.insert(key, record.id.clone());
            }
            let core = core(&record.scope, &record.id);
            let mut entry = Entry::new(record, core);
            entry.aliases = aliases;
            entry.kept = true;
            let files = state.keys(Room::Files, &file_prefix(&entry.record.id));
            entry.next_file = files.last().map_or(0, |key| file_number(key) + 1);
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
        Ok(services)
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
