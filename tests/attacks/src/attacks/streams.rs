//! Peers that have proven who they are, and then behave badly on the wire.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::attack::Attack;
use crate::floods::{self, Flood};
use crate::raw::Client;
use crate::stage::Stage;
use crate::wire::{data, line, syn};

/// Milliseconds of a flood.
const TIME: [usize; 2] = [1_200, 10_000];

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new("streams", "ms of streams that are opened", TIME, |stage| {
        flood(stage, floods::streams)
    })
    .counted(&["streams_full"]),
    Attack::new(
        "giants",
        "ms of frames that are too big or never whole",
        TIME,
        |stage| flood(stage, floods::giants),
    )
    .counted(&["particle_too_big"]),
    Attack::new("unread", "ms of answers that nobody reads", TIME, |stage| {
        flood(stage, floods::slow_reader)
    }),
    Attack::new("pings", "ms of pings", TIME, |stage| {
        flood(stage, floods::pings)
    }),
    Attack::new("questions", "ms of questions of Kademlia", TIME, |stage| {
        flood(stage, floods::questions)
    })
    // Streams of Kademlia beside those that one may have are answered as if it were not there.
    .counted(&["question_flood", "unknown_protocol"]),
    Attack::new(
        "empty-frames",
        "ms of frames without a byte",
        TIME,
        |stage| flood(stage, floods::empty_frames),
    ),
    Attack::new(
        "proposals",
        "ms of protocols that nobody speaks",
        TIME,
        |stage| flood(stage, floods::proposals),
    ),
    Attack::new(
        "identities-told",
        "ms of identities that are told anew",
        TIME,
        |stage| flood(stage, floods::identities),
    ),
    Attack::new(
        "open-words",
        "connections of one address, of which each opens 1,024 streams and begins a word on each",
        [60, 400],
        open_streams,
    ),
    Attack::new(
        "refused-words",
        "idle peers, beside one that goes on proposing protocols that nobody speaks",
        [300, 4_000],
        refused_words,
    )
    .counted(&["unknown_protocol"]),
];

/// Streams that a peer may have open on a connection.
const MAX_STREAMS: u32 = 1024;
/// Streams that are opened by one message.
const AT_ONCE: u32 = 128;

/// The name of a protocol that is as long as one may be, and never comes to its end.
fn half_a_proposal() -> Vec<u8> {
    [&line("/multistream/1.0.0")[..], &[0xfa, 0x01], &[b'n'; 240]].concat()
}

fn open_streams(stage: &mut Stage<'_>) -> Result<()> {
    let words = half_a_proposal();
    let mut held = Vec::new();
    for _ in 0..stage.size {
        let mut client = Client::connect(stage.place(), stage.key())?;
        client.forget()?;
        for _ in 0..MAX_STREAMS / AT_ONCE {
            let streams = client.numbers(AT_ONCE);
            let frames: Vec<u8> = streams.flat_map(|stream| syn(stream, &words)).collect();
            // A node that has ended the connection is content.
            if client.say(&frames).is_err() {
                break;
            }
        }
        held.push(client);
    }
    // What was sent last lies in the system's buffers.
    thread::sleep(Duration::from_secs(1));
    drop(held);
    Ok(())
}

/// Each refusal has to cost the same, however many peers are connected.
fn refused_words(stage: &mut Stage<'_>) -> Result<()> {
    const WORDS: usize = 1_000;
    let hold = || Client::connect(stage.place(), stage.key());
    let held: Vec<Client> = (0..stage.size).flat_map(|_| hold()).collect();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        let mut client = hold()?;
        client.forget()?;
        loop {
            let stream = client.open(&line("/multistream/1.0.0"))?;
            let words = data(stream, &line("/x")).repeat(WORDS);
            // Another connection, if the node has ended this one.
            if client.say(&words).is_err() || Instant::now() >= end {
                break;
            }
        }
    }
    drop(held);
    Ok(())
}

/// Lets a flood go on for as many milliseconds as the stage says.
pub(super) fn flood(stage: &mut Stage<'_>, flood: Flood) -> Result<()> {
    let (place, over) = (stage.place(), AtomicBool::new(false));
    thread::scope(|scope| {
        let attacker = scope.spawn(|| flood(place, &over));
        thread::sleep(Duration::from_millis(stage.size as u64));
        over.store(true, Ordering::Relaxed);
        attacker
            .join()
            .map_err(|_| anyhow::anyhow!("the attacker gave up"))
    })
}
