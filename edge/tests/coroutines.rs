//! Work that pauses, on virtual time.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use basalt_edge::coroutines::{Coroutines, DefaultStack, Handle, Progress};
use basalt_net::time::Instant;
use basalt_node::compute::Pause;

const STACK: usize = 256 << 10;

fn coroutines<T>(stacks: usize, spare: usize) -> (Coroutines<DefaultStack, T>, Arc<AtomicUsize>) {
    let woken = Arc::new(AtomicUsize::new(0));
    let stacks = (0..stacks).map(|_| DefaultStack::new(STACK).unwrap());
    let count = woken.clone();
    let wake = move || {
        count.fetch_add(1, Ordering::SeqCst);
    };
    (Coroutines::new(stacks.collect(), spare, wake), woken)
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// Pauses under some frames of its own, as a guest does that was called by another.
fn deep(handle: &Handle, until: Instant, depth: usize) -> usize {
    let frame = [depth; 64];
    match depth {
        0 => handle.pause(until),
        _ => {
            deep(handle, until, depth - 1);
        }
    }
    std::hint::black_box(frame).iter().sum::<usize>() / 64
}

#[test]
fn others_run_while_one_waits() {
    let (mut core, woken) = coroutines::<usize>(2, 1);
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let left = waker.clone();
    let waits = move |handle: &Handle| {
        *left.borrow_mut() = Some(handle.waker());
        deep(handle, at(10), 20)
    };
    assert_eq!(core.start(waits), Progress::Paused);
    assert_eq!(core.wake_at(), Some(at(10)));
    for number in 0..100 {
        assert_eq!(core.resume(at(5)), Progress::Idle);
        assert_eq!(core.start(move |_| number), Progress::Done(number));
    }
    waker.borrow_mut().take().unwrap().wake();
    assert_eq!(woken.load(Ordering::SeqCst), 1);
    assert_eq!(core.resume(at(5)), Progress::Done(20));
    assert_eq!((core.resume(at(5)), core.wake_at()), (Progress::Idle, None));
}

#[test]
fn a_wait_ends_at_its_time() {
    let (mut core, _) = coroutines::<usize>(2, 1);
    let waits = |handle: &Handle| {
        handle.pause(at(10));
        handle.pause(at(20));
        7
    };
    assert_eq!(core.start(waits), Progress::Paused);
    assert_eq!(core.resume(at(9)), Progress::Idle);
    assert_eq!(core.resume(at(10)), Progress::Paused);
    assert_eq!(core.resume(at(19)), Progress::Idle);
    assert_eq!(core.resume(at(20)), Progress::Done(7));
}

#[test]
fn what_is_there_before_the_wait_ends_it() {
    let (mut core, woken) = coroutines::<usize>(2, 1);
    let waits = |handle: &Handle| {
        handle.waker().wake();
        handle.pause(at(10));
        1
    };
    assert_eq!(core.start(waits), Progress::Done(1));
    assert_eq!(woken.load(Ordering::SeqCst), 1);
}

#[test]
fn waits_are_bounded() {
    let (mut core, _) = coroutines::<bool>(3, 1);
    let waits = |handle: &Handle| {
        let room = handle.has_room();
        handle.pause(at(10));
        room
    };
    // The last stack is for those that do not wait.
    assert_eq!(core.start(waits), Progress::Paused);
    assert_eq!(core.start(waits), Progress::Paused);
    for _ in 0..3 {
        assert_eq!(core.start(waits), Progress::Done(false));
    }
    assert_eq!((core.paused(), core.has_room()), (2, true));
    assert_eq!(core.resume(at(10)), Progress::Done(true));
    assert_eq!(core.start(waits), Progress::Paused);
    // Work on the only stack may wait if nothing has to be left for others.
    let (mut disk, _) = coroutines::<bool>(1, 0);
    assert_eq!(disk.start(waits), Progress::Paused);
    assert_eq!(disk.start(waits), Progress::Idle);
    assert_eq!(disk.resume(at(10)), Progress::Done(true));
}

#[test]
fn only_who_runs_can_pause() {
    let (mut core, _) = coroutines::<Option<Handle>>(3, 1);
    let leaves = |handle: &Handle| Some(handle.clone());
    let Progress::Done(Some(ended)) = core.start(leaves) else {
        panic!("it does not wait");
    };
    let stale = ended.clone();
    let uses = move |_: &Handle| {
        // Maybe on the very same stack.
        stale.pause(at(10));
        None
    };
    assert!(matches!(core.start(uses), Progress::Done(None)));
    let waiting: Rc<RefCell<Option<Handle>>> = Rc::default();
    let left = waiting.clone();
    let waits = move |handle: &Handle| {
        *left.borrow_mut() = Some(handle.clone());
        handle.pause(at(10));
        None
    };
    assert!(matches!(core.start(waits), Progress::Paused));
    let other = waiting.borrow_mut().take().unwrap();
    assert!(!other.has_room());
    other.pause(at(10));
    let uses = move |_: &Handle| {
        other.pause(at(10));
        None
    };
    assert!(matches!(core.start(uses), Progress::Done(None)));
    ended.pause(at(10));
}

/// Notes that it is dropped.
struct Noted(Rc<AtomicUsize>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn nothing_is_left_of_what_never_ends() {
    let dropped = Rc::new(AtomicUsize::new(0));
    let (mut core, _) = coroutines::<()>(3, 1);
    for _ in 0..2 {
        let noted = Noted(dropped.clone());
        let waits = move |handle: &Handle| {
            handle.pause(at(10));
            drop(noted);
        };
        assert_eq!(core.start(waits), Progress::Paused);
    }
    drop(core);
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

#[test]
fn a_panic_reaches_who_drives() {
    let (mut core, _) = coroutines::<()>(2, 1);
    let panics = |handle: &Handle| {
        handle.pause(at(10));
        panic!("on its own stack");
    };
    assert_eq!(core.start(panics), Progress::Paused);
    let caught = catch_unwind(AssertUnwindSafe(|| core.resume(at(10))));
    let message = *caught.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(message, "on its own stack");
}
