//! Jobs for services: starting them, calling them, keeping what they changed.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::vfs::Quota;
use basalt_wasm_host::{CallParameters, Module};

use super::running::{File, Loaded, Maker, Part, Running};
use super::{Blueprint, Entry, Error, Kind, Record, file_key, file_prefix};
use crate::builtins::{Call, CallError, Later, Reply};
use crate::compute::{Job, JobId};
use crate::host::Clock;
use crate::refusal::Refusal;
use crate::state::{Changes, Room};
use crate::world::World;

/// Records of files that are always allowed to gather before all files are written at once, in bytes.
const MIN_FILE_LOG: u64 = 1 << 20;

/// Memory that must be left for a new service, in bytes: what modules of the Marine SDK ask for at least.
const LEAST_MEMORY: u64 = 2 << 20;

/// Where a service is.
pub(super) enum Seat {
    /// Not started.
    Cold,
    /// At home: a call can have it.
    Home(Box<Running>),
    /// On a core.
    Away,
}

/// What a job gets to work with.
pub(super) enum Source {
    Ready(Box<Running>),
    Make(Box<Maker>),
    Failed(Error),
}

/// What a job brings back.
struct Back<T> {
    running: Option<Box<Running>>,
    loaded: Loaded,
    /// How long it waited for its service and its core.
    waited: Duration,
    value: Result<T, Error>,
}

/// A job that waits for its service.
pub(super) struct Waiting {
    launch: Box<dyn FnOnce(Source) -> Job>,
    until: Instant,
}

impl Waiting {
    /// Lets the job fail.
    pub(super) fn fail(self, world: &mut World, error: Error) {
        world.submit((self.launch)(Source::Failed(error)));
    }
}

