//! A change of what outlives a reboot, and what follows it.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::Module;

use crate::compute::JobId;
use crate::refusal::Refusal;
use crate::reply::CallError;
use crate::services::{self, Blueprint, File, Named, Names};
use crate::spells::{self, Filled};
use crate::workers::{self, Worker};

/// A change that is wanted.
pub(super) enum Change {
    /// A new service is kept.
    Record(String),
    /// A service gets another name in its scope.
    Alias {
        scope: PeerId,
        alias: String,
        id: String,
    },
    /// A service goes, with its files, names and subscription.
    Remove(String),
    /// A module is kept.
    Module {
        author: PeerId,
        cid: String,
        name: String,
        bytes: File,
        module: Module,
    },
    /// A blueprint that an author adds is kept.
    Blueprint(PeerId, Blueprint),
    /// A deal gets a worker.
    Worker {
        author: PeerId,
        deal: String,
        cu_ids: Vec<String>,
    },
    /// A worker goes, with its services, spells, vault and key.
    RemoveWorker { author: PeerId, name: String },
    /// A deal's worker becomes active, or stops being so.
    Switch {
        author: PeerId,
        deal: String,
        active: bool,
    },
    /// A spell is subscribed; a new one is kept and named.
    Spell {
        filled: Filled,
        is_new: bool,
        now_ms: u64,
    },
    /// What a system service's spell was made from is remembered.
    Version(String, String),
}

/// A change that was checked.
pub(super) enum Planned {
    Record(String),
    Alias(Named),
    Remove(String, Option<Instant>),
    Module(String, Names, File, Module),
    Blueprint(PeerId, Blueprint),
    Worker(Worker, String),
    RemoveWorker(PeerId, Vec<String>, Vec<String>),
    Switch(Worker),
    Spell(Filled, bool, Option<Named>, u64),
    Version,
}

/// What follows a change.
pub(super) enum Then {
    /// Its reply is the answer.
    Answer,
    /// A service was created.
    Created { id: String, begun: Option<Instant> },
    /// A spell was made, or changed.
    Spell {
        id: String,
        scope: PeerId,
        /// When a new one was begun.
        begun: Option<Option<Instant>>,
    },
    /// A worker became active: its main spell is subscribed again.
    Activated { deal: String, until: Instant },
    /// A worker is active no more: its spells do not run.
    Deactivated { deal: String, until: Instant },
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Error {
    Services(services::Error),
    Spells(spells::Error),
    Workers(workers::Error),
    /// Too many wait.
    Full,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Services(error) => error.fmt(f),
            Error::Spells(error) => error.fmt(f),
            Error::Workers(error) => error.fmt(f),
            Error::Full => write!(f, "this peer is too busy: {}", Refusal::DiskJobsFull),
        }
    }
}

impl From<services::Error> for Error {
    fn from(error: services::Error) -> Error {
        Error::Services(error)
    }
}

impl From<spells::Error> for Error {
    fn from(error: spells::Error) -> Error {
        Error::Spells(error)
    }
}

impl From<workers::Error> for Error {
    fn from(error: workers::Error) -> Error {
        Error::Workers(error)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        match error {
            Error::Services(error) => error.into(),
            Error::Spells(error) => error.into(),
            Error::Workers(error) => error.into(),
            full @ Error::Full => CallError::text(full.to_string()),
        }
    }
}

/// Changes in their order.
pub(super) struct Lane {
    /// The one that the disk is keeping.
    pub(super) current: Option<(JobId, Planned, Then)>,
    pub(super) waiting: VecDeque<(JobId, Change, Then)>,
    pub(super) limit: usize,
}

impl Lane {
    /// No changes; `limit` may wait.
    pub(super) fn new(limit: usize) -> Lane {
        Lane {
            current: None,
            waiting: VecDeque::new(),
            limit,
        }
    }

    /// Changes that wait for the ones before them.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
