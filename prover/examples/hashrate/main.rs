//! The hash and its parts, measured:
//! `cargo run --release -p basalt-prover --example hashrate -- --help`.

#[cfg_attr(not(feature = "reference"), path = "without_reference.rs")]
mod against_reference;
mod clock;
#[cfg(feature = "reference")]
mod reference;

use basalt_prover::memory::{Memory, Mmap, PageSize, Purpose};
use basalt_prover::randomx::argon::Filling;
use basalt_prover::randomx::cache::Item;
use basalt_prover::randomx::dataset::{DatasetBuilder, DatasetView};
use basalt_prover::randomx::params::CACHE_BYTES;
use basalt_prover::randomx::simd::cpu::{Features, Model};
use basalt_prover::randomx::vm::Engine;
use basalt_prover::randomx::{Cache, Fluence, Machine, Params, Source, Upstream};
use clap::{Parser, ValueEnum};
use clock::{Sample, cpu_seconds};
use std::error::Error;
use std::time::Duration;

const KEY: &[u8] = b"test key 000";

/// Measures the hash and its parts.
///
/// With the feature `reference` the C++ reference runs in turns with ours on the very same memory
/// (upstream parameters only), and ratios are printed. All rates are per CPU-second of the thread
/// that did the work, so that a shared machine disturbs less; medians of the turns count.
#[derive(Debug, Parser)]
struct Options {
    /// The pages that the memory is made of
    #[arg(long, value_enum, default_value = "transparent")]
    pages: Pages,
    /// How long a turn takes
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    seconds: f64,
    /// Turns of each part
    #[arg(long, value_name = "NUMBER", default_value = "5", value_parser = at_least_one)]
    turns: usize,
    /// The network whose hash it is
    #[arg(long, value_enum, default_value = "upstream")]
    params: Network,
    /// Only these parts
    #[arg(long, value_enum, value_name = "PART,..", value_delimiter = ',')]
    only: Vec<Part>,
    /// What the hash reads; a random dataset is there at once and as good for measuring
    #[arg(long, value_enum, default_value = "true")]
    dataset: Content,
    /// What `cargo bench` says
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Pages {
    /// 4 KiB
    Small,
    /// What the system makes of it
    Transparent,
    /// Reserved pages of 2 MiB
    #[value(name = "2m")]
    Two,
    /// Reserved pages of 1 GiB
    #[value(name = "1g")]
    One,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Monero's
    Upstream,
    /// Fluence's
    Fluence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The cache, by each kind of code that the CPU has
    Cache,
    /// Items of the dataset
    Fill,
    /// The interpreter
    Slow,
    /// Hashes, on one thread and on two
    Hash,
    /// Hashes on one thread
    Hash1,
    /// Hashes on two threads
    Hash2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Content {
    /// The dataset
    True,
    /// Random bytes
    Random,
}

fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number")?;
    (number > 0.0 && number < 1e6)
        .then_some(number)
        .ok_or("not between 0 and a million".into())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a number")?;
    (number > 0).then_some(number).ok_or("less than 1".into())
}

impl Options {
    fn pages(&self) -> PageSize {
        match self.pages {
            Pages::Small => PageSize::Small,
            Pages::Transparent => PageSize::Transparent,
            Pages::Two => PageSize::Reserved2M,
            Pages::One => PageSize::Reserved1G,
        }
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn turn(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let (model, features) = (Model::get(), Features::get());
    println!(
        "CPU family {:#x} model {:#x}, {features:?}",
        model.family, model.model
    );
    println!(
        "pages {:?}, {} s per turn, {} turns",
        options.pages(),
        options.seconds,
        options.turns
    );
    if options.params == Network::Fluence {
        run::<Fluence>(&options)
    } else {
        run::<Upstream>(&options)
    }
}

fn run<P: Params>(options: &Options) -> Result<(), Box<dyn Error>> {
    let memory = Mmap {
        pages: options.pages(),
    };
    println!("parameters {}", P::NAME);
    if options.wants(Part::Cache) {
        cache(&memory, options)?;
    }
    let cache = Cache::<P>::new(&memory, KEY)?;
    if options.wants(Part::Fill) {
        fill(&memory, &cache, options)?;
    }
    if [Part::Slow, Part::Hash, Part::Hash1, Part::Hash2]
        .into_iter()
        .any(|part| options.wants(part))
    {
        hash(&memory, &cache, options)?;
    }
    Ok(())
}

/// Items whose content is of no use but to be read.
fn random(first: u64, items: &mut [Item]) {
    for (number, word) in (first * 8..).zip(items.as_flattened_mut()) {
        let mixed = (number ^ number >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        *word = (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
}

/// Someone who does the work once, for a turn.
type Contender<'a> = (String, Box<dyn FnMut() -> Sample + 'a>);

/// Lets all contenders work in turns and prints the median rate of each, and its ratio to the last
/// one (the reference, where there is one): the median of the turns' ratios, and the quartiles
/// around it.
fn compare(turns: usize, unit: &str, mut contenders: Vec<Contender<'_>>) {
    let mut rates = vec![Vec::new(); contenders.len()];
    for _ in 0..turns {
        for ((_, work), rates) in contenders.iter_mut().zip(&mut rates) {
            rates.push(work().rate());
        }
    }
    let last = rates.last().cloned().unwrap_or_default();
    let count = contenders.len();
    for (i, ((name, _), rates)) in contenders.iter().zip(rates).enumerate() {
        print!("{name:<44} {:>12.1} {unit}", quantile(&rates, 0.5));
        if i + 1 < count {
            let ratios: Vec<f64> = rates.iter().zip(&last).map(|(a, b)| a / b).collect();
            let [low, middle, high] = [0.25, 0.5, 0.75].map(|at| quantile(&ratios, at));
            print!("   ratio {middle:.3} ({low:.3} to {high:.3})");
        }
        println!();
    }
}

fn quantile(values: &[f64], at: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[(at * (values.len() - 1) as f64).round() as usize]
}

fn cache(memory: &Mmap, options: &Options) -> Result<(), Box<dyn Error>> {
    let mut region = memory.lend(Purpose::Cache, CACHE_BYTES)?;
    region.bytes_mut().fill(1);
    let ours = || {
        let start = cpu_seconds();
        Filling::start(region.words_mut(), KEY).step(region.words_mut(), usize::MAX);
        Sample {
            count: 1.0,
            seconds: cpu_seconds() - start,
        }
    };
    let mut contenders: Vec<Contender<'_>> = vec![("cache fill".into(), Box::new(ours))];
    contenders.extend(against_reference::cache(memory)?);
    compare(options.turns, "caches/CPU-s", contenders);
    Ok(())
}

/// Items filled per turn.
const ITEMS: usize = 200_000;

fn fill<P: Params>(
    memory: &Mmap,
    cache: &Cache<P>,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    let mut out = memory.lend(Purpose::Dataset, ITEMS * 64)?;
    out.bytes_mut().fill(1);
    let mut at = 0;
    let ours = || {
        let start = cpu_seconds();
        cache.items(at, out.words_mut().as_chunks_mut().0);
        at += ITEMS as u64;
        Sample {
            count: ITEMS as f64,
            seconds: cpu_seconds() - start,
        }
    };
    let mut contenders: Vec<Contender<'_>> = vec![("dataset fill".into(), Box::new(ours))];
    contenders.extend(against_reference::fill(memory, cache)?);
    compare(options.turns, "items/CPU-s", contenders);
    Ok(())
}

fn hash<P: Params>(
    memory: &Mmap,
    cache: &Cache<P>,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    let builder = DatasetBuilder::<P>::new(memory)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                if options.dataset == Content::Random {
                    while builder.step_with(random) {}
                } else {
                    while builder.step(cache) {}
                }
            });
        }
    });
    let dataset = builder.complete().ok_or("dataset incomplete")?;
    let turn = options.turn();
    if options.wants(Part::Slow) {
        let light = || measure::<_, 1>(memory, Engine::Jit, Source::Light(cache), turn);
        let interpreted =
            || measure::<_, 1>(memory, Engine::Interpreter, Source::Fast(dataset), turn);
        for (name, work) in [
            (
                "light, compiled, 1 thread",
                Box::new(light) as Box<dyn FnMut() -> Sample>,
            ),
            ("fast, interpreted, 1 thread", Box::new(interpreted)),
        ] {
            compare(options.turns, "H/CPU-s", vec![(name.into(), work)]);
        }
    }
    for threads in [1, 2] {
        let alone = [Part::Hash1, Part::Hash2][threads - 1];
        if options.wants(Part::Hash) || options.wants(alone) {
            race(memory, dataset, options, threads)?;
        }
    }
    Ok(())
}

