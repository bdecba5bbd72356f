//! A call of a script, as built-ins and services see it.

use alloc::sync::Arc;
use core::time::Duration;

use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use crate::host::{Clock, Host, Network};
use crate::reply::CallError;
use crate::script::CallRequest;
use crate::shares::Payer;

/// A call while it is answered.
pub struct Call<'a> {
    /// This peer.
    pub host: &'a Host,
    /// Its connections.
    pub network: &'a dyn Network,
    /// The time.
    pub clock: Clock,
    /// The peer in whose name the script runs here: the host or one of its workers.
    pub scope: PeerId,
    /// Whether the script may call protected functions.
    pub trusted: bool,
    /// The particle, without its data.
    pub particle: &'a Arc<Authored>,
    /// Who pays for what the call takes.
    pub payer: Payer,
    /// What is asked.
    pub request: &'a CallRequest,
}

impl Call<'_> {
    /// Refuses a call that is meant for the host and its management only.
    pub(crate) fn guard(&self) -> Result<(), CallError> {
        match self.trusted {
            true => Ok(()),
            false => Err(CallError::text(
                "This function is only available to the host or worker spells",
            )),
        }
    }

    /// When work for the call must be done: with its particle's life, and at most so many
    /// milliseconds from now.
    pub(crate) fn until(&self, max_ms: u64) -> Instant {
        let life = self.particle.deadline().saturating_sub(self.clock.wall_ms);
        self.clock.now + Duration::from_millis(life.min(max_ms))
    }
}
