//! Partition tables on disks that lose power, and regions.

#[allow(
    dead_code,
    reason = "shared with the crash tests, which use more of it"
)]
mod sim;

use basalt_store::BlockDevice;
use basalt_store::partition::table::Content;
use basalt_store::partition::{self, Guid, Partition, Region, Table, probe, region};
use sim::{Recorder, all_cuts};

/// Pages of the disk that the table is made for, and of the one it finds itself on.
const SMALL: usize = 1024;
const LARGE: usize = 4096;

fn partition(id: u8, first: u64, last: u64) -> Partition {
    Partition {
        kind: partition::STATE,
        id: Guid([id; 16]),
        name: format!("part-{id}"),
        first,
        last,
    }
}

/// A table with two partitions, of a disk of `SMALL` pages.
fn table(block_size: usize) -> Table {
    let blocks = (SMALL * 4096 / block_size) as u64;
    let mut table = Table::new(Guid([5; 16]), blocks, block_size).unwrap();
    let mib = (1 << 20) / block_size as u64;
    table.add(&partition(1, mib, 2 * mib - 1)).unwrap();
    table.add(&partition(2, 2 * mib, 3 * mib - 1)).unwrap();
    table
}

#[test]
fn what_is_written_is_read() {
    for block_size in [512, 4096] {
        let mut disk = Recorder::new(SMALL, block_size);
        assert_eq!(Table::read(&mut disk), Ok(Content::Other));
        table(block_size).create(&mut disk).unwrap();
        assert_eq!(
            Table::read(&mut disk),
            Ok(Content::Table(table(block_size)))
        );
        let found: Vec<Partition> = table(block_size).partitions().collect();
        assert_eq!(found[1].name, "part-2");
        assert_eq!(found[1].blocks(), (1 << 20) / block_size as u64);

        let mut main = vec![0; block_size];
        disk.read(1, &mut main).unwrap();
        main[60] ^= 1;
        disk.write(1, &main).unwrap();
        assert_eq!(Table::read(&mut disk), Ok(Content::Copy(table(block_size))));
        disk.write(0, &vec![0; block_size]).unwrap();
        assert_eq!(Table::read(&mut disk), Ok(Content::Other));
    }
}

#[test]
fn partitions_that_do_not_fit_are_refused() {
    let mut table = table(512);
    let (first, last) = table.usable();
    for (from, to) in [
        (first - 1, first),
        (first + 1, first),
        (last, last + 1),
        (4095, 4096),
        (6143, 6143),
        (0, u64::MAX),
    ] {
        assert_eq!(table.add(&partition(3, from, to)), None, "{from} {to}");
    }
    let mut long = partition(3, first, first);
    long.name = "n".repeat(37);
    assert_eq!(table.add(&long), None);
    long.name.pop();
    assert_eq!(table.add(&long), Some(()));
    assert_eq!(table.partitions().last(), Some(long));
}

#[test]
fn a_table_grows_with_its_disk_at_any_power_cut() {
    for block_size in [512, 4096] {
        let old = table(block_size);
        let mut disk = Recorder::new(LARGE, block_size);
        old.create(&mut disk).unwrap();
        disk.take_ops();
        let blocks = disk.block_count();
        assert!(old.is_outgrown(blocks));

        let mut new = old.clone();
        assert_eq!(
            new.extend(Guid([1; 16]), blocks),
            None,
            "it is not the last one"
        );
        let longer = new.extend(Guid([2; 16]), blocks).unwrap();
        let mib = (1 << 20) / block_size as u64;
        assert_eq!((longer.first, longer.last), (2 * mib, 15 * mib - 1));
        assert!(!new.is_outgrown(blocks));

        let before = disk.image();
        new.update(&mut disk).unwrap();
        assert_eq!(Table::read(&mut disk), Ok(Content::Table(new.clone())));
        let mut states = [0; 3];
        all_cuts(
            before,
            &disk.take_ops(),
            block_size,
            10,
            300,
            7,
            |mut medium, _| match Table::read(&mut medium).unwrap() {
                Content::Table(found) if found == old => states[0] += 1,
                Content::Table(found) if found == new => states[1] += 1,
                Content::Copy(found) if found == new => states[2] += 1,
                other => panic!("{other:?}"),
            },
        );
        assert!(states.iter().all(|&count| count > 0), "{states:?}");
    }
}

#[test]
fn a_region_never_reaches_outside() {
    let mut disk = Recorder::new(4, 512);
    disk.write(0, &[1; 4 * 4096]).unwrap();
    assert!(Region::new(&mut disk, 30, 3).is_none());
    assert!(Region::new(&mut disk, u64::MAX, 2).is_none());
    let mut region = Region::new(&mut disk, 8, 8).unwrap();
    assert_eq!((region.block_size(), region.block_count()), (512, 8));
    region.write(7, &[2; 512]).unwrap();
    region.discard(0, 1).unwrap();
    let mut block = [0; 512];
    region.read(7, &mut block).unwrap();
    assert_eq!(block, [2; 512]);
    assert_eq!(
        region.read(7, &mut [0; 1024]),
        Err(region::Error::Outside(7, 2))
    );
    assert_eq!(
        region.write(8, &[0; 512]),
        Err(region::Error::Outside(8, 1))
    );
    assert_eq!(
        region.discard(u64::MAX, 2),
        Err(region::Error::Outside(u64::MAX, 2))
    );
    let image = disk.image();
    assert!(image[..8 * 512].iter().all(|&byte| byte == 1));
    assert!(image[16 * 512..].iter().all(|&byte| byte == 1));
    assert_eq!(image[8 * 512], 0xa5);
    assert_eq!(image[15 * 512..16 * 512], [2; 512]);
}

#[test]
fn blank_is_zero_at_both_ends() {
    let pages = 3 << 8;
    for (page, blank) in [
        (None, true),
        (Some(0), false),
        (Some(255), false),
        (Some(256), true),
        (Some(511), true),
        (Some(512), false),
        (Some(pages - 1), false),
    ] {
        let mut disk = Recorder::new(pages as usize, 512);
        if let Some(page) = page {
            disk.write(page * 8 + 7, &[1; 512]).unwrap();
        }
        assert_eq!(probe::is_blank(&mut disk), Ok(blank), "{page:?}");
    }
    let mut tiny = Recorder::new(1, 4096);
    assert_eq!(probe::is_blank(&mut tiny), Ok(true));
}