/// One lane, two lanes and the reference, each on so many threads.
fn race<P: Params>(
    memory: &Mmap,
    dataset: DatasetView<'_, P>,
    options: &Options,
    threads: usize,
) -> Result<(), Box<dyn Error>> {
    let (source, turn) = (Source::Fast(dataset), options.turn());
    let one = || {
        in_threads(threads, || {
            measure::<_, 1>(memory, Engine::Jit, source, turn)
        })
    };
    let two = || {
        in_threads(threads, || {
            measure::<_, 2>(memory, Engine::Jit, source, turn)
        })
    };
    let mut contenders: Vec<Contender<'_>> = vec![
        (format!("fast, {threads} thread(s), 1 lane"), Box::new(one)),
        (format!("fast, {threads} thread(s), 2 lanes"), Box::new(two)),
    ];
    contenders.extend(against_reference::hash(memory, dataset, turn, threads)?);
    compare(options.turns, "H/CPU-s", contenders);
    Ok(())
}

/// Hashes for a while with a machine of its own.
fn measure<P: Params, const LANES: usize>(
    memory: &Mmap,
    engine: Engine,
    source: Source<'_, P>,
    turn: Duration,
) -> Sample {
    let mut machine = Machine::<LANES>::new(memory, engine).expect("room for a machine");
    let mut nonce = 0_u64;
    let mut next = || {
        core::array::from_fn::<_, LANES, _>(|_| {
            nonce += 1;
            nonce.to_le_bytes()
        })
    };
    machine.begin(next().each_ref().map(|n| n.as_slice()));
    let sample = clock::repeat(turn, || {
        machine.finish(source, Some(next().each_ref().map(|n| n.as_slice())));
    });
    Sample {
        count: sample.count * LANES as f64,
        ..sample
    }
}

/// The sum over several threads.
fn in_threads(threads: usize, work: impl Fn() -> Sample + Sync) -> Sample {
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let samples = handles
            .into_iter()
            .map(|handle| handle.join().expect("a measuring thread"));
        samples.fold(Sample::default(), |sum, sample| Sample {
            count: sum.count + sample.count,
            seconds: sum.seconds + sample.seconds,
        })
    })
}
