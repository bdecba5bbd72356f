//! The disk beside the loop of a core that has other things to do.
//!
//! The jobs run one after another in a coroutine. Whatever waits for the device in there, however
//! deep below, pauses that; the loop goes round meanwhile, serves everybody else, and comes back
//! with [`Disk::turn`]. An edge with threads uses one of them instead.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec;

use basalt_net::time::Instant;
use basalt_node::state::State;

use crate::coroutines::{Coroutines, Handle, Progress, Stack};

/// Something to do with the state.
pub type Task<T> = Box<dyn FnOnce(&mut State) -> T>;

/// The state, and what is to be done with it.
pub struct Disk<S: Stack + 'static, T: 'static> {
    /// Away while something is done with it.
    state: Option<State>,
    waiting: VecDeque<Task<T>>,
    coroutines: Coroutines<S, (State, T)>,
    on_core: Arc<dyn Fn(Option<Handle>)>,
}

impl<S: Stack, T> Disk<S, T> {
    /// A disk whose jobs run on `stack`. `on_core` is told by which handle the job that begins can
    /// pause, and that it is over.
    pub fn new(state: State, stack: S, on_core: impl Fn(Option<Handle>) + 'static) -> Disk<S, T> {
        Disk {
            state: Some(state),
            waiting: VecDeque::new(),
            // Nothing else runs on its stack: it may pause whenever it likes. And it is looked at
            // in each turn of the loop, so that nobody has to be woken.
            coroutines: Coroutines::new(vec![stack], 0, || {}),
            on_core: Arc::new(on_core),
        }
    }

    /// Lets something be done, after everything before.
    pub fn submit(&mut self, task: impl FnOnce(&mut State) -> T + 'static) {
        self.waiting.push_back(Box::new(task));
    }

    /// Does what can be done without waiting. Gives what came of a task.
    pub fn turn(&mut self, now: Instant) -> Progress<T> {
        let progress = match self.coroutines.resume(now) {
            Progress::Idle => self.begin(),
            progress => progress,
        };
        match progress {
            Progress::Done((state, value)) => {
                self.state = Some(state);
                Progress::Done(value)
            }
            Progress::Paused => Progress::Paused,
            Progress::Idle => Progress::Idle,
        }
    }

    fn begin(&mut self) -> Progress<(State, T)> {
        let Some(task) = self.waiting.pop_front_if(|_| self.state.is_some()) else {
            return Progress::Idle;
        };
        let Some(mut state) = self.state.take() else {
            return Progress::Idle;
        };
        let on_core = self.on_core.clone();
        self.coroutines.start(move |handle| {
            on_core(Some(handle.clone()));
            let value = task(&mut state);
            on_core(None);
            (state, value)
        })
    }

    /// Whether something is being done, or waits.
    pub fn is_busy(&self) -> bool {
        self.state.is_none() || !self.waiting.is_empty()
    }

    /// When the disk is to be looked at, if something is being done.
    pub fn wake_at(&self) -> Option<Instant> {
        self.coroutines.wake_at()
    }
}
