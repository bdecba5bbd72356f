//! What work costs.
//!
//! Time is counted by what is done, not by a clock: the same run costs the same everywhere. The
//! prices are from about a half to all of what the work takes on a core of three gigahertz in a
//! release build; `tests/cost/` holds them against the thread's processor time.

use core::ops::{Add, Mul};

/// Eighths of a nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(u64);

impl Ticks {
    pub(crate) const NONE: Ticks = Ticks(0);

    pub(crate) const fn nanos(nanos: u64) -> Ticks {
        Ticks(nanos * 8)
    }

    pub(crate) const fn from_micros(micros: u64) -> Ticks {
        Ticks(micros.saturating_mul(8000))
    }

    /// Whole microseconds.
    pub(crate) const fn micros(self) -> u64 {
        self.0 / 8000
    }
}

impl Add for Ticks {
    type Output = Ticks;

    fn add(self, other: Ticks) -> Ticks {
        Ticks(self.0.saturating_add(other.0))
    }
}

impl Mul<usize> for Ticks {
    type Output = Ticks;

    fn mul(self, count: usize) -> Ticks {
        Ticks(self.0.saturating_mul(count as u64))
    }
}

/// An instruction is entered and left.
pub(crate) const INSTRUCTION: Ticks = Ticks::nanos(24);
/// A call comes to its state.
pub(crate) const CALL: Ticks = Ticks::nanos(60);
/// A request is made of a call.
pub(crate) const REQUEST: Ticks = Ticks::nanos(150);
/// An operand, or an accessor of a lens, is looked at. A call that waits for the last of a thousand
/// arguments has looked at all.
pub(crate) const OPERAND: Ticks = Ticks::nanos(30);
/// An error is raised and noted.
pub(crate) const ERROR: Ticks = Ticks::nanos(300);
/// A variable is set or made new, or a stream gets a value.
pub(crate) const SET: Ticks = Ticks::nanos(60);
/// A stream is looked at, to see whether a name means it.
pub(crate) const STREAM: Ticks = Ticks::nanos(1);
/// An element of a canon, a stream or a fold's lore is gone through.
pub(crate) const ELEMENT: Ticks = Ticks::nanos(12);
/// A CID, or a key, is looked up in a table.
pub(crate) const LOOKUP: Ticks = Ticks::nanos(25);
/// A state of a trace, or an entry of a store, is read, taken over, or written.
pub(crate) const ENTRY: Ticks = Ticks::nanos(5);
/// An entry is checked against its CID, beside what its bytes cost.
pub(crate) const HASH: Ticks = Ticks::nanos(60);
/// A CID is compared in a form that is not ours.
pub(crate) const FOREIGN_CID: Ticks = Ticks::nanos(1_000);
/// A CID is sorted among those of its peer.
pub(crate) const SORTED_CID: Ticks = Ticks::nanos(30);
/// A signature is made.
pub(crate) const SIGN: Ticks = Ticks::nanos(24_000);
/// A signature is checked.
pub(crate) const VERIFY: Ticks = Ticks::nanos(40_000);
/// The id of a key's peer is written.
pub(crate) const PEER_ID: Ticks = Ticks::nanos(1_000);
/// An element of an array or object of JSON becomes one of a tree.
pub(crate) const LEAF: Ticks = Ticks::nanos(16);
/// A character of a text is escaped.
pub(crate) const ESCAPE: Ticks = Ticks::nanos(5);
/// A float is read.
pub(crate) const FLOAT: Ticks = Ticks::nanos(50);
/// A node, an operand or a name of a script is made.
pub(crate) const NODE: Ticks = Ticks::nanos(30);

/// Bytes that are copied, or compared.
pub(crate) const fn copied(bytes: usize) -> Ticks {
    Ticks(bytes as u64)
}

/// Bytes that are looked at one by one.
pub(crate) const fn scanned(bytes: usize) -> Ticks {
    Ticks(4 * bytes as u64)
}

/// Bytes of JSON or of a script that are read, or of JSON that are written.
pub(crate) const fn parsed(bytes: usize) -> Ticks {
    Ticks(6 * bytes as u64)
}

/// Bytes that are hashed by BLAKE3.
pub(crate) const fn hashed(bytes: usize) -> Ticks {
    Ticks(6 * bytes as u64)
}

/// Bytes that are hashed by SHA-2.
pub(crate) const fn hashed_slowly(bytes: usize) -> Ticks {
    Ticks(16 * bytes as u64)
}
