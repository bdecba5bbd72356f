//! A complete AIR interpreter, data-compatible with AquaVM 0.61 to 0.64, without `std`.
//!
//! A particle hops between peers; each runs the same script over what it kept (`prev_data`) and
//! what came with the particle (`current_data`), and passes the merged result on.
//! [`Interpreter::run`] is that one step: a pure function, no clock, no randomness, no I/O.
//!
//! Modules, from the edge inwards:
//!
//! * [`host`](CallResults): answers in, call requests and the [`Outcome`] out, typed and raw;
//! * `parser` and `ast`: text to a flat, validated [`Script`];
//! * [`data`]: the blob, as a checked reader and a writer around plain structs;
//! * `cid` and `security`: content identifiers, stores, signatures;
//! * `values`: lazily parsed JSON in the run's arena;
//! * `scopes`: scalars, iterators, streams;
//! * `trace`: merging of two traces into a third;
//! * `instructions`: one file each, driven by a machine with an explicit stack.
//!
//! The crate never recurses over a script or its data; see `docs/air.md` for budgets and for the
//! reference's quirks that are copied on purpose.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod ast;
mod budget;
mod cid;
mod config;
pub mod data;
mod error;
mod hashing;
mod host;
mod instructions;
mod interpreter;
mod msgpack;
mod params;
mod parser;
mod scopes;
mod security;
mod trace;
mod values;

pub use ast::Script;
pub use config::Config;
pub use error::code;
pub use host::{
    CallRequest, CallRequests, CallResult, CallResults, CallResultsError, Origins, Outcome,
};
pub use interpreter::{Air, Input, Interpreter, Results};
pub use params::{RunParams, SizeLimits};
pub use parser::{ParseError, ParseErrorKind};
pub use security::{Key, KeyError, VerifiedSignatures};
