//! Changes of what outlives a reboot: services' names, modules, blueprints, workers, spells.
//!
//! A change is checked against what the rooms know ([`Namespaces::plan`]), committed by the disk,
//! and only then made in the rooms ([`Namespaces::apply`]). The next one is not checked before: so
//! each sees the one before it, as if the disk took no time. Everything else goes on meanwhile.

use alloc::string::ToString;

use super::change::{Change, Error, Planned, Then};
use super::held::Rooms;
use crate::compute::JobId;
use crate::host::Clock;
use crate::refusal::Refusal;
use crate::reply::{CallError, Reply};
use crate::spells::{self, Config, Spells};
use crate::state::{self, Batch};
use crate::system::Installer;
use crate::workers::Worker;

impl Rooms {
    /// Makes a change, now if the disk has nothing to do with it; else the reply comes with a job.
    pub(super) fn change(
        &mut self,
        clock: Clock,
        change: Change,
        then: Then,
    ) -> Result<Reply, CallError> {
        if self.changes.current.is_some() {
            if self.changes.waiting.len() >= self.changes.limit {
                self.tally.refuse(Refusal::DiskJobsFull);
                return self.changed(clock, then, Err(Error::Full));
            }
            let id = self.ids.next();
            self.changes.waiting.push_back((id, change, then));
            return Ok(Reply::job(id));
        }
        match self.plan(change) {
            Err(error) => self.changed(clock, then, Err(error)),
            Ok((changes, planned)) if changes.is_empty() || !self.disk.exists() => {
                let reply = self.apply(planned);
                self.changed(clock, then, Ok(reply))
            }
            Ok((changes, planned)) => {
                let id = self.ids.next();
                self.disk.commit(id, changes);
                self.changes.current = Some((id, planned, then));
                Ok(Reply::job(id))
            }
        }
    }

    /// The disk has kept a change, or has not.
    ///
    /// # Errors
    /// The job is no change: it is given back.
    pub(super) fn change_kept(
        &mut self,
        clock: Clock,
        id: JobId,
        kept: Result<(), state::Error>,
    ) -> Result<(), Result<(), state::Error>> {
        let current = self.changes.current.take_if(|(current, ..)| *current == id);
        let Some((_, planned, then)) = current else {
            return Err(kept);
        };
        let result = match kept {
            Ok(()) => Ok(self.apply(planned)),
            Err(error) => Err(self.undo(planned, error)),
        };
        let answer = self.changed(clock, then, result);
        self.finish(clock, id, answer);
        // What followed may have begun another one.
        while self.changes.current.is_none()
            && let Some((id, change, then)) = self.changes.waiting.pop_front()
        {
            let answer = self.change(clock, change, then);
            self.finish(clock, id, answer);
        }
        Ok(())
    }

    /// Checks a change; gives what has to be kept of it.
    fn plan(&mut self, change: Change) -> Result<(Batch, Planned), Error> {
        let host = self.host.clone();
        let services = &self.services;
        Ok(match change {
            Change::Record(id) => (services.plan_record(&id), Planned::Record(id)),
            Change::Alias { scope, alias, id } => {
                let (changes, named) = services.plan_alias(scope, &alias, &id)?;
                (changes, Planned::Alias(named))
            }
            Change::Remove(id) => {
                let mut changes = Batch::new();
                services.plan_removal(host.peer_id, &id, &mut changes)?;
                (changes, Planned::Remove(id, services.now()))
            }
            Change::Module {
                author,
                cid,
                name,
                bytes,
                module,
            } => {
                let planned = services.modules.plan(&author, &cid, &name, &bytes);
                let planned = planned.inspect_err(|_| self.tally.refuse(Refusal::ModulesFull));
                let (changes, names) = planned?;
                (changes, Planned::Module(cid, names, bytes, module))
            }
            Change::Blueprint(author, blueprint) => {
                let changes = services.modules.plan_blueprint(&author, &blueprint);
                (changes, Planned::Blueprint(author, blueprint))
            }
            Change::Worker {
                author,
                deal,
                cu_ids,
            } => {
                let (may_operate, entropy) = (host.may_operate(&author), &mut self.entropy);
                let seed = || entropy.bytes();
                let worker = host
                    .workers
                    .design(author, may_operate, &deal, cu_ids, seed)?;
                self.cores.acquire(&worker.cu_ids)?;
                (worker.creation(), Planned::Worker(worker, deal))
            }
            Change::RemoveWorker { author, name } => {
                let may_operate = host.may_operate(&author);
                let (id, worker) = host.workers.removable(author, may_operate, &name)?;
                let mut changes = Batch::new();
                let ids = services.ids_of_scope(&id);
                for service in &ids {
                    services.plan_removal(host.peer_id, service, &mut changes)?;
                }
                Worker::removal(&id, &mut changes);
                let units = worker.cu_ids.clone();
                (changes, Planned::RemoveWorker(id, ids, units))
            }
            Change::Switch {
                author,
                deal,
                active,
            } => {
                let may_operate = host.may_operate(&author);
                let worker = host.workers.switched(may_operate, &deal, active)?;
                (worker.update(), Planned::Switch(worker))
            }
            Change::Spell {
                filled,
                is_new,
                now_ms,
            } => {
                let (mut changes, mut named) = (Batch::new(), None);
                if is_new {
                    changes = services.plan_record(&filled.id);
                }
                if let Some(alias) = &filled.alias {
                    // The alias's own changes have the record as well, with the alias.
                    let planned = services.plan_alias(filled.scope, alias, &filled.id);
                    let planned = planned.map_err(spells::Error::from)?;
                    changes = planned.0;
                    named = Some(planned.1);
                }
                Spells::plan(&filled.id, &filled.config, &mut changes);
                (changes, Planned::Spell(filled, is_new, named, now_ms))
            }
            Change::Version(name, version) => (Installer::plan(&name, &version), Planned::Version),
        })
    }

