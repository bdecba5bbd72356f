//! Threads that do what the prover's state machine says: one worker per thread of a core, and the
//! datasets they share.

use super::{ROUND, random_nonce};
use anyhow::{Context, Result};
use basalt_prover::capacity::prover::{JobId, SlotId};
use basalt_prover::capacity::work::ProverLoop;
use basalt_prover::capacity::{CoreId, Effect, Epoch, Input, Proof, Prover, Report, Task, records};
use basalt_prover::memory::Mmap;
use basalt_prover::randomx::cache::CacheBuilder;
use basalt_prover::randomx::dataset::DatasetBuilder;
use basalt_prover::randomx::{Cache, Fluence, Source};
use log::{error, warn};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How the machine is used.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) memory: Mmap,
    /// Hash without datasets.
    pub(super) light: bool,
    pub(super) threads_per_core: usize,
    /// Where the state and the proofs are kept.
    pub(super) folder: PathBuf,
}

/// A dataset and the cache it comes from.
#[derive(Default)]
struct Slot {
    building: Mutex<Option<CacheBuilder<Fluence>>>,
    /// Until the dataset is complete, or always in light mode.
    cache: Mutex<Option<Arc<Cache<Fluence>>>>,
    dataset: OnceLock<DatasetBuilder<Fluence>>,
}

/// A worker's mailbox.
struct Mailbox {
    job: Mutex<Option<(JobId, Task)>>,
    changed: Condvar,
    /// Set when there is a new job: the worker looks at it between hashes.
    stop: AtomicBool,
}

/// The state machine with its threads and files.
pub(super) struct Engine {
    options: Options,
    started: Instant,
    prover: Mutex<Prover>,
    slots: Mutex<BTreeMap<SlotId, Arc<Slot>>>,
    cores: Mutex<BTreeMap<CoreId, Vec<Arc<Mailbox>>>>,
}