impl World {
    /// Lets a service do some work on its core as soon as it is its turn, not after `until`; `then` makes the answer.
    ///
    /// # Errors
    /// Too much waits, there is no such service or no compute core.
    pub(crate) fn with_service<T: Send + 'static>(
        &mut self,
        id: &str,
        until: Instant,
        work: impl FnOnce(&mut Running) -> T + Send + 'static,
        then: impl FnOnce(&mut World, Clock, Result<T, Error>) -> Result<Reply, CallError> + 'static,
    ) -> Result<JobId, Error> {
        let platform = self.platform.clone().ok_or(Error::NoCompute)?;
        if !self.has_room() {
            return Err(self.refuse(Refusal::JobsFull));
        }
        let host = self.host().peer_id;
        let missing = || Error::NotFound(id.to_string(), host);
        let entry = self.services.get(id).ok_or_else(missing)?;
        let (scope, core) = (entry.record.scope, entry.core);
        if entry.waiting.len() >= self.limits.max_service_queue {
            return Err(self.refuse(Refusal::ServiceQueueFull));
        }
        if scope != host && self.services.jobs_of(&scope) >= self.limits.worker_jobs {
            return Err(self.refuse(Refusal::WorkerJobsFull));
        }
        let ticket = self.ticket();
        let entry = self.services.get_mut(id).ok_or_else(missing)?;
        let (platform, asked) = (platform.clone(), platform.clock().now);
        let launch = Box::new(move |source| {
            Job::new(ticket, core, move |pauser| -> Back<T> {
                let waited = platform.clock().now.since(asked);
                let mut loaded = Loaded::new();
                let running = match source {
                    Source::Ready(running) => Ok(running),
                    Source::Make(maker) => maker.make(&mut loaded, pauser).map(Box::new),
                    Source::Failed(error) => Err(error),
                };
                let (running, value) = match running {
                    Ok(mut running) => {
                        running.enter(pauser);
                        let value = work(&mut running);
                        running.leave();
                        (Some(running), Ok(value))
                    }
                    Err(error) => (None, Err(error)),
                };
                Back {
                    running,
                    loaded,
                    waited,
                    value,
                }
            })
        });
        entry.waiting.push_back(Waiting { launch, until });
        let name = id.to_string();
        self.services.job_begins(scope);
        self.expect(ticket, move |world, clock, back: Back<T>| {
            world.services.job_ends(&scope);
            world.meters.lock_wait.time(back.waited);
            let kept = world.take_back(clock.now, &name, back.running, back.loaded);
            world.advance(&name);
            then(world, clock, kept.and(back.value))
        });
        self.advance(id);
        Ok(ticket)
    }

    /// Starts the next job of a service that is not on a core.
    fn advance(&mut self, id: &str) {
        let Some(entry) = self.services.get_mut(id) else {
            return;
        };
        if matches!(entry.seat, Seat::Away) {
            return;
        }
        let Some(waiting) = entry.waiting.pop_front() else {
            return;
        };
        self.services.leaves(id);
        let Some(entry) = self.services.get_mut(id) else {
            return;
        };
        let source = match core::mem::replace(&mut entry.seat, Seat::Away) {
            Seat::Home(running) => Source::Ready(running),
            _ => match self.maker(id, waiting.until) {
                Ok(maker) => Source::Make(Box::new(maker)),
                Err(error) => Source::Failed(error),
            },
        };
        self.submit((waiting.launch)(source));
    }

    /// Everything that a service is made of.
    fn maker(&mut self, id: &str, until: Instant) -> Result<Maker, Error> {
        let platform = self.platform.clone().ok_or(Error::NoCompute)?;
        let missing = || Error::NotFound(id.to_string(), self.host().peer_id);
        let record = self.services.get(id).ok_or_else(missing)?.record.clone();
        let modules = &self.services.modules;
        let blueprint = modules.blueprint(&record.blueprint)?;
        let mut parts = Vec::with_capacity(blueprint.dependencies.len());
        for cid in &blueprint.dependencies {
            let (name, part) = modules.part(self.state.as_mut(), cid)?;
            parts.push((cid.clone(), name, part));
        }
        let files = match &mut self.state {
            Some(state) => state.records(Room::Files, &file_prefix(id))?,
            None => Vec::new(),
        };
        Ok(Maker {
            platform,
            engine: modules.engine.clone(),
            id: record.id,
            modules: parts,
            binaries: self.limits.binaries.clone(),
            files: files.into_iter().map(|(_, record)| record).collect(),
            quota: Quota {
                bytes: self.limits.service_files,
                ..Quota::default()
            },
            vault: self.vaults.volume(&record.scope),
            memory: self.limits.service_memory,
            pool: self.memory.clone(),
            web: self.web.clone(),
            until,
        })
    }

    /// Puts a service back in its place and keeps what it changed. When that fails the service is cold again.
    fn take_back(
        &mut self,
        now: Instant,
        id: &str,
        running: Option<Box<Running>>,
        loaded: Loaded,
    ) -> Result<(), Error> {
        for (cid, module) in loaded {
            self.services.modules.loaded(&cid, module);
        }
        let Some(entry) = self.services.get_mut(id) else {
            // Removed meanwhile.
            return Ok(());
        };
        entry.seat = Seat::Cold;
        let Some(running) = running else {
            return Ok(());
        };
        if let Some(state) = &mut self.state {
            let mut changes = Changes::new();
            let (mut next, mut bytes) = (entry.next_file, entry.file_log);
            for record in running.changes() {
                bytes += record.len() as u64;
                changes.put(Room::Files, file_key(id, next), record);
                next += 1;
            }
            if bytes > MIN_FILE_LOG + 2 * running.file_bytes() {
                changes = Changes::new();
                for key in state.keys(Room::Files, &file_prefix(id)) {
                    changes.delete(Room::Files, key);
                }
                for record in running.files() {
                    changes.put(Room::Files, file_key(id, next), record);
                    next += 1;
                }
                bytes = 0;
            }
            if let Err(error) = state.commit(changes) {
                log::error!(target: "service", "{id}: what a call changed is not kept: {error}");
                return Err(error.into());
            }
            (entry.next_file, entry.file_log) = (next, bytes);
        }
        entry.memory = running.memory();
        entry.seat = Seat::Home(running);
        self.services.returns(id, now);
        Ok(())
    }

    /// Makes a service of a blueprint and lets it do its first work; `then` gets its id.
    ///
    /// # Errors
    /// No such blueprint, no room, no compute core.
    pub(crate) fn create_service<T: Send + 'static>(
        &mut self,
        record: Record,
        until: Instant,
        work: impl FnOnce(&mut Running) -> Result<T, Error> + Send + 'static,
        then: impl FnOnce(&mut World, Clock, Result<T, Error>) -> Result<Reply, CallError> + 'static,
    ) -> Result<JobId, Error> {
        let modules = self.services.modules.blueprint(&record.blueprint)?;
        let modules = modules.dependencies.len();
        if self.services.len() >= self.limits.max_services {
            return Err(self.refuse(Refusal::ServicesFull));
        }
        if self.memory.left() < LEAST_MEMORY {
            return Err(self.refuse(Refusal::ServicesMemory));
        }
        let begin = self.now();
        let id = record.id.clone();
        let core = self.core_of(&record.scope, &id);
        self.services.insert(Entry::new(record, core));
        let name = id.clone();
        let started = self.with_service(&id, until, work, move |world, clock, value| {
            let kept = value.and_then(|inner| inner).and_then(|value| {
                let mut changes = Changes::new();
                if let Some(entry) = world.services.get_mut(&name) {
                    entry.keep(&mut changes);
                    entry.kept = true;
                }
                world.keep(changes)?;
                Ok(value)
            });
            let memory = world.limits.service_memory;
            let meters = &mut world.meters;
            if let Some(begin) = begin {
                meters.creation.milliseconds(clock.now.since(begin));
            }
            match &kept {
                Ok(_) => {
                    meters.created += 1;
                    meters.modules.observe(modules as f64);
                    meters.memory_max.observe(memory as f64);
                }
                Err(_) => meters.creation_failures += 1,
            }
            if kept.is_err() {
                // What it may have left on the store goes with it.
                let _ = world.remove_service(&name);
            }
            then(world, clock, kept)
        });
        if started.is_err() {
            let _ = self.remove_service(&id);
        }
        started
    }

    /// Counts that a budget is used up.
    fn refuse(&mut self, reason: Refusal) -> Error {
        self.count(reason);
        Error::Refused(reason)
    }

    /// A record for a new service in a scope.
    pub(crate) fn new_record(
        &mut self,
        kind: Kind,
        blueprint: &str,
        owner: PeerId,
        scope: PeerId,
    ) -> Record {
        Record {
            id: self.entropy.uuid(),
            kind,
            blueprint: blueprint.to_string(),
            owner,
            scope,
        }
    }

    /// What a service learns about a call of a script.
    fn parameters(&self, call: &Call<'_>, record: &Record) -> CallParameters {
        let tetraplets = call.request.tetraplets().map(|list| {
            let list = list.map(|origin| basalt_wasm_host::SecurityTetraplet {
                peer_pk: origin.peer_pk.into(),
                service_id: origin.service_id.into(),
                function_name: origin.function_name.into(),
                lens: origin.lens.into(),
            });
            list.collect()
        });
        CallParameters {
            particle: basalt_wasm_host::ParticleParameters {
                id: call.particle.id.clone(),
                init_peer_id: call.particle.init_peer_id.to_string(),
                timestamp: call.particle.timestamp,
                ttl: call.particle.ttl,
                script: call.particle.script.clone(),
                signature: call.particle.signature.clone(),
                token: self.host().token(call.particle),
            },
            service_id: record.id.clone(),
            service_creator_peer_id: record.owner.to_string(),
            host_id: self.host().peer_id.to_string(),
            worker_id: record.scope.to_string(),
            tetraplets: tetraplets.collect(),
        }
    }

    /// A call of a service by a script.
    ///
    /// # Errors
    /// Too much waits.
    pub(crate) fn call_service(&mut self, call: &Call<'_>, id: &str) -> Result<Reply, CallError> {
        let missing = || Error::NotFound(id.to_string(), call.scope);
        let record = self.services.get(id).ok_or_else(missing)?.record.clone();
        self.vaults
            .enter(&call.scope, call.particle, &self.host.token(call.particle));
        let parameters = self.parameters(call, &record);
        let until = self.until(call);
        let function = String::from(call.request.function_name());
        let arguments = String::from(call.request.arguments());
        let name = function.clone();
        let work = move |running: &mut Running| {
            // Arguments of a request are JSON: the interpreter wrote them.
            let arguments = serde_json::from_str(&arguments).unwrap_or_default();
            let called = running.call(&function, &arguments, parameters, until);
            (called, running.wall_ms())
        };
        let started = self.with_service(id, until, work, move |world, _, value| {
            let (called, timestamp) = value?;
            world.meters.service_call.time(called.time);
            world.meters.service_call_msec.milliseconds(called.time);
            let missing = matches!(
                called.result,
                Err(Error::Wasm(basalt_wasm_host::Error::MissingFunction(_)))
            );
            if let Some(entry) = world.services.get_mut(&record.id) {
                let meters = &mut world.meters;
                for (_, bytes) in &entry.memory {
                    meters.module_memory.observe(*bytes as f64);
                }
                let sum: u64 = entry.memory.iter().map(|(_, bytes)| bytes).sum();
                meters.memory.observe(sum as f64);
                entry.stats.add(
                    (!missing).then_some(name.as_str()),
                    called.result.is_err(),
                    called.growth,
                    called.time,
                    timestamp / 1000,
                );
            }
            world.calls.add(called.result.is_ok(), called.time);
            if let Some(reason) = called.result.as_ref().err().and_then(Error::refusal) {
                world.count(reason);
            }
            Ok(Reply::Json(called.result?))
        });
        Ok(Reply::Later(Later::Job(started?)))
    }

    /// When work for a call must be done: with its particle's life, and not later than a service may take.
    pub(crate) fn until(&self, call: &Call<'_>) -> Instant {
        let life = call.particle.deadline().saturating_sub(call.clock.wall_ms);
        let life = life.min(self.limits.max_call_ms);
        call.clock.now + core::time::Duration::from_millis(life)
    }

    /// Checks and keeps a module's file; the answer is its CID.
    ///
    /// # Errors
    /// Too much waits, or there are no compute cores.
    pub(crate) fn add_module(&mut self, name: String, bytes: Vec<u8>) -> Result<Reply, CallError> {
        if self.platform.is_none() {
            return Err(Error::NoCompute.into());
        }
        if !self.has_room() {
            return Err(self.refuse(Refusal::JobsFull).into());
        }
        if self.services.modules.len() >= self.limits.max_modules {
            return Err(self.refuse(Refusal::ModulesFull).into());
        }
        let engine = self.services.modules.engine.clone();
        let bytes: File = Arc::new(bytes);
        let (file, title) = (bytes.clone(), name.clone());
        let work = move || {
            let module =
                Module::load(&engine, &title, (*file).as_ref()).map_err(Error::BadModule)?;
            Ok((basalt_distro::cid::of_file((*file).as_ref()), module))
        };
        let core = self.host_core();
        let ticket = self.start(core, work, move |world, _, loaded: Result<_, Error>| {
            let (cid, module) = loaded?;
            let modules = &mut world.services.modules;
            modules.add(world.state.as_mut(), &cid, &name, bytes, module)?;
            Ok(cid.into())
        });
        Ok(Reply::Later(Later::Job(ticket)))
    }

    /// The interface of a module.
    ///
    /// # Errors
    /// No such module, too much waits, no compute core.
    pub(crate) fn module_interface(&mut self, cid: &str) -> Result<Reply, CallError> {
        let modules = &self.services.modules;
        let (name, part) = modules.part(self.state.as_mut(), cid)?;
        let text = |module: &Module| {
            Reply::Json(basalt_wasm_host::interface::Description::of(module.interface()).to_text())
        };
        let bytes = match part {
            Part::Loaded(module) => return Ok(text(&module)),
            Part::File(bytes) => bytes,
        };
        if self.platform.is_none() {
            return Err(Error::NoCompute.into());
        }
        if !self.has_room() {
            return Err(self.refuse(Refusal::JobsFull).into());
        }
        let engine = modules.engine.clone();
        let core = self.host_core();
        let cid = cid.to_string();
        let work =
            move || Module::load(&engine, &name, (*bytes).as_ref()).map_err(Error::BadModule);
        let ticket = self.start(
            core,
            work,
            move |world, _, module: Result<Module, Error>| {
                let module = module?;
                let reply = text(&module);
                world.services.modules.loaded(&cid, module);
                Ok(reply)
            },
        );
        Ok(Reply::Later(Later::Job(ticket)))
    }

    /// Keeps a blueprint; gives its id.
    ///
    /// # Errors
    /// The store refuses.
    pub(crate) fn add_blueprint(&mut self, blueprint: Blueprint) -> Result<String, Error> {
        let modules = &mut self.services.modules;
        modules.add_blueprint(self.state.as_mut(), blueprint)
    }
}
