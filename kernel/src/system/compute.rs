//! Compute cores: a loop that takes jobs from a bounded queue and reports back, woken by a message,
//! without device interrupts, and without a timer but while a job waits; between jobs it proves, if
//! it is told to.
//!
//! A [`Lane`] is the system core's end of a core's two queues. Jobs and reports move by value; big
//! memory moves with them as an owned buffer. The assignment to prove is not queued: a new one
//! replaces the old. One flag, which a proving core reads between two hashes, says that there is
//! something new: a job, an assignment, or an answer that a job waits for. How jobs wait is the
//! edge's ([`Core`]).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use basalt_edge::cores::{Core, STACKS};
use basalt_edge::coroutines::Progress;
use basalt_node::compute::{self as node, Done, MAX_UNDER_WAY};
use basalt_prover::capacity::{self as prover, prover::JobId};
use heapless::spsc::{Consumer, Producer, Queue};
use hermit_sync::TicketMutex;

use super::job_stack::JobStack;
use super::selftest::{self, CoreReport};
use super::system_core::{self, now};
use crate::acpi::MAX_CORES;
use crate::cpu::features::Features;
use crate::cpu::idt::MESSAGE_VECTOR;
use crate::cpu::{self, apic};
use crate::mem::LARGE_PAGE;
use crate::mem::frames::{FRAMES, OutOfMemory};
use crate::mem::map::Span;
use crate::mem::stack;
use crate::prover::{Assignment, ComputeCore, ProverThread};

/// Places in the queue of jobs; a ring of `n` holds one less.
const PLACES: usize = 4;
/// Jobs that may lie in the queue at once: those that the node gives to a core beside those that
/// wait there, and the self-test. The node alone counts them: the queue only has to be long enough.
const MAX_JOBS: usize = MAX_UNDER_WAY + 1;
const _: () = assert!(MAX_JOBS < PLACES);
/// Places in the queue of reports. A core that finds it full waits: the system core empties it each
/// time round its loop.
const REPORTS: usize = 16;
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
        // SAFETY: the frames are ours and mapped writable, any bits are a valid `u64`, and the
        // borrow of `self` keeps others away.
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
    /// Do some of the node's work.
    Node(node::Job),
}

/// What a compute core has done.
pub enum Report {
    /// The core's test.
    SelfTest(CoreReport),
    /// Some of the node's work.
    Node(Done),
    /// Something about the proving that it was given as this job.
    Prover(JobId, prover::Report),
}

/// What both ends of a lane see.
struct Signals {
    /// There is something new for the core. Set after it is there, cleared before looking.
    news: AtomicBool,
    /// The new assignment, until the core takes it: to prove, or to do nothing.
    assignment: TicketMutex<Option<Option<Assignment>>>,
}

/// The compute core's end.
struct CoreEnd {
    signals: &'static Signals,
    jobs: Consumer<'static, Job>,
    reports: Producer<'static, Report>,
    stacks: Vec<JobStack>,
}

/// Ends waiting for their cores; the core with index `i` takes number `i - 1`.
static CORE_ENDS: TicketMutex<heapless::Vec<Option<CoreEnd>, MAX_CORES>> =
    TicketMutex::new(heapless::Vec::new());

