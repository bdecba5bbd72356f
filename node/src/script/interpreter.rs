//! What a run of a script needs, and what it gives.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::keypair::Keypair;
use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;

use basalt_air::{CallRequest, CallResult};

/// Runs scripts. The same run gives the same outcome: an implementation keeps nothing but caches.
pub trait Interpreter {
    /// Executes the particle's script once.
    fn run(&mut self, run: Run<'_>) -> Outcome;
}

/// One run.
pub struct Run<'a> {
    /// The particle: script, author, id, times.
    pub particle: &'a Authored,
    /// The peer in whose name it runs: the host or a worker.
    pub scope: &'a PeerId,
    /// The key of that peer.
    pub key: &'a Keypair,
    /// Data kept from the run before; empty in the first run.
    pub prev: &'a [u8],
    /// Data that came in; empty when only call results did.
    pub current: &'a [u8],
    /// Bytes of the data as it came in, at most: what a run may take goes by it.
    pub own: usize,
    /// Answers to earlier requests, by their ids.
    pub results: Vec<(u32, CallResult)>,
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// 0, or the code of an error (AIR spec section 7).
    pub ret_code: i64,
    /// The text of the error.
    pub error_message: String,
    /// Data to keep and to send on, also after an error. The node takes it over without a copy.
    pub data: Vec<u8>,
    /// Peers to send it to.
    pub next_peers: Vec<String>,
    /// Calls to answer.
    pub requests: Vec<(u32, CallRequest)>,
    /// Instructions executed.
    pub steps: u64,
    /// Whether nothing of the script is left for this scope, whatever comes.
    pub finished: bool,
    /// What the run took, as its work is counted: reading, parsing, checking and writing included.
    pub time: Duration,
}

/// The code of a run that was stopped because it exceeds its budget.
pub(crate) const OVER_BUDGET: i64 = basalt_air::code::BUDGET;
