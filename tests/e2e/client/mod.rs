//! Clients nobody here wrote: the npm js-client and a rust-libp2p peer, and the little that makes
//! them speak particles.

pub(crate) mod aqua_vm;
pub(crate) mod dht;
pub(crate) mod foreign;
pub(crate) mod js;
pub(crate) mod particle;
pub(crate) mod peer;
pub(crate) mod question;

/// A version of rust-libp2p.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    /// 0.53.
    Nox,
    /// 0.57.
    Current,
}
