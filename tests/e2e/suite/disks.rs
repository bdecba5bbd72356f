//! Disks: power cuts under load, disks that fail, and disks that are somebody else's.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use basalt_image_builder::image::STATE_START;
use basalt_qemu::{Disk, DiskModel, Guest};
use serde_json::json;

use crate::PATIENCE;
use crate::node::guest::{Bare, said};

/// Power cuts of a run, unless the environment's `BASALT_CUTS` says another number.
const CUTS: u32 = 5;
/// Latest moment of a cut, counted from when the load runs.
const LATEST_CUT: Duration = Duration::from_millis(1500);
/// Bytes of the disks: larger than the image, so that the state partition grows at the first boot.
const DISK: u64 = 96 << 20;
/// A line that the kernel says when the firmware is gone and the disks come next.
const BEFORE_DISKS: &str = "info  pci: ";

/// How many power cuts there will be.
pub(crate) fn cuts() -> u32 {
    let given = std::env::var("BASALT_CUTS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(CUTS)
}

/// A generator that replays: moments of cuts depend on the seed and the host's pace.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(self.0 % limit.as_micros() as u64)
    }
}

/// One disk, on virtio and NVMe in turn, loses power again and again while batches are committed to
/// it: all that was told as committed is there at the next boot, no batch is half there, and the
/// node is who it was.
pub(crate) async fn power_cuts() -> Result<()> {
    tokio::task::spawn_blocking(|| {
        let disk = Bare::new("[disk]\ntest = \"load\"\n", DISK)?;
        let seed = std::env::var("BASALT_SEED").ok();
        let seed = seed
            .and_then(|text| text.parse().ok())
            .unwrap_or(0xba5a_1700_u64);
        let mut random = Random(seed | 1);
        let (mut told, mut identity) = (0, None);
        let count = cuts();
        for cut in 0..=count {
            let model = [DiskModel::Virtio, DiskModel::Nvme][cut as usize % 2];
            let guest = disk.machine(Disk::Keep).disk_model(model).start()?;
            // The first one may hit the making of partition and store.
            if cut == 0 {
                guest.wait_for_line(BEFORE_DISKS, PATIENCE)?;
                thread::sleep(random.below(LATEST_CUT));
                guest.kill()?;
                continue;
            }
            let line = guest.wait_for_line("basalt: disk test", PATIENCE)?;
            let (kept, peer_id) = summary(&line)?;
            ensure!(
                kept >= told,
                "cut {cut}, seed {seed}: {told} batches were told as committed, {kept} are there"
            );
            let known = identity.get_or_insert_with(|| peer_id.clone());
            ensure!(*known == peer_id, "cut {cut}: {known} became {peer_id}");
            let mut flushed = 0;
            if cut < count {
                guest.wait_for_line("basalt: disk test: committed ", PATIENCE)?;
                thread::sleep(random.below(LATEST_CUT));
                let so_far = last_told(&guest).unwrap_or(kept);
                flushed = flushes(&guest)?;
                // QEMU keeps no count of the flushes of its NVMe device.
                ensure!(
                    model == DiskModel::Nvme || flushed >= so_far - kept,
                    "{model}: {flushed} flushes for {} batches",
                    so_far - kept
                );
            }
            guest.kill()?;
            told = last_told(&guest).unwrap_or(kept);
            eprintln!(
                "  {model} with virtio-net: {kept} batches kept, {told} told before the cut, {flushed} flushes"
            );
        }
        anyhow::Ok(())
    })
    .await?
}

/// Flushes that a guest has asked its disk for since it started, as far as QEMU counts them.
fn flushes(guest: &Guest) -> Result<u64> {
    let answer = guest.control("query-blockstats", json!({}))?;
    let disk = answer
        .as_array()
        .and_then(|devices| devices.iter().find(|device| device["device"] == "disk0"));
    let stats = &disk.context("QEMU has no statistics of the disk")?["stats"];
    stats["flush_operations"]
        .as_u64()
        .context("the count is missing")
}

