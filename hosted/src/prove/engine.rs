//! Threads that do what the prover's state machine says: one worker per thread of a core, and the
//! datasets they share.

use super::{cores, random_nonce};
use anyhow::{Context, Result};
use basalt_prover::capacity::prover::{JobId, SlotId};
use basalt_prover::capacity::slot::{AnyWorker, Lanes, Outcome, Slot, Work};
use basalt_prover::capacity::{CoreId, Effect, Epoch, Input, Proof, Prover, Task, records};
use basalt_prover::memory::Mmap;
use basalt_prover::randomx::Fluence;
use log::{error, warn};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How the machine is used.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) memory: Mmap,
    /// Hash without datasets.
    pub(super) light: bool,
    /// Hardware threads of a core that hash; all of them if absent.
    pub(super) threads_per_core: Option<usize>,
    /// Where the state and the proofs are kept.
    pub(super) folder: PathBuf,
}

/// A worker's mailbox.
struct Mailbox {
    job: Mutex<Option<(JobId, Task)>>,
    changed: Condvar,
    /// Set when there is a new job: the worker looks at it between hashes.
    stop: AtomicBool,
}

/// How long a worker waits for memory that others still hold.
const RETRY: Duration = Duration::from_millis(20);

/// The state machine with its threads and files.
pub(super) struct Engine {
    options: Options,
    started: Instant,
    prover: Mutex<Prover>,
    slots: Mutex<BTreeMap<SlotId, Arc<Slot<Fluence>>>>,
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
        fs::create_dir_all(&proofs)
            .with_context(|| format!("cannot create the folder {}", proofs.display()))?;
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
                        let new = || Arc::new(Slot::new(self.options.light));
                        lock(&self.slots).entry(slot).or_insert_with(new);
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
                error!("the state is not kept, a restart may lose proofs: {failure:#}");
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
            Err(malformed) => {
                return warn!(
                    "state.json is ignored, the peer has to tell its commitment: {malformed}"
                );
            }
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
            warn!("state.json is ignored, the peer has to tell its commitment: {reason}");
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
            let threads = self.options.threads_per_core;
            let threads = threads.unwrap_or_else(|| cores::threads(core));
            (0..threads)
                .map(|number| self.spawn(core, number, Lanes::for_threads(threads)))
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

    fn spawn(self: &Arc<Self>, core: CoreId, number: usize, lanes: Lanes) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox {
            job: Mutex::new(None),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let (engine, theirs) = (Arc::clone(self), Arc::clone(&mailbox));
        let name = format!("core-{}-{number}", core.0);
        let work = move || {
            if let Err(error) = engine.work(core, number, lanes, &theirs) {
                error!("core {} proves no more until a restart: {error:#}", core.0);
            }
        };
        if let Err(error) = std::thread::Builder::new().name(name).spawn(work) {
            error!(
                "core {} proves nothing, its thread cannot be started: {error}",
                core.0
            );
        }
        mailbox
    }

    /// A worker's life: waits for a job, does it until there is another.
    fn work(
        self: &Arc<Self>,
        core: CoreId,
        number: usize,
        lanes: Lanes,
        mailbox: &Mailbox,
    ) -> Result<()> {
        if let Err(reason) = cores::pin(core, number) {
            warn!(
                "the threads of core {} are not pinned and may be slower: {reason:#}",
                core.0
            );
        }
        let mut worker = AnyWorker::<Fluence>::new(&self.options.memory, lanes)?;
        loop {
            let (job, task) = mailbox.next();
            worker.take(self.work_of(task)?);
            let report = |report| {
                // A report of an old job, or a duplicate proof, is dropped by the prover itself.
                let _ = self.input(Input::Report(core, job, report));
            };
            let mut said = false;
            while let Outcome::OutOfMemory(missing) =
                worker.run(&self.options.memory, &mailbox.stop, report)
            {
                if !std::mem::replace(&mut said, true) {
                    error!("core {} waits for memory: {missing}", core.0);
                }
                std::thread::sleep(RETRY);
            }
        }
    }

    /// What a thread does for a task, if anything: the slot may have been released since.
    fn work_of(&self, task: Task) -> Result<Option<Work<Fluence>>> {
        let slot = |id| lock(&self.slots).get(&id).cloned();
        Ok(match task {
            Task::Idle | Task::Deal => None,
            Task::Cache { slot: id, key } => slot(id).map(|slot| Work::Cache { slot, key }),
            Task::Fill { slot: id } => slot(id).map(|slot| Work::Fill { slot }),
            Task::Hash {
                slot: id, epoch, ..
            } => {
                let start = random_nonce()?;
                let difficulty = epoch.difficulty;
                slot(id).map(|slot| Work::Hash {
                    slot,
                    difficulty,
                    start,
                })
            }
        })
    }
}

impl Mailbox {
    /// Waits for a job and takes it.
    fn next(&self) -> (JobId, Task) {
        let mut letter = lock(&self.job);
        loop {
            if let Some(job) = letter.take() {
                self.stop.store(false, Ordering::Relaxed);
                return job;
            }
            let waited = self.changed.wait(letter);
            letter = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn read_proof(path: &Path) -> Result<Proof> {
    Ok(records::proof_from_bytes(&fs::read(path)?)?)
}

/// Writes a file so that after a power cut there is the old one or the new one.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_file(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("the file has no folder")?;
    let temporary = path.with_extension("tmp");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
