//! A service that runs, on its way between the node and a compute core.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::time::Instant;
use basalt_wasm_host::host::{HttpRequest, HttpResponse};
use basalt_wasm_host::logger::Level;
use basalt_wasm_host::vfs::{Quota, Tree};
use basalt_wasm_host::{
    Budget, CallParameters, Host, Limits, MemoryPool, Module, ModuleConfig, ParkedService, Service,
    ServiceConfig, Vfs, Volume, Wasmi, mounted,
};
use serde_json::Value;
use spin::Mutex;

use super::error::Error;
use super::files::{self, Recorder, Unreadable};
use super::names::{self, Linkable};
use crate::compute::{Pauser, Platform};
use crate::quoted::Quoted;
use crate::refusal::Refusal;
use crate::web::Web;

/// Numbers of a service's volumes, as its guests see them.
const SCRATCH: u64 = 1;
const STORAGE: u64 = 2;

/// A sleep for which a core is not given back.
const SHORT: Duration = Duration::from_millis(2);

/// The bytes of a module's file, wherever they are.
pub(crate) type File = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A module to be put into a service.
pub(super) enum Part {
    /// It is loaded.
    Loaded(Module),
    /// It has to be loaded from its file.
    File(File),
}

/// A module of a service that is to be made.
pub(super) struct Ingredient {
    pub(super) cid: String,
    /// Names that it may have, the best first.
    pub(super) names: Vec<String>,
    pub(super) part: Part,
}

/// Everything that a service is made of.
pub(super) struct Maker {
    pub(super) platform: Arc<dyn Platform>,
    pub(super) engine: Wasmi,
    pub(super) id: String,
    /// Its modules, the facade last.
    pub(super) modules: Vec<Ingredient>,
    /// Whether nobody knows any more what its modules were called.
    pub(super) has_lost_names: bool,
    /// Programs that modules may use, by CID.
    pub(super) binaries: BTreeMap<String, Vec<String>>,
    /// Records of its files.
    pub(super) files: Vec<Vec<u8>>,
    /// What its files may hold.
    pub(super) quota: Quota,
    pub(super) vault: Volume,
    /// Bytes of memory of all modules.
    pub(super) memory: u64,
    /// Where its requests go.
    pub(super) web: Web,
    /// Memory of all services and their files.
    pub(super) pool: MemoryPool,
    /// When it must be ready.
    pub(super) until: Instant,
}

/// Modules that were loaded on the way, by CID.
pub(super) type Loaded = Vec<(String, Module)>;

/// What the job that a service is in waits by. Clones are the same place: the service's guests look
/// there when one of them has to wait.
#[derive(Clone, Default)]
struct InJob(Arc<Mutex<Option<Pauser>>>);

/// The end of what the guests of a service wrote to their standard error in the present job: the
/// text of a panic is there. Clones are the same place.
#[derive(Clone, Default)]
struct Wrote(Arc<Mutex<Vec<u8>>>);

impl Wrote {
    /// Bytes that are kept.
    const MAX: usize = 1024;

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock();
        kept.extend_from_slice(&bytes[bytes.len().saturating_sub(Self::MAX)..]);
        let over = kept.len().saturating_sub(Self::MAX);
        kept.drain(..over);
    }

    fn take(&self) -> String {
        let kept = core::mem::take(&mut *self.0.lock());
        String::from_utf8_lossy(&kept).trim().into()
    }
}

