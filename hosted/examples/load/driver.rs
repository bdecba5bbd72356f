//! Sends particles and takes the time until they are there.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use basalt_hosted::clock::Clocks;
use basalt_hosted::identity::entropy;
use basalt_hosted::reactor::{Reactor, Stop};
use basalt_hosted::ticking::Ticking;
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::Config;
use basalt_node::client::Client;
use basalt_node::script::{Aquavm, Interpreter as _, Run};
use serde_json::Value;

/// How long to wait for a connection: an emulated node is slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// Usual life of a particle.
pub(crate) const LIFE: Duration = Duration::from_secs(120);
/// How often all particles in flight may be lost before no more are sent.
const LOST_ROUNDS: usize = 2;
/// How often the sender looks for what came to the other client.
const GLANCE: Duration = Duration::from_millis(1);

/// A client on a thread of its own, to which others send.
struct Taker {
    key: Keypair,
    arrivals: Receiver<(Instant, Particle)>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Taker {
    fn start(clocks: Clocks, node: &Multiaddr) -> Result<Self> {
        let key = Keypair::from_seed(entropy()?);
        let (keypair, node) = (key.clone(), node.clone());
        let (ready, started) = channel();
        let (sender, arrivals) = channel();
        let thread = std::thread::spawn(move || {
            let connected = connect(clocks, keypair, std::slice::from_ref(&node));
            let outcome = connected.map(|reactor| (reactor.stopper(), reactor));
            let (told, reactor) = match outcome {
                Ok((stop, reactor)) => (Ok(stop), Some(reactor)),
                Err(error) => (Err(error), None),
            };
            // Who started this waits for it.
            let _ = ready.send(told);
            if let Some(reactor) = reactor {
                take(reactor, &sender);
            }
        });
        let stop = started.recv().context("the other client")??;
        Ok(Self {
            key,
            arrivals,
            stop,
            thread: Some(thread),
        })
    }
}

fn take(mut reactor: Reactor<Ticking>, sender: &Sender<(Instant, Particle)>) {
    let ended = reactor.run(|ticking| {
        let now = Instant::now();
        let mut came = ticking.client.received.drain(..);
        came.any(|particle| sender.send((now, particle)).is_err())
    });
    if let Err(error) = ended {
        eprintln!("the other client: {error}");
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            // It tells its own end.
            let _ = thread.join();
        }
    }
}

/// What a number of particles took.
pub(crate) struct Taken {
    /// From the first particle sent to the last that was there.
    pub(crate) took: Duration,
    /// Of each particle, from sending to being there; ascending.
    pub(crate) latencies: Vec<Duration>,
    /// The particles as they arrived, by their number.
    pub(crate) arrived: Vec<(usize, Particle)>,
    /// Particles that did not come in their lives: a node refused them, or took too long.
    pub(crate) lost: usize,
    /// Particles that were not sent, because too many were lost.
    pub(crate) unsent: usize,
}

/// Two clients: one sends, and gets back what its scripts send there; to the other one scripts can
/// send, too.
pub(crate) struct Driver {
    reactor: Reactor<Ticking>,
    key: Keypair,
    taker: Taker,
    interpreter: Aquavm,
    sent: usize,
    mark: String,
    life: Duration,
}

