//! Calls of services by scripts, new services, uploads of modules.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::interface::Description;
use basalt_wasm_host::{CallParameters, Module};

use super::entry::Entry;
use super::error::Error;
use super::jobs::refused;
use super::record::{Kind, Record};
use super::room::Services;
use super::running::{Called as Outcome, File, Part, Running};
use crate::call::Call;
use crate::compute::{JobId, Receipt};
use crate::disk::Disk;
use crate::refusal::Refusal;
use crate::reply::{CallError, Reply};
use crate::state;
use crate::tally::Tally;

/// Memory that must be left for a new service, in bytes: what modules of the Marine SDK ask for at
/// least.
const LEAST_MEMORY: u64 = 2 << 20;

/// A call of a service that is under way.
pub(crate) struct Called {
    service: String,
    function: String,
    /// What it gave, and the wall clock on its core.
    outcome: Receipt<(Outcome, u64)>,
}

/// A module that is being loaded.
pub(crate) enum Loading {
    /// An author uploaded it under a name.
    Uploaded {
        author: PeerId,
        name: String,
        bytes: File,
        loaded: Receipt<Result<(String, Module), Error>>,
    },
    /// It is known, and somebody asks for its interface: its file is read.
    Read { cid: String },
    /// The same: it is loaded.
    Interface {
        cid: String,
        loaded: Receipt<Result<Module, Error>>,
    },
}

impl Services {
    /// Begins a call of a service by a script.
    ///
    /// # Errors
    /// Too much waits, or there is no such service.
    pub(crate) fn call(
        &mut self,
        tally: &mut Tally,
        call: &Call<'_>,
        id: &str,
        token: String,
    ) -> Result<(JobId, Called), Error> {
        let missing = || Error::NotFound(id.to_string(), call.scope);
        let record = &self.entries.get(id).ok_or_else(missing)?.record;
        let mut parameters = parameters(call, record, token);
        // Shared while the call waits: many may, of one long script.
        let particle = call.particle.clone();
        let until = call.until(self.limits.max_call_ms);
        let function = String::from(call.request.function_name());
        let arguments = String::from(call.request.arguments());
        let name = function.clone();
        let work = move |running: &mut Running| {
            // Arguments of a request are JSON: the interpreter wrote them.
            let arguments = serde_json::from_str(&arguments).unwrap_or_default();
            parameters.particle.script.clone_from(&particle.script);
            let called = running.call(&name, &arguments, parameters, until);
            (called, running.wall_ms())
        };
        let (job, outcome) = self.ask(tally, &call.host.peer_id, id, until, work)?;
        let called = Called {
            service: id.to_string(),
            function,
            outcome,
        };
        Ok((job, called))
    }

    /// The answer to a call that is over, counted.
    pub(crate) fn called(
        &mut self,
        tally: &mut Tally,
        called: Called,
        over: Result<(), Error>,
    ) -> Result<Reply, CallError> {
        over?;
        let (outcome, timestamp) = called.outcome.take().ok_or(Error::Late)?;
        let meters = &mut tally.meters;
        meters.service_call.time(outcome.time);
        meters.service_call_msec.milliseconds(outcome.time);
        let missing = matches!(
            outcome.result,
            Err(Error::Wasm(basalt_wasm_host::Error::MissingFunction(_)))
        );
        if let Some(entry) = self.entries.get_mut(&called.service) {
            for (_, bytes) in &entry.memory {
                meters.module_memory.observe(*bytes as f64);
            }
            let sum: u64 = entry.memory.iter().map(|(_, bytes)| bytes).sum();
            meters.memory.observe(sum as f64);
            entry.stats.add(
                (!missing).then_some(called.function.as_str()),
                outcome.result.is_err(),
                outcome.growth,
                outcome.time,
                timestamp / 1000,
            );
        }
        self.calls.add(outcome.result.is_ok(), outcome.time);
        if let Some(reason) = outcome.result.as_ref().err().and_then(Error::refusal) {
            tally.refuse(reason);
        }
        Ok(Reply::Json(outcome.result?))
    }