impl Maker {
    /// Loads what must be loaded and starts the service, in a job.
    pub(super) fn make(self, loaded: &mut Loaded, pauser: &Pauser) -> Result<Running, Error> {
        let mut parts = Vec::new();
        for Ingredient { cid, names, part } in self.modules {
            let module = match part {
                Part::Loaded(module) => module,
                Part::File(bytes) => {
                    let name = names.first().map_or("", String::as_str);
                    let module = Module::load(&self.engine, name, (*bytes).as_ref())
                        .map_err(Error::BadModule)?;
                    loaded.push((cid.clone(), module.clone()));
                    module
                }
            };
            parts.push((cid, names, module));
        }
        let linkable = parts.iter();
        let linkable = linkable.map(|(_, names, module)| Linkable::of(names, module));
        let names = names::settle(&linkable.collect::<Vec<_>>(), self.has_lost_names);
        let mut modules = Vec::new();
        for ((cid, _, module), name) in parts.into_iter().zip(names) {
            let config = config(&self.binaries, &cid, &name, &module)?;
            modules.push((config, module));
        }
        let tree = files::replay(&self.files, self.quota);
        let tree = tree.map_err(|why| match why {
            Unreadable::Damaged => Error::DamagedFiles,
            Unreadable::Later(version) => Error::LaterFiles(version),
        })?;
        let recorder = Recorder::default();
        let storage = Volume::durable(STORAGE, tree, Box::new(recorder.clone()));
        let scratch = Volume::scratch(SCRATCH, self.quota);
        for volume in [&scratch, &storage] {
            volume.with(|tree| tree.share(self.pool.clone()));
        }
        let vfs = Vfs::new(scratch)
            .mount("/storage", storage.clone())
            .mount("/tmp/vault", self.vault);
        let in_job = InJob::default();
        *in_job.0.lock() = Some(pauser.clone());
        let wrote = Wrote::default();
        let host = Outside {
            platform: self.platform.clone(),
            in_job: in_job.clone(),
            wrote: wrote.clone(),
            service: self.id.clone(),
            web: self.web,
        };
        let config = ServiceConfig {
            service_id: Some(self.id),
            limits: Limits {
                memory: self.memory,
                ..Limits::default()
            },
            pool: Some(self.pool),
            start_budget: budget(self.until),
            ..ServiceConfig::default()
        };
        let service = Service::new(&self.engine, config, &modules, vfs, Box::new(host))
            .map_err(|error| Error::guest(error, wrote.take()))?;
        Ok(Running {
            body: Some(Body::Awake(Box::new(service))),
            may_rest: true,
            memory: Vec::new(),
            platform: self.platform,
            recorder,
            storage,
            in_job,
            wrote,
        })
    }
}

/// Settings of a module: the logger when it asks for it, the programs that it may have, the
/// directories of section 3.2 of the Marine specification.
fn config(
    binaries: &BTreeMap<String, Vec<String>>,
    cid: &str,
    name: &str,
    module: &Module,
) -> Result<ModuleConfig, Error> {
    let mut config = ModuleConfig::new(name);
    config.logger_enabled = module.wants_logger();
    let effects = module.effects();
    if !effects.is_empty() {
        let allowed = binaries
            .get(cid)
            .ok_or_else(|| Error::ForbiddenEffector(name.into(), cid.into()))?;
        for binary in effects {
            if !allowed.iter().any(|name| name == binary) {
                return Err(Error::ForbiddenBinary(
                    name.into(),
                    cid.into(),
                    binary.into(),
                ));
            }
            let program = mounted::program(binary);
            config.mounted_binaries.insert(binary.into(), program);
        }
    }
    for (alias, path) in [
        ("/storage", "/storage".into()),
        ("/storage/module", format!("/storage/{name}")),
        ("/tmp", "/tmp".into()),
        ("/tmp/module", format!("/tmp/{name}")),
        ("/tmp/vault", "/tmp/vault".into()),
    ] {
        config.mapped_dirs.insert(alias.into(), path);
    }
    Ok(config)
}

/// The budget of a call that ends at a time: fuel is metered but not limited, time is what is
/// scarce.
fn budget(until: Instant) -> Budget {
    Budget {
        fuel: u64::MAX,
        deadline: Some(until.as_micros().saturating_mul(1000)),
    }
}

/// A service that is ready for calls, or rests between them.
enum Body {
    Awake(Box<Service>),
    Resting(Box<ParkedService>),
}

impl Body {
    fn is_resting(&self) -> bool {
        matches!(self, Body::Resting(_))
    }
}

/// A running service.
pub(crate) struct Running {
    /// There is one but for the moment of a change.
    body: Option<Body>,
    /// Whether it can rest; not all modules let it.
    may_rest: bool,
    /// Memory of each module when it was awake.
    memory: Vec<(String, u64)>,
    platform: Arc<dyn Platform>,
    recorder: Recorder,
    storage: Volume,
    in_job: InJob,
    wrote: Wrote,
}

/// What a call gave, and what it took.
pub(crate) struct Called {
    pub(crate) result: Result<String, Error>,
    pub(crate) time: Duration,
    /// Bytes of memory that came along.
    pub(crate) growth: u64,
}

impl Running {
    /// The service is in this job from now on.
    pub(super) fn enter(&mut self, pauser: &Pauser) {
        *self.in_job.0.lock() = Some(pauser.clone());
    }

