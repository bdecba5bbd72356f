//! `prove` and `verify`: proofs of capacity from the command line, without a peer or a chain.

use anyhow::{Context, Result, bail, ensure};
use basalt_prover::capacity::work::ProverLoop;
use basalt_prover::capacity::{
    CuId, Difficulty, Epoch, GlobalNonce, LocalNonce, Proof, ResultHash, prospects, randomx_key,
    records,
};
use basalt_prover::memory::{Mmap, PageSize};
use basalt_prover::randomx::cache::CacheBuilder;
use basalt_prover::randomx::dataset::DatasetBuilder;
use basalt_prover::randomx::{Cache, Fluence, Source, Vm};
use clap::{Args, ValueEnum};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

pub mod ccp;
mod cores;
mod engine;
mod progress;

use progress::Progress;

/// Pages to ask the operating system for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Pages {
    /// 4 KiB
    Small,
    /// 2 MiB where the kernel finds them by itself
    #[default]
    Transparent,
    /// 2 MiB from the reserved pool
    #[value(name = "2m")]
    Reserved2M,
    /// 1 GiB from the reserved pool
    #[value(name = "1g")]
    Reserved1G,
}

impl Pages {
    fn memory(self) -> Mmap {
        let pages = match self {
            Self::Small => PageSize::Small,
            Self::Transparent => PageSize::Transparent,
            Self::Reserved2M => PageSize::Reserved2M,
            Self::Reserved1G => PageSize::Reserved1G,
        };
        Mmap { pages }
    }
}

/// What to prove.
#[derive(Clone, Debug, Args)]
pub struct ProveArgs {
    /// Compute unit: 32 bytes in hex
    #[arg(long)]
    cu: CuId,
    /// Global nonce of the epoch: 32 bytes in hex
    #[arg(long)]
    nonce: GlobalNonce,
    /// Difficulty of the epoch: 32 bytes in hex, big-endian
    #[arg(long)]
    difficulty: Difficulty,
    /// Threads that fill and hash
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Compute dataset items as they are needed: 256 MiB, slow
    #[arg(long, conflicts_with = "fast")]
    light: bool,
    /// Build the dataset first: 4.03 GiB, fast (the default)
    #[arg(long)]
    fast: bool,
    /// Stop after so many proofs
    #[arg(long, default_value_t = 1)]
    proofs: u64,
    /// Pages to ask for
    #[arg(long, value_enum, default_value_t)]
    pages: Pages,
    /// Make one hash at a time per thread instead of two
    #[arg(long)]
    one_lane: bool,
}

/// What to check.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Compute unit: 32 bytes in hex
    #[arg(long)]
    cu: CuId,
    /// Global nonce of the epoch: 32 bytes in hex
    #[arg(long)]
    nonce: GlobalNonce,
    /// Difficulty of the epoch: 32 bytes in hex, big-endian
    #[arg(long)]
    difficulty: Difficulty,
    /// Local nonce of the proof: 32 bytes in hex
    #[arg(long)]
    local_nonce: LocalNonce,
    /// Result hash of the proof: 32 bytes in hex
    #[arg(long)]
    hash: ResultHash,
}

/// Finds proofs and prints each as a line of JSON on standard output; all else goes to standard
/// error.
///
/// # Errors
///
/// If there is not enough memory, or the system gives no random bytes.
pub fn prove(args: &ProveArgs) -> Result<()> {
    ensure!(args.threads > 0, "--threads must be at least 1");
    let memory = args.pages.memory();
    let cache = make_cache(memory, &args.nonce, &args.cu)?;
    if args.light {
        return hash(args, memory, Source::Light(&cache));
    }
    let dataset = make_dataset(memory, &cache, args.threads)?;
    drop(cache);
    hash(args, memory, Source::Fast(dataset.view()))
}

/// Checks a proof with the 256 MiB of light mode.
///
/// # Errors
///
/// If the proof is not valid, with the reason.
pub fn verify(args: &VerifyArgs) -> Result<()> {
    if !args.difficulty.is_met_by(&args.hash) {
        bail!(
            "invalid: the hash {} is above the difficulty {}",
            args.hash,
            args.difficulty
        );
    }
    let memory = Mmap::default();
    let cache = make_cache(memory, &args.nonce, &args.cu)?;
    let hash = Vm::best(&memory)?.hash(Source::Light(&cache), &args.local_nonce.0);
    if hash != args.hash.0 {
        bail!(
            "invalid: the local nonce hashes to {}, not to {}",
            ResultHash(hash),
            args.hash
        );
    }
    println!("valid");
    Ok(())
}

