//! Where the node's state is: finds its partition among the disks, makes it at the first boot, and
//! never touches what it does not know.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

use basalt_manifest::Disk as Wanted;
use basalt_node::state::State;
use basalt_store::partition::table::{Content, GRANULE};
use basalt_store::partition::{self, Guid, Partition, Region, Table, probe};
use basalt_store::{BlockDevice, Store};

use super::disks::Found;
use crate::boot::Refusal;
use crate::drivers::disk::{AnyDisk, Fault};

/// Bytes that are erased at the beginning of a partition whose content is given up.
const ERASED: usize = 1 << 20;

/// A disk with a state partition, and the table that it stands in.
struct Candidate {
    disk: Found,
    table: Table,
    partition: Partition,
}

/// Opens the state, wherever it is; `None` if no disk has a place for it. `random` is fresh
/// entropy.
///
/// # Errors
/// [`Refusal`] if it cannot be told which disk is meant, or that disk must not be used.
pub fn open(
    disks: Vec<Found>,
    wanted: &Wanted,
    random: [u8; 32],
) -> Result<Option<State>, Refusal> {
    let (ids, _) = random.split_at(16);
    let id: [u8; 16] = core::array::from_fn(|index| ids[index]);
    let fresh: [u8; 16] = core::array::from_fn(|index| random[16 + index]);
    let candidate = match &wanted.state {
        Some(name) => named(disks, name, wanted.format, id)?,
        None => match only_one(disks)? {
            Some(candidate) => candidate,
            None => return Ok(None),
        },
    };
    use_partition(candidate, wanted.format, fresh).map(Some)
}

fn refuse(details: String, remedy: &'static str) -> Refusal {
    Refusal {
        headline: "no state",
        details,
        remedy,
    }
}

const NAME_IT: &str = "name the disk with `state` in section [disk] of the manifest";
const ALLOW_IT: &str =
    "name another disk, or write `format = true` into section [disk] of the manifest";
const REPLACE_IT: &str = "check the disk, replace it, or restore its content";

fn failed(disk: &Found, fault: &Fault) -> Refusal {
    refuse(format!("{disk} cannot be used: {fault}"), REPLACE_IT)
}

/// The state partition of a disk, and the table that it stands in.
fn state_partition(disk: &mut Found) -> Result<Option<(Table, Partition)>, Fault> {
    let table = match Table::read(&mut disk.device)? {
        Content::Table(table) => table,
        Content::Copy(table) => {
            ::log::warn!(target: "disk", "{}: its partition table is damaged; the copy at its end serves", disk.place);
            table
        }
        Content::Other => return Ok(None),
    };
    let partition = table
        .partitions()
        .find(|partition| partition.kind == partition::STATE);
    Ok(partition.map(|partition| (table, partition)))
}

/// The one disk that has a state partition.
fn only_one(disks: Vec<Found>) -> Result<Option<Candidate>, Refusal> {
    let mut candidates = Vec::new();
    for mut disk in disks {
        match state_partition(&mut disk) {
            Ok(Some((table, partition))) => candidates.push(Candidate {
                disk,
                table,
                partition,
            }),
            Ok(None) => {}
            Err(fault) => ::log::error!(target: "disk", "{} cannot be read: {fault}", disk.place),
        }
    }
    if candidates.len() > 1 {
        let mut text = "more than one disk has a state partition:".to_string();
        for candidate in &candidates {
            // Writing to a string does not fail.
            let _ = write!(text, "\n  {}", candidate.disk);
        }
        return Err(refuse(text, NAME_IT));
    }
    Ok(candidates.pop())
}

/// The disk that the manifest names, with a state partition made on it if that is allowed.
fn named(
    mut disks: Vec<Found>,
    name: &str,
    format: bool,
    random: [u8; 16],
) -> Result<Candidate, Refusal> {
    let matching: Vec<usize> = (0..disks.len())
        .filter(|&index| disks[index].is_called(name))
        .collect();
    let &[index] = matching.as_slice() else {
        let number = match matching.len() {
            0 => "no disk".to_string(),
            count => format!("{count} disks are"),
        };
        let mut text = format!("{number} called \"{name}\"; there are:");
        for disk in &disks {
            let _ = write!(text, "\n  {disk}");
        }
        return Err(refuse(text, NAME_IT));
    };
    let mut disk = disks.swap_remove(index);
    let mut found = state_partition(&mut disk).map_err(|fault| failed(&disk, &fault))?;
    if found.is_none() {
        if !format {
            return Err(refuse(
                format!("{disk} has no state partition, and may hold something else"),
                ALLOW_IT,
            ));
        }
        found = partition_whole(&mut disk, random).map_err(|fault| failed(&disk, &fault))?;
        ::log::warn!(target: "disk", "{disk}: a new partition table, as the manifest says");
    }
    match found {
        Some((table, partition)) => Ok(Candidate {
            disk,
            table,
            partition,
        }),
        None => Err(refuse(format!("{disk} is too small"), NAME_IT)),
    }
}

