//! Authors: clients with keys of their own, that send particles and take them back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use basalt_hosted::clock::Clocks;
use basalt_hosted::identity::entropy;
use basalt_hosted::reactor::Reactor;
use basalt_hosted::ticking::Ticking;
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::particle::{Authored, Particle};
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{CannotSend, Config, ConnId};
use basalt_node::client::Client;
use basalt_node::host::Clock;
use basalt_node::machine::Machine as _;
use bytes::Bytes;
use serde_json::Value;

/// How often a client that waits looks at the time.
const GLANCE: Duration = Duration::from_millis(1);
/// How long a node may take to let a client in.
const PATIENCE: Duration = Duration::from_secs(20);

/// A key and a connection.
pub(crate) struct Author {
    reactor: Reactor<Ticking>,
    conn: ConnId,
    /// Its key.
    pub(crate) key: Keypair,
    /// The node that it is connected to.
    pub(crate) node: PeerId,
    made: usize,
    mark: String,
}

impl Author {
    /// Connects with a new key.
    pub(crate) fn connect(address: &Multiaddr) -> Result<Self> {
        Self::connect_as(address, Keypair::from_seed(entropy()?))
    }

    /// Connects with this key.
    pub(crate) fn connect_as(address: &Multiaddr, key: Keypair) -> Result<Self> {
        let node = address.peer_id().context("an address without /p2p/ID")?;
        let client = Client::new(key.clone(), Config::default(), entropy()?);
        let machine = Ticking {
            client,
            every: Some(GLANCE),
        };
        let mut reactor = Reactor::new(machine, Clocks::start())?;
        let mut effects = Vec::new();
        let clock = reactor.clock();
        let client = &mut reactor.driver.machine.client;
        let conn = client
            .dial(clock, address, &mut effects)
            .map_err(|error| anyhow!("cannot dial {address}: {error:?}"))?;
        reactor.perform(effects);
        let mark: [u8; 32] = entropy()?;
        let mut author = Self {
            reactor,
            conn,
            key,
            node,
            made: 0,
            mark: mark[..8].iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let there = author.pump(PATIENCE, |client| client.is_connected(&node))?;
        ensure!(there, "the node lets nobody in");
        Ok(author)
    }

    /// Its peer id.
    pub(crate) fn id(&self) -> PeerId {
        self.key.peer_id()
    }

    /// Whether the node has not thrown it out.
    pub(crate) fn is_connected(&self) -> bool {
        let client = &self.reactor.driver.machine.client;
        client.is_connected(&self.node)
    }

    /// A particle of its own, under a new id.
    pub(crate) fn particle(&mut self, script: &str, data: &Bytes, ttl: Duration) -> Particle {
        let id = format!("{}-{}", self.mark, self.made);
        self.made += 1;
        signed(&self.key, self.reactor.clock(), id, script, data, ttl)
    }

    /// Sends a particle; false if the node is not there any more.
    pub(crate) fn send(&mut self, particle: &Particle) -> Result<bool> {
        loop {
            let mut effects = Vec::new();
            let clock = self.reactor.clock();
            let client = &mut self.reactor.driver.machine.client;
            let sent = client.send(clock, &self.node, particle, &mut effects);
            self.reactor.perform(effects);
            match sent {
                Ok(_) => return Ok(true),
                Err(CannotSend::NotConnected) => return Ok(false),
                Err(CannotSend::Congested) => {
                    self.pump(GLANCE, |_| false)?;
                }
                Err(CannotSend::TooBig) => bail!("the particle is too big to be sent"),
            }
        }
    }

    /// Sends a script of its own, whose answer nobody waits for.
    pub(crate) fn throw(&mut self, script: &str, ttl: Duration) -> Result<bool> {
        let particle = self.particle(script, &Bytes::new(), ttl);
        self.send(&particle)
    }

    /// Moves bytes until all that was sent is on the wire, or the node has ended the connection;
    /// gives how many particles are left when the time is over.
    pub(crate) fn flush(&mut self, most: Duration) -> Result<usize> {
        let (conn, node) = (self.conn, self.node);
        // Bytes that wait for the node's credit are no output of the connection.
        self.pump(most, |client| {
            let is_sent = client.unsent == 0 && !client.has_output(conn);
            is_sent || !client.is_connected(&node)
        })?;
        Ok(self.reactor.driver.machine.client.unsent)
    }

    /// Moves bytes until something holds; false if the time was over before. What comes in
    /// meanwhile is kept.
    pub(crate) fn pump(
        &mut self,
        most: Duration,
        mut until: impl FnMut(&mut Client) -> bool,
    ) -> Result<bool> {
        let end = Instant::now() + most;
        let mut holds = false;
        self.reactor.run(|ticking| {
            holds = until(&mut ticking.client);
            holds || Instant::now() >= end
        })?;
        Ok(holds)
    }

    /// Sends a particle and waits until it comes back; `None` if it does not.
    pub(crate) fn round_trip(
        &mut self,
        particle: &Particle,
        most: Duration,
    ) -> Result<Option<Particle>> {
        if !self.send(particle)? {
            return Ok(None);
        }
        let id = &particle.id;
        let came = |client: &mut Client| {
            client.received.retain(|particle| particle.id == *id);
            !client.received.is_empty()
        };
        self.pump(most, came)?;
        let client = &mut self.reactor.driver.machine.client;
        Ok(client.received.pop_front())
    }

    /// Runs steps on the node, one after the other, and takes back the values that are named.
    ///
    /// # Errors
    /// One of them fails, which the error tells, or nothing comes back.
    pub(crate) fn ask(&mut self, steps: &[String], names: &str) -> Result<Vec<Value>> {
        let home = self.id();
        let script = format!(
            r#"(xor (seq {} (call "{home}" ("lab" "done") [{names}])) (call "{home}" ("lab" "failed") [:error:.$.message]))"#,
            in_sequence(steps),
        );
        let particle = self.particle(&script, &Bytes::new(), Duration::from_secs(60));
        let back = self.round_trip(&particle, PATIENCE)?;
        let back = back.context("no answer")?;
        let client = &mut self.reactor.driver.machine.client;
        let requests = client.requests(&back);
        let request = requests.first().context("an answer without a call")?;
        let values: Vec<Value> = serde_json::from_str(request.arguments())?;
        match request.function_name() {
            "done" => Ok(values),
            _ => bail!("{}", Value::Array(values)),
        }
    }
}

/// A particle of anybody whose key is known.
pub(crate) fn signed(
    key: &Keypair,
    clock: Clock,
    id: String,
    script: &str,
    data: &Bytes,
    ttl: Duration,
) -> Particle {
    let mut authored = Authored {
        id,
        init_peer_id: key.peer_id(),
        timestamp: clock.wall_ms,
        ttl: ttl.as_millis().try_into().unwrap_or(u32::MAX),
        script: script.into(),
        signature: Vec::new(),
    };
    authored.sign(key);
    Particle::new(authored, data.clone())
}

/// One instruction after the other.
pub(crate) fn in_sequence(steps: &[String]) -> String {
    nested("seq", steps)
}

/// One instruction beside the other.
pub(crate) fn in_parallel(steps: &[String]) -> String {
    nested("par", steps)
}

fn nested(word: &str, steps: &[String]) -> String {
    let Some((last, before)) = steps.split_last() else {
        return "(null)".into();
    };
    let mut script = String::new();
    for step in before {
        script += &format!("({word} {step} ");
    }
    script + last + &")".repeat(before.len())
}
