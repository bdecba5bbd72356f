//! The Fluence peer: particles in, the interpreter and the built-ins in the middle, particles out.
//!
//! # Layers
//!
//! ```text
//! peer         Swarm + actors: one peer on any edge that moves bytes
//! client       a Swarm that sends particles and collects what comes back
//! pages        what the operator can look at
//! actors       an actor per particle: runs, calls, routing
//!   intake     what a particle passes before: inbox, signature, budgets
//!   script     the seam to the interpreter
//!   builtins   the functions that every peer has, as a table
//!   rooms      what built-ins work on, put together; each room knows only those below it
//!     services Marine services; spells, vaults and workers beside them
//!     system   installs what comes with the node
//!     chain    deals: questions and transactions over JSON-RPC
//!     compute  jobs for the compute cores
//!     outgoing HTTP requests of the node and of guests
//!     disk     jobs for the disk
//!     state    what outlives a reboot
//! ```
//!
//! # Principles
//!
//! * Nothing here does I/O, reads a clock or draws a random number: time and bytes are arguments,
//!   effects and "wake me at" are results.
//! * A particle is worth nothing until its signature and its expiry are checked
//!   ([`intake::Verified`]), and whatever it may cost afterwards has a named limit
//!   ([`intake::Limits`]). What is refused is counted by reason.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod actors;
pub mod builtins;
mod call;
pub mod chain;
pub mod client;
mod clock;
pub mod compute;
pub mod disk;
mod entropy;
pub mod host;
pub mod intake;
pub mod ipfs;
pub mod limits;
pub mod machine;
mod metrics;
pub mod outgoing;
pub mod pages;
pub mod peer;
mod quoted;
pub mod refusal;
mod reply;
pub mod rooms;
pub mod script;
pub mod services;
pub mod shares;
pub mod spells;
pub mod state;
pub mod status;
mod system;
mod tally;
pub mod vault;
pub mod web;
pub mod workers;
