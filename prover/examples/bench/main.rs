//! Measures the hash and its parts: `bench [--pages small|transparent|2m|1g] [--seconds N]
//! [--turns N] [--params upstream|fluence] [--only cache,fill,hash] [--dataset true|random]`.
//!
//! With the feature `reference` the C++ reference runs in turns with ours on the very same memory
//! (upstream parameters only), and ratios are printed. All rates are per CPU-second of the thread
//! that did the work, so that a shared machine disturbs less; of the turns each side gets the median
//! counts. A random dataset is there at once and as good for measuring.

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
use clock::{Sample, cpu_seconds};
use std::error::Error;
use std::time::Duration;

const KEY: &[u8] = b"test key 000";

struct Options {
    pages: PageSize,
    seconds: f64,
    only: Vec<String>,
    fluence: bool,
    random_dataset: bool,
    turns: usize,
}

impl Options {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            pages: PageSize::Transparent,
            seconds: 2.0,
            only: Vec::new(),
            fluence: false,
            random_dataset: false,
            turns: 5,
        };
        let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            match (name.as_str(), value.as_str()) {
                ("--pages", "small") => options.pages = PageSize::Small,
                ("--pages", "transparent") => options.pages = PageSize::Transparent,
                ("--pages", "2m") => options.pages = PageSize::Reserved2M,
                ("--pages", "1g") => options.pages = PageSize::Reserved1G,
                ("--params", "upstream") => options.fluence = false,
                ("--params", "fluence") => options.fluence = true,
                ("--dataset", "random") => options.random_dataset = true,
                ("--dataset", "true") => options.random_dataset = false,
                ("--turns", n) => options.turns = n.parse()?,
                ("--seconds", n) => options.seconds = n.parse()?,
                ("--only", list) => options.only = list.split(',').map(str::to_owned).collect(),
                (name, value) => return Err(format!("{name} {value}: not understood").into()),
            }
        }
        Ok(options)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    fn turn(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse()?;
    let (model, features) = (Model::get(), Features::get());
    println!(
        "CPU family {:#x} model {:#x}, {features:?}",
        model.family, model.model
    );
    println!(
        "pages {:?}, {} s per turn, {} turns",
        options.pages, options.seconds, options.turns
    );
    if options.fluence {
        run::<Fluence>(&options)
    } else {
        run::<Upstream>(&options)
    }
}

