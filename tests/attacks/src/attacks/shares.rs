//! Pools that one stranger must not have for himself.

use std::time::{Duration, Instant};

use anyhow::Result;
use basalt_net::particle::{Authored, Particle};
use bytes::Bytes;

use super::text::call;
use crate::attack::{Attack, Home};
use crate::author::{Author, in_parallel, signed};
use crate::stage::Stage;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "timers",
        "calls of peer.timeout of one particle, for a day",
        [12_000, 60_000],
        timers,
    )
    .budget(256)
    .on(Home::Own),
    Attack::new(
        "null-flood",
        "particles of (null) of three keys, with a ttl of a day",
        [6_000, 51_000],
        null_flood,
    )
    .budget(512)
    .on(Home::Own),
    Attack::new(
        "new-keys",
        "keys, each with one particle with a ttl of a day",
        [3_000, 51_000],
        new_keys,
    )
    .budget(512)
    .on(Home::Own),
    Attack::new(
        "waiting-calls",
        "particles that wait for a peer.timeout of a day",
        [2_000, 30_000],
        |stage| {
            let wait = call(&stage.peer(), "peer.timeout", "86000000 \"x\"", "y");
            long_lived(stage, &wait)?;
            answers(stage)
        },
    )
    .budget(512)
    .on(Home::Own),
    Attack::new(
        "bad-signatures",
        "particles whose signatures are another's",
        [3_000, 60_000],
        bad_signatures,
    )
    .counted(&["bad_signature"]),
    Attack::new(
        "expired",
        "particles that are over when they come",
        [3_000, 60_000],
        expired,
    )
    .counted(&["expired"]),
    Attack::new(
        "all-at-once",
        "particles that expire in the same moment",
        [5_000, 40_000],
        all_at_once,
    )
    .budget(512),
    Attack::new(
        "long-ids",
        "particles with ids of 100 KB",
        [100, 2_000],
        long_ids,
    )
    .budget(384),
    Attack::new(
        "one-particle",
        "times the same particle, that was there already",
        [5_000, 60_000],
        |stage| {
            let mut author = stage.attacker()?;
            let particle = author.particle("(null)", &Bytes::new(), stage.time);
            let all = std::iter::repeat_n(particle, stage.size);
            stage.particles(author, all)
        },
    ),
    Attack::new(
        "fresh-scripts",
        "small scripts, all different",
        [5_000, 50_000],
        |stage| {
            let peer = stage.peer();
            let script = |n| call(&peer, "op.identity", &format!("{n}"), &format!("x{n}"));
            stage.scripts((0..stage.size).map(script))
        },
    )
    .budget(320),
];

/// A life longer than any attack.
const DAY: Duration = Duration::from_secs(86_000);

/// Somebody who comes now is answered.
fn answers(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    stage.newcomer(&[call(&peer, "op.identity", "1", "x")], stage.time)
}

fn timers(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let mut author = stage.attacker()?;
    let waits: Vec<String> = (0..stage.size)
        .map(|_| call(&peer, "peer.timeout", "85000000 \"x\"", ""))
        .collect();
    author.throw(&in_parallel(&waits), DAY)?;
    author.flush(stage.time)?;
    // Not before the node has seen them, whenever that is: the turn of the next one comes later.
    let mark = call(&peer, "op.identity", "1", "x");
    author.ask(&[mark], "x")?;
    stage.newcomer(&[call(&peer, "peer.timeout", "1 \"x\"", "y")], stage.time)
}

/// Particles with long lives of one author.
fn long_lived(stage: &mut Stage<'_>, script: &str) -> Result<()> {
    let mut author = stage.attacker()?;
    for _ in 0..stage.size {
        if !author.throw(script, DAY)? {
            break;
        }
    }
    stage.sent(author)
}

fn null_flood(stage: &mut Stage<'_>) -> Result<()> {
    let size = stage.size;
    stage.size = size / 3;
    for _ in 0..3 {
        long_lived(stage, "(null)")?;
    }
    stage.size = size;
    answers(stage)
}

fn new_keys(stage: &mut Stage<'_>) -> Result<()> {
    let author = stage.attacker()?;
    let clock = basalt_hosted::clock::Clocks::start().read();
    let particles: Vec<Particle> = (0..stage.size)
        .map(|number| {
            let key = super::super::wire::keypair(stage.key());
            let id = format!("new-{number}");
            signed(&key, clock, id, "(null)", &Bytes::new(), DAY)
        })
        .collect();
    stage.particles(author, particles)?;
    answers(stage)
}

/// Particles with a change in what was signed.
fn changed(
    stage: &Stage<'_>,
    author: &mut Author,
    ttl: Duration,
    change: impl Fn(&mut Authored),
) -> Vec<Particle> {
    let first = author.particle("(null)", &Bytes::new(), ttl);
    let particle = |number: usize| {
        let mut authored = Authored::clone(&first.authored);
        authored.id = format!("{}-{number}", first.id);
        change(&mut authored);
        Particle::new(authored, Bytes::new())
    };
    (0..stage.size).map(particle).collect()
}

fn bad_signatures(stage: &mut Stage<'_>) -> Result<()> {
    let mut author = stage.attacker()?;
    let particles = changed(stage, &mut author, stage.time, |_| ());
    stage.particles(author, particles)
}

fn expired(stage: &mut Stage<'_>) -> Result<()> {
    let mut author = stage.attacker()?;
    let particles = changed(stage, &mut author, stage.time, |authored| {
        authored.timestamp -= 1_000_000;
    });
    stage.particles(author, particles)
}

fn all_at_once(stage: &mut Stage<'_>) -> Result<()> {
    let mut author = stage.attacker()?;
    let clock = basalt_hosted::clock::Clocks::start().read();
    let life = stage.time / 4;
    let key = author.key.clone();
    let mark = author
        .particle("(null)", &Bytes::new(), life)
        .authored
        .id
        .clone();
    let begin = Instant::now();
    let particles = (0..stage.size).map(|number| {
        signed(
            &key,
            clock,
            format!("{mark}-{number}"),
            "(null)",
            &Bytes::new(),
            life,
        )
    });
    stage.particles(author, particles)?;
    std::thread::sleep(life.saturating_sub(begin.elapsed()) + Duration::from_millis(200));
    Ok(())
}

fn long_ids(stage: &mut Stage<'_>) -> Result<()> {
    let author = stage.attacker()?;
    let clock = basalt_hosted::clock::Clocks::start().read();
    let key = author.key.clone();
    let call = call(&stage.peer(), "op.identity", "1", "x");
    let time = stage.time;
    let particles = (0..stage.size).map(move |number| {
        let id = format!("{number}-{}", "\u{1b}i".repeat(50_000));
        signed(&key, clock, id, &call, &Bytes::new(), time)
    });
    stage.particles(author, particles)
}