/// The value behind a lock; what a panicked thread left is still consistent, for every change is
/// one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Starts from what an earlier run left in the folder.
    pub(super) fn start(prover: Prover, options: Options) -> Result<Arc<Self>> {
        let proofs = options.folder.join("cc_proofs");
        fs::create_dir_all(&proofs).with_context(|| format!("no folder {}", proofs.display()))?;
        let engine = Arc::new(Self {
            options,
            started: Instant::now(),
            prover: Mutex::new(prover),
            slots: Mutex::default(),
            cores: Mutex::default(),
        });
        engine.restore();
        Ok(engine)
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Looks at the prover.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Prover) -> R) -> R {
        look(&lock(&self.prover))
    }

    /// Hands an input to the prover and does what follows, in order.
    pub(super) fn input(self: &Arc<Self>, input: Input) -> Result<(), String> {
        let mut prover = lock(&self.prover);
        let mut effects = Vec::new();
        prover
            .handle(self.now(), input, &mut effects)
            .map_err(|error| error.to_string())?;
        for effect in effects {
            let failure = match effect {
                Effect::Assign(core, job, task) => {
                    if let Task::Cache { slot, .. } = task {
                        lock(&self.slots).entry(slot).or_default();
                    }
                    self.assign(core, job, task);
                    Ok(())
                }
                Effect::Release(slot) => {
                    // Workers still inside keep it until they look up, within one hash.
                    lock(&self.slots).remove(&slot);
                    Ok(())
                }
                Effect::Store(proof) => self.store(&proof).map(|()| {
                    let stored = Input::Stored(proof.cu, proof.index);
                    // Taking note of a stored proof cannot fail.
                    let _ = prover.handle(self.now(), stored, &mut Vec::new());
                }),
                Effect::Forget { keep } => self.forget(keep),
                Effect::Remember(epoch, allocation) => {
                    let state = epoch.map(|epoch| (epoch, allocation));
                    let text = records::state_to_json(&state);
                    write_file(&self.options.folder.join("state.json"), text.as_bytes())
                }
            };
            if let Err(failure) = failure {
                error!("prover state: {failure:#}");
            }
        }
        Ok(())
    }

    fn restore(self: &Arc<Self>) {
        let Ok(bytes) = fs::read(self.options.folder.join("state.json")) else {
            return;
        };
        let state = match records::state_from_bytes(&bytes) {
            Ok(Some(state)) => state,
            Ok(None) => return,
            Err(malformed) => return warn!("state.json is ignored: {malformed}"),
        };
        let mut proofs: Vec<Proof> = Vec::new();
        for entry in fs::read_dir(self.proofs_folder())
            .into_iter()
            .flatten()
            .flatten()
        {
            match read_proof(&entry.path()) {
                Ok(proof) => proofs.push(proof),
                Err(reason) => warn!("{} is ignored: {reason:#}", entry.path().display()),
            }
        }
        proofs.sort_by_key(|proof| (proof.cu, proof.index));
        let (epoch, allocation) = state;
        proofs.retain(|proof| proof.epoch == epoch);
        if let Err(reason) = self.input(Input::Active { epoch, allocation }) {
            warn!("state.json is ignored: {reason}");
        }
        for proof in proofs {
            if let Err(reason) = self.input(Input::Restore(proof)) {
                warn!("a stored proof is ignored: {reason}");
            }
        }
    }

    fn proofs_folder(&self) -> PathBuf {
        self.options.folder.join("cc_proofs")
    }

    fn store(&self, proof: &Proof) -> Result<()> {
        let name = format!("{}-{}", proof.cu, proof.index);
        let text = records::proof_to_json(proof).to_string();
        write_file(&self.proofs_folder().join(name), text.as_bytes())
    }

    fn forget(&self, keep: Option<Epoch>) -> Result<()> {
        for entry in fs::read_dir(self.proofs_folder())? {
            let path = entry?.path();
            if !read_proof(&path).is_ok_and(|proof| Some(proof.epoch) == keep) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn assign(self: &Arc<Self>, core: CoreId, job: JobId, task: Task) {
        let mut cores = lock(&self.cores);
        let mailboxes = cores.entry(core).or_insert_with(|| {
            (0..self.options.threads_per_core)
                .map(|number| self.spawn(core, number))
                .collect()
        });
        for (number, mailbox) in mailboxes.iter().enumerate() {
            // A cache is one thread's work.
            let alone = matches!(task, Task::Cache { .. }) && number > 0;
            let task = if alone { Task::Idle } else { task };
            let mut letter = lock(&mailbox.job);
            *letter = Some((job, task));
            // Before the worker can take the letter: it clears the flag when it does.
            mailbox.stop.store(true, Ordering::Relaxed);
            drop(letter);
            mailbox.changed.notify_one();
        }
    }

    fn spawn(self: &Arc<Self>, core: CoreId, number: usize) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox {
            job: Mutex::new(None),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let (engine, theirs) = (Arc::clone(self), Arc::clone(&mailbox));
        let name = format!("core-{}-{number}", core.0);
        let work = move || {
            if let Err(error) = engine.work(core, &theirs) {
                error!("core {} stopped: {error:#}", core.0);
            }
        };
        if let Err(error) = std::thread::Builder::new().name(name).spawn(work) {
            error!("no thread for core {}: {error}", core.0);
        }
        mailbox
    }

    /// A worker's life: waits for a job, does it until there is another.
    fn work(self: &Arc<Self>, core: CoreId, mailbox: &Mailbox) -> Result<()> {
        let mut prover = ProverLoop::<2>::new(&self.options.memory)?;
        loop {
            let mut letter = lock(&mailbox.job);
            let (job, task) = loop {
                match letter.take() {
                    Some(letter) => break letter,
                    None => {
                        let waited = mailbox.changed.wait(letter);
                        letter = waited.unwrap_or_else(PoisonError::into_inner);
                    }
                }
            };
            mailbox.stop.store(false, Ordering::Relaxed);
            drop(letter);
            let report = |report| {
                // A report of an old job, or a duplicate proof, is dropped by the prover itself.
                let _ = self.input(Input::Report(core, job, report));
            };
            match task {
                Task::Idle | Task::Deal => {}
                Task::Cache { slot, key } => {
                    if let Err(error) = self.cache(slot, &key, mailbox, report) {
                        error!("core {} makes no cache: {error:#}", core.0);
                    }
                }
                Task::Fill { slot } => self.fill(slot, mailbox, report),
                Task::Hash { slot, epoch, .. } => {
                    prover.assign(epoch.difficulty, random_nonce()?);
                    self.hash(slot, &mut prover, mailbox, report);
                }
            }
        }
    }

    /// The slot, unless it was released since the job was given.
    fn slot(&self, id: SlotId) -> Option<Arc<Slot>> {
        lock(&self.slots).get(&id).cloned()
    }

    fn cache(
        &self,
        id: SlotId,
        key: &[u8],
        mailbox: &Mailbox,
        report: impl Fn(Report),
    ) -> Result<()> {
        let Some(slot) = self.slot(id) else {
            return Ok(());
        };
        let mut building = lock(&slot.building);
        let mut builder = match building.take() {
            Some(builder) => builder,
            None => CacheBuilder::start(&self.options.memory, key)?,
        };
        while !builder.step(1024) {
            if mailbox.stop.load(Ordering::Relaxed) {
                *building = Some(builder);
                return Ok(());
            }
        }
        drop(building);
        if !self.options.light {
            let dataset = DatasetBuilder::new(&self.options.memory)?;
            slot.dataset.get_or_init(|| dataset);
        }
        *lock(&slot.cache) = Some(Arc::new(builder.finish()));
        report(Report::CacheReady);
        Ok(())
    }

    fn fill(&self, id: SlotId, mailbox: &Mailbox, report: impl Fn(Report)) {
        let Some(slot) = self.slot(id) else { return };
        let Some(cache) = lock(&slot.cache).clone() else {
            return;
        };
        let Some(dataset) = slot.dataset.get() else {
            return report(Report::Filled { done: 1, of: 1 });
        };
        let mut told = Instant::now();
        while !mailbox.stop.load(Ordering::Relaxed) {
            let more = dataset.step(&cache);
            let (done, of) = dataset.progress();
            if done == of || told.elapsed() > Duration::from_secs(1) {
                told = Instant::now();
                report(Report::Filled { done, of });
            }
            if !more && done < of {
                // Others are at work on the last chunks.
                std::thread::sleep(Duration::from_millis(1));
            }
            if done == of {
                *lock(&slot.cache) = None;
                return;
            }
        }
    }

    fn hash(
        &self,
        id: SlotId,
        prover: &mut ProverLoop<2>,
        mailbox: &Mailbox,
        report: impl Fn(Report),
    ) {
        let Some(slot) = self.slot(id) else { return };
        let cache = lock(&slot.cache).clone();
        let dataset = slot.dataset.get().and_then(DatasetBuilder::complete);
        let source = match (dataset, &cache) {
            (Some(dataset), _) => Source::Fast(dataset),
            (None, Some(cache)) => Source::Light(cache),
            (None, None) => return,
        };
        while !mailbox.stop.load(Ordering::Relaxed) {
            let found = |nonce, hash| report(Report::Found(nonce, hash));
            let done = prover.run(source, ROUND, &mailbox.stop, found);
            report(Report::Hashed(done));
        }
    }
}

fn read_proof(path: &Path) -> Result<Proof> {
    Ok(records::proof_from_bytes(&fs::read(path)?)?)
}

/// Writes a file so that after a power cut there is the old one or the new one.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    let temporary = path.with_extension("tmp");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
