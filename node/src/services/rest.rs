//! Services at rest: who is not called for some time gives up his instances, sooner when memory becomes scarce.

use alloc::string::String;
use core::time::Duration;

use basalt_net::time::Instant;

use super::Services;
use super::calls::Seat;
use crate::builtins::Reply;
use crate::host::Clock;
use crate::world::World;

impl Services {
    /// A service's place changes; before that it is struck off the lists.
    pub(super) fn leaves(&mut self, id: &str) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        if let Seat::Home(running) = &entry.seat {
            self.resting -= usize::from(running.is_resting());
            self.idle.remove(&(entry.used_at, String::from(id)));
        }
    }

    /// A service is at home again.
    pub(super) fn returns(&mut self, id: &str, now: Instant) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.used_at = now;
        if let Seat::Home(running) = &entry.seat {
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

impl World {
    /// How long a service waits for calls before it rests.
    fn patience(&self) -> Duration {
        let scarce = self.memory.left() < self.memory.limit() / 4;
        Duration::from_millis(match scarce {
            true => self
                .limits
                .rest_after_ms
                .min(self.limits.rest_when_scarce_ms),
            false => self.limits.rest_after_ms,
        })
    }

    /// When the next service should rest.
    pub(crate) fn rest_at(&self) -> Option<Instant> {
        // Jobs that wait come first: when they are done, somebody asks again.
        let idle = self.services.idle_since().filter(|_| self.has_room())?;
        Some(idle + self.patience())
    }

    /// Lets services rest that wait for calls for too long.
    pub fn rest_idle(&mut self, clock: Clock) {
        while self.rest_at().is_some_and(|at| at <= clock.now) {
            let Some((_, id)) = self.services.idle.pop_first() else {
                return;
            };
            let until = clock.now + Duration::from_millis(self.limits.max_call_ms);
            let begun = self.with_service(&id, until, super::Running::rest, |_, _, rested| {
                Ok(rested.map(|()| Reply::unit())?)
            });
            if let Err(error) = begun {
                log::debug!(target: "service", "{id} does not rest: {error}");
            }
        }
    }
}
