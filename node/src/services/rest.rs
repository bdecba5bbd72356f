//! Services at rest: a service that is not called for some time gives up its instances, sooner when
//! memory is scarce.

use alloc::string::String;
use core::time::Duration;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use super::entry::Place;
use super::room::Services;
use crate::tally::Tally;

impl Services {
    /// A service leaves for a core: it is taken off the lists.
    pub(super) fn leaves(&mut self, id: &str) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        if let Place::Ready(running) = &entry.place {
            self.resting -= usize::from(running.is_resting());
            self.idle.remove(&(entry.used_at, String::from(id)));
        }
    }

    /// A service is back.
    pub(super) fn returns(&mut self, id: &str, now: Instant) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.used_at = now;
        if let Place::Ready(running) = &entry.place {
            self.resting += usize::from(running.is_resting());
            if running.may_rest() {
                self.idle.insert((now, String::from(id)));
            }
        }
    }

    /// When the service that was used the longest ago was used.
    fn idle_since(&self) -> Option<Instant> {
        self.idle.first().map(|(since, _)| *since)
    }
}

impl Services {
    /// How long a service waits for calls before it rests.
    fn patience(&self) -> Duration {
        let (memory, limits) = (&self.means.memory, &self.limits);
        let scarce = memory.left() < memory.limit() / 4;
        Duration::from_millis(match scarce {
            true => limits.rest_after_ms.min(limits.rest_when_scarce_ms),
            false => limits.rest_after_ms,
        })
    }

    /// When the next service should rest.
    pub(crate) fn rest_at(&self) -> Option<Instant> {
        // Jobs that wait come first: when they are done, this is asked again.
        let idle = self.idle_since().filter(|_| self.has_room())?;
        Some(idle + self.patience())
    }

    /// Lets services rest that wait for calls for too long. Nobody waits for these jobs.
    pub(crate) fn rest_idle(&mut self, tally: &mut Tally, host: &PeerId, now: Instant) {
        while self.rest_at().is_some_and(|at| at <= now) {
            let Some((_, id)) = self.idle.pop_first() else {
                return;
            };
            let until = now + Duration::from_millis(self.limits.max_call_ms);
            if let Err(error) = self.ask(tally, host, &id, until, super::running::Running::rest) {
                log::debug!(target: "service", "{id} does not rest: {error}");
            }
        }
    }
}
