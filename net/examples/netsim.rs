//! Goodput over a simulated wire: `cargo run --release -p basalt-net --example netsim`.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/link/mod.rs"]
mod link;

use std::net::SocketAddr;
use std::time::Duration;

use basalt_net::ip::{Config, EthernetAddress, Event, Ipv4Address, Ipv4Cidr, SocketId, Stack};
use basalt_net::swarm::{self, ConnId, Effect, Effects, Input, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::{Authored, Keypair, Multiaddr, Particle};
use clap::Parser;
use link::{Faults, Link};

const PORT: u16 = 977;
/// What the wire carries, in Mbit/s.
const RATE: u64 = 1000;
/// Data of the particle, where nothing is lost, and where something is.
const SIZE: usize = 64 << 20;
const LOSSY_SIZE: usize = 8 << 20;
/// Virtual time after which a cell of the table is given up.
const PATIENCE: Duration = Duration::from_secs(600);

/// One end: a stack with one socket, a swarm with one connection.
struct Host {
    stack: Stack,
    swarm: Swarm,
    socket: Option<SocketId>,
    conn: Option<ConnId>,
    connected: bool,
    arrived: bool,
    /// Bytes that came in.
    received: usize,
}

fn address(index: usize) -> Ipv4Address {
    Ipv4Address::new(10, 0, 0, 1 + index as u8)
}

fn keypair(index: usize) -> Keypair {
    Keypair::from_seed([index as u8 + 1; 32])
}

impl Host {
    fn new(index: usize, buffer: usize) -> Host {
        let mac = EthernetAddress([2, 0, 0, 0, 0, index as u8]);
        let mut config = Config::fixed(mac, Ipv4Cidr::new(address(index), 24), None);
        config.limits.receive_buffer = buffer;
        config.limits.send_buffer = buffer;
        config.limits.extra_buffers = 0;
        let mut stack = Stack::new(config, 7 + index as u64);
        stack.listen(PORT).expect("a free port");
        Host {
            stack,
            swarm: Swarm::new(swarm::Config::default(), keypair(index), [index as u8; 32]),
            socket: None,
            conn: None,
            connected: false,
            arrived: false,
            received: 0,
        }
    }

    fn effects(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Dial { conn, endpoint } => {
                    let remote = SocketAddr::from((address(0), endpoint.port));
                    self.conn = Some(conn);
                    self.socket = Some(self.stack.connect(remote).expect("a free socket"));
                }
                Effect::Other(swarm::Event::Connected { .. }) => self.connected = true,
                Effect::Other(swarm::Event::Particle { .. }) => self.arrived = true,
                _ => {}
            }
        }
    }

    /// Moves everything between wire, stack and swarm.
    fn step(&mut self, now: Instant, nic: &mut link::Nic) {
        let mut events = Vec::new();
        self.stack.poll(now, nic, &mut events);
        let mut out = Effects::new();
        for event in events {
            match event {
                Event::Accepted { socket, remote, .. } => {
                    let conn = self.swarm.accept(now, Transport::Tcp, remote, &mut out);
                    (self.socket, self.conn) = (Some(socket), conn.ok());
                }
                Event::Connected(socket) => {
                    let remote = self.stack.remote(socket);
                    if let (Some(conn), Some(remote)) = (self.conn, remote) {
                        let input = Input::Dialed { conn, remote };
                        self.swarm.handle(now, input, &mut out);
                    }
                }
                _ => {}
            }
        }
        if self.swarm.wake_at().is_some_and(|at| at <= now) {
            self.swarm.handle(now, Input::Timer, &mut out);
        }
        if let (Some(socket), Some(conn)) = (self.socket, self.conn) {
            let swarm = &mut self.swarm;
            loop {
                let room = swarm.receive_capacity(conn);
                let taken = self.stack.receive_with(socket, room, |bytes| {
                    swarm.handle(now, Input::Received { conn, bytes }, &mut out);
                });
                self.received += taken;
                if taken == 0 {
                    break;
                }
            }
            while self
                .stack
                .send_with(socket, |buffer| swarm.transmit(conn, buffer))
                > 0
            {}
        }
        self.effects(out);
    }
}

