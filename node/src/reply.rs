//! What a call gives: a result, an error, or work whose result comes later.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use basalt_net::multiaddr::Multiaddr;
use basalt_net::peer_id::PeerId;
use serde_json::Value;

use crate::compute::JobId;
use crate::script::CallResult;

/// A handler's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The result.
    Value(Value),
    /// The result as JSON text that is finished already.
    Json(String),
    /// There will be a result, unless the particle expires before.
    Later(Later),
}

impl Reply {
    /// The result of functions that have none.
    pub(crate) fn unit() -> Reply {
        Reply::Value(Value::String(String::new()))
    }

    /// The result comes with a job.
    pub(crate) fn job(id: JobId) -> Reply {
        Reply::Later(Later::Job(id))
    }
}

impl<T: Into<Value>> From<T> for Reply {
    fn from(value: T) -> Reply {
        Reply::Value(value.into())
    }
}

/// Work whose result comes later.
#[derive(Debug, Clone, PartialEq)]
pub enum Later {
    /// The result is known, the time for it is not there yet.
    Sleep {
        /// How long.
        duration: Duration,
        /// The result then.
        result: Value,
    },
    /// Connect to a peer; the result is whether it worked.
    Connect {
        /// The peer.
        peer: PeerId,
        /// Where it may be; empty: where it is known to be.
        addresses: Vec<Multiaddr>,
    },
    /// A job is under way; the answer names it.
    Job(JobId),
}

/// A call that failed: `ret_code` 1 and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError(String);

impl CallError {
    /// An error that is a text of its own.
    pub fn text(text: impl Into<String>) -> CallError {
        CallError(text.into())
    }

    /// An error that stands for another one: its text and its debug form on the next line.
    pub fn from_error(error: impl fmt::Display + fmt::Debug) -> CallError {
        CallError(format!("Error: {error}\n{error:?}"))
    }

    /// What the script sees.
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl From<CallError> for CallResult {
    fn from(CallError(text): CallError) -> CallResult {
        CallResult {
            ret_code: 1,
            result: Value::String(text).to_string(),
        }
    }
}
