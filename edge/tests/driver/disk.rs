//! A disk that takes ten seconds holds up nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use basalt_edge::coroutines::{DefaultStack, Handle, Progress};
use basalt_edge::disk::Disk;
use basalt_net::time::Instant;
use basalt_node::compute::Pause;
use basalt_node::state::{Batch, Namespace, State};
use basalt_store::{BlockDevice, Memory};

use crate::world::World;

const SLOW: Duration = Duration::from_secs(10);

/// What the device and the test share: the time, and what the job on the disk pauses by.
#[derive(Clone, Default)]
struct Shared {
    now: Arc<AtomicU64>,
    job: Arc<Mutex<Option<Handle>>>,
    flushes: Arc<AtomicU64>,
}

impl Shared {
    fn now(&self) -> Instant {
        Instant::from_micros(self.now.load(Ordering::Relaxed))
    }
}

/// Memory whose flushes take their time, once a job is there that can pause.
struct Slow {
    memory: Memory,
    shared: Shared,
}

impl BlockDevice for Slow {
    type Error = <Memory as BlockDevice>::Error;

    fn block_size(&self) -> usize {
        self.memory.block_size()
    }

    fn block_count(&self) -> u64 {
        self.memory.block_count()
    }

    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.memory.read(block, buf)
    }

    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Self::Error> {
        self.memory.write(block, data)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        let job = self.shared.job.lock().unwrap().clone();
        if let Some(job) = job {
            // As a driver does: it looks again and again.
            let end = self.shared.now() + SLOW;
            while self.shared.now() < end {
                job.pause(self.shared.now());
            }
            self.shared.flushes.fetch_add(1, Ordering::Relaxed);
        }
        self.memory.flush()
    }

    fn discard(&mut self, block: u64, count: u64) -> Result<(), Self::Error> {
        self.memory.discard(block, count)
    }
}

fn put(number: u8) -> impl FnOnce(&mut State) -> u8 {
    move |state| {
        let mut changes = Batch::new();
        changes.put(Namespace::System, "last", [number]);
        state.commit(changes).unwrap();
        number
    }
}

#[test]
fn a_slow_disk_holds_up_nobody() {
    let shared = Shared::default();
    let device = Slow {
        memory: Memory::new(512, 1 << 20),
        shared: shared.clone(),
    };
    let (state, _) = State::open(device, [1; 16]).unwrap();
    let stack = DefaultStack::new(256 << 10).unwrap();
    let job = shared.job.clone();
    let mut disk = Disk::new(state, stack, move |handle| *job.lock().unwrap() = handle);
    let mut world = World::new();
    let (conn, socket) = world.accept();
    world.quiet();

    let begin = world.now;
    disk.submit(put(1));
    disk.submit(put(2));
    let (mut done, mut pings) = (Vec::new(), 0);
    while disk.is_busy() {
        shared.now.store(world.now.as_micros(), Ordering::Relaxed);
        if let Progress::Done(number) = disk.turn(world.now) {
            // Not before it is on the disk.
            assert!(shared.flushes.load(Ordering::Relaxed) >= u64::from(number));
            done.push(number);
        }
        world.arrive(socket, b"ping");
        world.say(conn, b"pong");
        world.quiet();
        pings += 1;
        assert_eq!(world.driver.machine.received[&conn].len(), 4 * pings);
        assert_eq!(world.pipe(socket).outbox.len(), 4 * pings);
        world.pass(Duration::from_millis(100));
    }
    assert_eq!(done, [1, 2]);
    assert!(world.now.since(begin) >= 2 * SLOW);
    assert!(pings > 190, "{pings}");
    // What the second left is what is there.
    disk.submit(|state| state.get(Namespace::System, b"last").unwrap().unwrap()[0]);
    assert_eq!(disk.turn(world.now), Progress::Done(2));
}
