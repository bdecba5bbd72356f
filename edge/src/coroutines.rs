//! Work that can pause half-way: each piece runs on a stack of its own, and the thread that drives
//! them does something else until it is worth going on.
//!
//! A guest that calls another through an adapter has frames of both on the stack when it waits for
//! something. They stay where they are: whatever runs in a piece of work need not know about
//! pauses, be it this interpreter or another engine.
//!
//! All pieces of one [`Coroutines`] run on the thread that drives it, one at a time.

use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::cell::Cell;
use core::hint::black_box;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use core::task::Waker;

use basalt_net::time::Instant;
use basalt_node::compute::Pause;
#[cfg(feature = "hosted")]
pub use corosensei::stack::DefaultStack;
pub use corosensei::stack::{Stack, StackPointer};
use corosensei::{Coroutine, CoroutineResult};

/// What a piece of work suspends itself by.
type Yielder = corosensei::Yielder<(), ()>;

/// What driving came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// Nothing could go on.
    Idle,
    /// A piece of work waits, for the first time or again.
    Paused,
    /// A piece of work is done.
    Done(T),
}

/// Pieces of work that have begun, and stacks for more of them.
pub struct Coroutines<S: Stack + 'static, T: 'static> {
    stacks: Vec<S>,
    paused: Vec<Paused<S, T>>,
    /// Stacks that are free, where running work can see it.
    free: Arc<AtomicUsize>,
    /// Stacks that work that pauses must leave for others.
    spare: usize,
    wake: Arc<dyn Fn() + Send + Sync>,
}

struct Paused<S: Stack, T> {
    body: Coroutine<(), (), T, S>,
    handle: Handle,
}

impl<S: Stack, T> Coroutines<S, T> {
    /// As many pieces of work at once as there are stacks, one at least. Work may pause while
    /// `spare` stacks are free. `wake` is called from any thread when there may be something to go
    /// on with.
    pub fn new(
        stacks: Vec<S>,
        spare: usize,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Coroutines<S, T> {
        Coroutines {
            free: Arc::new(AtomicUsize::new(stacks.len())),
            stacks,
            paused: Vec::new(),
            spare,
            wake: Arc::new(wake),
        }
    }

    /// Whether there is a stack for another piece of work.
    pub fn has_room(&self) -> bool {
        !self.stacks.is_empty()
    }

    /// Number of pieces of work that wait.
    pub fn paused(&self) -> usize {
        self.paused.len()
    }

    /// Begins a piece of work and runs it until it pauses or is done. [`Progress::Idle`]: there is
    /// no stack for it, and it is dropped.
    pub fn start(&mut self, work: impl FnOnce(&Handle) -> T + 'static) -> Progress<T> {
        let Some(stack) = self.stacks.pop() else {
            return Progress::Idle;
        };
        self.free.store(self.stacks.len(), Ordering::Relaxed);
        let handle = Handle(Arc::new(Signals {
            yielder: AtomicPtr::new(ptr::null_mut()),
            stack: stack.limit().get()..stack.base().get(),
            woken: AtomicBool::new(false),
            until: AtomicU64::new(0),
            free: self.free.clone(),
            spare: self.spare,
            wake: self.wake.clone(),
        }));
        let own = handle.clone();
        let body = Coroutine::with_stack(stack, move |yielder: &Yielder, ()| {
            own.0
                .yielder
                .store(ptr::from_ref(yielder).cast_mut(), Ordering::Relaxed);
            // Also when a panic unwinds the stack.
            let _end = End(&own.0);
            work(&own)
        });
        self.run(Paused { body, handle })
    }

    /// Goes on with the first piece of work that was woken or whose time is up.
    pub fn resume(&mut self, now: Instant) -> Progress<T> {
        let due = self.paused.iter().position(|paused| {
            paused.handle.0.woken.load(Ordering::Acquire) || paused.handle.0.until() <= now
        });
        match due {
            Some(index) => {
                let paused = self.paused.remove(index);
                self.run(paused)
            }
            None => Progress::Idle,
        }
    }

    /// When the time of a piece of work is up.
    pub fn wake_at(&self) -> Option<Instant> {
        self.paused
            .iter()
            .map(|paused| paused.handle.0.until())
            .min()
    }

    fn run(&mut self, mut paused: Paused<S, T>) -> Progress<T> {
        match paused.body.resume(()) {
            CoroutineResult::Yield(()) => {
                self.paused.push(paused);
                Progress::Paused
            }
            CoroutineResult::Return(value) => {
                self.stacks.push(paused.body.into_stack());
                self.free.store(self.stacks.len(), Ordering::Relaxed);
                Progress::Done(value)
            }
        }
    }
}

/// What a piece of work pauses by. Clones are for the same piece.
#[derive(Clone)]
pub struct Handle(Arc<Signals>);

/// What a piece of work and those who wake it share.
struct Signals {
    /// While the work runs or waits; else null. Points into its stack.
    yielder: AtomicPtr<Yielder>,
    /// Addresses of its stack.
    stack: Range<usize>,
    woken: AtomicBool,
    /// Until when it waits, in microseconds.
    until: AtomicU64,
    free: Arc<AtomicUsize>,
    spare: usize,
    wake: Arc<dyn Fn() + Send + Sync>,
}

/// Ends the time in which a piece of work can pause.
struct End<'a>(&'a Signals);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.yielder.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

impl Signals {
    fn until(&self) -> Instant {
        Instant::from_micros(self.until.load(Ordering::Relaxed))
    }

    /// Whether the caller runs on the stack of this piece of work.
    fn is_current(&self) -> bool {
        let here = Cell::new(0_u8);
        self.stack.contains(&black_box(&here).as_ptr().addr())
    }
}

impl Pause for Handle {
    fn has_room(&self) -> bool {
        self.0.is_current() && self.0.free.load(Ordering::Relaxed) >= self.0.spare
    }

    fn waker(&self) -> Waker {
        self.0.clone().into()
    }

    #[allow(unsafe_code, reason = "the handle outlives what it points to")]
    fn pause(&self, until: Instant) {
        let yielder = self.0.yielder.load(Ordering::Relaxed);
        if yielder.is_null() || !self.has_room() {
            return;
        }
        self.0.until.store(until.as_micros(), Ordering::Relaxed);
        if !self.0.woken.swap(false, Ordering::Acquire) {
            // SAFETY: the pointer is not null, so the closure that stored it has not ended, and the
            // yielder, which belongs to the frame below that closure's, is there. We run on the
            // same stack, so it is this piece of work that runs, on this thread, and may suspend
            // itself.
            unsafe { (*yielder).suspend(()) };
            self.0.woken.store(false, Ordering::Relaxed);
        }
    }
}

impl Wake for Signals {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        (self.wake)();
    }
}
