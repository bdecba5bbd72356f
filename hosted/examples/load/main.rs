//! Load on nodes, as the network's own load tests put it: round trips, a stream on its way to
//! another client, a worker's service with a file, a way over three peers. Every answer is checked.
//!
//! `cargo run --release -p basalt-hosted --example load -- --help`

mod driver;
mod nodes;
mod report;
mod scenario;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use basalt_hosted::run::{self, RunArgs};
use basalt_net::keypair::Keypair;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::{Args, Parser, Subcommand};

use driver::Driver;
use nodes::{Nodes, Place};
use report::Row;
use scenario::{Scenario, Stage};

/// Puts load on nodes and tells how they bear it.
///
/// It starts nodes, each in a process of its own with one thread for the network and one for
/// services, with a state file and without the system services. Clients and nodes share this
/// machine's cores. "Per second and core" is the number of particles by the time that the nodes'
/// processes ran, so it does not count the clients.
///
/// To load the image: boot it with `cargo run -- --manifest FILE`, where the manifest's
/// `management_peer_id` is the operator's (this command tells it), and give the address as --node,
/// with QEMU's process behind a `#`.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be one of the nodes
    #[command(hide = true)]
    Run(RunArgs),
}

#[derive(Debug, Args)]
struct Load {
    /// A node that runs already: its address with `/p2p/ID`, and the process it runs in. It becomes
    /// the first; what else is needed is started and dials it
    #[arg(long, value_name = "ADDRESS[#PROCESS]")]
    node: Vec<Place>,
    /// Only these scenarios
    #[arg(long, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// Particles of a scenario when several are in flight; a quarter when it is one by one
    #[arg(long, value_name = "NUMBER", default_value_t = 4000)]
    particles: usize,
    /// Particles that are under way at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 32)]
    in_flight: usize,
    /// Life of the particles, in seconds: one that does not come in this time is lost
    #[arg(long, value_name = "SECONDS", default_value_t = driver::LIFE.as_secs())]
    ttl: u64,
    /// Keep each scenario up so long, several in flight, and tell of each minute, with the first
    /// node's memory. In the end the memory of the last tenth may be 5 % above that of the first
    /// tenth in which particles expire
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Secret seed of the key that manages the nodes, 32 bytes in base64
    #[arg(
        long,
        value_name = "SEED",
        default_value = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="
    )]
    operator: String,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Some(Command::Run(args)) => run::run(args),
        None => load(&cli.load),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn load(load: &Load) -> Result<()> {
    ensure!(
        load.particles > 0 && load.in_flight > 0,
        "there is nothing to do"
    );
    let seed = BASE64_STANDARD.decode(&load.operator);
    let seed = seed.ok().and_then(|seed| seed.try_into().ok());
    let operator = Keypair::from_seed(seed.context("--operator is no seed: 32 bytes in base64")?);
    println!("the nodes' operator is {}", operator.peer_id());
    let scenarios = match load.scenario.is_empty() {
        true => Scenario::ALL.to_vec(),
        false => load.scenario.clone(),
    };
    let count = scenarios.iter().map(|scenario| scenario.nodes()).max();
    let program = std::env::current_exe()?;
    let nodes = Nodes::start(&program, load.node.clone(), count.unwrap_or(0), &operator)?;
    let addresses: Vec<_> = nodes
        .places
        .iter()
        .map(|place| place.address.clone())
        .collect();
    let driver = Driver::connect(operator, &addresses)?;
    let mut stage = Stage::new(
        driver,
        nodes.places.iter().map(|place| place.peer).collect(),
    );
    stage.set_life(Duration::from_secs(load.ttl.max(1)));
    for scenario in scenarios {
        // What is done for the first time takes longer: connections between nodes, the service's
        // translation.
        stage.run(
            scenario,
            load.in_flight.min(load.particles),
            load.in_flight,
            |_| (),
        )?;
        let places = &nodes.places[..scenario.nodes()];
        if let Some(seconds) = load.seconds {
            sustain(&mut stage, scenario, load, places, seconds)?;
            continue;
        }
        for (in_flight, count) in [
            (1, load.particles.div_ceil(4)),
            (load.in_flight, load.particles),
        ] {
            let before = cpu_time(places);
            let taken = stage.run(scenario, count, in_flight, |done| {
                progress(scenario.title(), done, count);
            })?;
            let cpu = cpu_time(places)
                .zip(before)
                .map(|(after, before)| after - before);
            println!("{}", Row::new(scenario.title(), in_flight, &taken, cpu));
        }
    }
    stage.clear()
}