    /// Makes a change that is kept; gives the reply of the function that wanted it.
    fn apply(&mut self, planned: Planned) -> Reply {
        match planned {
            Planned::Record(id) => {
                self.services.record_kept(&id);
                id.into()
            }
            Planned::Alias(named) => {
                self.services.name(named);
                Reply::unit()
            }
            Planned::Remove(id, begun) => {
                self.spells.unsubscribe(&id);
                if self.services.remove(&id) {
                    let meters = &mut self.tally.meters;
                    meters.removed += 1;
                    if let (Some(begun), Some(end)) = (begun, self.services.now()) {
                        meters.removal.milliseconds(end.since(begun));
                    }
                }
                Reply::unit()
            }
            Planned::Module(cid, names, bytes, module) => {
                let bytes = (!self.disk.exists()).then_some(bytes);
                self.services.modules.add(&cid, names, bytes, module);
                cid.into()
            }
            Planned::Blueprint(author, blueprint) => {
                let modules = &mut self.services.modules;
                modules.add_blueprint(&author, blueprint).into()
            }
            Planned::Worker(worker, deal) => {
                let id = worker.key.peer_id();
                self.host_mut().workers.insert(worker);
                log::info!(target: "worker", "worker {id} for deal {deal}");
                id.to_string().into()
            }
            Planned::RemoveWorker(id, services, units) => {
                for service in &services {
                    self.spells.unsubscribe(service);
                    self.tally.meters.removed += u64::from(self.services.remove(service));
                }
                self.vaults.forget(&id);
                self.cores.release(&units);
                self.host_mut().workers.remove(&id);
                log::info!(target: "worker", "worker {id} is removed");
                Reply::unit()
            }
            Planned::Switch(worker) => {
                self.host_mut().workers.insert(worker);
                Reply::unit()
            }
            Planned::Spell(filled, is_new, named, now_ms) => {
                let id = filled.id;
                self.spells
                    .subscribe(&mut self.tally, now_ms, &id, filled.config);
                if let Some(named) = named {
                    self.services.name(named);
                }
                match is_new {
                    true => {
                        self.services.record_kept(&id);
                        id.into()
                    }
                    false => Reply::unit(),
                }
            }
            Planned::Version => Reply::unit(),
        }
    }

    /// Takes back what the check of a change has taken; gives the error in the words of its room.
    fn undo(&mut self, planned: Planned, error: state::Error) -> Error {
        match planned {
            Planned::Worker(worker, _) => {
                self.cores.release(&worker.cu_ids);
                Error::Workers(error.into())
            }
            Planned::RemoveWorker(..) | Planned::Switch(_) => Error::Workers(error.into()),
            _ => Error::Services(error.into()),
        }
    }

    /// Does what follows a change that was made or was not.
    pub(super) fn changed(
        &mut self,
        clock: Clock,
        then: Then,
        result: Result<Reply, Error>,
    ) -> Result<Reply, CallError> {
        match then {
            Then::Answer => Ok(result?),
            Then::Created { id, begun } => {
                let is_good = result.is_ok();
                self.services
                    .created(&mut self.tally, &id, begun, clock.now, is_good);
                if !is_good {
                    // What it may have left on the store goes with it.
                    let _ = self.change(clock, Change::Remove(id), Then::Answer);
                }
                Ok(result?)
            }
            Then::Spell { id, scope, begun } => match result {
                Ok(reply) => {
                    if let Some(begun) = begun {
                        self.services
                            .created(&mut self.tally, &id, begun, clock.now, true);
                    }
                    log::info!(target: "spell", "spell {id} on {scope}");
                    Ok(reply)
                }
                Err(error) => {
                    self.spell_failed(clock, &id, begun);
                    Err(match error {
                        Error::Services(error) => spells::Error::from(error).into(),
                        error => error.into(),
                    })
                }
            },
            Then::Activated { deal, until } => {
                let reply = result?;
                let worker = self.host.workers.serving(&deal).map(|(id, _)| id)?;
                let spell = self.services.alias(&worker, "worker-spell").cloned();
                match spell {
                    Some(spell) => self.configure_spell(clock, until, &spell, Config::of_worker()),
                    None => Ok(reply),
                }
            }
            Then::Deactivated { deal, until } => {
                let reply = result?;
                let worker = self.host.workers.serving(&deal).map(|(id, _)| id)?;
                for spell in self.services.spells_of(&worker) {
                    self.spells.unsubscribe(&spell);
                    // What the spell itself stores follows. It does not run any more in any case.
                    let begun = self.configure_spell(clock, until, &spell, Config::default());
                    if let Err(error) = begun {
                        let why = error.message();
                        log::warn!(target: "spell", "{spell} keeps its configuration: {why}");
                    }
                }
                Ok(reply)
            }
        }
    }
}
