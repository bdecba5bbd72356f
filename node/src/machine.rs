//! The interface between a peer and the edge that owns its sockets, cores and disk.

use alloc::vec::Vec;
use core::net::SocketAddr;

use basalt_net::swarm::{self, ConnId, Input, Refusal, Transport};
use basalt_net::time::Instant;

use crate::compute::{Done, Job};
use crate::disk::{DiskDone, DiskJob};
use crate::host::Clock;

/// What an edge drives: it gives inputs, does what the effects ask for, moves bytes as its sockets
/// have room, and comes back at the time it is asked to.
pub trait Machine {
    /// Takes over an incoming connection.
    ///
    /// # Errors
    /// It is refused: the edge closes it.
    fn accept(
        &mut self,
        clock: Clock,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal>;

    /// Takes over an incoming connection of the operator's pages; if there are too many, another
    /// one gives way. A machine without pages takes none.
    fn accept_http(
        &mut self,
        _clock: Clock,
        _remote: SocketAddr,
        _out: &mut Vec<Effect>,
    ) -> Option<ConnId> {
        None
    }

    /// Takes what came in. Time is [`Input::Timer`].
    fn handle(&mut self, clock: Clock, input: Input<'_>, out: &mut Vec<Effect>);

    /// Does some of the work that waits; true when there is more. An edge calls it each time round
    /// its loop, between moving bytes.
    fn work(&mut self, clock: Clock, out: &mut Vec<Effect>) -> bool;

    /// When to come back with the timer, and to let it work, if nothing comes in before.
    fn wake_at(&self, clock: Clock) -> Option<Instant>;

    /// Fetches bytes to send on a connection; returns how many.
    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize;

    /// Whether [`Machine::transmit`] has bytes for a connection.
    fn has_output(&mut self, conn: ConnId) -> bool;

    /// How many bytes the edge may read from a connection now.
    fn receive_capacity(&mut self, conn: ConnId) -> usize;

    /// Takes back what came of a job. A machine that gives out none ignores it.
    fn done(&mut self, _clock: Clock, _done: Done, _out: &mut Vec<Effect>) {}

    /// Takes back what came of a disk job. A machine that gives out none ignores it.
    fn disk_done(&mut self, _clock: Clock, _done: DiskDone, _out: &mut Vec<Effect>) {}
}

/// What a machine asks of its edge: what its connections need, and jobs.
pub type Effect = swarm::Effect<Work>;

/// Jobs that a machine gives out.
#[derive(Debug)]
pub enum Work {
    /// Run a job on a compute core, then bring back what came of it with [`Machine::done`].
    Compute {
        /// The core, from 0 on.
        core: usize,
        /// The job.
        job: Job,
    },
    /// Run a job on the disk, after those that came before it, then bring back what came of it with
    /// [`Machine::disk_done`]. Only an edge that took the state gets these
    /// ([`crate::peer::Peer::take_state`]).
    Disk {
        /// The job.
        job: DiskJob,
    },
}
