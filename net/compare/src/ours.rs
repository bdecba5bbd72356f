//! Ours: each end a swarm on the hosted reactor, on a thread of its own. A message is a particle, so an
//! exchange takes two streams.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::Instant as Clock;

use basalt_hosted::clock::Clocks;
use basalt_hosted::identity::entropy;
use basalt_hosted::reactor::Reactor;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::swarm::{self, ConnId, Event, Input, Refusal, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::{Keypair, Particle, PeerId};
use basalt_node::host;
use basalt_node::machine::{Effect, Machine};

use crate::{BULK, BULKS, EXCHANGES, MESSAGE, Rates, SET_UPS};

fn random() -> [u8; 32] {
    entropy().expect("the system has entropy")
}

/// A swarm that counts, and sends small particles back to where they came from.
struct End {
    swarm: Swarm,
    now: Instant,
    echo: bool,
    connected: usize,
    particles: usize,
    conn: Option<ConnId>,
    effects: swarm::Effects,
}

impl End {
    fn new(echo: bool) -> End {
        let mut config = swarm::Config::default();
        let all = 4 * BULK * BULKS;
        config.limits.max_held = all;
        config.limits.max_queued = all;
        config.connection.max_held = all;
        config.connection.max_queued = all;
        End {
            swarm: Swarm::new(config, Keypair::from_seed(random()), random()),
            now: Instant::ZERO,
            echo,
            connected: 0,
            particles: 0,
            conn: None,
            effects: Vec::new(),
        }
    }

    fn settle(&mut self, out: &mut Vec<Effect>) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                out.push(match effect {
                    swarm::Effect::Dial { conn, endpoint } => Effect::Dial { conn, endpoint },
                    swarm::Effect::Output { conn } => Effect::Output { conn },
                    swarm::Effect::Close { conn } => Effect::Close { conn },
                    swarm::Effect::Abort { conn } => Effect::Abort { conn },
                    swarm::Effect::Event(event) => {
                        self.event(event);
                        continue;
                    }
                });
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected { conn, .. } => {
                self.connected += 1;
                self.conn = Some(conn);
            }
            Event::Particle { from, particle } => {
                self.particles += 1;
                if self.echo && particle.data.len() == MESSAGE {
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

impl Machine for End {
    fn accept(
        &mut self,
        clock: host::Clock,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal> {
        let accepted = self
            .swarm
            .accept(clock.now, transport, remote, &mut self.effects);
        self.settle(out);
        accepted
    }

    fn handle(&mut self, clock: host::Clock, input: Input<'_>, out: &mut Vec<Effect>) {
        self.now = clock.now;
        self.swarm.handle(clock.now, input, &mut self.effects);
        self.settle(out);
    }

    fn work(&mut self, _: host::Clock, _: &mut Vec<Effect>) -> bool {
        false
    }

    fn wake_at(&self, _: host::Clock) -> Option<Instant> {
        self.swarm.wake_at()
    }

    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        self.swarm.transmit(conn, buffer)
    }

    fn has_output(&mut self, conn: ConnId) -> bool {
        self.swarm.has_output(conn)
    }

    fn receive_capacity(&mut self, conn: ConnId) -> usize {
        self.swarm.receive_capacity(conn)
    }
}

/// Lets something be done with an end, then runs it until `done`.
fn act(
    reactor: &mut Reactor<End>,
    act: impl FnOnce(&mut End, Instant),
    mut done: impl FnMut(&End) -> bool,
) {
    let now = reactor.clock().now;
    let mut out = Vec::new();
    act(&mut reactor.machine, now);
    reactor.machine.settle(&mut out);
    reactor.perform(out);
    reactor.run(|end| done(end)).expect("the loop runs");
}

pub(crate) fn measure() -> Rates {
    let clocks = Clocks::start();
    let (sender, receiver) = channel();
    let join = std::thread::spawn(move || {
        let mut reactor = Reactor::new(End::new(true), clocks).expect("a poll");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let local = reactor.listen(any, Transport::Tcp).expect("a free port");
        let id = reactor.machine.swarm.peer_id();
        let told = sender.send((local, id, reactor.stopper()));
        told.expect("somebody waits");
        reactor.run(|_| false).expect("the loop runs");
    });
    let (local, id, stop) = receiver.recv().expect("the other end starts");
    let address = Multiaddr::from_socket(local).with(Protocol::P2p(id));
    let mut reactor = Reactor::new(End::new(false), clocks).expect("a poll");

    let start = Clock::now();
    for round in 0..SET_UPS {
        dial(&mut reactor, &address, round);
        let conn = reactor.machine.conn.expect("is connected");
        act(
            &mut reactor,
            |end, now| end.swarm.close(now, conn, &mut end.effects),
            |_| true,
        );
    }
    let set_ups = SET_UPS as f64 / start.elapsed().as_secs_f64();
    dial(&mut reactor, &address, SET_UPS);
    let exchanges = exchange(&mut reactor, id);
    let megabytes = bulk(&mut reactor, id);
    stop.stop();
    join.join().expect("the other end's thread ends");
    Rates {
        set_ups,
        megabytes,
        exchanges,
    }
}

fn dial(reactor: &mut Reactor<End>, address: &Multiaddr, before: usize) {
    act(
        reactor,
        |end, now| {
            let dialed = end.swarm.dial(now, address, &mut end.effects);
            dialed.expect("dials");
        },
        |end| end.connected > before,
    );
}

fn particle(size: usize) -> Particle {
    let keypair = Keypair::from_seed([1; 32]);
    Particle {
        id: "2883f959-e9e7-4843-8c37-205d393ca372".into(),
        init_peer_id: keypair.peer_id(),
        timestamp: 1_700_000_000_000,
        ttl: 7000,
        script: String::new(),
        signature: vec![0; 64],
        data: vec![7; size],
    }
}

fn exchange(reactor: &mut Reactor<End>, id: PeerId) -> f64 {
    let message = particle(MESSAGE);
    let before = reactor.machine.particles;
    let start = Clock::now();
    for round in 1..=EXCHANGES {
        act(
            reactor,
            |end, now| {
                let sent = end.swarm.send(now, &id, &message, &mut end.effects);
                sent.expect("is taken");
            },
            |end| end.particles == before + round,
        );
    }
    EXCHANGES as f64 / start.elapsed().as_secs_f64()
}

/// Particles of [`BULK`] bytes, one after the other; each is a stream. A small one that comes back at the
/// end tells that all have arrived.
fn bulk(reactor: &mut Reactor<End>, id: PeerId) -> f64 {
    let (big, last) = (particle(BULK), particle(MESSAGE));
    let start = Clock::now();
    for _ in 0..BULKS {
        let before = reactor.machine.particles;
        act(
            reactor,
            |end, now| {
                let sent = end.swarm.send(now, &id, &big, &mut end.effects);
                sent.expect("is taken");
            },
            |end| end.swarm.status().queued == 0,
        );
        // It may overtake the big one's last bytes, but not by more than a window.
        act(
            reactor,
            |end, now| {
                let sent = end.swarm.send(now, &id, &last, &mut end.effects);
                sent.expect("is taken");
            },
            |end| end.particles > before,
        );
    }
    (BULKS * BULK) as f64 / start.elapsed().as_secs_f64() / 1e6
}

