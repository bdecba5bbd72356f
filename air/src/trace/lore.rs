//! Folds under way, with what the inputs say about their iterations.

use alloc::vec::Vec;

use crate::data::SubTrace;

/// A piece of an input's trace: position and length.
pub(super) type Piece = (usize, usize);

/// What an input says about the iteration of one value.
#[derive(Clone, Copy)]
pub(super) struct Pieces {
    pub(super) before: Piece,
    pub(super) after: Piece,
}

/// One input's lore, by the position of the value, and where to go on behind the fold.
pub(super) struct InputLore {
    /// Ascending positions; what was taken is none.
    pub(super) pieces: Vec<(u32, Option<Pieces>)>,
    pub(super) behind: Piece,
}

/// An iteration under way; bounds are positions in the result.
pub(super) struct Iteration {
    pub(super) value: u32,
    pub(super) before: Bounds,
    pub(super) after: Bounds,
    /// The pieces behind `next` in previous and current.
    pub(super) inputs: [Option<Piece>; 2],
}

#[derive(Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) start: Option<u32>,
    pub(super) end: Option<u32>,
}

impl Bounds {
    pub(super) fn close(&mut self, position: u32) {
        self.start.get_or_insert(position);
        self.end.get_or_insert(position);
    }

    pub(super) fn piece(self) -> SubTrace {
        let begin = self.start.unwrap_or(0);
        SubTrace {
            begin,
            len: self.end.unwrap_or(begin).saturating_sub(begin),
        }
    }
}

/// A fold under way.
pub(super) struct FoldLore {
    /// Memory that is given back at its end.
    pub(super) held: usize,
    pub(super) position: u32,
    pub(super) previous: InputLore,
    pub(super) current: InputLore,
    /// Iterations of the generation being folded.
    pub(super) queue: Vec<Iteration>,
    /// Number of iterations entered and not yet returned from.
    pub(super) depth: usize,
    pub(super) returning: bool,
    /// Iterations of the generations before.
    pub(super) done: Vec<(u32, SubTrace, SubTrace)>,
}
