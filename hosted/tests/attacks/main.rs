//! A node process under attack from outside, one budget after the other: honest clients get their
//! answers while it lasts, what is refused is counted on the node's metrics page, and the node's
//! memory stays within what is stated here.
//!
//! How much slower the answers come is printed by
//! `chrt -f 50 cargo test --release -p basalt-hosted --test attacks -- --ignored --nocapture`.

mod client;
mod floods;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "each suite uses its part")]
#[path = "../../../net/tests/attacks/wire.rs"]
mod wire;

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use basalt_net::swarm::Refusal;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use client::Client;
use floods::Flood;
use support::{Folder, Node};

/// Answers that an honest client gets during each attack, at least.
const ANSWERS: usize = 20;
/// How long an attack may take to be counted, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What all attacks together may add to the memory of the process, in bytes: what
/// [`floods::giants`] leaves unfinished, the connections that are being set up, and as much again
/// for how an allocator gives back.
const MEMORY: usize = 96 << 20;

/// The attacks, and what is counted of them.
const ATTACKS: [(&str, Flood, Option<Refusal>); 8] = [
    (
        "connections that say nothing and go",
        floods::connects,
        None,
    ),
    (
        "half-open handshakes",
        floods::half_open,
        Some(Refusal::SetUpsFull),
    ),
    (
        "noise instead of a handshake",
        floods::garbage,
        Some(Refusal::ProtocolViolation),
    ),
    ("streams", floods::streams, Some(Refusal::StreamsFull)),
    (
        "giant frames",
        floods::giants,
        Some(Refusal::ParticleTooBig),
    ),
    ("answers that nobody reads", floods::slow_reader, None),
    ("pings", floods::pings, None),
    (
        "questions of Kademlia",
        floods::questions,
        Some(Refusal::QuestionFlood),
    ),
];

