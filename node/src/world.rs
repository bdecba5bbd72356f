//! What the built-in services work on beyond the call itself, and the jobs that they have under way.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::any::Any;

use crate::builtins::{CallError, Reply};
use crate::compute::{Done, Job, Platform, Queues, Resources, Ticket};
use crate::host::{Clock, Host};
use crate::state::State;

/// What the owner of a node gives it beside sockets.
#[derive(Default)]
pub struct Parts {
    /// What outlives a reboot; `None`: nothing does.
    pub state: Option<State>,
    /// Cores and clocks for services; `None`: there are no services.
    pub compute: Option<Resources>,
}

/// What comes after a job: its value becomes the answer of the call that waits for it.
type Then =
    Box<dyn FnOnce(&mut World, Clock, Box<dyn Any + Send>) -> Option<Result<Reply, CallError>>>;

/// Everything that lasts longer than a particle.
pub struct World {
    host: Rc<Host>,
    state: Option<State>,
    platform: Option<Arc<dyn Platform>>,
    queues: Queues,
    tasks: BTreeMap<Ticket, Then>,
    next_ticket: u64,
}

impl World {
    /// The world of a host.
    pub fn new(host: Host, parts: Parts, max_jobs: usize) -> World {
        let Parts { state, compute } = parts;
        let cores = compute.as_ref().map_or(0, |resources| resources.cores);
        World {
            host: Rc::new(host),
            state,
            platform: compute.map(|resources| resources.platform),
            queues: Queues::new(cores, max_jobs),
            tasks: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// This peer.
    pub fn host(&self) -> &Rc<Host> {
        &self.host
    }

    /// What outlives a reboot, if anything does.
    pub fn state(&mut self) -> Option<&mut State> {
        self.state.as_mut()
    }

    /// Lets a core do some work; `then` makes the answer of what came of it.
    pub(crate) fn start<T: Send + 'static>(
        &mut self,
        core: usize,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut World, Clock, T) -> Result<Reply, CallError> + 'static,
    ) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.queues.submit(Job::new(ticket, core, work));
        let then: Then = Box::new(move |world, clock, value| {
            let value = value.downcast::<T>().ok()?;
            Some(then(world, clock, *value))
        });
        self.tasks.insert(ticket, then);
        ticket
    }

    /// The next job for a core with room.
    pub(crate) fn next_job(&mut self) -> Option<Job> {
        self.queues.next()
    }

    /// Takes back what came of a job: the answer to the call that waits for it.
    pub(crate) fn done(
        &mut self,
        clock: Clock,
        done: Done,
    ) -> Option<(Ticket, Result<Reply, CallError>)> {
        self.queues.finished(done.core);
        let then = self.tasks.remove(&done.ticket)?;
        Some((done.ticket, then(self, clock, done.value)?))
    }
}
