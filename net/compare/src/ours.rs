//! Ours: both ends swarms on one hosted reactor. A message is a particle, so an exchange takes two
//! streams.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant as Clock;

use basalt_hosted::clock::Clocks;
use basalt_hosted::identity::entropy;
use basalt_hosted::reactor::Reactor;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::swarm::{self, ConnId, Event, Input, Refusal, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::{Authored, Keypair, Particle};
use basalt_node::host;
use basalt_node::machine::{Effect, Machine};

use crate::{BULK, BULKS, EXCHANGES, MESSAGE, Rates, SET_UPS};

fn random() -> [u8; 32] {
    entropy().expect("the system has entropy")
}

/// A swarm that counts, and sends small particles back to where they came from, as often as it is
/// told to.
struct End {
    swarm: Swarm,
    now: Instant,
    echoes: usize,
    connected: usize,
    identified: usize,
    closed: usize,
    particles: usize,
    conn: Option<ConnId>,
    effects: swarm::Effects,
}

impl End {
    fn new(echoes: usize) -> End {
        let mut config = swarm::Config::default();
        let all = 4 * BULK * BULKS;
        config.limits.max_held = all;
        config.limits.max_queued = all;
        config.connection.max_held = all;
        config.connection.max_queued = all;
        config.limits.max_per_peer = usize::MAX;
        config.limits.max_per_address = usize::MAX;
        End {
            swarm: Swarm::new(config, Keypair::from_seed(random()), random()),
            now: Instant::ZERO,
            echoes,
            connected: 0,
            identified: 0,
            closed: 0,
            particles: 0,
            conn: None,
            effects: Vec::new(),
        }
    }

    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        self.swarm.handle(now, input, &mut self.effects);
    }

    fn settle(&mut self, out: &mut Vec<Effect>) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                match effect.split() {
                    Ok(effect) => out.push(effect),
                    Err(event) => self.event(event),
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected { conn, .. } => {
                self.connected += 1;
                self.conn = Some(conn);
            }
            Event::Identified { .. } => self.identified += 1,
            Event::Closed { .. } => self.closed += 1,
            Event::Particle { from, particle } => {
                self.particles += 1;
                if self.echoes > 0 && particle.data.len() == MESSAGE {
                    self.echoes -= 1;
                    let sent = self
                        .swarm
                        .send(self.now, &from, &particle, &mut self.effects);
                    sent.expect("is taken");
                }
            }
            _ => {}
        }
    }
}

/// Both ends as one machine: the first dials, the second is dialed. Both count connections from
/// one, so those of the second go by other names outside.
struct Both {
    ends: [End; 2],
    /// The names outside of the second's connections, and the other way round.
    outside: HashMap<ConnId, ConnId>,
    inside: HashMap<ConnId, ConnId>,
}

impl Both {
    /// The end that a connection belongs to, and what it calls it.
    fn end(&mut self, conn: ConnId) -> (&mut End, ConnId) {
        match self.inside.get(&conn) {
            Some(&inside) => (&mut self.ends[1], inside),
            None => (&mut self.ends[0], conn),
        }
    }

    fn settle(&mut self, out: &mut Vec<Effect>) {
        self.ends[0].settle(out);
        let first = out.len();
        self.ends[1].settle(out);
        for effect in &mut out[first..] {
            if let Effect::Output { conn } | Effect::Close { conn } | Effect::Abort { conn } =
                effect
                && let Some(outside) = self.outside.get(conn)
            {
                *conn = *outside;
            }
        }
    }
}

impl Machine for Both {
    fn accept(
        &mut self,
        clock: host::Clock,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal> {
        let End { swarm, effects, .. } = &mut self.ends[1];
        let inside = swarm.accept(clock.now, transport, remote, effects)?;
        let outside = ConnId::beside_swarm(self.outside.len() as u64);
        self.outside.insert(inside, outside);
        self.inside.insert(outside, inside);
        self.settle(out);
        Ok(outside)
    }

    fn handle(&mut self, clock: host::Clock, input: Input<'_>, out: &mut Vec<Effect>) {
        let (end, input) = match input {
            Input::Timer => {
                self.ends[1].handle(clock.now, Input::Timer);
                (&mut self.ends[0], Input::Timer)
            }
            Input::Dialed { conn, remote } => {
                let (end, conn) = self.end(conn);
                (end, Input::Dialed { conn, remote })
            }
            Input::DialFailed { conn, reason } => {
                let (end, conn) = self.end(conn);
                (end, Input::DialFailed { conn, reason })
            }
            Input::Received { conn, bytes } => {
                let (end, conn) = self.end(conn);
                (end, Input::Received { conn, bytes })
            }
            Input::RemoteClosed { conn } => {
                let (end, conn) = self.end(conn);
                (end, Input::RemoteClosed { conn })
            }
            Input::Lost { conn } => {
                let (end, conn) = self.end(conn);
                (end, Input::Lost { conn })
            }
            Input::LookedUp { conn, texts } => {
                let (end, conn) = self.end(conn);
                (end, Input::LookedUp { conn, texts })
            }
        };
        end.handle(clock.now, input);
        self.settle(out);
    }

    fn work(&mut self, _: host::Clock, _: &mut Vec<Effect>) -> bool {
        false
    }

    fn wake_at(&self, _: host::Clock) -> Option<Instant> {
        self.ends.iter().filter_map(|end| end.swarm.wake_at()).min()
    }

    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        let (end, conn) = self.end(conn);
        end.swarm.transmit(conn, buffer)
    }

