//! HTTP requests that the node makes: for the chain, for files by CID, and for modules of services.
//!
//! ```text
//! client     requests under way, over connections that the edge opens
//! request    a request, its owner, and the one builder of heads
//! response   reads answers
//! framing    where the body of an answer ends
//! ```

mod client;
mod framing;
mod request;
mod response;

pub(crate) use client::HttpClient;
pub(crate) use request::{Head, HeadError, Method, Owner, Request, Server};
pub use response::read_answer;
pub(crate) use response::{Answer, Response};

#[cfg(test)]
mod tests;