/// Megabits per second of one particle's data, from half of its bytes to its arrival. Loss is per
/// mille, the round trip in milliseconds.
fn goodput(loss: u64, round_trip: u64, buffer: usize) -> Option<f64> {
    let faults = Faults {
        loss,
        duplicate: 0,
        delay: round_trip * 1000 / 2,
        jitter: 0,
    };
    let size = match loss {
        0 => SIZE,
        _ => LOSSY_SIZE,
    };
    let mut link = Link::<2>::new(faults, 42);
    link.rate = Some(RATE);
    let mut hosts = [Host::new(0, buffer), Host::new(1, buffer)];
    let mut now = Instant::from_millis(1);
    for (index, host) in hosts.iter_mut().enumerate() {
        host.step(now, &mut link.nics[index]);
    }
    let to: Multiaddr = format!("/ip4/{}/tcp/{PORT}", address(0))
        .parse()
        .expect("an address");
    let mut out = Effects::new();
    hosts[1].swarm.dial(now, &to, &mut out).expect("dials");
    hosts[1].effects(out);
    let mut authored = Authored {
        id: "big".into(),
        init_peer_id: keypair(1).peer_id(),
        timestamp: 1,
        ttl: 1,
        script: String::new(),
        signature: vec![],
    };
    authored.sign(&keypair(1));
    let particle = Particle::new(authored, vec![7; size]);
    let (mut sent, mut half) = (false, None);
    let end = now + PATIENCE;
    while !hosts[0].arrived {
        for (index, host) in hosts.iter_mut().enumerate() {
            host.step(now, &mut link.nics[index]);
        }
        if half.is_none() && hosts[0].received >= size / 2 {
            half = Some((now, hosts[0].received));
        }
        if !sent && hosts[1].connected {
            sent = true;
            let mut out = Effects::new();
            let peer = keypair(0).peer_id();
            let taken = hosts[1].swarm.send(now, &peer, &particle, &mut out);
            taken.expect("is taken");
            hosts[1].effects(out);
            continue;
        }
        let wakes = hosts.iter_mut().flat_map(|host| {
            let swarm = host.swarm.wake_at().filter(|&at| at > now);
            [host.stack.wake_at(now), swarm]
        });
        let next = wakes.chain([link.carry(now)]).flatten().min()?;
        now = next.max(now + Duration::from_micros(10));
        link.carry(now);
        if now > end {
            return None;
        }
    }
    let (since, before) = half?;
    let took = now.since(since).as_secs_f64();
    Some((hosts[0].received - before) as f64 * 8.0 / took / 1e6)
}

/// What CUBIC makes of random loss, in Mbit/s: the larger of its own mean window and the one of
/// Reno, which it never falls below (RFC 9438 section 5.1).
fn predicted(loss: u64, round_trip: u64) -> f64 {
    const SEGMENT: f64 = 1460.0;
    let (loss, round_trip) = (loss as f64 / 1e3, round_trip as f64 / 1e3);
    let cubic = 1.054 * (round_trip / loss).powf(0.75);
    let reno = (1.5 / loss).sqrt();
    SEGMENT * 8.0 * cubic.max(reno) / round_trip / 1e6
}

/// Goodput of one particle over a simulated wire of 1 Gbit/s, by loss, round-trip time and TCP
/// buffers: swarm over smoltcp at both ends, on virtual time and seeded faults.
///
/// The particle's second half is measured, when slow start is over. The last column is what
/// congestion control lets one expect where there is loss.
#[derive(Debug, Parser)]
struct Cli {}

fn main() {
    let Cli {} = Cli::parse();
    println!("goodput of a particle over {RATE} Mbit/s, in Mbit/s, by receive and send buffers");
    let buffers = [64 << 10, 512 << 10, 1 << 20, 16 << 20];
    print!("{:>8} {:>8}", "loss", "RTT");
    for buffer in buffers {
        print!(" {:>10}", format!("{} KiB", buffer >> 10));
    }
    println!(" {:>10}", "CUBIC");
    for loss in [0, 1, 10] {
        for round_trip in [1, 20, 60, 100] {
            print!("{:>6}‰ {:>6}ms", loss, round_trip);
            for buffer in buffers {
                match goodput(loss, round_trip, buffer) {
                    Some(rate) => print!(" {rate:>10.1}"),
                    None => print!(" {:>10}", "-"),
                }
            }
            match loss {
                0 => println!(" {RATE:>10.1}"),
                _ => println!(" {:>10.1}", predicted(loss, round_trip).min(RATE as f64)),
            }
        }
    }
}