    fn has_output(&mut self, conn: ConnId) -> bool {
        let (end, conn) = self.end(conn);
        end.swarm.has_output(conn)
    }

    fn receive_capacity(&mut self, conn: ConnId) -> usize {
        let (end, conn) = self.end(conn);
        end.swarm.receive_capacity(conn)
    }
}

/// Lets the first end do something, then runs both until `done`.
fn act(
    reactor: &mut Reactor<Both>,
    act: impl FnOnce(&mut End, Instant),
    mut done: impl FnMut(&[End; 2]) -> bool,
) {
    let now = reactor.clock().now;
    let mut out = Vec::new();
    act(&mut reactor.driver.machine.ends[0], now);
    reactor.driver.machine.settle(&mut out);
    reactor.perform(out);
    reactor.run(|both| done(&both.ends)).expect("the loop runs");
}

/// Both ends, and the address of the second.
fn both(transport: Transport) -> (Reactor<Both>, Multiaddr) {
    let both = Both {
        ends: [End::new(EXCHANGES - 1), End::new(EXCHANGES)],
        outside: HashMap::new(),
        inside: HashMap::new(),
    };
    let mut reactor = Reactor::new(both, Clocks::start()).expect("a poll");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let local = reactor.listen(any, transport).expect("a free port");
    let mut address = Multiaddr::from_socket(local);
    if transport == Transport::WebSocket {
        address = address.with(Protocol::Ws);
    }
    let id = reactor.driver.machine.ends[1].swarm.peer_id();
    (reactor, address.with(Protocol::P2p(id)))
}

pub(crate) fn measure() -> Rates {
    let (mut reactor, address) = both(Transport::Tcp);
    let start = Clock::now();
    for round in 0..SET_UPS {
        dial(&mut reactor, &address, round);
        let conn = reactor.driver.machine.ends[0].conn.expect("is connected");
        act(
            &mut reactor,
            |end, now| end.swarm.close(now, conn, &mut end.effects),
            |ends| ends[1].closed > round,
        );
    }
    let set_ups = SET_UPS as f64 / start.elapsed().as_secs_f64();
    dial(&mut reactor, &address, SET_UPS);
    let (exchanges, megabytes) = (exchange(&mut reactor), bulk(&mut reactor));
    Rates {
        set_ups,
        exchanges,
        megabytes,
        // Each particle is a stream, and is kept until it is whole.
        kept: megabytes,
    }
}

/// Makes connections over WebSocket that identify themselves and then say nothing; gives the memory
/// that each end of one takes in this process, in KiB, where the system tells it.
pub(crate) fn idle(count: usize) -> Option<f64> {
    let (mut reactor, address) = both(Transport::WebSocket);
    let before = resident_kib()?;
    for round in 0..count {
        dial(&mut reactor, &address, round);
    }
    let all = |end: &End| end.identified == count;
    let done = reactor.run(|both| both.ends.iter().all(all));
    done.expect("the loop runs");
    Some((resident_kib()? - before) as f64 / (2 * count) as f64)
}

/// Resident memory of this process.
fn resident_kib() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn dial(reactor: &mut Reactor<Both>, address: &Multiaddr, before: usize) {
    act(
        reactor,
        |end, now| {
            let dialed = end.swarm.dial(now, address, &mut end.effects);
            dialed.expect("dials");
        },
        |ends| ends[0].connected > before,
    );
}

fn send(end: &mut End, now: Instant, particle: &Particle) {
    let to = *end.swarm.peers().next().expect("is connected");
    let sent = end.swarm.send(now, &to, particle, &mut end.effects);
    sent.expect("is taken");
}

fn particle(size: usize) -> Particle {
    let keypair = Keypair::from_seed([1; 32]);
    let authored = Authored {
        id: "2883f959-e9e7-4843-8c37-205d393ca372".into(),
        init_peer_id: keypair.peer_id(),
        timestamp: 1_700_000_000_000,
        ttl: 7000,
        script: String::new(),
        signature: vec![0; 64],
    };
    Particle::new(authored, vec![7; size])
}

/// Each answer that comes in is the occasion to ask again.
fn exchange(reactor: &mut Reactor<Both>) -> f64 {
    let message = particle(MESSAGE);
    let start = Clock::now();
    act(
        reactor,
        |end, now| send(end, now, &message),
        |ends| ends[0].particles == EXCHANGES,
    );
    EXCHANGES as f64 / start.elapsed().as_secs_f64()
}

/// Particles of [`BULK`] bytes, one after the other; each is a stream. The next is given when the
/// last one's bytes are all out.
fn bulk(reactor: &mut Reactor<Both>) -> f64 {
    let big = particle(BULK);
    let before = reactor.driver.machine.ends[1].particles;
    let start = Clock::now();
    for _ in 0..BULKS {
        act(
            reactor,
            |end, now| send(end, now, &big),
            |ends| ends[0].swarm.status().queued == 0,
        );
    }
    let all = |ends: &[End; 2]| ends[1].particles == before + BULKS;
    reactor.run(|both| all(&both.ends)).expect("the loop runs");
    (BULKS * BULK) as f64 / start.elapsed().as_secs_f64() / 1e6
}
