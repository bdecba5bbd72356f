//! Particles through the hosted node:
//! `cargo run --release -p basalt-hosted --example particles -- --help`.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use basalt_hosted::clock::Clocks;
use basalt_hosted::identity::entropy;
use basalt_hosted::reactor::{Reactor, Stop};
use basalt_manifest::Manifest;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::swarm::{self, Transport};
use basalt_net::{Keypair, PeerId};
use basalt_node::client::Client;
use basalt_node::peer::{self, Peer};
use clap::Parser;

/// Data of one particle of the stream measurement, in bytes: each particle travels on one stream.
const BULK: usize = 64 << 20;
const BULK_ROUNDS: usize = 4;

/// Measures particles per second through the hosted node, and bytes per second through one Yamux
/// stream over Noise, on loopback. The node has one thread, the client another.
#[derive(Debug, Parser)]
struct Cli {
    /// Particles that are sent there and back; a twentieth of them one by one
    #[arg(default_value = "20000", value_parser = at_least_one)]
    particles: usize,
    /// Particles that are under way at the same time
    #[arg(default_value = "64", value_parser = at_least_one)]
    in_flight: usize,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a number")?;
    (number > 0).then_some(number).ok_or("less than 1".into())
}

fn main() {
    let Cli {
        particles,
        in_flight,
    } = Cli::parse();

    let clocks = Clocks::start();
    let node = Node::start(clocks);
    let mut client = connect(clocks, &node.address, node.id);

    println!("op.identity round trips, one client:");
    let few = (particles / 20).max(1);
    let took = round_trips(&mut client, node.id, few, 1);
    println!("  one by one: {}", rate(few, took));
    let before = thread_time(node.thread);
    let took = round_trips(&mut client, node.id, particles, in_flight);
    println!("  {in_flight} in flight: {}", rate(particles, took));
    if let (Some(before), Some(after)) = (before, thread_time(node.thread)) {
        println!(
            "  of the node's thread alone: {}",
            rate(particles, after - before)
        );
    }

    println!(
        "one stream per particle, {BULK_ROUNDS} particles of {} MiB:",
        BULK >> 20
    );
    bulk(clocks);

    node.stop.stop();
    node.join.join().expect("the node's thread ends");
}

fn rate(count: usize, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    format!(
        "{count} in {seconds:.3} s, {:.0} per second",
        count as f64 / seconds
    )
}