    /// Makes a service of a blueprint and lets it do its first work. It is not listed before its
    /// record is kept ([`Services::record_kept`]).
    ///
    /// # Errors
    /// No such blueprint, no room, no compute core.
    pub(crate) fn create<T: Send + 'static>(
        &mut self,
        tally: &mut Tally,
        host: &PeerId,
        record: Record,
        core: usize,
        until: Instant,
        work: impl FnOnce(&mut Running) -> T + Send + 'static,
    ) -> Result<(JobId, Receipt<T>), Error> {
        self.modules.blueprint(&record.blueprint)?;
        if self.entries.len() >= self.limits.max_services {
            return Err(refused(tally, Refusal::ServicesFull));
        }
        if self.means.memory.left() < LEAST_MEMORY {
            return Err(refused(tally, Refusal::ServicesMemory));
        }
        let id = record.id.clone();
        self.entries.insert(id.clone(), Entry::new(record, core));
        let started = self.ask(tally, host, &id, until, work);
        if started.is_err() {
            self.remove(&id);
        }
        started
    }

    /// Counts a service that was made, or was not.
    pub(crate) fn created(
        &self,
        tally: &mut Tally,
        id: &str,
        begun: Option<Instant>,
        now: Instant,
        is_good: bool,
    ) {
        let meters = &mut tally.meters;
        if let Some(begun) = begun {
            meters.creation.milliseconds(now.since(begun));
        }
        if !is_good {
            meters.creation_failures += 1;
            return;
        }
        meters.created += 1;
        meters.memory_max.observe(self.limits.service_memory as f64);
        let blueprint = self.entries.get(id);
        let blueprint =
            blueprint.and_then(|entry| self.modules.blueprint(&entry.record.blueprint).ok());
        let modules = blueprint.map_or(0, |blueprint| blueprint.dependencies.len());
        meters.modules.observe(modules as f64);
    }

    /// A record for a new service.
    pub(crate) fn record(
        id: String,
        kind: Kind,
        blueprint: &str,
        owner: PeerId,
        scope: PeerId,
    ) -> Record {
        Record {
            id,
            kind,
            blueprint: blueprint.to_string(),
            owner,
            scope,
        }
    }

    /// Begins to check a module's file.
    ///
    /// # Errors
    /// Too much waits, or there are no compute cores.
    pub(crate) fn load_upload(
        &mut self,
        tally: &mut Tally,
        author: PeerId,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<(JobId, Loading), Error> {
        self.check_room(tally)?;
        if self.modules.len() >= self.limits.max_modules {
            return Err(refused(tally, Refusal::ModulesFull));
        }
        let engine = self.modules.engine.clone();
        let bytes: File = Arc::new(bytes);
        let (file, title) = (bytes.clone(), name.clone());
        let (id, loaded) = self.start(move || {
            let module =
                Module::load(&engine, &title, (*file).as_ref()).map_err(Error::BadModule)?;
            Ok((basalt_distro::cid::of_file((*file).as_ref()), module))
        });
        let loading = Loading::Uploaded {
            author,
            name,
            bytes,
            loaded,
        };
        Ok((id, loading))
    }

    fn check_room(&self, tally: &mut Tally) -> Result<(), Error> {
        if !self.can_run() {
            return Err(Error::NoCompute);
        }
        match self.queues.has_room() {
            true => Ok(()),
            false => Err(refused(tally, Refusal::JobsFull)),
        }
    }

    /// The interface of a module, now or as a job.
    ///
    /// # Errors
    /// No such module, too much waits, no compute core.
    pub(crate) fn interface(
        &mut self,
        tally: &mut Tally,
        disk: &mut Disk,
        cid: &str,
    ) -> Result<Result<Reply, (JobId, Loading)>, Error> {
        if let Some(wanted) = self.modules.wanted_module(cid)? {
            self.check_room(tally)?;
            if !disk.has_room() {
                return Err(refused(tally, Refusal::DiskJobsFull));
            }
            let id = self.ids.next();
            disk.read(id, alloc::vec![wanted]);
            return Ok(Err((id, Loading::Read { cid: cid.into() })));
        }
        self.interface_of(tally, cid, &[])
    }

    /// The interface of a module whose file was read for it.
    pub(crate) fn interface_read(
        &mut self,
        tally: &mut Tally,
        cid: &str,
        read: Result<Vec<Vec<state::Record>>, state::Error>,
    ) -> Result<Result<Reply, (JobId, Loading)>, Error> {
        self.interface_of(tally, cid, &read?)
    }

    fn interface_of(
        &mut self,
        tally: &mut Tally,
        cid: &str,
        read: &[Vec<state::Record>],
    ) -> Result<Result<Reply, (JobId, Loading)>, Error> {
        let bytes = match self.modules.part(cid, read)? {
            (_, Part::Loaded(module)) => return Ok(Ok(interface(&module))),
            (name, Part::File(bytes)) => (name, bytes),
        };
        self.check_room(tally)?;
        let engine = self.modules.engine.clone();
        let (name, bytes) = bytes;
        let (id, loaded) = self.start(move || {
            Module::load(&engine, &name, (*bytes).as_ref()).map_err(Error::BadModule)
        });
        let cid = cid.into();
        Ok(Err((id, Loading::Interface { cid, loaded })))
    }

    /// The interface of a module that was loaded for it.
    pub(crate) fn interface_loaded(
        &mut self,
        cid: &str,
        loaded: Receipt<Result<Module, Error>>,
    ) -> Result<Reply, Error> {
        let module = loaded.take().ok_or(Error::Late)??;
        let reply = interface(&module);
        self.modules.loaded(cid, module);
        Ok(reply)
    }
}

fn interface(module: &Module) -> Reply {
    Reply::Json(Description::of(module.interface()).to_text())
}

/// What a service learns about a call of a script, but for the script itself.
fn parameters(call: &Call<'_>, record: &Record, token: String) -> CallParameters {
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
            script: String::new(),
            signature: call.particle.signature.clone(),
            token,
        },
        service_id: record.id.clone(),
        service_creator_peer_id: record.owner.to_string(),
        host_id: call.host.peer_id.to_string(),
        worker_id: record.scope.to_string(),
        tetraplets: tetraplets.collect(),
    }
}
