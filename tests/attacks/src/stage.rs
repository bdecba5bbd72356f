//! What an attack works with.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use basalt_air::data::Data;
use basalt_net::particle::Particle;
use bytes::Bytes;

use crate::author::Author;
use crate::node::{Node, operator};
use crate::place::Place;

/// Addresses and keys of attackers: each attack has its own.
static PLACES: AtomicU16 = AtomicU16::new(1);
static KEYS: AtomicU32 = AtomicU32::new(1_000_000);

/// A node that listens, and how much is to be done to it.
pub(crate) struct Stage<'n> {
    /// The node.
    pub(crate) node: &'n Node,
    /// How much, in the unit of the attack.
    pub(crate) size: usize,
    /// How long the attack may go on.
    pub(crate) time: Duration,
    /// Told to the reader when it is over.
    pub(crate) notes: Vec<String>,
    place: Place,
    /// Attackers who have sent all. Their connections stay open until the node was measured: what
    /// still lies in the system's buffers would be lost with them.
    done: Vec<Author>,
}

impl<'n> Stage<'n> {
    /// A stage with an address that no attacker has had.
    pub(crate) fn new(node: &'n Node, size: usize, time: Duration) -> Self {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        Self {
            node,
            size,
            time,
            notes: Vec::new(),
            place: Place::numbered(node.target, number),
            done: Vec::new(),
        }
    }

    /// How long the particles of an attack live that call services, if it may go on for so long.
    pub(crate) fn life_of_calls(most: Duration) -> Duration {
        most / 4
    }

    /// Where this attack comes from.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Lets it lead to another port.
    pub(crate) fn aim(&mut self, target: SocketAddr) {
        self.place.target = target;
    }

    /// The node's id as text.
    pub(crate) fn peer(&self) -> String {
        self.node.peer.to_string()
    }

    /// A number for a key that nobody has had.
    pub(crate) fn key(&self) -> u32 {
        KEYS.fetch_add(1, Ordering::Relaxed)
    }

    /// An attacker with a new key.
    pub(crate) fn attacker(&self) -> Result<Author> {
        Author::connect(&self.place.relay(self.node.peer)?)
    }

    /// The operator.
    pub(crate) fn operator(&self) -> Result<Author> {
        Author::connect_as(&self.node.address, operator())
    }

    /// Somebody honest who comes now has to be answered: runs steps, gives the time they took.
    pub(crate) fn newcomer(&mut self, steps: &[String], patience: Duration) -> Result<()> {
        let begin = Instant::now();
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let place = Place::numbered(self.node.target, number);
        let mut author = Author::connect(&place.relay(self.node.peer)?)?;
        author.ask(steps, "")?;
        let took = begin.elapsed();
        ensure!(took < patience, "a newcomer waited for {took:?}");
        Ok(())
    }

    /// Waits until all that an attacker sent is on the wire.
    pub(crate) fn sent(&mut self, mut author: Author) -> Result<()> {
        let left = author.flush(self.time)?;
        if left > 0 {
            self.notes.push(format!("{left} particles were not sent"));
        }
        self.done.push(author);
        Ok(())
    }

    /// Sends one script, and waits until it is on the wire.
    pub(crate) fn script(&mut self, script: &str) -> Result<()> {
        self.scripts([script.to_owned()])
    }

    /// Sends scripts of one author.
    pub(crate) fn scripts(&mut self, scripts: impl IntoIterator<Item = String>) -> Result<()> {
        let mut author = self.attacker()?;
        for script in scripts {
            if !author.throw(&script, self.time)? {
                break;
            }
        }
        self.sent(author)
    }

    /// Sends a script with data that was made for it.
    pub(crate) fn data(&mut self, script: &str, data: &Data<'_>) -> Result<()> {
        self.bytes(script, data.encode(0))
    }

    /// The same with bytes.
    pub(crate) fn bytes(&mut self, script: &str, data: Vec<u8>) -> Result<()> {
        let mut author = self.attacker()?;
        let particle = author.particle(script, &Bytes::from(data), self.time);
        self.particles(author, [particle])
    }

    /// Sends particles that are made already; stops when the node ends the connection.
    pub(crate) fn particles(
        &mut self,
        mut author: Author,
        particles: impl IntoIterator<Item = Particle>,
    ) -> Result<()> {
        for particle in particles {
            if !author.send(&particle)? {
                break;
            }
        }
        self.sent(author)
    }
}