/// Both ends of more connections than may be set up at a time.
fn allow_many_files() {
    let limits = getrlimit(Resource::Nofile);
    let current = limits.maximum.map_or(16_384, |most| most.min(16_384));
    let raised = Rlimit {
        current: Some(current),
        ..limits
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

fn start(name: &str) -> (Folder, Node) {
    allow_many_files();
    let folder = Folder::new(name);
    let node = Node::start(&folder.0, &wire::keypair(9), "");
    (folder, node)
}

fn tcp(node: &Node) -> SocketAddr {
    let port = node.address.iter().find_map(|part| match part {
        basalt_net::multiaddr::Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    ([127, 0, 0, 1], port.unwrap()).into()
}

/// How often the node says that it has refused for this reason.
fn refused(node: &Node, reason: Refusal) -> u64 {
    let (status, page) = node.page("/metrics");
    assert_eq!(status, 200);
    let name = format!("basalt_network_refused_total{{reason=\"{reason}\"}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap().parse().unwrap()
}

/// Memory of the process, in bytes.
fn memory(node: &Node) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: usize = line
        .unwrap()
        .trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse()
        .unwrap();
    kib << 10
}

/// Does something while an attack goes on.
fn under<T>(
    flood: impl Fn(SocketAddr, &AtomicBool) + Sync,
    target: SocketAddr,
    work: impl FnOnce() -> T,
) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let attacker = scope.spawn(|| flood(target, &over));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        over.store(true, Ordering::Relaxed);
        attacker.join().expect("an attacker that goes on");
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn honest_clients_are_served_and_memory_is_bounded() {
    let (_folder, node) = start("attacks");
    let target = tcp(&node);
    let mut honest = Client::connect(target, 1);
    honest.round_trip();
    let before = memory(&node);
    for (name, flood, reason) in ATTACKS {
        let counted = reason.map(|reason| refused(&node, reason));
        under(flood, target, || {
            let begin = Instant::now();
            for turn in 0.. {
                honest.round_trip();
                let spent = memory(&node).saturating_sub(before);
                assert!(spent < MEMORY, "{name}: {spent} bytes more");
                let is_counted = reason.is_none_or(|reason| Some(refused(&node, reason)) > counted);
                if turn >= ANSWERS && is_counted {
                    break;
                }
                assert!(begin.elapsed() < PATIENCE, "{name}: nothing is counted");
            }
            // Strangers are let in too.
            Client::connect(target, 2).round_trip();
        });
    }
}

/// The usual limit of open files, which the node cannot raise here.
const FILES: u32 = 1024;

#[test]
fn idle_connections_of_one_address_keep_nobody_out() {
    allow_many_files();
    let folder = Folder::new("idle");
    let node = Node::start_with_files(FILES, &folder.0, &wire::keypair(9), "");
    let target = tcp(&node);
    let mut operator = Client::connect(target, 9);
    let mut served = || {
        operator.round_trip();
        Client::connect(target, 1).round_trip();
        assert_eq!(node.page("/health").0, 200);
    };
    // Readers of the pages who ask nothing.
    let readers: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(node.pages()).unwrap())
        .collect();
    served();
    // Those who prove nothing, and those who prove a peer and then say nothing.
    let silent: Vec<_> = (0..1_100)
        .map(|_| TcpStream::connect(target).unwrap())
        .collect();
    served();
    let idle: Vec<_> = (0..1_100)
        .filter_map(|index| Client::try_connect(target, 10_000 + index).ok())
        .collect();
    assert!(idle.len() > 1_000, "{}", idle.len());
    served();
    assert!(refused(&node, Refusal::ConnectionsFull) > 100);
    assert!(refused(&node, Refusal::SetUpsFull) > 100);
    // A burst of those who come and go.
    for index in 0..400 {
        drop(TcpStream::connect(target).unwrap());
        if index % 100 == 0 {
            served();
        }
    }
    drop((readers, silent, idle));
    served();
}

/// Time of each of many round trips, the shortest first.
fn round_trips(honest: &mut Client) -> Vec<Duration> {
    let end = Instant::now() + Duration::from_secs(2);
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        honest.round_trip();
        times.push(start.elapsed());
        // Meanwhile the attackers have the core for themselves.
        thread::sleep(Duration::from_millis(2));
    }
    times.sort_unstable();
    times
}

/// Where the test runs with a priority of its own, those who attack go behind whoever asks: they
/// share a core.
fn step_back() {
    let own = rustix::thread::gettid().as_raw_nonzero().to_string();
    // Without such a priority all take turns.
    let _ = Command::new("chrt").args(["-f", "-p", "40", &own]).output();
}

#[test]
#[ignore = "prints a table of times, for a quiet machine with two cores"]
fn round_trips_under_attack() {
    let (_folder, node) = start("round-trips");
    let target = tcp(&node);
    // The node has a core for itself; whoever asks and attacks, the other.
    for (process, core) in [(Some(node.pid()), 1), (None, 0)] {
        let mut set = rustix::thread::CpuSet::new();
        set.set(core);
        let process = process.and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
        rustix::thread::sched_setaffinity(process, &set).unwrap();
    }
    let mut honest = Client::connect(target, 1);
    round_trips(&mut honest);
    println!(
        "| attack | median | 99 of 100 | median, times that at rest | refused | memory, MiB |"
    );
    println!("|---|---|---|---|---|---|");
    let mut quiet = None;
    let mut row = |name: &str, reason: Option<Refusal>| {
        let before = reason.map(|reason| refused(&node, reason));
        let times = round_trips(&mut honest);
        let (median, worst) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        let ratio = median.as_secs_f64() / quiet.get_or_insert(median).as_secs_f64();
        let counted = reason.zip(before);
        let refusals = counted.map_or(0, |(reason, before)| refused(&node, reason) - before);
        let mib = memory(&node) >> 20;
        println!("| {name} | {median:?} | {worst:?} | {ratio:.1} | {refusals} | {mib} |");
    };
    row("none", None);
    for (name, flood, reason) in ATTACKS {
        let attack = |target, over: &AtomicBool| {
            step_back();
            flood(target, over);
        };
        under(attack, target, || row(name, reason));
        // What it has left behind is over before the next begins.
        thread::sleep(Duration::from_secs(1));
    }
}
