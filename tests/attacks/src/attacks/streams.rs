//! Peers that have proven who they are, and then behave badly on the wire.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::attack::Attack;
use crate::floods::{self, Flood};
use crate::stage::Stage;

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
];

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
