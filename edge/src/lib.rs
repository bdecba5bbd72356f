//! What stands around the pure node on every machine: the kernel and the hosted process both drive
//! it.
//!
//! # Layers
//!
//! ```text
//! appliance     ip::Stack + Peer: what the kernel's system core drives
//! driver        a machine with its connections: events in, bytes both ways, effects applied
//!   dialer      names become addresses, addresses are tried one after the other
//!   links       which socket carries which connection, which have something to do
//! stack         the node's own IP stack as sockets
//! cores         the loop of a compute core: jobs that wait give it back
//! disk          the disk's jobs beside the loop of a core
//!   coroutines  work that pauses half-way, on a stack of its own
//! sockets       what differs between machines: open, read, write, shut, abort; names looked up
//! ```
//!
//! # Who brings what
//!
//! | | kernel | hosted |
//! |---|---|---|
//! | sockets | `ip::Stack` (`stack`) | non-blocking sockets of the system |
//! | names | `ip::Stack` asks name servers | threads with the system's resolver |
//! | a compute core | a core, [`cores::STACKS`] stacks of 512 KiB | a thread, as many of 8 MiB |
//! | the disk | a coroutine on the system core | a thread |
//!
//! # Principles
//!
//! * Nothing here does I/O or reads a clock: [`sockets::Sockets`] does the first and time is an
//!   argument, so the tests run on simulated sockets and virtual time.
//! * A turn costs what the connections cost that have something to do. Idle ones cost nothing.
//! * Every connection ends: one that is closed has [`driver::LINGER`] for its last bytes, an
//!   address that is dialed has [`dialer::PATIENCE`] while there are others.
//! * Whoever waits holds up nobody else. A guest that waits for HTTP pauses its job, and the core
//!   serves others; [`cores::MAX_WAITING`] jobs of a core may wait, beyond that the guest's request
//!   is refused. A commit that waits for the disk pauses the disk's coroutine; what depends on it
//!   waits in the node, which sends no answer before the commit is done.
//! * `unsafe` is in one place, where a coroutine suspends itself. What runs in a coroutine, the
//!   interpreter of guests or another engine, needs neither `unsafe` nor knowledge of pauses.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod appliance;
pub mod cores;
pub mod coroutines;
pub mod dialer;
pub mod disk;
pub mod driver;
mod links;
pub mod sockets;
mod stack;
