//! The same work by the store and by redb, on files in the current folder, one after the other.

use basalt_store::{Batch, BlockDevice, Limits, Namespace, Store};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::time::Instant;

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("t");
const SPACE: Namespace = Namespace(1);
const SIZE: u64 = 512 << 20;

/// A file as a disk.
struct Disk(File);

impl BlockDevice for Disk {
    type Error = std::io::Error;
    fn block_size(&self) -> usize {
        512
    }
    fn block_count(&self) -> u64 {
        SIZE / 512
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(buf, block * 512)
    }
    fn write(&mut self, block: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write_all_at(data, block * 512)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.sync_data()
    }
    fn discard(&mut self, _: u64, _: u64) -> std::io::Result<()> {
        Ok(())
    }
}

fn disk(name: &str, fresh: bool) -> Disk {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(fresh)
        .open(name)
        .unwrap();
    file.set_len(SIZE).unwrap();
    Disk(file)
}

fn key(number: u64) -> Vec<u8> {
    format!("key-{number:08}").into_bytes()
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Commits `commits` batches of `puts` values of `length` bytes each.
struct Load {
    name: &'static str,
    commits: u64,
    puts: u64,
    length: usize,
}

const LOADS: [Load; 4] = [
    Load {
        name: "one value of 100 B a commit",
        commits: 500,
        puts: 1,
        length: 100,
    },
    Load {
        name: "100 values of 100 B a commit",
        commits: 200,
        puts: 100,
        length: 100,
    },
    Load {
        name: "one value of 4 KiB a commit",
        commits: 500,
        puts: 1,
        length: 4096,
    },
    Load {
        name: "one value of 16 MiB a commit",
        commits: 4,
        puts: 1,
        length: 16 << 20,
    },
];

fn row(name: &str, ours: f64, redb: f64, count: u64) {
    let micros = |s: f64| s * 1e6 / count as f64;
    println!(
        "| {name} | {:.1} | {:.1} | {:.2} |",
        micros(ours),
        micros(redb),
        redb / ours
    );
}

pub fn run() {
    let _ = std::fs::remove_file("bench.redb");
    let mut store = Store::format(disk("bench.store", true), Limits::default(), [7; 16]).unwrap();
    let database = Database::create("bench.redb").unwrap();
    println!("| work | store, us | redb, us | redb / store |\n|---|---|---|---|");
    for Load {
        name,
        commits,
        puts,
        length,
    } in LOADS
    {
        let value = vec![0x5a; length];
        let ours = seconds(|| {
            for commit in 0..commits {
                let mut batch = Batch::new();
                for put in 0..puts {
                    batch.put(SPACE, key(commit * puts + put), value.clone());
                }
                store.commit(&batch).unwrap();
                store.maintain().unwrap();
            }
        });
        let redb = seconds(|| {
            for commit in 0..commits {
                let write = database.begin_write().unwrap();
                {
                    let mut table = write.open_table(TABLE).unwrap();
                    for put in 0..puts {
                        let key = key(commit * puts + put);
                        table.insert(key.as_slice(), value.as_slice()).unwrap();
                    }
                }
                write.commit().unwrap();
            }
        });
        row(name, ours, redb, commits);
    }
    let reads = 20_000;
    let ours = seconds(|| {
        for number in 0..reads {
            assert!(
                store
                    .get(SPACE, &key(600 + number * 7919 % 19_000))
                    .unwrap()
                    .is_some()
            );
        }
    });
    let redb = seconds(|| {
        let read = database.begin_read().unwrap();
        let table = read.open_table(TABLE).unwrap();
        for number in 0..reads {
            let key = key(600 + number * 7919 % 19_000);
            assert!(
                !table
                    .get(key.as_slice())
                    .unwrap()
                    .unwrap()
                    .value()
                    .to_vec()
                    .is_empty()
            );
        }
    });
    row("read of 100 B", ours, redb, reads);
    // As after a crash: neither gets to close cleanly.
    std::mem::forget(store);
    std::fs::copy("bench.redb", "bench-copy.redb").unwrap();
    let ours =
        seconds(|| drop(Store::open(disk("bench.store", false), Limits::default()).unwrap()));
    let redb = seconds(|| drop(Database::create("bench-copy.redb").unwrap()));
    row("opening after a crash", ours, redb, 1);
    for file in ["bench.store", "bench.redb", "bench-copy.redb"] {
        std::fs::remove_file(file).unwrap();
    }
}
