//! Clients nobody here wrote: the npm js-client and a rust-libp2p peer, and the little that makes them speak particles.

pub(crate) mod aqua_vm;
pub(crate) mod dht;
mod inbound;
pub(crate) mod js;
pub(crate) mod particle;
pub(crate) mod peer;
pub(crate) mod question;
