//! The state's disk beside the system core's loop: what waits for the disk gives way to the
//! network.

use basalt_edge::coroutines::Handle;
use basalt_edge::disk::Disk;
use basalt_node::compute::Pause;
use basalt_node::disk::DiskDone;
use basalt_node::state::State;
use hermit_sync::TicketMutex;

use super::job_stack::JobStack;
use super::system_core::now;
use crate::drivers::wait;
use crate::mem::stack::Error;
use crate::prover::Kept;

/// What came of something that was done with the state.
pub enum Outcome {
    /// A job of the node's.
    Node(DiskDone),
    /// Something of the prover's.
    Prover(Kept),
}

/// The state, on a disk that nobody waits for.
pub type Storage = Disk<JobStack, Outcome>;

/// What the job pauses by that uses the disk.
static JOB: TicketMutex<Option<Handle>> = TicketMutex::new(None);

/// Takes the state over, on the system core.
///
/// # Errors
/// There is no memory for a stack.
pub fn start(state: State) -> Result<Storage, Error> {
    let stack = JobStack::new()?;
    wait::set_give_way(give_way);
    Ok(Disk::new(state, stack, |job| *JOB.lock() = job))
}

/// Lets the loop go round once before the device is looked at again. Elsewhere than in a job of the
/// disk, such as while the machine is brought up, there is nobody to give way to.
fn give_way() {
    // The lock must be free while the loop goes round.
    let job = JOB.lock().clone();
    match job {
        Some(job) if job.has_room() => job.pause(now()),
        _ => core::hint::spin_loop(),
    }
}