/// Gives a whole disk to the state. What was at its beginning is gone.
fn partition_whole(
    disk: &mut Found,
    random: [u8; 16],
) -> Result<Option<(Table, Partition)>, Fault> {
    let (size, blocks) = (disk.device.block_size(), disk.device.block_count());
    let granule = GRANULE / size as u64;
    let mut id = random;
    id[0] ^= 0xff;
    let Some(mut table) = Table::new(Guid::random(random), blocks, size) else {
        return Ok(None);
    };
    let partition = Partition {
        kind: partition::STATE,
        id: Guid::random(id),
        name: "basalt-state".into(),
        first: granule,
        last: ((table.usable().1 + 1) / granule * granule).saturating_sub(1),
    };
    if table.add(&partition).is_none() {
        return Ok(None);
    }
    table.create(&mut disk.device)?;
    let mut region = Region::new(&mut disk.device, partition.first, partition.blocks());
    if let Some(region) = &mut region {
        erase(region).map_err(fault_of)?;
    }
    Ok(Some((table, partition)))
}

fn erase<D: BlockDevice>(device: &mut D) -> Result<(), D::Error> {
    let size = device.block_size();
    let blocks = device.block_count().min((ERASED / size) as u64);
    device.write(0, &vec![0; blocks as usize * size])?;
    device.flush()
}

/// Regions here are always within their disk: what fails is the disk.
fn fault_of(error: partition::region::Error<Fault>) -> Fault {
    match error {
        partition::region::Error::Device(fault) => fault,
        partition::region::Error::Outside(block, count) => Fault::Outside(block, count),
    }
}

/// Opens the state on its partition, and formats that first if it is blank.
fn use_partition(
    mut candidate: Candidate,
    format: bool,
    fresh: [u8; 16],
) -> Result<State, Refusal> {
    let prepared =
        prepare(&mut candidate, format).map_err(|fault| failed(&candidate.disk, &fault))?;
    let Candidate {
        disk, partition, ..
    } = candidate;
    let name = disk.to_string();
    match prepared {
        Prepared::Foreign => {
            return Err(refuse(
                format!("the state partition of {name} holds something else"),
                ALLOW_IT,
            ));
        }
        Prepared::Blank => ::log::info!(target: "disk", "{name}: the state partition is formatted"),
        Prepared::Store => {}
    }
    let region: Region<AnyDisk> = Region::new(disk.device, partition.first, partition.blocks())
        .ok_or_else(|| refuse(format!("{name} has become smaller"), REPLACE_IT))?;
    let mib = (partition.blocks() * region.block_size() as u64) >> 20;
    let (state, opened) = State::open(region, fresh)
        .map_err(|error| refuse(format!("the state on {name}: {error}"), REPLACE_IT))?;
    ::log::info!(
        target: "disk",
        "state of {mib} MiB on {}: {} records, {} batches replayed",
        disk.place, opened.loaded, opened.replayed,
    );
    Ok(state)
}

/// What a state partition holds when its turn comes.
enum Prepared {
    /// A store, sound or damaged.
    Store,
    /// Nothing.
    Blank,
    /// Something else, which stays.
    Foreign,
}

/// Looks at the partition; a blank one grows with its disk, something else is erased if `format`
/// allows it.
fn prepare(candidate: &mut Candidate, format: bool) -> Result<Prepared, Fault> {
    let Candidate {
        disk,
        table,
        partition,
    } = candidate;
    let Some(mut region) = Region::new(&mut disk.device, partition.first, partition.blocks())
    else {
        return Ok(Prepared::Foreign);
    };
    if Store::is_on(&mut region).map_err(fault_of)? {
        return Ok(Prepared::Store);
    }
    if !probe::is_blank(&mut region).map_err(fault_of)? {
        if !format {
            return Ok(Prepared::Foreign);
        }
        ::log::warn!(target: "disk", "{}: the state partition is erased, as the manifest says", disk.place);
        erase(&mut region).map_err(fault_of)?;
    }
    let blocks = disk.device.block_count();
    if table.is_outgrown(blocks)
        && let Some(longer) = table.extend(partition.id, blocks)
    {
        table.update(&mut disk.device)?;
        *partition = longer;
    }
    Ok(Prepared::Blank)
}
