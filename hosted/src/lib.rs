//! The Basalt node as an ordinary process: the same peer as in the appliance, over the sockets of
//! an operating system. For development, load tests and benchmarks.
//!
//! [`reactor`] moves bytes between non-blocking sockets and any
//! [`basalt_node::machine::Machine`]; [`run`] is the node on
//! top of it. One thread, one loop; names are resolved and services run beside it.
#![forbid(unsafe_code)]

pub mod clock;
pub mod descriptors;
pub mod identity;
pub mod logger;
pub mod platform;
mod private;
pub mod prove;
pub mod reactor;
pub mod run;
pub mod state;
pub mod ticking;
