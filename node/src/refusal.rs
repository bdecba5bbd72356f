//! Refusals: what the node did not do because a limit is used up or a rule forbids it. Each reason
//! has a counter, for all rooms of the node.

use core::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $text:literal;)+) => {
        /// What was refused, and why.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Refusal {
            /// Every reason, in the order of their counters.
            pub const ALL: &[Refusal] = &[$(Refusal::$variant),+];

            /// A short name for logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Refusal::$variant => $name),+ }
            }
        }

        impl fmt::Display for Refusal {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Refusal::$variant => $text),+ })
            }
        }
    };
}

reasons! {
    /// A particle: it has expired.
    Expired = "expired", "the particle has expired";
    /// A particle: its signature is not its author's.
    BadSignature = "bad_signature", "the signature of the particle is not its author's";
    /// A particle: its author has no Ed25519 key.
    AuthorKind = "author_kind", "the particle's author has a key of a kind that signs no particles here";
    /// A particle: its script is too long.
    ScriptTooLong = "script_too_long", "the particle's script is too long";
    /// A particle: too many are alive.
    ActorsFull = "actors_full", "too many particles are alive";
    /// A particle: too many bytes of its author come in.
    AuthorBytes = "author_bytes", "too many bytes of its author come in";
    /// A particle: too many of its author come in.
    AuthorRate = "author_rate", "too many particles of its author come in";
    /// A particle: too many of its author's are alive.
    AuthorActors = "author_actors", "too many particles of this author are alive";
    /// A particle: its author's particles hold too much memory.
    AuthorMemory = "author_memory", "the particles of this author hold too much memory";
    /// A particle: too many that came by its connection or address are alive.
    OriginActors = "origin_actors", "too many particles that came by this connection or address are alive";
    /// A particle: those that came by its connection or address hold too much memory.
    OriginMemory = "origin_memory", "the particles that came by this connection or address hold too much memory";
    /// A particle: too many ids of particles are kept.
    IdsFull = "ids_full", "too many ids of particles are kept";
    /// A particle: too many ids of its author's particles are kept.
    AuthorIds = "author_ids", "too many ids of particles of this author are kept";
    /// A particle: too many ids of particles are kept that came by its connection or address.
    OriginIds = "origin_ids", "too many ids of particles that came by this connection or address are kept";
    /// A particle that came again: nothing is left to do for it here.
    Finished = "finished", "the particle has nothing left to do here";
    /// A particle: there are too many authors.
    AuthorsFull = "authors_full", "too many authors have particles here";
    /// A particle: too many come for this worker.
    WorkerRate = "worker_rate", "too many particles come for this worker";
    /// A particle: too many bytes come for this worker.
    WorkerBytes = "worker_bytes", "too many bytes come for this worker";
    /// A particle: too many are alive on this worker.
    WorkerActors = "worker_actors", "too many particles are alive on this worker";
    /// A particle: this worker's particles hold too much memory.
    WorkerMemory = "worker_memory", "the particles of this worker hold too much memory";
    /// A run: it has exceeded its budget of instructions or bytes, and was stopped.
    RunBudget = "run_budget", "the script exceeds its budget of instructions or bytes";
    /// Data of a particle: too much of the same particle waits.
    MailboxFull = "mailbox_full", "too much data of this particle waits for its turn";
    /// A particle: there is no memory left for it.
    MemoryFull = "memory_full", "the memory for particles is used up";
    /// An outcome of a run: one of the next peers is not a peer id, so nothing is sent.
    BadNextPeer = "bad_next_peer", "a next peer of the particle is not a peer id";
    /// A particle to send: it expired here.
    ExpiredHere = "expired_here", "the particle expired before it was sent on";
    /// A particle to send: its next peer is not connected.
    NotConnected = "not_connected", "the next peer is not connected";
    /// A particle to send: its next peer is not connected, and was not found.
    NotFound = "not_found", "the next peer is not connected and was not found";
    /// A particle to send: too much waits for peers that are looked for.
    SeeksFull = "seeks_full", "too much waits for peers that are looked for";
    /// A particle to send: too much of its author, connection or address waits for peers that are
    /// looked for.
    SeeksShare = "seeks_share", "too much of this author waits for peers that are looked for";
    /// A particle to send: too much waits for its next peer.
    Congested = "congested", "too much waits for the next peer";
    /// A particle to send: the connection took it, then failed.
    SendFailed = "send_failed", "the next peer did not take the particle";
    /// A call of `peer.timeout`: too many wait, or there is no memory for its message.
    TimersFull = "timers_full", "too many calls of peer.timeout wait";
    /// A call of `peer.timeout`: too many of this author, connection or address wait.
    TimersShare = "timers_share", "too many calls of peer.timeout of this author wait";
    /// A call of `peer.connect`: too many of this author, connection or address wait.
    ConnectsShare = "connects_share", "too many calls of peer.connect of this author wait";
    /// The answers to the calls of one run hold too much.
    AnswersFull = "answers_full", "the answers to the calls of one run hold too much";
    /// The arguments of a call take too much memory.
    CallArguments = "call_arguments", "the arguments of a call take too much memory";
    /// A call that would wait: too many wait for jobs, of all together.
    CallsFull = "calls_full", "too many calls wait for jobs";
    /// The same, of one author, connection or address.
    CallsShare = "calls_share", "too many calls of this author wait for jobs";
    /// A call of the chain: too many wait.
    ChainFull = "chain_full", "too many calls wait for the chain";
    /// The same, of one author, connection or address.
    ChainShare = "chain_share", "too many calls of this author wait for the chain";
    /// A call of `aqua-ipfs`: too many files come at once.
    FilesFull = "files_full", "too many files come at once";
    /// The same, of one author, connection or address.
    FilesShare = "files_share", "too many files of this author come at once";
    /// A vault: too many files are in all of them.
    VaultsFull = "vaults_full", "the vaults have too many files";
    /// A vault: one author, connection or address has its share of files or bytes.
    VaultsShare = "vaults_share", "the vaults of this author have too many files";
    /// A call of `peer.connect`: too many wait.
    ConnectsFull = "connects_full", "too many calls of peer.connect wait";
    /// A particle: the worker that it is for is not active.
    WorkerInactive = "worker_inactive", "the worker is not active";
    /// A trigger of a spell: too many particles of it are alive.
    SpellRuns = "spell_runs", "too many particles of this spell are alive";
    /// Work for a compute core: too much waits for all of them.
    JobsFull = "jobs_full", "too much work waits for the compute cores";
    /// A change that has to be kept: too much waits for the disk.
    DiskJobsFull = "disk_jobs_full", "too much waits for the disk";
    /// A call of a service: too many calls wait for this one.
    ServiceQueueFull = "service_queue_full", "too many calls wait for this service";
    /// Work for a compute core: too much of one worker waits.
    WorkerJobsFull = "worker_jobs_full", "too much work of this worker waits for the compute cores";
    /// A request of a service: it leads where services may not go, is none, or too many are under
    /// way.
    WebRefused = "web_refused", "a service may not make this request";
    /// A call of `aqua-ipfs`: the address that a stranger names is not public.
    FileRefused = "file_refused", "a script may not fetch files, or not from this address";
    /// A new service: there are too many.
    ServicesFull = "services_full", "there are too many services";
    /// A call of a service: its own memory, or that of all services, is used up.
    ServiceMemory = "service_memory", "the service has no more memory";
    /// A new service, or one that rests: the memory for services is used up.
    ServicesMemory = "services_memory", "the memory for services is used up";
    /// A new module: there are too many.
    ModulesFull = "modules_full", "there are too many modules";
    /// A call of a service: its time was over before it began, or it took longer.
    CallTime = "call_time", "a call of a service took too long";
}

/// How often each reason occurred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals([0; Refusal::ALL.len()])
    }
}

impl Refusals {
    /// Counts one; gives how many there were.
    pub fn count(&mut self, reason: Refusal) -> u64 {
        let times = &mut self.0[reason as usize];
        *times += 1;
        *times
    }

    /// How often `reason` occurred.
    pub fn of(&self, reason: Refusal) -> u64 {
        self.0[reason as usize]
    }

    /// All that occurred, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL
            .iter()
            .map(|&reason| (reason, self.of(reason)))
            .filter(|&(_, n)| n > 0)
    }
}

/// The log level for something that has happened so often: a warning the first time and each time
/// the number has doubled. A flood must not fill the log.
pub(crate) fn rarely(times: u64) -> log::Level {
    match times.is_power_of_two() {
        true => log::Level::Warn,
        false => log::Level::Debug,
    }
}
