//! The stack in memory: `cargo run --release -p basalt-net --example throughput -- --help`.

use std::time::{Duration, Instant as Clock};

use basalt_net::swarm::{Config, ConnId, Effect, Effects, Event, Input, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::{Authored, Keypair, Multiaddr, Particle, PeerId};
use clap::{Parser, ValueEnum};

/// Two swarms, and bytes handed over between them in the sizes a socket would.
struct Pair {
    start: Clock,
    swarms: [Swarm; 2],
    conns: [Option<ConnId>; 2],
    transport: Transport,
    buffer: Vec<u8>,
    particles: usize,
    connected: usize,
}

fn keypair(index: usize) -> Keypair {
    Keypair::from_seed([index as u8 + 1; 32])
}

impl Pair {
    fn new(transport: Transport) -> Self {
        let swarm = |index| Swarm::new(Config::default(), keypair(index), [index as u8; 32]);
        Self {
            start: Clock::now(),
            swarms: [swarm(0), swarm(1)],
            conns: [None, None],
            transport,
            buffer: vec![0; 64 * 1024],
            particles: 0,
            connected: 0,
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.start.elapsed().as_micros() as u64)
    }

    fn effects(&mut self, index: usize, effects: &mut Effects) {
        for effect in effects.drain(..) {
            match effect {
                Effect::Dial { conn, .. } => self.conns[index] = Some(conn),
                Effect::Other(Event::Particle { .. }) => self.particles += 1,
                Effect::Other(Event::Connected { .. }) => self.connected += 1,
                Effect::Other(Event::Closed { conn, .. }) if self.conns[index] == Some(conn) => {
                    self.conns[index] = None;
                }
                _ => {}
            }
        }
    }

    fn connect(&mut self, out: &mut Effects) {
        let ws = if self.transport == Transport::WebSocket {
            "/ws"
        } else {
            ""
        };
        let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/1{ws}")
            .parse()
            .expect("an address");
        let now = self.now();
        self.swarms[0].dial(now, &address, out).expect("dials");
        self.effects(0, out);
        let remote = "127.0.0.1:1".parse().expect("a socket address");
        self.conns[1] = self.swarms[1].accept(now, self.transport, remote, out).ok();
        self.effects(1, out);
        let conn = self.conns[0].expect("was dialed");
        self.swarms[0].handle(now, Input::Dialed { conn, remote }, out);
        self.effects(0, out);
        self.run(out);
    }

    fn run(&mut self, out: &mut Effects) {
        loop {
            let mut moved = false;
            for from in 0..2 {
                let (Some(conn), Some(other)) = (self.conns[from], self.conns[1 - from]) else {
                    return;
                };
                let len = self.swarms[from].transmit(conn, &mut self.buffer);
                if len > 0 {
                    moved = true;
                    let now = self.now();
                    let input = Input::Received {
                        conn: other,
                        bytes: &mut self.buffer[..len],
                    };
                    self.swarms[1 - from].handle(now, input, out);
                    self.effects(1 - from, out);
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn close(&mut self, out: &mut Effects) {
        let now = self.now();
        for index in 0..2 {
            if let Some(conn) = self.conns[index] {
                self.swarms[index].handle(now, Input::Lost { conn }, out);
                self.effects(index, out);
            }
        }
    }
}

/// Processor time of this thread, or the time of day where there is no such number.
struct Stopwatch(Clock, Option<u64>);

impl Stopwatch {
    fn start() -> Self {
        Self(Clock::now(), Self::processor_nanos())
    }

    fn processor_nanos() -> Option<u64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    fn seconds(&self) -> f64 {
        let used = self
            .1
            .zip(Self::processor_nanos())
            .map(|(from, to)| to - from);
        used.map_or(self.0.elapsed(), Duration::from_nanos)
            .as_secs_f64()
    }
}

fn particle(size: usize) -> Particle {
    let mut authored = Authored {
        id: "2883f959-e9e7-4843-8c37-205d393ca372".into(),
        init_peer_id: keypair(0).peer_id(),
        timestamp: 1_700_000_000_000,
        ttl: 7000,
        script: "(null)".into(),
        signature: vec![],
    };
    authored.sign(&keypair(0));
    Particle::new(authored, vec![7; size])
}

/// Measures how fast the stack is in memory, both ends on one core: connection set-ups, small
/// particles, and bytes through one stream.
///
/// It counts processor time where the system tells it, so that a busy machine does not falsify it.
#[derive(Debug, Parser)]
struct Cli {
    /// What lies below Noise
    #[arg(value_enum, default_value = "tcp")]
    transport: Below,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Below {
    /// TCP alone
    Tcp,
    /// WebSocket over TCP
    Ws,
}

fn main() {
    let transport = match Cli::parse().transport {
        Below::Ws => Transport::WebSocket,
        Below::Tcp => Transport::Tcp,
    };
    let mut out = Effects::new();
    let mut pair = Pair::new(transport);

    let set_ups = 2000;
    let start = Stopwatch::start();
    for _ in 0..set_ups {
        pair.connect(&mut out);
        pair.close(&mut out);
    }
    assert_eq!(pair.connected, 2 * set_ups);
    println!(
        "{:>10.0} connection set-ups per second",
        set_ups as f64 / start.seconds()
    );

    pair.connect(&mut out);
    let peers: [PeerId; 2] = [keypair(0).peer_id(), keypair(1).peer_id()];
    let small = particle(1000);
    let exchanges = 30_000;
    let start = Stopwatch::start();
    for _ in 0..exchanges {
        for from in 0..2 {
            let now = pair.now();
            pair.swarms[from]
                .send(now, &peers[1 - from], &small, &mut out)
                .expect("sends");
            pair.effects(from, &mut out);
            pair.run(&mut out);
        }
    }
    assert_eq!(pair.particles, 2 * exchanges);
    println!(
        "{:>10.0} exchanges per second (a particle of 1,400 bytes there and one back, a stream each)",
        exchanges as f64 / start.seconds()
    );

    pair.particles = 0;
    let big = particle(50_000_000);
    let (mut bytes, start) = (0, Stopwatch::start());
    for _ in 0..20 {
        let now = pair.now();
        pair.swarms[0]
            .send(now, &peers[1], &big, &mut out)
            .expect("sends");
        pair.effects(0, &mut out);
        pair.run(&mut out);
        bytes += big.data.len();
    }
    assert_eq!(pair.particles, 20);
    println!(
        "{:>10.0} MB/s in particles of 50 MB, one stream each",
        bytes as f64 / 1e6 / start.seconds()
    );
}
