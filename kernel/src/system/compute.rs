//! Compute cores: a loop that takes jobs from a bounded queue and reports back, woken by a message,
//! without timer ticks or device interrupts.
//!
//! A [`Lane`] is the system core's end of a core's two queues. Jobs and reports move by value; big
//! memory moves with them as an owned buffer.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ptr;
use core::slice;

use heapless::spsc::{Consumer, Producer, Queue};
use hermit_sync::TicketMutex;

use super::selftest::{self, CoreReport};
use crate::acpi::MAX_CORES;
use crate::cpu::idt::MESSAGE_VECTOR;
use crate::cpu::{self, apic};
use crate::mem::LARGE_PAGE;
use crate::mem::frames::{FRAMES, OutOfMemory};
use crate::mem::map::Span;

/// Places in each queue; a ring of `n` holds one less.
const PLACES: usize = 4;
/// Jobs that may be under way at once on one core, so that reports always have room.
const MAX_JOBS: usize = PLACES - 1;
/// Memory that the self-test moves around: more than the caches hold.
const TEST_BUFFER: u64 = 8 * LARGE_PAGE;

/// Whole large pages that belong to whoever holds this.
pub struct Buffer {
    span: Span,
}

impl Buffer {
    /// Takes `bytes` of free memory.
    ///
    /// # Errors
    /// [`OutOfMemory`] if there is none.
    pub fn new(bytes: u64) -> Result<Self, OutOfMemory> {
        let len = bytes.next_multiple_of(LARGE_PAGE);
        let start = FRAMES.lock().allocate(len, LARGE_PAGE)?;
        Ok(Self {
            span: Span {
                start,
                end: start + len,
            },
        })
    }

    /// The memory, with whatever it held before.
    pub fn words(&mut self) -> &mut [u64] {
        let start = ptr::with_exposed_provenance_mut(self.span.start as usize);
        // SAFETY: the frames are ours and mapped writable, any bits are a valid `u64`, and the borrow of
        // `self` keeps others away.
        unsafe { slice::from_raw_parts_mut(start, self.span.len() as usize / 8) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        FRAMES.lock().free(self.span);
    }
}

/// What a compute core is asked to do.
pub enum Job {
    /// Test the core, with this memory.
    SelfTest(Buffer),
}

/// What a compute core has done.
pub enum Report {
    /// The core's test.
    SelfTest(CoreReport),
}

impl Job {
    fn run(self) -> Report {
        match self {
            Self::SelfTest(mut buffer) => Report::SelfTest(selftest::run(buffer.words())),
        }
    }
}

/// The compute core's end.
struct Station {
    jobs: Consumer<'static, Job>,
    reports: Producer<'static, Report>,
}

/// Stations waiting for their cores; the core with index `i` takes number `i - 1`.
static STATIONS: TicketMutex<heapless::Vec<Option<Station>, MAX_CORES>> =
    TicketMutex::new(heapless::Vec::new());

/// The system core's end.
pub struct Lane {
    core: usize,
    apic_id: u32,
    jobs: Producer<'static, Job>,
    reports: Consumer<'static, Report>,
    under_way: usize,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// The core has all the jobs it can hold.
    Full,
    /// No memory for what the job needs.
    Memory(OutOfMemory),
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the core has no room for more jobs"),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Busy {}

/// Makes the queues for the cores 1 to `count`, before those start.
#[must_use]
pub fn prepare(count: usize) -> Vec<Lane> {
    let mut stations = STATIONS.lock();
    let mut lanes = Vec::with_capacity(count);
    for core in 1..=count.min(MAX_CORES) {
        let (job_in, job_out) = Box::leak(Box::new(Queue::<Job, PLACES>::new())).split();
        let (report_in, report_out) = Box::leak(Box::new(Queue::<Report, PLACES>::new())).split();
        if stations
            .push(Some(Station {
                jobs: job_out,
                reports: report_in,
            }))
            .is_err()
        {
            break;
        }
        lanes.push(Lane {
            core,
            apic_id: 0,
            jobs: job_in,
            reports: report_out,
            under_way: 0,
        });
    }
    lanes
}

impl Lane {
    /// Tells which core has taken the other end.
    pub fn assign(&mut self, core: usize, apic_id: u32) {
        debug_assert_eq!(self.core, core);
        self.apic_id = apic_id;
    }

    /// Index of the core.
    #[must_use]
    pub const fn core(&self) -> usize {
        self.core
    }

    /// Hands a job over and wakes the core.
    ///
    /// # Errors
    /// [`Busy::Full`] while the core has [`MAX_JOBS`] jobs under way; the job is dropped then.
    pub fn submit(&mut self, job: Job) -> Result<(), Busy> {
        if self.under_way == MAX_JOBS || self.jobs.enqueue(job).is_err() {
            return Err(Busy::Full);
        }
        self.under_way += 1;
        apic::send_interrupt(self.apic_id, MESSAGE_VECTOR);
        Ok(())
    }

    /// Lets the core test itself.
    ///
    /// # Errors
    /// [`Busy`] if there is no room or no memory for it.
    pub fn start_self_test(&mut self) -> Result<(), Busy> {
        let buffer = Buffer::new(TEST_BUFFER).map_err(Busy::Memory)?;
        self.submit(Job::SelfTest(buffer))
    }

    /// A report, if the core has made one.
    pub fn report(&mut self) -> Option<Report> {
        let report = self.reports.dequeue()?;
        self.under_way -= 1;
        Some(report)
    }
}

/// The loop of a compute core.
pub fn run(core: usize) -> ! {
    let station = STATIONS.lock().get_mut(core - 1).and_then(Option::take);
    let Some(mut station) = station else {
        cpu::halt()
    };
    loop {
        match station.jobs.dequeue() {
            Some(job) => {
                let report = job.run();
                // There is room: no more than `MAX_JOBS` jobs are under way.
                let _ = station.reports.enqueue(report);
                wake_system_core();
            }
            None => cpu::idle(),
        }
    }
}

/// Wakes the system core, which looks for reports when it wakes.
fn wake_system_core() {
    apic::send_interrupt(super::network::core_id(), MESSAGE_VECTOR);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_takes_no_more_jobs_than_reports_have_room_for() {
        // Addresses only: no job runs here, so the memory is never touched.
        FRAMES.lock().free(Span {
            start: 8 * LARGE_PAGE,
            end: 16 * LARGE_PAGE,
        });
        let mut lanes = prepare(2);
        assert_eq!(lanes.len(), 2);
        let lane = &mut lanes[1];
        lane.assign(2, 7);
        for _ in 0..MAX_JOBS {
            let buffer = Buffer::new(1).unwrap();
            assert_eq!(lane.submit(Job::SelfTest(buffer)), Ok(()));
        }
        let before = FRAMES.lock().free_bytes();
        let buffer = Buffer::new(1).unwrap();
        assert_eq!(lane.submit(Job::SelfTest(buffer)), Err(Busy::Full));
        assert_eq!(
            FRAMES.lock().free_bytes(),
            before,
            "the refused job gives its memory back"
        );
        assert!(lane.report().is_none());
    }
}