/// How much more memory than in the tenth that it is compared with a node may have at the end.
const GROWTH: f64 = 1.05;

/// Keeps a scenario up, and compares the first node's memory of the last tenth with that of the
/// first tenth in which nothing grows to its size any more: the second one, or the one that begins
/// when the first particles have expired.
///
/// # Errors
/// The memory has grown.
fn sustain(
    stage: &mut Stage,
    scenario: Scenario,
    load: &Load,
    places: &[Place],
    seconds: u64,
) -> Result<()> {
    let whole = Duration::from_secs(seconds);
    let start = Instant::now();
    let mut seen: Vec<(Duration, u64)> = Vec::new();
    let (mut came, mut lost) = (0, 0);
    println!("{}, {} in flight:", scenario.title(), load.in_flight);
    println!("  minute  per second  refused or too late  MiB at most");
    let (mut minute, mut before) = (1, (0, 0));
    while start.elapsed() < whole {
        let taken = stage.run(scenario, load.particles, load.in_flight, |done| {
            progress(scenario.title(), done, load.particles);
        })?;
        came += taken.arrived.len();
        lost += taken.lost + taken.unsent;
        let memory = places.first().and_then(Place::memory).unwrap_or(0);
        let now = start.elapsed();
        seen.push((now, memory));
        if now >= Duration::from_secs(60 * minute) || now >= whole {
            let begun = Duration::from_secs(60 * (minute - 1));
            println!(
                "  {minute:6}  {:10.0}  {:19}  {:11}",
                (came - before.0) as f64 / (now - begun).as_secs_f64().max(1e-9),
                lost - before.1,
                highest(&seen, begun, now) >> 20,
            );
            (minute, before) = (now.as_secs() / 60 + 1, (came, lost));
        }
    }
    let took = start.elapsed();
    println!(
        "  {came} came in {:.0} s, {:.0} per second, {lost} did not",
        took.as_secs_f64(),
        came as f64 / took.as_secs_f64(),
    );
    let tenth = whole / 10;
    let settled = tenth.max(Duration::from_secs(load.ttl));
    if settled + 2 * tenth > whole {
        println!("  too short to compare memory");
        return Ok(());
    }
    let first = highest(&seen, settled, settled + tenth);
    let last = highest(&seen, whole - tenth, took);
    let growth = last as f64 / (first as f64).max(1.0);
    println!(
        "  memory: {} MiB at most from {:.0} s on, {} MiB at the end: {:+.1} %",
        first >> 20,
        settled.as_secs_f64(),
        last >> 20,
        100.0 * (growth - 1.0),
    );
    ensure!(growth <= GROWTH, "the node's memory grows");
    Ok(())
}

/// The most memory that was seen in a time.
fn highest(seen: &[(Duration, u64)], from: Duration, to: Duration) -> u64 {
    let during = seen.iter().filter(|(at, _)| *at >= from && *at <= to);
    during.map(|(_, memory)| *memory).max().unwrap_or(0)
}

/// The time that the nodes' processes ran, when all are known.
fn cpu_time(places: &[Place]) -> Option<Duration> {
    places.iter().map(Place::cpu_time).sum()
}

/// Tells a watcher how far it is.
fn progress(title: &str, done: usize, count: usize) {
    let mut stderr = std::io::stderr();
    let is_due = done == count || done.is_multiple_of(100);
    if !(is_due && stderr.is_terminal()) {
        return;
    }
    let end = if done == count { "\r\x1b[K" } else { "" };
    // Nobody is harmed when it cannot be seen.
    let _ = write!(stderr, "\r{title}: {done} of {count}{end}").and_then(|()| stderr.flush());
}
