//! An honest client: one small particle after the other that comes back, and how long each took.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use basalt_net::multiaddr::Multiaddr;
use bytes::Bytes;

use crate::author::Author;

/// Rest between two particles.
const REST: Duration = Duration::from_millis(5);
/// When a particle counts as lost.
const LOST: Duration = Duration::from_secs(30);
/// Sleep of the clock that tells how late this machine wakes its sleepers.
const BEAT: Duration = Duration::from_millis(2);

/// What clients saw in some time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    /// How long each particle took, ascending.
    times: Vec<Duration>,
    /// Particles that did not come back, and connections that were not had.
    pub(crate) lost: usize,
    /// The latest that this machine woke somebody, whatever the node does.
    pub(crate) noise: Duration,
}

impl Served {
    /// How many came back.
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    /// The time that `percent` of them did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.times.len() * percent).div_ceil(100).max(1);
        let found = self.times.get(rank - 1).copied();
        found.unwrap_or(LOST)
    }

    /// The longest of them.
    pub(crate) fn worst(&self) -> Duration {
        self.times.last().copied().unwrap_or(LOST)
    }
}

#[derive(Debug, Default)]
struct Shared {
    times: Vec<Duration>,
    lost: usize,
    noise: Duration,
    /// When the particle that is under way left.
    left: Option<Instant>,
}

/// A client on a thread of its own, and a clock on another.
pub(crate) struct Honest {
    shared: Arc<Mutex<Shared>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Honest {
    /// Starts a client.
    ///
    /// # Errors
    /// It is not let in.
    pub(crate) fn start(address: &Multiaddr) -> Result<Self> {
        let shared = Arc::<Mutex<Shared>>::default();
        let over = Arc::<AtomicBool>::default();
        let (told, started) = std::sync::mpsc::channel();
        let client = {
            let (shared, over, address) = (shared.clone(), over.clone(), address.clone());
            thread::spawn(move || {
                let author = Author::connect(&address);
                let (word, author) = match author {
                    Ok(author) => (Ok(()), Some(author)),
                    Err(error) => (Err(error), None),
                };
                // Who started it waits for this.
                let _ = told.send(word);
                if let Some(author) = author {
                    serve(author, &address, &shared, &over);
                }
            })
        };
        let clock = {
            let (shared, over) = (shared.clone(), over.clone());
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    thread::sleep(BEAT);
                    let late = begin.elapsed().saturating_sub(BEAT);
                    let mut shared = shared.lock().expect("no panic inside");
                    shared.noise = shared.noise.max(late);
                }
            })
        };
        started.recv()??;
        Ok(Self {
            shared,
            over,
            threads: vec![client, clock],
        })
    }

    /// What was seen since the last time, with what is under way.
    pub(crate) fn take(&self) -> Served {
        let mut shared = self.shared.lock().expect("no panic inside");
        let mut times = std::mem::take(&mut shared.times);
        times.sort_unstable();
        let waits = shared.left.map(|left| left.elapsed());
        // One that waits longer than any has waited so far counts with what it has waited.
        if let Some(waits) = waits
            && times.last().is_none_or(|worst| waits > *worst)
        {
            times.push(waits);
        }
        Served {
            times,
            lost: std::mem::take(&mut shared.lost),
            noise: std::mem::take(&mut shared.noise),
        }
    }
}

impl Drop for Honest {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It has told what there was to tell.
            let _ = thread.join();
        }
    }
}

fn serve(mut author: Author, address: &Multiaddr, shared: &Mutex<Shared>, over: &AtomicBool) {
    let (node, home) = (author.node, author.id());
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        let script = format!(
            r#"(seq (call "{node}" ("op" "identity") ["{number}"] answer) (call "{home}" ("lab" "done") [answer]))"#
        );
        let particle = author.particle(&script, &Bytes::new(), Duration::from_secs(60));
        let begin = Instant::now();
        shared.lock().expect("no panic inside").left = Some(begin);
        let back = came_back(&mut author, &particle, over);
        let took = begin.elapsed();
        {
            let mut shared = shared.lock().expect("no panic inside");
            shared.left = None;
            match back {
                true => shared.times.push(took),
                false if over.load(Ordering::Relaxed) => {}
                false => shared.lost += 1,
            }
        }
        if !author.is_connected() {
            thread::sleep(REST);
            if let Ok(again) = Author::connect_as(address, author.key.clone()) {
                author = again;
            }
        }
        // It is for the node that it waits, not for itself.
        let _ = author.pump(REST, |_| false);
    }
}

fn came_back(
    author: &mut Author,
    particle: &basalt_net::particle::Particle,
    over: &AtomicBool,
) -> bool {
    if !author.send(particle).unwrap_or(false) {
        return false;
    }
    let mut came = false;
    let node = author.node;
    let pumped = author.pump(LOST, |client| {
        came |= client.received.drain(..).any(|one| one.id == particle.id);
        came || over.load(Ordering::Relaxed) || !client.is_connected(&node)
    });
    pumped.is_ok() && came
}