fn make_cache(memory: Mmap, nonce: &GlobalNonce, cu: &CuId) -> Result<Cache<Fluence>> {
    let key = randomx_key(nonce, cu);
    let mut builder = CacheBuilder::start(&memory, &key)?;
    let mut progress = Progress::new("cache");
    while !builder.step(16_384) {
        let (done, all) = builder.progress();
        progress.show(done, all);
    }
    progress.finish();
    Ok(builder.finish())
}

fn make_dataset(
    memory: Mmap,
    cache: &Cache<Fluence>,
    threads: usize,
) -> Result<basalt_prover::randomx::Dataset<Fluence>> {
    let builder = DatasetBuilder::<Fluence>::new(&memory)?;
    let mut progress = Progress::new("dataset");
    std::thread::scope(|scope| {
        for number in 0..threads {
            let builder = &builder;
            scope.spawn(move || {
                pin(number);
                while builder.step(cache) {}
            });
        }
        loop {
            let (done, all) = builder.progress();
            progress.show(done, all);
            if done == all {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    progress.finish();
    builder.finish().map_err(|builder| {
        anyhow::anyhow!("the dataset is incomplete, which is a bug: {builder:?}")
    })
}

/// Pins the calling thread to a hardware thread. Threads share one only if there are not enough.
fn pin(number: usize) {
    if let Err(reason) = cores::pin_spread(number) {
        eprintln!("thread {number} is not pinned to a core and may be slower: {reason:#}");
    }
}

/// A random start, so that no two threads and no two runs try the same nonces.
fn random_nonce() -> Result<LocalNonce> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .context("the operating system gives no random numbers (getrandom)")?;
    Ok(LocalNonce(bytes))
}

/// Hashes a thread makes between two reports of their number: it makes hundreds per second, or a
/// few in light mode.
const FAST_ROUND: u64 = 64;
const LIGHT_ROUND: u64 = 2;

fn hash(args: &ProveArgs, memory: Mmap, source: Source<'_, Fluence>) -> Result<()> {
    let (stop, hashes) = (AtomicBool::new(false), AtomicU64::new(0));
    let (sender, found) = channel();
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for number in 0..args.threads {
            let (sender, stop, hashes) = (sender.clone(), &stop, &hashes);
            workers.push(scope.spawn(move || {
                pin(number);
                if args.one_lane {
                    work::<1>(memory, args.difficulty, source, stop, hashes, &sender)
                } else {
                    work::<2>(memory, args.difficulty, source, stop, hashes, &sender)
                }
            }));
        }
        drop(sender);
        let epoch = Epoch {
            nonce: args.nonce,
            difficulty: args.difficulty,
        };
        let begin = Instant::now();
        let mut index = 0;
        while index < args.proofs {
            match found.recv_timeout(Duration::from_secs(1)) {
                Ok((local_nonce, result_hash)) => {
                    index += 1;
                    let proof = Proof {
                        epoch,
                        cu: args.cu,
                        index,
                        local_nonce,
                        result_hash,
                    };
                    // Clears the line with the rate first: both may go to the same terminal.
                    eprint!("\r{:100}\r", "");
                    println!("{}", records::proof_to_json(&proof));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // All threads have ended: the join below gives the reason.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            report(
                begin.elapsed(),
                hashes.load(Ordering::Relaxed),
                index,
                &args.difficulty,
            );
        }
        stop.store(true, Ordering::Relaxed);
        eprintln!();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(_) => bail!("a hashing thread panicked, see its message above"),
            })
    })
}

fn work<const LANES: usize>(
    memory: Mmap,
    difficulty: Difficulty,
    source: Source<'_, Fluence>,
    stop: &AtomicBool,
    hashes: &AtomicU64,
    found: &Sender<(LocalNonce, ResultHash)>,
) -> Result<()> {
    let round = match source {
        Source::Light(_) => LIGHT_ROUND,
        Source::Fast(_) => FAST_ROUND,
    };
    let mut prover = ProverLoop::<LANES>::new(&memory)?;
    prover.assign(difficulty, random_nonce()?);
    while !stop.load(Ordering::Relaxed) {
        let done = prover.run(source, round, stop, |nonce, hash| {
            // The receiver is gone once there are enough proofs.
            let _ = found.send((nonce, hash));
        });
        hashes.fetch_add(done, Ordering::Relaxed);
    }
    Ok(())
}

fn report(elapsed: Duration, hashes: u64, proofs: u64, difficulty: &Difficulty) {
    let rate = hashes as f64 / elapsed.as_secs_f64().max(1e-3);
    let day = prospects::expected_proofs(difficulty, rate, 86_400.0);
    eprint!("\r{hashes} hashes, {rate:.1} H/s, {proofs} proofs, {day:.1} expected per day    ");
}
