//! Who opened a connection: it decides who speaks first in each layer.

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The other side did.
    Inbound,
    /// We did.
    Outbound,
}