/// The system core's end.
pub struct Lane {
    core: usize,
    apic_id: u32,
    signals: &'static Signals,
    jobs: Producer<'static, Job>,
    reports: Consumer<'static, Report>,
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

/// Stacks for the jobs of one core.
///
/// # Errors
/// There is no memory for them.
pub fn stacks() -> Result<Vec<JobStack>, stack::Error> {
    (0..STACKS).map(|_| JobStack::new()).collect()
}

/// Makes the queues for the cores 1 to `count`, before those start, and gives each its `stacks`.
///
/// # Errors
/// There are no stacks.
pub fn prepare(
    count: usize,
    stacks: impl Fn() -> Result<Vec<JobStack>, stack::Error>,
) -> Result<Vec<Lane>, stack::Error> {
    let mut ends = CORE_ENDS.lock();
    let mut lanes = Vec::with_capacity(count);
    for core in 1..=count.min(MAX_CORES) {
        let (job_in, job_out) = Box::leak(Box::new(Queue::<Job, PLACES>::new())).split();
        let (report_in, report_out) = Box::leak(Box::new(Queue::<Report, REPORTS>::new())).split();
        let stacks = stacks()?;
        let signals: &Signals = Box::leak(Box::new(Signals {
            news: AtomicBool::new(false),
            assignment: TicketMutex::new(None),
        }));
        if ends
            .push(Some(CoreEnd {
                signals,
                jobs: job_out,
                reports: report_in,
                stacks,
            }))
            .is_err()
        {
            break;
        }
        lanes.push(Lane {
            core,
            apic_id: 0,
            signals,
            jobs: job_in,
            reports: report_out,
        });
    }
    Ok(lanes)
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

    fn wake(&self) {
        wake(self.signals, self.apic_id);
    }

    /// Hands a job over and wakes the core.
    ///
    /// # Errors
    /// [`Busy::Full`] while [`MAX_JOBS`] lie in the queue; the job is dropped then.
    pub fn submit(&mut self, job: Job) -> Result<(), Busy> {
        self.jobs.enqueue(job).map_err(|_| Busy::Full)?;
        self.wake();
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
        self.reports.dequeue()
    }
}

impl ComputeCore for Lane {
    fn apic_id(&self) -> u32 {
        self.apic_id
    }

    /// The core turns to the new assignment within one hash.
    fn assign_proving(&mut self, assignment: Option<Assignment>) {
        // What was not taken yet goes here: its memory must not be freed under the lock.
        let old = self.signals.assignment.lock().replace(assignment);
        drop(old);
        self.wake();
    }
}

/// The loop of a compute core.
pub fn run(core: usize) -> ! {
    let end = CORE_ENDS.lock().get_mut(core - 1).and_then(Option::take);
    let Some(CoreEnd {
        signals,
        mut jobs,
        mut reports,
        stacks,
    }) = end
    else {
        cpu::halt()
    };
    apic::prepare_timer(&Features::detect());
    let own_id = apic::id();
    let mut node = Core::new(stacks, move || wake(signals, own_id));
    let mut prover = ProverThread::default();
    loop {
        signals.news.store(false, Ordering::Relaxed);
        core::sync::atomic::fence(Ordering::SeqCst);
        let new = signals.assignment.lock().take();
        if let Some(assignment) = new {
            prover.take(assignment);
        }
        if let Some(report) = turn(&mut node, &mut jobs, &mut prover) {
            send(&mut reports, report);
        } else if prover.has_work() {
            prover.run(&signals.news, |job, report| {
                send(&mut reports, Report::Prover(job, report));
            });
        } else {
            prover.leave();
            sleep(&node);
        }
    }
}

/// Does a job until it is done or waits, if there is one to do. Jobs that go on come first.
fn turn(
    core: &mut Core<JobStack>,
    jobs: &mut Consumer<'static, Job>,
    prover: &mut ProverThread,
) -> Option<Report> {
    loop {
        if core.waiting() > 0 {
            prover.leave();
        }
        let mut other = None;
        let next = || {
            let job = jobs.dequeue()?;
            prover.leave();
            match job {
                Job::Node(job) => Some(job),
                Job::SelfTest(buffer) => {
                    other = Some(buffer);
                    None
                }
            }
        };
        match (core.turn(now(), next), other) {
            (Progress::Done(done), _) => return Some(Report::Node(done)),
            (Progress::Paused, _) => {}
            (Progress::Idle, Some(mut buffer)) => {
                return Some(Report::SelfTest(selftest::run(buffer.words())));
            }
            (Progress::Idle, None) => return None,
        }
    }
}

/// Sleeps until a message, or until the time of a waiting job is up.
fn sleep(core: &Core<JobStack>) {
    match core.wake_at() {
        Some(at) => apic::set_timer(Duration::from_micros(at.as_micros())),
        None => apic::clear_timer(),
    }
    cpu::idle();
}

/// Tells the core `apic_id` that there is something new.
fn wake(signals: &Signals, apic_id: u32) {
    signals.news.store(true, Ordering::Release);
    apic::send_interrupt(apic_id, MESSAGE_VECTOR);
}

fn send(reports: &mut Producer<'static, Report>, mut report: Report) {
    while let Err(back) = reports.enqueue(report) {
        report = back;
        core::hint::spin_loop();
    }
    system_core::wake();
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
        let mut lanes = prepare(2, || Ok(Vec::new())).unwrap();
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