/// The number of this thread, as the system counts.
fn thread_id() -> Option<u32> {
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

/// How long a thread has run, where the system tells.
fn thread_time(thread: Option<u32>) -> Option<Duration> {
    let path = format!("/proc/self/task/{}/schedstat", thread?);
    let text = std::fs::read_to_string(path).ok()?;
    Some(Duration::from_nanos(
        text.split_whitespace().next()?.parse().ok()?,
    ))
}

fn random() -> [u8; 32] {
    entropy().expect("the system has entropy")
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A client that may queue and hold all data of the stream measurement.
fn roomy() -> swarm::Config {
    let mut config = swarm::Config::default();
    let all = 2 * BULK * BULK_ROUNDS;
    config.limits.max_held = all;
    config.connection.max_held = all;
    config.connection.max_queued = all;
    config.limits.max_queued = 2 * all;
    config
}

/// A node on a thread of its own.
struct Node {
    address: Multiaddr,
    id: PeerId,
    stop: Stop,
    join: thread::JoinHandle<()>,
    thread: Option<u32>,
}

impl Node {
    fn start(clocks: Clocks) -> Node {
        let keypair = Keypair::from_seed(random());
        let id = keypair.peer_id();
        let (sender, receiver) = channel();
        let join = thread::spawn(move || {
            let manifest = Manifest::parse("").expect("an empty manifest is valid");
            let config = peer::Config::from_manifest(&manifest, "benchmark").expect("valid");
            let peer = Peer::new(config, keypair, random());
            let mut reactor = Reactor::new(peer, clocks).expect("a poll");
            let local = reactor
                .listen(loopback(), Transport::Tcp)
                .expect("a free port");
            sender
                .send((local, reactor.stopper(), thread_id()))
                .expect("somebody waits");
            reactor.run(|_| false).expect("the loop runs");
        });
        let (local, stop, thread) = receiver.recv().expect("the node starts");
        let address = Multiaddr::from_socket(local).with(Protocol::P2p(id));
        Node {
            address,
            id,
            stop,
            join,
            thread,
        }
    }
}

fn connect(clocks: Clocks, address: &Multiaddr, node: PeerId) -> Reactor<Client> {
    let keypair = Keypair::from_seed(random());
    let client = Client::new(keypair, roomy(), random());
    let mut reactor = Reactor::new(client, clocks).expect("a poll");
    let mut effects = Vec::new();
    let clock = reactor.clock();
    reactor
        .driver
        .machine
        .dial(clock, address, &mut effects)
        .expect("a good address");
    reactor.perform(effects);
    reactor
        .run(|client| client.is_connected(&node))
        .expect("the loop runs");
    reactor
}

/// Sends particles that ask the node for `op.identity` and come back.
fn round_trips(
    reactor: &mut Reactor<Client>,
    node: PeerId,
    count: usize,
    in_flight: usize,
) -> Duration {
    let me = reactor.driver.machine.peer_id();
    let script = format!(
        r#"(seq
            (call "{node}" ("op" "identity") ["hello"] answer)
            (call "{me}" ("callback" "done") [answer]))"#
    );
    let start = Instant::now();
    let (mut sent, mut done) = (0, 0);
    while done < count {
        let clock = reactor.clock();
        let mut effects = Vec::new();
        while sent < count && sent - done < in_flight {
            let name = format!("benchmark-{in_flight}-{sent}");
            let particle = reactor
                .driver
                .machine
                .particle(clock, name, script.as_str(), 60_000);
            let taken = reactor
                .driver
                .machine
                .send(clock, &node, &particle, &mut effects);
            taken.expect("the node takes particles");
            sent += 1;
        }
        reactor.perform(effects);
        reactor
            .run(|client| !client.received.is_empty())
            .expect("the loop runs");
        done += reactor.driver.machine.received.drain(..).count();
    }
    start.elapsed()
}

/// Two clients: one sends particles with a lot of data, the other only takes them.
fn bulk(clocks: Clocks) {
    let keypair = Keypair::from_seed(random());
    let id = keypair.peer_id();
    let (sender, receiver) = channel();
    let (arrived, arrivals) = channel();
    let taker = thread::spawn(move || {
        let taker = Client::new(keypair, roomy(), random());
        let mut reactor = Reactor::new(taker, clocks).expect("a poll");
        let local = reactor
            .listen(loopback(), Transport::Tcp)
            .expect("a free port");
        sender
            .send((local, reactor.stopper()))
            .expect("somebody waits");
        let mut bytes = 0;
        let all = |taker: &mut Client| {
            bytes += taker
                .received
                .drain(..)
                .map(|particle| particle.data.len())
                .sum::<usize>();
            bytes >= BULK * BULK_ROUNDS
        };
        reactor.run(all).expect("the loop runs");
        arrived.send(()).expect("somebody waits");
        reactor.run(|_| false).expect("the loop runs");
    });
    let (local, stop) = receiver.recv().expect("the taker starts");
    let address = Multiaddr::from_socket(local).with(Protocol::P2p(id));
    let mut reactor = connect(clocks, &address, id);
    let clock = reactor.clock();
    let mut particle = reactor
        .driver
        .machine
        .particle(clock, "bulk", "(null)", 60_000);
    particle.data = vec![7; BULK].into();
    let finished = reactor.stopper();
    let watch = thread::spawn(move || {
        arrivals.recv().expect("the taker tells");
        finished.stop();
    });
    let start = Instant::now();
    let mut effects = Vec::new();
    for _ in 0..BULK_ROUNDS {
        let taken = reactor
            .driver
            .machine
            .send(clock, &id, &particle, &mut effects);
        taken.expect("the queue has room for all");
    }
    reactor.perform(effects);
    reactor.run(|_| false).expect("the loop runs");
    let took = start.elapsed().as_secs_f64();
    watch.join().expect("the watching thread ends");
    stop.stop();
    taker.join().expect("the taker's thread ends");
    let bytes = BULK * BULK_ROUNDS;
    println!(
        "  {} MiB in {took:.3} s, {:.0} MB per second",
        bytes >> 20,
        bytes as f64 / took / 1e6
    );
}
