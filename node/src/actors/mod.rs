//! Particles that are alive here: one actor for each particle and scope.
//!
//! A particle is verified when it comes in and put in the mailbox of its actor (protocol
//! description, "Execution pipeline"). [`Node::step`] lets the actor whose turn it is run the
//! script once, keeps the data, answers the script's calls and passes the particle on. Actors take
//! turns, so that one busy particle does not starve the others. Each lives until its particle's
//! deadline.
//!
//! ```text
//! triggers   particles of spells: when they are made, how many there may be
//! receive    a particle comes in, is verified and delivered
//! run        one run of one actor
//!   answer   the calls of its script, at once or later
//! node       the state of all this
//!   table    all actors, what they hold, and who pays for it
//!   finished particles with nothing left to do: their ids
//!   calls    calls whose results are not there yet
//!   turns    the order of runs
//!   batch    the calls of a run, answered piece by piece
//!   actor    one particle in one scope
//! ```

mod actor;
mod answer;
mod batch;
mod calls;
mod finished;
mod node;
mod receive;
mod run;
mod table;
mod timers;
mod triggers;
mod turns;

pub use actor::CallId;
pub use node::{Effect, Node, Status};
