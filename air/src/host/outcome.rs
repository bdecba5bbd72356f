//! What a run gives back.

use alloc::string::String;
use alloc::vec::Vec;

use super::requests::{self, CallRequests};
use crate::error::code;

/// Result of a run (AIR spec sections 1 and 6.7).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// 0, or the code of the error (section 7).
    pub ret_code: i64,
    /// Empty, or the text of the error.
    pub error_message: String,
    /// The data to keep and to send on.
    pub data: Vec<u8>,
    /// Peers to send the particle to: a set, in order of the first mention.
    pub next_peer_pks: Vec<String>,
    /// Calls for the host, by ascending id.
    pub call_requests: CallRequests,
    /// Whether nothing of the script is left for this peer, whatever other peers do: it may forget
    /// the particle's data. False in doubt, and after an error that nothing can catch.
    pub finished: bool,
    /// Instructions executed, also when the run failed.
    pub steps: u64,
    /// Microseconds that the run took, as its limit counts them: the same wherever it runs. Also
    /// when the run failed.
    pub time: u64,
    /// Most bytes that the run held, as its limit counts them; also when the run failed.
    pub memory: u64,
    /// The script is longer than a soft limit.
    pub air_size_limit_exceeded: bool,
    /// The current data is longer than a soft limit.
    pub particle_size_limit_exceeded: bool,
    /// The result of a call is longer than a limit.
    pub call_result_size_limit_exceeded: bool,
}

impl Outcome {
    /// Call requests in the raw form.
    pub fn call_requests_raw(&self) -> Vec<u8> {
        if self.ret_code == code::GENERATION_COMPACTION {
            return Vec::new();
        }
        requests::encode(&self.call_requests)
    }
}
