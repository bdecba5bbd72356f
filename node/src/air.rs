//! The seam to the AIR interpreter: what a run needs, what it gives.

use alloc::string::String;
use alloc::vec::Vec;

use basalt_net::keypair::Keypair;
use basalt_net::peer_id::PeerId;
use serde_json::Value;

use crate::particle::Header;

/// Runs scripts. Pure: the same run gives the same outcome.
pub trait Interpreter {
    /// Executes the particle's script once.
    fn run(&mut self, run: Run<'_>) -> Outcome;
}

/// One run.
pub struct Run<'a> {
    /// The particle: script, author, id, times.
    pub particle: &'a Header,
    /// In whose name it runs.
    pub scope: &'a PeerId,
    /// The key of that peer.
    pub key: &'a Keypair,
    /// Data kept from the run before; empty at first.
    pub prev: &'a [u8],
    /// Data that came in; empty when only call results did.
    pub current: &'a [u8],
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
    /// Data to keep and to send on.
    pub data: Vec<u8>,
    /// Peers to send it to.
    pub next_peers: Vec<String>,
    /// Calls to answer.
    pub requests: Vec<(u32, CallRequest)>,
}

/// A call that a script makes on this peer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallRequest {
    /// Service to call.
    pub service_id: String,
    /// Function to call.
    pub function_name: String,
    /// Arguments by position.
    pub arguments: Vec<Value>,
    /// Per argument, where its value (or each of its elements) comes from.
    pub tetraplets: Vec<Vec<Tetraplet>>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tetraplet {
    /// Peer that produced it.
    pub peer_pk: String,
    /// Service called there.
    pub service_id: String,
    /// Function called there.
    pub function_name: String,
    /// Lens applied to the result.
    pub lens: String,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallResult {
    /// 0 for success, 1 for an error.
    pub ret_code: i32,
    /// JSON text.
    pub result: String,
}
