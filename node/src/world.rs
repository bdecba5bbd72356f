//! What the built-in services work on beyond the call itself, and the jobs that they have under way.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::time::Duration;

use basalt_distro::Distro;
use basalt_net::particle::{Authored, Particle};
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::MemoryPool;

use crate::builtins::{CallError, Reply};
use crate::chain::{self, Chain};
use crate::compute::{Done, Job, JobId, Platform, Queues, Resources};
use crate::disk::{Disk, DiskDone, DiskJob};
use crate::entropy::Entropy;
use crate::host::{Clock, Host};
use crate::ipfs::Ipfs;
use crate::limits::ServiceLimits;
use crate::metrics::Meters;
use crate::outgoing::{Answer, Owner, Request};
use crate::refusal::{Refusal, Refusals, rarely};
use crate::services::{self, Services};
use crate::spells::Schedule;
use crate::state::{self, Changes, State};
use crate::system::Installer;
use crate::vault::Vaults;
use crate::web::{Reach, Web, WebLimits};
use crate::workers::{CoreMap, Workers};

/// What the owner of a node gives it beside sockets.
#[derive(Default)]
pub struct Parts {
    /// What outlives a reboot; `None`: nothing does.
    pub state: Option<State>,
    /// Cores and clocks for services; `None`: there are no services.
    pub compute: Option<Resources>,
    /// Services that come with the node; `None`: there are no spells and no system services.
    pub distro: Option<Distro>,
    /// The chain that deals are on; `None`: there are no deals.
    pub chain: Option<chain::Settings>,
}

/// What comes after a job: its value becomes the answer of the call that waits for it.
type Then =
    Box<dyn FnOnce(&mut World, Clock, Box<dyn Any + Send>) -> Option<Result<Reply, CallError>>>;

/// Calls of services so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Time on compute cores.
    pub time: Duration,
}

impl Calls {
    pub(crate) fn add(&mut self, succeeded: bool, time: Duration) {
        match succeeded {
            true => self.succeeded += 1,
            false => self.failed += 1,
        }
        self.time += time;
    }
}

/// Everything that lasts longer than a particle.
pub struct World {
    pub(crate) host: Rc<Host>,
    pub(crate) limits: ServiceLimits,
    pub(crate) state: Option<State>,
    pub(crate) platform: Option<Arc<dyn Platform>>,
    pub(crate) services: Services,
    pub(crate) vaults: Vaults,
    pub(crate) entropy: Entropy,
    pub(crate) calls: Calls,
    pub(crate) refusals: Refusals,
    pub(crate) meters: Meters,
    /// Memory of all services, of their files and of vaults.
    pub(crate) memory: MemoryPool,
    pub(crate) cores: CoreMap,
    pub(crate) schedule: Schedule,
    /// What spells are made of, if the node has it.
    pub(crate) spell_blueprint: Option<String>,
    pub(crate) spell_runs: u64,
    /// Particles of spells that the node has not taken in yet.
    pub(crate) particles: VecDeque<Particle>,
    pub(crate) installer: Installer,
    pub(crate) ipfs: Ipfs,
    pub(crate) chain: Option<Chain>,
    /// Requests of services.
    pub(crate) web: Web,
    /// Answers that came about otherwise than by a job.
    pub(crate) finished: VecDeque<(JobId, Result<Reply, CallError>)>,
    /// Whether everything that was kept came back.
    restored: bool,
    queues: Queues,
    disk: Disk,
    tasks: BTreeMap<JobId, Then>,
    next_ticket: u64,
}