    /// The job is over.
    pub(super) fn leave(&mut self) {
        *self.in_job.0.lock() = None;
    }

    /// Calls a function of the facade, until a time.
    pub(crate) fn call(
        &mut self,
        function: &str,
        args: &Value,
        parameters: CallParameters,
        until: Instant,
    ) -> Called {
        let start = self.platform.clock().now;
        if start >= until {
            return Called {
                result: Err(Error::Late),
                time: Duration::ZERO,
                growth: 0,
            };
        }
        let before = self.memory_bytes();
        let wrote = self.wrote.clone();
        // Of this call only.
        wrote.take();
        let result = self.wake().and_then(|service| {
            service
                .call_text(function, args, parameters, budget(until))
                .map_err(|error| Error::guest(error, wrote.take()))
        });
        Called {
            result,
            time: self.platform.clock().now.since(start),
            growth: self.memory_bytes().saturating_sub(before),
        }
    }

    /// The service, awake.
    fn wake(&mut self) -> Result<&mut Service, Error> {
        let used_up = || Error::Refused(Refusal::ServicesMemory);
        if let Some(Body::Resting(parked)) = self.body.take_if(|body| body.is_resting()) {
            match parked.wake() {
                Ok(service) => self.body = Some(Body::Awake(Box::new(service))),
                Err((parked, error)) => {
                    log::debug!(target: "service", "a service cannot be woken: {error}");
                    self.body = Some(Body::Resting(parked));
                }
            }
        }
        match &mut self.body {
            Some(Body::Awake(service)) => Ok(service),
            _ => Err(used_up()),
        }
    }

    /// Gives up its instances until it is called again; of their memory only what cannot be made
    /// again stays.
    pub(super) fn rest(&mut self) {
        self.memory = self.memory();
        if let Some(Body::Awake(service)) = self.body.take_if(|body| !body.is_resting()) {
            self.body = Some(match service.park() {
                Ok(parked) => Body::Resting(Box::new(parked)),
                Err(service) => {
                    self.may_rest = false;
                    Body::Awake(service)
                }
            });
        }
    }

    /// Whether it rests.
    pub(super) fn is_resting(&self) -> bool {
        self.body.as_ref().is_some_and(Body::is_resting)
    }

    /// Whether it can rest and does not.
    pub(super) fn may_rest(&self) -> bool {
        self.may_rest && !self.is_resting()
    }

    /// Time now, on the core that it runs on.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.platform.clock().wall_ms
    }

    /// Memory of each module, while it rests as it was before.
    pub(crate) fn memory(&self) -> Vec<(String, u64)> {
        let Some(Body::Awake(service)) = &self.body else {
            return self.memory.clone();
        };
        let modules = service.memory_stats().into_iter();
        modules.map(|module| (module.name, module.bytes)).collect()
    }

    /// Bytes of memory of all modules.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory().iter().map(|(_, bytes)| bytes).sum()
    }

    /// Changes of its files since the last time, as records.
    pub(super) fn changes(&self) -> Vec<Vec<u8>> {
        self.recorder.take()
    }

    /// All its files as records.
    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        self.storage.with(|tree| files::snapshot(tree))
    }

    /// Bytes of all its files.
    pub(super) fn file_bytes(&self) -> u64 {
        self.storage.with(|tree: &mut Tree| tree.used_bytes())
    }
}

/// The outside as a service sees it.
struct Outside {
    platform: Arc<dyn Platform>,
    in_job: InJob,
    wrote: Wrote,
    service: String,
    web: Web,
}

impl Host for Outside {
    fn now(&mut self) -> u64 {
        self.platform.clock().wall_ms.saturating_mul(1_000_000)
    }

    fn monotonic(&mut self) -> u64 {
        let now = self.platform.clock().now;
        now.as_micros().saturating_mul(1000)
    }

    fn random(&mut self, buffer: &mut [u8]) {
        self.platform.random(buffer);
    }

    fn sleep(&mut self, nanoseconds: u64) {
        let until = self.platform.clock().now + Duration::from_nanos(nanoseconds);
        // The lock must not be held while the job waits.
        let pauser = self.in_job.0.lock().clone();
        // The core serves others meanwhile. With too many that wait, or for less than it takes to
        // change to another, it is held.
        while let Some(pauser) = pauser.as_ref().filter(|pauser| pauser.has_room()) {
            if until.since(self.platform.clock().now) < SHORT {
                break;
            }
            pauser.pause(&*self.platform, until);
        }
        let left = until.since(self.platform.clock().now);
        if !left.is_zero() {
            self.platform.sleep(left);
        }
    }

