//! What is copied for many.

use anyhow::Result;
use basalt_net::keypair::Keypair;

use super::text::call;
use crate::attack::Attack;
use crate::author::in_parallel;
use crate::stage::Stage;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "next-peers",
        "peers that do not exist, to which one run sends",
        [3_000, 10_000],
        next_peers,
    )
    .budget(320)
    .counted(&["seeks_full", "not_found", "run_budget"]),
    Attack::new(
        "service-calls",
        "KiB of a script that calls a service 256 times",
        [3_000, 15_000],
        service_calls,
    )
    .budget(512),
    Attack::new(
        "many-senders",
        "keys, each with a connection and four scripts of 6 MiB",
        [6, 16],
        |stage| {
            let script = format!("(ap \"{}\" x)", "m".repeat(6 << 20));
            let senders = (0..stage.size).map(|_| stage.attacker());
            let mut senders: Vec<_> = senders.collect::<Result<_>>()?;
            for _ in 0..4 {
                for sender in &mut senders {
                    sender.throw(&script, stage.time)?;
                }
            }
            // All at the same time, each a little.
            let begin = std::time::Instant::now();
            while begin.elapsed() < stage.time / 4 {
                for sender in &mut senders {
                    sender.pump(std::time::Duration::from_millis(1), |_| false)?;
                }
            }
            Ok(())
        },
    )
    .budget(640),
    Attack::new(
        "to-itself",
        "particles whose next peer is their author, who is not there any more",
        [500, 5_000],
        |stage| {
            let gone = Keypair::from_seed([77; 32]).peer_id();
            let script = format!("(call \"{gone}\" (\"a\" \"{}\") [] x)", "l".repeat(10_000));
            stage.scripts((0..stage.size).map(|_| script.clone()))
        },
    )
    .budget(256),
];

fn next_peers(stage: &mut Stage<'_>) -> Result<()> {
    let steps: Vec<String> = (0..stage.size as u64)
        .map(|number| {
            let mut seed = [3; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            let peer = Keypair::from_seed(seed).peer_id();
            format!("(call \"{peer}\" (\"a\" \"b\") [])")
        })
        .collect();
    stage.script(&in_parallel(&steps))
}

fn service_calls(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    super::guests::install(stage, "files", "attacks-files")?;
    let steps: Vec<String> = (0..256)
        .map(|_| call(&peer, "attacks-files.load_note", "\"/storage/none\"", ""))
        .collect();
    let ballast = format!("(ap \"{}\" ballast)", "b".repeat(stage.size << 10));
    stage.script(&format!("(seq {ballast} {})", in_parallel(&steps)))
}