impl World {
    /// The world of a host, with what its state has. `seed` is fresh entropy.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn new(
        host: Host,
        parts: Parts,
        limits: ServiceLimits,
        seed: [u8; 32],
    ) -> Result<World, services::Error> {
        let Parts {
            mut state,
            compute,
            distro,
            chain,
        } = parts;
        let mut world = World::without_parts(host, limits, seed);
        let chain = chain.map(|settings| Chain::new(settings, &mut state));
        world.chain = chain.transpose()?;
        if let Some(resources) = compute {
            if resources.cores == 0 {
                // The node cannot make a request while it runs the service that waits for it.
                world.web = Web::new(WebLimits {
                    reach: Reach::Nobody,
                    ..world.limits.web.clone()
                });
            }
            let limits = &world.limits;
            world.queues = Queues::new(resources.cores, limits.max_jobs);
            let cores = world.queues.cores();
            world.cores = CoreMap::new(
                cores,
                limits.host_cores,
                limits.share_cores,
                resources.homes,
            );
            world.platform = Some(resources.platform);
        }
        if let Some(mut state) = state {
            let workers = Workers::restore(&mut state)?;
            for worker in workers.ids().filter_map(|id| workers.get(id)) {
                if let Err(error) = world.cores.acquire(&worker.cu_ids) {
                    log::error!(target: "worker", "{}: {error}", worker.key.peer_id());
                }
            }
            world.host_mut().workers = workers;
            world.services = Services::restore(&mut state, |scope, id| world.core_of(scope, id))?;
            world.state = Some(state);
        }
        if let Some(distro) = distro {
            world.add_distro(distro);
        }
        Ok(world)
    }

    /// Begins what needs the time: subscriptions of before the reboot, system services.
    pub fn begin(&mut self, clock: Clock) {
        if let Err(error) = self.resubscribe(clock.wall_ms) {
            log::error!(target: "spell", "subscriptions are lost: {error}");
            self.restored = false;
        }
        self.install_next(clock);
    }

    /// This peer, to be changed; calls under way go on with what they know.
    pub(crate) fn host_mut(&mut self) -> &mut Host {
        Rc::make_mut(&mut self.host)
    }

    /// The world of a host that forgets everything at a reboot and runs no services. `seed` is fresh entropy.
    pub fn without_parts(host: Host, limits: ServiceLimits, seed: [u8; 32]) -> World {
        let memory = MemoryPool::new(limits.services_memory);
        World {
            host: Rc::new(host),
            state: None,
            platform: None,
            services: Services::default(),
            entropy: Entropy::new(seed),
            calls: Calls::default(),
            refusals: Refusals::default(),
            meters: Meters::default(),
            vaults: Vaults::new(limits.vault_bytes, memory.clone()),
            memory,
            cores: CoreMap::new(1, limits.host_cores, limits.share_cores, Vec::new()),
            schedule: Schedule::default(),
            spell_blueprint: None,
            spell_runs: 0,
            particles: VecDeque::new(),
            installer: Installer::default(),
            ipfs: Ipfs::default(),
            chain: None,
            web: Web::new(limits.web.clone()),
            finished: VecDeque::new(),
            restored: true,
            queues: Queues::new(0, limits.max_jobs),
            disk: Disk::new(None, limits.max_jobs),
            limits,
            tasks: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// This peer.
    pub fn host(&self) -> &Rc<Host> {
        &self.host
    }

    /// The services.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Calls of services so far.
    pub fn calls(&self) -> Calls {
        self.calls
    }

    /// Memory of all services, of their files and of vaults.
    pub fn memory(&self) -> &MemoryPool {
        &self.memory
    }

    /// Particles that have a vault, and the bytes in all vaults.
    pub fn vaults(&self) -> (usize, u64) {
        (self.vaults.len(), self.vaults.bytes())
    }

    /// Everything refused, by reason.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Monotonic time, where the machine has a clock for services.
    pub(crate) fn now(&self) -> Option<Instant> {
        Some(self.platform.as_ref()?.clock().now)
    }

    /// Counts something that was refused, and tells it, a flood of it ever more rarely.
    pub(crate) fn count(&mut self, reason: Refusal) {
        let times = self.refusals.count(reason);
        log::log!(target: "node", rarely(times), "refused: {reason} ({times} so far)");
    }

    /// Particles that spells made.
    pub fn spell_runs(&self) -> u64 {
        self.spell_runs
    }

    /// Spells that wait for something.
    pub fn scheduled_spells(&self) -> usize {
        self.schedule.len()
    }

    /// Whether everything that was kept came back.
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// Jobs that wait for a core.
    pub fn waiting_jobs(&self) -> usize {
        self.queues.waiting()
    }

    /// What outlives a reboot; `None`: nothing does.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The same, for others of this machine that keep something there.
    pub fn state_mut(&mut self) -> Option<&mut State> {
        self.state.as_mut()
    }

    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        let chain = self.chain.as_mut().and_then(Chain::next_request);
        let own = chain.or_else(|| self.ipfs.next_request());
        for _ in 0..self.web.take_refused() {
            self.count(Refusal::WebRefused);
        }
        own.or_else(|| self.web.next_request())
    }

    /// Takes the answer to a request.
    pub(crate) fn http_done(&mut self, now: Instant, owner: Owner, answer: Answer) {
        match owner {
            Owner::Chain(id) => self.chain_done(now, id, answer),
            Owner::Guest(id) => self.web.done(id, answer),
            Owner::Ipfs(id) => self.ipfs_done(id, answer),
        }
    }

    /// Makes changes of the state, if there is one.
    pub(crate) fn keep(&mut self, changes: Changes) -> Result<(), state::Error> {
        match &mut self.state {
            Some(state) => state.commit(changes),
            None => Ok(()),
        }
    }

    /// A step of housekeeping; true when there is more to do.
    pub(crate) fn maintain(&mut self) -> bool {
        let Some(state) = &mut self.state else {
            return false;
        };
        state.maintain().unwrap_or_else(|error| {
            log::error!(target: "state", "{error}");
            false
        })
    }

    /// Whether the author of a particle may call protected functions: the host, its management, and the spell that the
    /// host installed to run a worker.
    pub(crate) fn is_trusted(&self, particle: &Authored) -> bool {
        let author = &particle.init_peer_id;
        self.host.is_manager(author)
            || (self.host.is_local(author)
                && particle.spell_id().is_some_and(|id| {
                    self.services
                        .alias(author, "worker-spell")
                        .is_some_and(|spell| spell == id)
                }))
    }

    /// The compute cores that deals have, if that changed since it was last asked.
    pub(crate) fn deal_cores(&mut self) -> Option<Vec<usize>> {
        self.cores.news()
    }

    /// The core for work of the node itself and for services of the host.
    pub(crate) fn host_core(&self) -> usize {
        0
    }

    /// The core that a service runs on: the host's share the cores set aside for them, those of a worker its cores.
    pub(crate) fn core_of(&self, scope: &PeerId, id: &str) -> usize {
        let spread = id.bytes().fold(0usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        if let Some(worker) = self.host.workers.get(scope) {
            let own = self.cores.of(&worker.cu_ids);
            if !own.is_empty() {
                return own[spread % own.len()];
            }
        }
        let cores = self.queues.cores();
        spread
            % match self.limits.host_cores {
                0 => cores,
                set_aside => set_aside.min(cores),
            }
    }

    /// Whether another job of a script may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.queues.has_room()
    }

    /// A name for a job.
    pub(crate) fn ticket(&mut self) -> JobId {
        self.next_ticket += 1;
        JobId(self.next_ticket)
    }

    /// Says what to make of what comes of a job.
    pub(crate) fn expect<T: Send + 'static>(
        &mut self,
        ticket: JobId,
        then: impl FnOnce(&mut World, Clock, T) -> Result<Reply, CallError> + 'static,
    ) {
        let then: Then = Box::new(move |world, clock, value| {
            let value = value.downcast::<T>().ok()?;
            Some(then(world, clock, *value))
        });
        self.tasks.insert(ticket, then);
    }

    /// Puts a job in its core's queue.
    pub(crate) fn submit(&mut self, job: Job) {
        self.queues.submit(job);
    }

    /// Does something more when a job is done, after what was to be made of it; told is whether that went well.
    pub(crate) fn after(
        &mut self,
        ticket: JobId,
        more: impl FnOnce(&mut World, Clock, bool) + 'static,
    ) {
        if let Some(then) = self.tasks.remove(&ticket) {
            let then: Then = Box::new(move |world, clock, value| {
                let answer = then(world, clock, value);
                more(world, clock, matches!(answer, Some(Ok(_))));
                answer
            });
            self.tasks.insert(ticket, then);
        }
    }

    /// Lets a core do some work; `then` makes the answer of what came of it.
    pub(crate) fn start<T: Send + 'static>(
        &mut self,
        core: usize,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut World, Clock, T) -> Result<Reply, CallError> + 'static,
    ) -> JobId {
        let ticket = self.ticket();
        self.expect(ticket, then);
        self.submit(Job::new(ticket, core, move |_| work()));
        ticket
    }

    /// Hands the state over to the edge. Not yet: what is kept is still committed at once.
    pub(crate) fn take_state(&mut self) -> Option<State> {
        None
    }

    /// The next job for the disk, if the edge runs these.
    pub(crate) fn next_disk_job(&mut self) -> Option<DiskJob> {
        self.disk.next()
    }

    /// Takes back what came of a disk job.
    pub(crate) fn disk_done(&mut self, _: Clock, done: DiskDone) {
        let _ = self.disk.done(done);
    }

    /// The next job for a core with room.
    pub fn next_job(&mut self) -> Option<Job> {
        self.queues.next()
    }

    /// Takes back what came of a job: the answer to the call that waits for it.
    pub fn done(&mut self, clock: Clock, done: Done) -> Option<(JobId, Result<Reply, CallError>)> {
        self.queues.finished(done.core);
        let then = self.tasks.remove(&done.id)?;
        Some((done.id, then(self, clock, done.value)?))
    }
}