impl Driver {
    /// Connects the first client, with this key, to all nodes, the other one to the first node.
    pub(crate) fn connect(keypair: Keypair, nodes: &[Multiaddr]) -> Result<Self> {
        let clocks = Clocks::start();
        let first = nodes.first().context("no node")?;
        let mark: [u8; 32] = entropy()?;
        Ok(Self {
            reactor: connect(clocks, keypair.clone(), nodes)?,
            key: keypair,
            interpreter: Aquavm::default(),
            taker: Taker::start(clocks, first)?,
            sent: 0,
            life: LIFE,
            mark: mark[..8].iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// From now on particles live so long.
    pub(crate) fn set_life(&mut self, life: Duration) {
        self.life = life;
    }

    /// The client that sends.
    pub(crate) fn home(&self) -> PeerId {
        self.key.peer_id()
    }

    /// The other client.
    pub(crate) fn taker(&self) -> PeerId {
        self.taker.key.peer_id()
    }

    /// Sends `count` particles to `node`, with the scripts that `script` gives by number,
    /// `in_flight` of them at a time; `progress` is told how many are there. It ends: one that does
    /// not come in its life is lost.
    pub(crate) fn run(
        &mut self,
        node: PeerId,
        count: usize,
        in_flight: usize,
        mut script: impl FnMut(usize) -> String,
        mut progress: impl FnMut(usize),
    ) -> Result<Taken> {
        let mut waiting: HashMap<String, (usize, Instant)> = HashMap::new();
        let mut run = Taken {
            took: Duration::ZERO,
            latencies: Vec::with_capacity(count),
            arrived: Vec::with_capacity(count),
            lost: 0,
            unsent: 0,
        };
        // Particles in the order of their sending.
        let mut ages: VecDeque<(Instant, String)> = VecDeque::new();
        let start = Instant::now();
        let mut sent = 0;
        while run.arrived.len() + run.lost + run.unsent < count {
            while sent < count && waiting.len() < in_flight {
                let id = format!("{}-{}", self.mark, self.sent);
                let script = script(sent);
                let left = Instant::now();
                waiting.insert(id.clone(), (sent, left));
                ages.push_back((left, id.clone()));
                self.send(&node, id, script)?;
                sent += 1;
            }
            while let Some((_, id)) = ages.front()
                && !waiting.contains_key(id)
            {
                ages.pop_front();
            }
            let oldest = ages.front().map(|(left, _)| *left);
            let end = oldest.unwrap_or_else(Instant::now) + self.life;
            let came = self.arrivals(end)?;
            for (at, particle) in came {
                let Some((number, left)) = waiting.remove(&particle.id) else {
                    // One that is lost may be late.
                    let number = particle
                        .id
                        .rsplit_once('-')
                        .map(|(_, number)| number.parse());
                    ensure!(
                        matches!(number, Some(Ok(number)) if (0..self.sent).contains(&number)),
                        "particle {} came, which was not sent",
                        particle.id
                    );
                    continue;
                };
                run.latencies.push(at - left);
                run.arrived.push((number, particle));
                run.took = run.took.max(at - start);
            }
            let now = Instant::now();
            let before = waiting.len();
            waiting.retain(|_, (_, left)| now < *left + self.life);
            run.lost += before - waiting.len();
            if run.lost >= LOST_ROUNDS * in_flight {
                // Each round of these takes a particle's life: they shall not all be waited for.
                run.unsent += count - sent;
                sent = count;
            }
            progress(run.arrived.len());
        }
        run.latencies.sort_unstable();
        Ok(run)
    }

    fn send(&mut self, node: &PeerId, id: String, script: String) -> Result<()> {
        self.sent += 1;
        let clock = self.reactor.clock();
        let client = &mut self.reactor.driver.machine.client;
        let life = u32::try_from(self.life.as_millis())?;
        let particle = client.particle(clock, id, script, life);
        let mut effects = Vec::new();
        let taken = client.send(clock, node, &particle, &mut effects);
        taken.map_err(|error| anyhow::anyhow!("cannot send: {error:?}"))?;
        self.reactor.perform(effects);
        Ok(())
    }

    /// What comes to either client; nothing once it is too late.
    fn arrivals(&mut self, end: Instant) -> io::Result<Vec<(Instant, Particle)>> {
        let mut came = Vec::new();
        let Self { reactor, taker, .. } = self;
        reactor.driver.machine.every = Some(GLANCE);
        reactor.run(|ticking| {
            let now = Instant::now();
            came.extend(taker.arrivals.try_iter());
            came.extend(ticking.client.received.drain(..).map(|one| (now, one)));
            !came.is_empty() || now > end
        })?;
        reactor.driver.machine.every = None;
        Ok(came)
    }

    /// What a particle brings to the client that it came to: the arguments of the call `load.done`.
    pub(crate) fn brought(&mut self, particle: &Particle, to: PeerId) -> Result<Vec<Value>> {
        let key = match to == self.taker.key.peer_id() {
            true => &self.taker.key,
            false => &self.key,
        };
        let outcome = self.interpreter.run(Run {
            particle,
            scope: &to,
            key,
            prev: &[],
            current: &particle.data,
            own: usize::MAX,
            results: Vec::new(),
        });
        let [(_, request)] = outcome.requests.as_slice() else {
            bail!("particle {}: {}", particle.id, outcome.error_message);
        };
        let values = serde_json::from_str(request.arguments())?;
        match request.function_name() {
            "done" => Ok(values),
            _ => bail!("particle {}: {}", particle.id, Value::Array(values)),
        }
    }
}

/// A client that is connected to all of `nodes`.
fn connect(clocks: Clocks, keypair: Keypair, nodes: &[Multiaddr]) -> Result<Reactor<Ticking>> {
    let client = Client::new(keypair, Config::default(), entropy()?);
    let machine = Ticking {
        client,
        every: Some(GLANCE),
    };
    let mut reactor = Reactor::new(machine, clocks)?;
    let end = Instant::now() + PATIENCE;
    for address in nodes {
        let peer = address.peer_id();
        let peer = peer.with_context(|| format!("{address} does not end in /p2p/ID"))?;
        let mut effects = Vec::new();
        let clock = reactor.clock();
        let dialed = reactor
            .driver
            .machine
            .client
            .dial(clock, address, &mut effects);
        dialed.map_err(|error| anyhow::anyhow!("cannot dial {address}: {error:?}"))?;
        reactor.perform(effects);
        reactor.run(|ticking| ticking.client.is_connected(&peer) || Instant::now() > end)?;
        ensure!(
            reactor.driver.machine.client.is_connected(&peer),
            "no connection to {address}"
        );
    }
    reactor.driver.machine.every = None;
    Ok(reactor)
}
