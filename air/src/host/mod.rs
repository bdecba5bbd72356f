//! The edge to the host: answers in, requests and the outcome out.
//!
//! Typed forms are for a host in the same program. The raw forms (AIR spec sections 6.6 and 6.7)
//! are what hosts of other interpreters exchange; they are written and read on demand.

mod answers;
mod decode;
mod multicodec;
mod outcome;
mod requests;
mod results;

pub(crate) use answers::{Answer, Answers};
pub use outcome::Outcome;
pub use requests::{CallRequest, CallRequests, Origins};
pub use results::{CallResult, CallResults, CallResultsError};
