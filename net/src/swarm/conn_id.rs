//! The ids of connections.

use core::fmt;

/// The id of one connection of a swarm. Ids are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub(super) u64);

impl ConnId {
    /// The id of a connection that does not belong to the swarm, for machines that have others
    /// beside it. Ids of the swarm count from 1 upwards, these from the largest number downwards.
    pub fn beside_swarm(number: u64) -> ConnId {
        ConnId(u64::MAX - number)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnId({})", self.0)
    }
}
