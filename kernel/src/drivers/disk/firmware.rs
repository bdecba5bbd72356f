//! A disk that only the firmware can drive, as an [`Engine`] of the system core.
//!
//! The boot core stays in the firmware's boot services and executes requests that come to it
//! through a queue without locks; the answers come back through another. There is one request at a
//! time. As with cards, this costs a core, and the status says "degraded".

use alloc::boxed::Box;
use core::time::Duration;

use heapless::spsc::{Consumer, Producer, Queue};

use super::{Engine, Failure, Request};
use crate::drivers::wait;

/// How long the firmware may take for a request. Its own drivers give up earlier.
const ANSWER: Duration = Duration::from_secs(30);
/// A queue holds one less.
const PLACES: usize = 2;

type Answer = Result<(), Failure>;

/// What the firmware's driver does.
pub trait Driver {
    /// Executes a request to its end.
    ///
    /// # Errors
    /// [`Failure`]: its refusal.
    fn execute(&mut self, request: &Request) -> Answer;
}

/// The system core's end.
pub struct Firmware {
    requests: Producer<'static, Request>,
    answers: Consumer<'static, Answer>,
    clock: fn() -> Duration,
    /// A request has not been answered yet.
    waits: bool,
}

/// The boot core's end.
pub struct Proxy {
    requests: Consumer<'static, Request>,
    answers: Producer<'static, Answer>,
}

/// Both ends of a disk. `clock` is the time since some moment.
#[must_use]
pub fn pair(clock: fn() -> Duration) -> (Firmware, Proxy) {
    let (requests, requested) = Box::leak(Box::new(Queue::<_, PLACES>::new())).split();
    let (answers, answered) = Box::leak(Box::new(Queue::<_, PLACES>::new())).split();
    let firmware = Firmware {
        requests,
        answers: answered,
        clock,
        waits: false,
    };
    let proxy = Proxy {
        requests: requested,
        answers,
    };
    (firmware, proxy)
}

impl Proxy {
    /// Executes the request that waits, if there is one. Returns whether there was.
    pub fn turn(&mut self, driver: &mut impl Driver) -> bool {
        let Some(request) = self.requests.dequeue() else {
            return false;
        };
        // There is room: each answer belongs to one request, and the next comes after it was read.
        let _ = self.answers.enqueue(driver.execute(&request));
        true
    }
}

impl Firmware {
    fn answer(&mut self) -> Answer {
        let end = (self.clock)() + ANSWER;
        loop {
            if let Some(answer) = self.answers.dequeue() {
                self.waits = false;
                return answer;
            }
            if (self.clock)() >= end {
                return Err(Failure::Silent);
            }
            wait::relax();
        }
    }
}

impl Engine for Firmware {
    fn execute(&mut self, request: &Request) -> Answer {
        if self.waits || self.requests.enqueue(*request).is_err() {
            return Err(Failure::Silent);
        }
        self.waits = true;
        self.answer()
    }

    /// The firmware's driver cannot be interrupted: the request ends by itself, or the disk is
    /// given up.
    fn reset(&mut self) -> Answer {
        if !self.waits {
            return Ok(());
        }
        match self.answer() {
            Err(Failure::Silent) if self.waits => Err(Failure::Silent),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Disk, Facts, Fault, Operation};
    use super::*;
    use crate::drivers::dma;
    use crate::drivers::memory::{peek, poke};
    use basalt_store::BlockDevice as _;
    use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::string::ToString as _;
    use std::vec::Vec;

    const BLOCKS: u64 = 64;

    /// A disk in memory, which refuses block 7.
    struct Memory(Vec<u8>);

    impl Driver for Memory {
        fn execute(&mut self, request: &Request) -> Answer {
            if request.block == 7 {
                return Err(Failure::Refused(7));
            }
            let start = request.block as usize * 512;
            let bytes = &mut self.0[start..start + request.count as usize * 512];
            match request.operation {
                Operation::Read => poke(request.memory, bytes),
                Operation::Write => bytes.copy_from_slice(&peek(request.memory, bytes.len())),
                Operation::Flush | Operation::Discard => {}
            }
            Ok(())
        }
    }

    fn facts() -> Facts {
        Facts {
            driver: "firmware",
            model: "test".to_string(),
            serial: std::string::String::new(),
            block_size: 512,
            blocks: BLOCKS,
            max_transfer: 4096,
            read_only: false,
            flush: true,
            discard: false,
        }
    }

    /// A clock that goes on by a second whenever it is read.
    fn fast() -> Duration {
        static SECONDS: AtomicU64 = AtomicU64::new(0);
        Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed))
    }

    fn still() -> Duration {
        Duration::ZERO
    }

    #[test]
    fn blocks_cross_between_two_cores() {
        let (engine, mut proxy) = pair(still);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut driver = Memory(std::vec![0; BLOCKS as usize * 512]);
                while !done.load(Ordering::Relaxed) {
                    if !proxy.turn(&mut driver) {
                        std::thread::yield_now();
                    }
                }
            });
            dma::provide(64 << 10);
            let mut disk = Disk::new(engine, facts()).unwrap();
            let written: Vec<u8> = (0..20 * 512).map(|index| (index % 251) as u8).collect();
            disk.write(10, &written).unwrap();
            disk.flush().unwrap();
            let mut read = std::vec![0; written.len()];
            disk.read(10, &mut read).unwrap();
            assert_eq!(read, written);
            let refused = disk.read(7, &mut [0; 512]);
            let failure = Failure::Refused(7);
            assert_eq!(refused, Err(Fault::Failed(Operation::Read, 7, failure)));
            done.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_late_answer_is_not_taken_for_the_next() {
        let (mut engine, mut proxy) = pair(fast);
        let request = |block| Request {
            operation: Operation::Flush,
            block,
            count: 0,
            memory: 0,
        };
        let mut driver = Memory(std::vec![0; 512]);
        assert_eq!(engine.execute(&request(7)), Err(Failure::Silent));
        assert_eq!(engine.execute(&request(0)), Err(Failure::Silent));
        assert_eq!(engine.reset(), Err(Failure::Silent));
        assert!(proxy.turn(&mut driver));
        assert_eq!(engine.reset(), Ok(()));
        assert!(!proxy.turn(&mut driver));
        assert_eq!(engine.reset(), Ok(()));
    }
}