fn run<P: Params>(options: &Options) -> Result<(), Box<dyn Error>> {
    let memory = Mmap {
        pages: options.pages,
    };
    println!("parameters {}", P::NAME);
    if options.wants("cache") {
        cache(&memory, options)?;
    }
    let cache = Cache::<P>::new(&memory, KEY)?;
    if options.wants("fill") {
        fill(&memory, &cache, options)?;
    }
    if options.wants("hash") {
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

/// Runs `ours` and `reference` in turns and prints rates and ratio.
fn compare(
    turns: usize,
    what: &str,
    unit: &str,
    mut ours: impl FnMut() -> Sample,
    mut reference: Option<&mut dyn FnMut() -> Sample>,
) {
    let (mut rates, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        rates.push(ours().rate());
        if let Some(reference) = &mut reference {
            theirs.push(reference().rate());
        }
    }
    let ratios: Vec<f64> = rates.iter().zip(&theirs).map(|(a, b)| a / b).collect();
    print!("{what:<28} {:>12.1} {unit}", median(rates));
    if !ratios.is_empty() {
        print!(
            "   reference {:>12.1}   ratio {:.3}",
            median(theirs),
            median(ratios)
        );
    }
    println!();
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn cache(memory: &Mmap, options: &Options) -> Result<(), Box<dyn Error>> {
    let mut region = memory.lend(Purpose::Cache, CACHE_BYTES)?;
    region.bytes_mut().fill(1);
    #[cfg(feature = "reference")]
    let mut reference = reference::Cache::new(*memory)?;
    #[cfg(feature = "reference")]
    let mut turns = 0_u8;
    #[cfg(feature = "reference")]
    let mut theirs = || {
        // The reference leaves a cache as it is if the key is the last one.
        turns += 1;
        let start = cpu_seconds();
        reference.init(&[turns; 12]);
        Sample {
            count: 1.0,
            seconds: cpu_seconds() - start,
        }
    };
    #[cfg(feature = "reference")]
    let theirs: Option<&mut dyn FnMut() -> Sample> = Some(&mut theirs);
    #[cfg(not(feature = "reference"))]
    let theirs = None;
    let ours = || {
        let start = cpu_seconds();
        Filling::start(region.words_mut(), KEY).step(region.words_mut(), usize::MAX);
        Sample {
            count: 1.0,
            seconds: cpu_seconds() - start,
        }
    };
    compare(options.turns, "cache fill", "caches/CPU-s", ours, theirs);
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
    let mut ours = || {
        let start = cpu_seconds();
        cache.items(at, out.words_mut().as_chunks_mut().0);
        at += ITEMS as u64;
        Sample {
            count: ITEMS as f64,
            seconds: cpu_seconds() - start,
        }
    };
    #[cfg(feature = "reference")]
    if P::CACHE_ACCESSES == Upstream::CACHE_ACCESSES {
        let mut reference = reference::Cache::new(*memory)?;
        reference.init(KEY);
        let mut dataset =
            reference::Dataset::new(memory.lend(Purpose::Dataset, P::DATASET_BYTES)?)?;
        let mut at = 0;
        dataset.fill(&reference, 0, ITEMS);
        let mut theirs = || {
            let start = cpu_seconds();
            dataset.fill(&reference, at, ITEMS);
            at += ITEMS;
            Sample {
                count: ITEMS as f64,
                seconds: cpu_seconds() - start,
            }
        };
        compare(
            options.turns,
            "dataset fill",
            "items/CPU-s",
            ours,
            Some(&mut theirs),
        );
        return Ok(());
    }
    compare(
        options.turns,
        "dataset fill",
        "items/CPU-s",
        &mut ours,
        None,
    );
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
                if options.random_dataset {
                    while builder.step_with(random) {}
                } else {
                    while builder.step(cache) {}
                }
            });
        }
    });
    let dataset = builder.complete().ok_or("dataset incomplete")?;
    let turn = options.turn();
    let light = || measure::<_, 1>(memory, Engine::Jit, Source::Light(cache), turn);
    compare(
        options.turns,
        "light, compiled, 1 thread",
        "H/CPU-s",
        light,
        None,
    );
    let interpreted = || measure::<_, 1>(memory, Engine::Interpreter, Source::Fast(dataset), turn);
    compare(
        options.turns,
        "fast, interpreted, 1 thread",
        "H/CPU-s",
        interpreted,
        None,
    );
    for threads in [1, 2] {
        let source = Source::Fast(dataset);
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
        let what = |lanes: u32| format!("fast, {threads} thread(s), {lanes} lane(s)");
        race(&what(1), one, memory, dataset, options, threads)?;
        race(&what(2), two, memory, dataset, options, threads)?;
    }
    Ok(())
}

#[cfg(feature = "reference")]
fn race<P: Params>(
    what: &str,
    ours: impl FnMut() -> Sample,
    memory: &Mmap,
    dataset: DatasetView<'_, P>,
    options: &Options,
    threads: usize,
) -> Result<(), Box<dyn Error>> {
    if P::CACHE_ACCESSES != Upstream::CACHE_ACCESSES {
        compare(options.turns, what, "H/CPU-s", ours, None);
        return Ok(());
    }
    let reference = reference::Dataset::borrow(dataset.words())?;
    let expected =
        basalt_prover::randomx::Vm::new(memory, Engine::Jit)?.hash(Source::Fast(dataset), b"check");
    if reference::Vm::new(*memory, &reference)?.hash(b"check") != expected {
        return Err("the reference hashes differently".into());
    }
    let mut theirs = || {
        in_threads(threads, || {
            let mut vm = reference::Vm::new(*memory, &reference).expect("room for a machine");
            let mut nonce = 0_u64;
            vm.begin(&nonce.to_le_bytes());
            clock::repeat(options.turn(), || {
                nonce += 1;
                vm.next(&nonce.to_le_bytes());
            })
        })
    };
    compare(options.turns, what, "H/CPU-s", ours, Some(&mut theirs));
    Ok(())
}

#[cfg(not(feature = "reference"))]
fn race<P: Params>(
    what: &str,
    ours: impl FnMut() -> Sample,
    _: &Mmap,
    _: DatasetView<'_, P>,
    options: &Options,
    _: usize,
) -> Result<(), Box<dyn Error>> {
    compare(options.turns, what, "H/CPU-s", ours, None);
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
