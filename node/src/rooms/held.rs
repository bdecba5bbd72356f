//! All rooms, as the node holds them.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use basalt_distro::Distro;
use basalt_net::particle::{Authored, Particle};
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::MemoryPool;

use super::change::Lane;
use super::followup::Followup;
use crate::chain::{self, Chain};
use crate::compute::{JobId, JobIds, Resources};
use crate::disk::{Disk, StoreStatus};
use crate::entropy::Entropy;
use crate::host::{Clock, Host};
use crate::ipfs::Ipfs;
use crate::limits::ServiceLimits;
use crate::outgoing::{Answer, Owner, Request};
use crate::refusal::{Refusal, Refusals};
use crate::reply::{CallError, Reply};
use crate::services::{self, Calls, Means, Services};
use crate::spells::{Spells, Trigger};
use crate::state::State;
use crate::system::{self, Installer};
use crate::tally::Tally;
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

/// Everything that lasts longer than a particle.
pub struct Rooms {
    pub(crate) host: Rc<Host>,
    pub(crate) services: Services,
    pub(crate) spells: Spells,
    pub(crate) vaults: Vaults,
    pub(crate) ipfs: Ipfs,
    pub(crate) chain: Option<Chain>,
    pub(crate) entropy: Entropy,
    pub(crate) tally: Tally,
    pub(super) cores: CoreMap,
    /// Cores set aside for services of the host; 0: they share all.
    pub(super) host_cores: usize,
    pub(super) installer: Installer,
    pub(super) disk: Disk,
    /// The state, unless the edge has taken it.
    pub(super) state: Option<State>,
    pub(super) ids: JobIds,
    pub(super) followups: BTreeMap<JobId, Followup>,
    pub(super) changes: Lane,
    pub(super) answers: VecDeque<(JobId, Result<Reply, CallError>)>,
    /// Whether everything that was kept came back.
    pub(super) restored: bool,
}