/// Number of batches and peer id in `basalt: disk test: 12 batches, all whole, peer_id=..`.
fn summary(line: &str) -> Result<(u64, String)> {
    let parse = || {
        let rest = line.split_once("basalt: disk test: ")?.1;
        let (count, rest) = rest.split_once(" batches, all whole, peer_id=")?;
        Some((count.parse().ok()?, rest.trim().to_owned()))
    };
    parse().with_context(|| format!("no summary: {line}"))
}

/// The last batch that the guest told as committed, in a line that came whole.
fn last_told(guest: &Guest) -> Option<u64> {
    let lines = guest.serial().lines(0);
    let numbers = lines.iter().filter_map(|line| {
        let number = line.strip_prefix("basalt: disk test: committed ")?;
        number.trim().parse().ok()
    });
    numbers.max()
}

/// A disk that fails is told with its reason; a partition that holds something else is left alone,
/// until the manifest allows to format it.
pub(crate) async fn refusals() -> Result<()> {
    tokio::task::spawn_blocking(|| {
        let failing = Bare::new("", DISK)?;
        let machine = failing.machine(Disk::Keep).disk_model(DiskModel::Nvme);
        let lines = said(
            &machine.damaged_sector(STATE_START / 512),
            "basalt: not started",
        )?;
        for text in ["basalt: no state", "NVMe disk", "refuses with status"] {
            ensure!(lines.contains(text), "no \"{text}\" in:\n{lines}");
        }

        const SOMETHING: &[u8] = b"an older file system";
        let foreign = Bare::new("", DISK)?;
        let file = File::options()
            .read(true)
            .write(true)
            .open(foreign.path())?;
        file.write_all_at(SOMETHING, STATE_START + 1024)?;
        let machine = foreign.machine(Disk::Keep).disk_model(DiskModel::Ahci);
        let lines = said(&machine, "basalt: not started")?;
        ensure!(lines.contains("holds something else"), "{lines}");
        let mut bytes = vec![0; SOMETHING.len()];
        file.read_exact_at(&mut bytes, STATE_START + 1024)?;
        ensure!(bytes == SOMETHING, "the disk was touched");

        let allowed = Bare::new("[disk]\nstate = \"basalt-0\"\nformat = true\n", DISK)?;
        let file = File::options().write(true).open(allowed.path())?;
        file.write_all_at(SOMETHING, STATE_START + 1024)?;
        let machine = allowed.machine(Disk::Keep).disk_model(DiskModel::Ahci);
        let lines = said(&machine, "basalt: listening")?;
        ensure!(lines.contains("is erased, as the manifest says"), "{lines}");
        let lines = said(&machine, "basalt: listening")?;
        ensure!(!lines.contains("erased"), "a second time:\n{lines}");
        anyhow::Ok(())
    })
    .await?
}

/// What a read costs with each driver, in instructions of the guest, those included that wait for
/// QEMU's own work: to be looked at.
pub(crate) async fn speed() -> Result<()> {
    tokio::task::spawn_blocking(|| {
        let disk = Bare::new("[disk]\ntest = \"speed\"\n", DISK)?;
        let machine = disk
            .machine(Disk::Forget)
            .further_disk(disk.path(), DiskModel::Nvme)
            .further_disk(disk.path(), DiskModel::Ahci)
            .count_instructions()
            .cores(1);
        let lines = said(&machine, "basalt: disk test: done")?;
        let results: Vec<&str> = lines
            .lines()
            .filter(|line| line.starts_with("basalt: disk test"))
            .collect();
        eprintln!("{}", results.join("\n"));
        for driver in ["virtio-blk", "NVMe", "AHCI"] {
            let measured = |line: &&str| line.contains(driver) && line.contains(" 0 failures");
            ensure!(results.iter().any(measured), "{driver}:\n{lines}");
        }
        anyhow::Ok(())
    })
    .await?
}
