//! What becomes of a job when it is over.

use alloc::string::String;

use basalt_net::time::Instant;

use crate::compute::Receipt;
use crate::services::{self, Loading, ServiceCall};
use crate::spells::{Asked, Beginning, Filling};

/// What becomes of a job when it is over.
pub(super) enum Followup {
    /// A script's call of a service: what the service gave is the answer.
    Call(ServiceCall),
    /// A module is loaded: it is kept, or its interface is the answer.
    Load(Loading),
    /// A service has done its first work: its record is kept.
    Made {
        id: String,
        begun: Option<Instant>,
        made: Receipt<Result<(), services::Error>>,
    },
    /// A spell's service is filled: the spell is subscribed and named.
    Filled {
        filling: Filling,
        /// Whether the spell is new.
        begun: Option<Option<Instant>>,
    },
    /// A script has asked its spell.
    Asked(Asked),
    /// A spell was triggered: its script becomes a particle.
    Triggered(Beginning),
}
