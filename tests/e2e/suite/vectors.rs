//! Recorded vectors on the kernel as it ships: the self-test image has its profile, dependencies
//! and features, and replays them in place of the node. It repeats every operator of Wasm on the
//! stack of a job.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use basalt_qemu::Disk;

use crate::node::guest::{self, Bare};

/// What the self-test says, and the product has no words for.
const MARK: &str = "self-test: ";

/// How long the emulated machine may take for all of it.
const PATIENCE: Duration = Duration::from_secs(270);

/// The vectors of RandomX whose caches of 256 MiB take an emulated machine minutes to fill. Hashes
/// of a booted machine are checked by `image/proves`.
const TOO_LONG: &str = "randomx/light.json";

pub(crate) async fn replay() -> Result<()> {
    tokio::task::spawn_blocking(|| {
        for (program, speaks) in [(guest::application()?, false), (guest::self_test()?, true)] {
            let found = program
                .windows(MARK.len())
                .any(|bytes| bytes == MARK.as_bytes());
            ensure!(found == speaks, "the words of the self-test: {found}");
        }
        let mut files = basalt_vectors::files::all();
        files.retain(|(name, _)| name != TOO_LONG);
        let disk = Bare::self_test(&basalt_vectors::pack(&files)?)?;
        let machine = disk.machine(Disk::Forget).memory(1024);
        let begin = Instant::now();
        let lines = guest::said_within(&machine, " passed, ", PATIENCE)?;
        eprintln!("replayed in {:?}", begin.elapsed());
        let last = lines.lines().last().unwrap_or_default();
        let (_, verdict) = last.split_once(MARK).context("no verdict")?;
        let (passed, failed) = verdict.split_once(" passed, ").context("no count")?;
        ensure!(failed == "0 failed", "{lines}");
        // Fewer would mean that some were not carried over.
        ensure!(passed.parse::<usize>()? > 5_590, "{lines}");
        Ok(())
    })
    .await?
}
