//! The suites: each is a function over a [`Target`](crate::target::Target) that judges one side of
//! a node.

pub(crate) mod attacks;
pub(crate) mod boot;
pub(crate) mod builtins;
pub(crate) mod clients;
pub(crate) mod dht;
pub(crate) mod disks;
mod half_open;
pub(crate) mod hostile;
pub(crate) mod js;
pub(crate) mod lossy;
pub(crate) mod network;
pub(crate) mod peers;
pub(crate) mod prover;
pub(crate) mod rust;
pub(crate) mod tls;
pub(crate) mod vectors;