    fn log(&mut self, module: &str, level: Level, message: &str) {
        let level = match level {
            Level::Error => log::Level::Error,
            Level::Warn => log::Level::Warn,
            Level::Info => log::Level::Info,
            Level::Debug => log::Level::Debug,
            Level::Trace => log::Level::Trace,
        };
        log::log!(target: "service", level, "{} {module}: {}", self.service, Quoted(message));
    }

    fn output(&mut self, module: &str, stream: u32, bytes: &[u8]) {
        const STANDARD_ERROR: u32 = 2;
        if stream == STANDARD_ERROR {
            self.wrote.add(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        log::debug!(target: "service", "{} {module}: {}", self.service, Quoted(&text));
    }

    fn http(
        &mut self,
        request: &HttpRequest,
        deadline: Option<u64>,
    ) -> Result<HttpResponse, String> {
        let deadline = deadline.map(Duration::from_nanos);
        // The lock must not be held while the job waits.
        let pauser = self.in_job.0.lock().clone();
        let pauser = pauser.ok_or("the service is in no job")?;
        self.web.fetch(&*self.platform, &pauser, request, deadline)
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use core::task::Waker;

    use super::*;
    use crate::compute::Pause;
    use crate::host::Clock;
    use crate::web::WebLimits;

    /// A clock that only waiting moves, in microseconds, and how long the core was held.
    #[derive(Default)]
    struct Clockwork {
        now: AtomicU64,
        held: AtomicU64,
    }

    impl Platform for Clockwork {
        fn clock(&self) -> Clock {
            let us = self.now.load(Ordering::Relaxed);
            Clock {
                now: Instant::from_millis(0) + Duration::from_micros(us),
                wall_ms: us / 1000,
            }
        }

        fn random(&self, _: &mut [u8]) {}

        fn sleep(&self, duration: Duration) {
            let us = duration.as_micros() as u64;
            self.now.fetch_add(us, Ordering::Relaxed);
            self.held.fetch_add(us, Ordering::Relaxed);
        }
    }

    /// A core that takes the job back half-way at first.
    struct Core {
        clock: Arc<Clockwork>,
        has_room: bool,
    }

    impl Pause for Core {
        fn has_room(&self) -> bool {
            self.has_room
        }

        fn waker(&self) -> Waker {
            Waker::noop().clone()
        }

        fn pause(&self, until: Instant) {
            let now = self.clock.now.load(Ordering::Relaxed);
            let left = until.as_micros() - now;
            self.clock
                .now
                .fetch_add(left.div_ceil(2), Ordering::Relaxed);
        }
    }

    /// Microseconds that pass, and for which the core is held, in a sleep of so many.
    fn slept(us: u64, has_room: bool) -> (u64, u64) {
        let clock = Arc::new(Clockwork::default());
        let core = Core {
            clock: clock.clone(),
            has_room,
        };
        let pauser = Pauser::new(Arc::new(core), Arc::new(AtomicUsize::new(0)));
        let in_job = InJob::default();
        *in_job.0.lock() = Some(pauser);
        let mut outside = Outside {
            platform: clock.clone(),
            in_job,
            wrote: Wrote::default(),
            service: String::new(),
            web: Web::new(WebLimits::default()),
        };
        outside.sleep(us * 1000);
        let at = |moment: &AtomicU64| moment.load(Ordering::Relaxed);
        (at(&clock.now), at(&clock.held))
    }

    #[test]
    fn a_sleep_gives_the_core_back_while_others_may_wait() {
        let (passed, held) = slept(5_000_000, true);
        assert!(passed == 5_000_000 && held < 2_000, "{passed} {held}");
        assert_eq!(slept(5_000_000, false), (5_000_000, 5_000_000));
        assert_eq!(slept(300, true), (300, 300));
    }

    #[test]
    fn of_what_guests_write_the_end_is_kept() {
        let wrote = Wrote::default();
        wrote.add(&[b'x'; 5000]);
        wrote.add(b" the end\n");
        let text = wrote.take();
        assert!(text.len() <= Wrote::MAX && text.ends_with("x the end"));
        assert_eq!(wrote.take(), "");
    }
}
