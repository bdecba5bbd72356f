//! Jobs for services, from their turn to what they bring back.

use alloc::boxed::Box;
use alloc::string::String;
use core::ops::Range;
use core::time::Duration;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use super::error::Error;
use super::running::{Loaded, Maker, Running};
use crate::compute::{Job, JobId, Receipt};

/// What a job gets to work with.
pub(super) enum Source {
    Ready(Box<Running>),
    Make(Box<Maker>),
    Failed(Error),
}

/// What a job brings back, besides its value.
pub(super) struct Back {
    pub(super) running: Result<Box<Running>, Error>,
    pub(super) loaded: Loaded,
    /// How long it waited for its service and its core.
    pub(super) waited: Duration,
}

/// What waits for a core.
pub(super) enum Turn {
    /// A job that has all it needs.
    Job(Job),
    /// A job that needs its service.
    Service(Waiting),
}

/// A job that waits for its service.
pub(super) struct Waiting {
    pub(super) id: JobId,
    pub(super) service: String,
    pub(super) core: usize,
    pub(super) until: Instant,
    pub(super) launch: Box<dyn FnOnce(Source) -> (Job, Receipt<Back>)>,
}

/// How far a job of a service is.
pub(super) enum UnderWay {
    /// It waits for its turn, or for the disk to read what its service is made of.
    Waits {
        scope: PeerId,
        reads: Option<Box<Waiting>>,
    },
    /// The edge has it.
    Runs {
        scope: PeerId,
        service: String,
        back: Receipt<Back>,
    },
    /// The disk keeps what it changed.
    Keeps {
        service: String,
        running: Box<Running>,
        records: Range<u64>,
        log: u64,
    },
}