impl Rooms {
    /// The rooms of a host, with what its state has. `seed` is fresh entropy.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn new(
        host: Host,
        parts: Parts,
        limits: ServiceLimits,
        seed: [u8; 32],
    ) -> Result<Rooms, services::Error> {
        let mut web = limits.web.clone();
        let (mut platform, mut cores, mut homes) = (None, 0, Vec::new());
        if let Some(resources) = parts.compute {
            if resources.cores == 0 {
                // The node cannot make a request while it runs the service that waits for it.
                web = WebLimits {
                    reach: Reach::Nobody,
                    ..web
                };
            }
            (platform, cores, homes) = (Some(resources.platform), resources.cores, resources.homes);
        }
        let memory = MemoryPool::new(limits.services_memory);
        let vaults = Vaults::new(limits.vault_bytes, memory.clone());
        let means = Means {
            platform,
            cores,
            memory,
            web: Web::new(web),
        };
        let ids = JobIds::default();
        let mut state = parts.state;
        let chain = parts.chain;
        let ipfs = chain.as_ref().and_then(|settings| settings.ipfs.clone());
        let chain = chain.map(|settings| Chain::new(settings, ids.clone(), &mut state));
        let disk = Disk::new(state.as_ref(), limits.max_jobs);
        let (host_cores, share_cores) = (limits.host_cores, limits.share_cores);
        let max_changes = limits.max_jobs;
        let services = Services::new(limits, means, ids.clone());
        let mut rooms = Rooms {
            host: Rc::new(host),
            cores: CoreMap::new(services.cores(), host_cores, share_cores, homes),
            services,
            spells: Spells::default(),
            vaults,
            ipfs: Ipfs::new(ids.clone(), ipfs),
            chain: chain.transpose()?,
            entropy: Entropy::new(seed),
            tally: Tally::default(),
            host_cores,
            installer: Installer::default(),
            disk,
            state: None,
            ids,
            followups: BTreeMap::new(),
            changes: Lane::new(max_changes),
            answers: VecDeque::new(),
            restored: true,
        };
        if let Some(state) = &mut state {
            rooms.restore(state)?;
        }
        if let Some(distro) = parts.distro {
            rooms.add_distro(distro, state.as_mut());
        }
        rooms.state = state;
        Ok(rooms)
    }

    /// The rooms of a host that forgets everything at a reboot and runs no services. `seed` is
    /// fresh entropy.
    pub fn without_parts(host: Host, limits: ServiceLimits, seed: [u8; 32]) -> Rooms {
        let rooms = Rooms::new(host, Parts::default(), limits, seed);
        // Without a state there is none that could fail.
        rooms.unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn restore(&mut self, state: &mut State) -> Result<(), services::Error> {
        let workers = Workers::restore(state)?;
        for worker in workers.ids().filter_map(|id| workers.get(id)) {
            if let Err(error) = self.cores.acquire(&worker.cu_ids) {
                log::error!(target: "worker", "{}: {error}", worker.key.peer_id());
            }
        }
        self.host_mut().workers = workers;
        let (host, cores, host_cores) = (&self.host, &self.cores, self.host_cores);
        self.services.restore(state, |scope, id, all| {
            core_of(host, cores, host_cores, all, scope, id)
        })?;
        let restored = self.spells.restore(state);
        if let Err(error) = restored.and_then(|()| self.installer.restore(state)) {
            log::error!(target: "spell", "subscriptions are lost: {error}");
            self.restored = false;
        }
        Ok(())
    }

    /// Takes what comes with the node. The services are installed when it begins.
    fn add_distro(&mut self, mut distro: Distro, mut state: Option<&mut State>) {
        system::adapt(&mut distro, self.chain.as_ref());
        let modules = &mut self.services.modules;
        match system::add_package(modules, state.as_deref_mut(), &distro.spell) {
            Ok(blueprint) => self.spells.blueprint = Some(blueprint),
            Err(error) => log::error!(target: "system", "there are no spells: {error}"),
        }
        if self.services.can_run() {
            self.installer
                .add(&mut self.services.modules, state, &distro.system);
        }
        let services = distro.system.into_iter();
        let services = services.map(|package| (package.name, package.version));
        let versions = &mut self.host_mut().versions;
        versions.services = services.collect();
        versions.spell = distro.spell.version;
    }

    /// Begins what needs the time: subscriptions of before the reboot, system services.
    pub fn begin(&mut self, clock: Clock) {
        self.spells
            .resubscribe(&self.services, &self.host, clock.wall_ms);
        self.install_next(clock);
    }

    /// This peer.
    pub fn host(&self) -> &Rc<Host> {
        &self.host
    }

    /// This peer, to be changed; calls under way go on with what they know.
    pub(super) fn host_mut(&mut self) -> &mut Host {
        Rc::make_mut(&mut self.host)
    }

    /// The services.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Calls of services so far.
    pub fn calls(&self) -> Calls {
        self.services.calls()
    }

    /// Memory of all services, of their files and of vaults.
    pub fn memory(&self) -> &MemoryPool {
        self.services.memory()
    }

    /// Particles that have a vault, and the bytes in all vaults.
    pub fn vaults(&self) -> (usize, u64) {
        (self.vaults.len(), self.vaults.bytes())
    }

    /// Everything refused, by reason.
    pub fn refusals(&self) -> &Refusals {
        &self.tally.refusals
    }

    /// Most jobs that wait for compute cores.
    pub(crate) fn max_jobs(&self) -> usize {
        self.services.max_jobs()
    }

    /// Counts something that was refused.
    pub(crate) fn count(&mut self, reason: Refusal) {
        self.tally.refuse(reason);
    }

    /// Monotonic time, where the machine has a clock for services.
    pub(crate) fn now(&self) -> Option<Instant> {
        self.services.now()
    }

    /// Particles that spells made.
    pub fn spell_runs(&self) -> u64 {
        self.spells.made
    }

    /// Spells that wait for something.
    pub fn scheduled_spells(&self) -> usize {
        self.spells.schedule.len()
    }

    /// Whether everything that was kept came back.
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// Jobs that wait for a core.
    pub fn waiting_jobs(&self) -> usize {
        self.services.waiting()
    }

    /// Jobs that wait for the disk.
    pub fn waiting_disk_jobs(&self) -> usize {
        self.disk.waiting() + self.changes.waiting()
    }

    /// How the store was when its last job was done; `None`: there is no store.
    pub fn store(&self) -> Option<&StoreStatus> {
        self.disk.status()
    }

    /// Hands the state over to the edge, which runs the disk's jobs from now on.
    pub fn take_state(&mut self) -> Option<State> {
        self.state.take()
    }

    /// What outlives a reboot, unless the edge has taken it: for others of this machine that keep
    /// something there.
    pub fn state_mut(&mut self) -> Option<&mut State> {
        self.state.as_mut()
    }

    /// A step of housekeeping of the store; true when there is more to do.
    pub(crate) fn maintain(&mut self) -> bool {
        let ids = &self.ids;
        self.disk.maintain(|| ids.next())
    }

    /// Whether the author of a particle may call protected functions: the host, its operator, and
    /// the spell that the host installed to run a worker.
    pub(crate) fn is_trusted(&self, particle: &Authored) -> bool {
        let author = &particle.init_peer_id;
        self.host.may_operate(author)
            || (self.host.is_local(author)
                && particle.spell_id().is_some_and(|id| {
                    let spell = self.services.alias(author, "worker-spell");
                    spell.is_some_and(|spell| spell == id)
                }))
    }

    /// The compute cores that deals have, if that changed since it was last asked.
    pub(crate) fn deal_cores(&mut self) -> Option<Vec<usize>> {
        self.cores.news()
    }

    /// The core that a new service runs on.
    pub(super) fn core_of(&self, scope: &PeerId, id: &str) -> usize {
        let all = self.services.cores();
        core_of(&self.host, &self.cores, self.host_cores, all, scope, id)
    }

    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        for _ in 0..self.services.web().take_refused() {
            self.tally.refuse(Refusal::WebRefused);
        }
        let chain = self.chain.as_mut().and_then(Chain::next_request);
        chain
            .or_else(|| self.ipfs.next_request())
            .or_else(|| self.services.web().next_request())
    }

    /// Takes the answer to a request.
    pub(crate) fn http_done(&mut self, clock: Clock, owner: Owner, answer: Answer) {
        match owner {
            Owner::Chain(id) => {
                let chain = self.chain.as_mut();
                let done = chain.and_then(|chain| chain.done(clock.now, id, answer));
                if let Some((job, answer)) = done {
                    self.finish(clock, job, answer);
                }
            }
            Owner::Guest(id) => self.services.web().done(id, answer),
            Owner::Ipfs(id) => {
                let keeping = (&mut self.vaults, &mut self.entropy);
                let done = self.ipfs.done(keeping, clock.now, id, answer);
                self.count_files_refused();
                if let Some((job, reply)) = done {
                    self.finish(clock, job, Ok(reply));
                }
            }
        }
    }

    /// Time has passed: services may rest, transactions may have to be looked after.
    pub(crate) fn timer(&mut self, clock: Clock) {
        self.rest_idle(clock);
        if let Some(chain) = &mut self.chain {
            chain.timer(clock.now);
        }
        for (job, reply) in self.ipfs.timer(clock.now) {
            self.finish(clock, job, Ok(reply));
        }
    }

    /// When to call [`Rooms::timer`] next.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let chain = self.chain.as_ref().and_then(Chain::wake_at);
        [self.services.rest_at(), chain, self.ipfs.wake_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Lets services rest that wait for calls for too long.
    pub fn rest_idle(&mut self, clock: Clock) {
        let host = self.host.peer_id;
        self.services.rest_idle(&mut self.tally, &host, clock.now);
    }

    /// A spell whose time has come, in Unix milliseconds; its next time is set.
    pub(crate) fn due_spell(&mut self, now_ms: u64) -> Option<String> {
        self.spells.schedule.due(now_ms)
    }

    /// Triggers a spell: its particle comes when the spell was asked for its script.
    pub(crate) fn run_spell(&mut self, clock: Clock, id: &str, trigger: Trigger<'_>) {
        let (services, tally) = (&mut self.services, &mut self.tally);
        let begun = self
            .spells
            .trigger(services, tally, &self.host, clock, id, trigger);
        if let Some((job, beginning)) = begun {
            self.followups.insert(job, Followup::Triggered(beginning));
        }
    }

    /// A particle that a spell made.
    pub(crate) fn next_particle(&mut self) -> Option<Particle> {
        self.spells.next_particle()
    }

    /// The answer of a call that waited for a job.
    pub fn next_answer(&mut self) -> Option<(JobId, Result<Reply, CallError>)> {
        self.answers.pop_front()
    }
}

/// The core of a service: for the host's one of those set aside for them, for a worker's one of
/// the worker's own. A service keeps its core, so the id chooses.
fn core_of(
    host: &Host,
    cores: &CoreMap,
    host_cores: usize,
    all: usize,
    scope: &PeerId,
    id: &str,
) -> usize {
    let spread = id.bytes().fold(0usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    if let Some(worker) = host.workers.get(scope) {
        let own = cores.of(&worker.cu_ids);
        if !own.is_empty() {
            return own[spread % own.len()];
        }
    }
    spread
        % match host_cores {
            0 => all,
            set_aside => set_aside.min(all),
        }
}
