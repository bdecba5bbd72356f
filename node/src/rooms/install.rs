//! The steps of the installation of system services, one service after another.

use core::time::Duration;

use basalt_net::time::Instant;

use super::change::{Change, Then};
use super::followup::Followup;
use super::held::Rooms;
use crate::host::Clock;
use crate::reply::{CallError, Later, Reply};
use crate::services::{Kind, Services};
use crate::system::{self, PATIENCE_MS, Prepared, Step};

impl Rooms {
    /// Installs the next system service, unless one is being installed.
    pub(super) fn install_next(&mut self, clock: Clock) {
        while let Some(prepared) = self.installer.next() {
            self.install(clock, prepared);
        }
    }

    /// Waits for a reply before the next step, or does it at once.
    fn then(&mut self, clock: Clock, reply: Result<Reply, CallError>, step: Step) {
        match reply {
            Ok(Reply::Later(Later::Job(id))) => self.installer.wait(id, step),
            Ok(_) => self.install_step(clock, step, true),
            Err(error) => {
                log::error!(target: "system", "{}: {}", step.name(), error.message());
                self.install_step(clock, step, false);
            }
        }
    }

    /// Installs a system service if it is not there as it should be.
    fn install(&mut self, clock: Clock, prepared: Prepared) {
        let Prepared { package, blueprint } = prepared;
        let Some(blueprint) = blueprint else {
            // It has no modules, only a spell.
            return self.install_step(clock, Step::Spell(package), true);
        };
        let host = self.host.peer_id;
        let before = self.services.alias(&host, &package.name).cloned();
        let current = before.as_ref().and_then(|id| self.services.get(id));
        if current.is_some_and(|entry| entry.record.blueprint == blueprint) {
            return self.install_step(clock, Step::Spell(package), true);
        }
        let id = self.entropy.uuid();
        let record = Services::record(id.clone(), Kind::Service, &blueprint, host, host);
        let until = patience(clock);
        let particle = self.entropy.uuid();
        let work = system::first_calls(&package, particle, &host, &id, until);
        let (core, begun) = (self.core_of(&host, &id), self.now());
        let made = self
            .services
            .create(&mut self.tally, &host, record, core, until, work);
        let reply = made.map_err(CallError::from).map(|(job, made)| {
            let id = id.clone();
            self.followups
                .insert(job, Followup::Made { id, begun, made });
            Reply::job(job)
        });
        let step = Step::Name {
            package,
            id,
            before,
        };
        self.then(clock, reply, step);
    }

    /// Does what follows the job that the installer waited for.
    pub(super) fn install_step(&mut self, clock: Clock, step: Step, is_good: bool) {
        let step = match (step, is_good) {
            (step, true) => step,
            (Step::Removed(package), false) => {
                log::warn!(target: "system", "the {} of before stays", package.name);
                Step::Removed(package)
            }
            (step, false) => {
                // What did not become of it now is tried again at the next start.
                log::error!(target: "system", "{} is not installed", step.name());
                return self.install_next(clock);
            }
        };
        let host = self.host.peer_id;
        match step {
            Step::Name {
                package,
                id,
                before,
            } => {
                let change = Change::Alias {
                    scope: host,
                    alias: package.name.clone(),
                    id: id.clone(),
                };
                let reply = self.change(clock, change, Then::Answer);
                let step = Step::Replace {
                    package,
                    id,
                    before,
                };
                self.then(clock, reply, step);
            }
            Step::Replace {
                package,
                id,
                before,
            } => {
                log::info!(target: "system", "{} is installed as {id}", package.name);
                let reply = match before {
                    Some(before) => self.change(clock, Change::Remove(before), Then::Answer),
                    None => Ok(Reply::unit()),
                };
                self.then(clock, reply, Step::Removed(package));
            }
            Step::Removed(package) | Step::Spell(package) => {
                let Some(spell) = &package.spell else {
                    return self.install_next(clock);
                };
                let before = self.services.alias(&host, &spell.name).cloned();
                let Some(version) = self.installer.outdated(spell, before.is_some()) else {
                    return self.install_next(clock);
                };
                let until = patience(clock);
                let reply =
                    system::installation(host, spell).and_then(|installation| match before {
                        Some(before) => self.update_spell(clock, until, &before, installation),
                        None => self.install_spell(clock, until, installation),
                    });
                let step = Step::Remember(spell.name.clone(), version);
                self.then(clock, reply, step);
            }
            Step::Remember(name, version) => {
                let change = Change::Version(name, version);
                let reply = self.change(clock, change, Then::Answer);
                self.then(clock, reply, Step::Next);
            }
            Step::Next => self.install_next(clock),
        }
    }
}

/// When the installation of a service must be done.
fn patience(clock: Clock) -> Instant {
    clock.now + Duration::from_millis(PATIENCE_MS)
}
