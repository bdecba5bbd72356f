//! How an instruction goes on, and what waits for its end.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::fault::Fault;
use crate::ast::{Name, NodeId, StreamRef, Variable};
use crate::scopes::{Cursor, StreamValue};
use crate::trace::ParSpan;

/// How an instruction, or a resumed frame, goes on.
pub(super) enum Flow {
    /// It is done.
    Done,
    /// Another instruction runs in its place, or on top of the frame it pushed.
    Enter(NodeId),
}

pub(super) type Step<'r> = Result<Flow, Fault<'r>>;

/// What waits for the end of an instruction.
pub(super) enum Frame<'r> {
    SeqLeft(SeqLeft),
    ParLeft(ParLeft),
    ParRight(ParRight<'r>),
    XorLeft(XorLeft),
    XorRight,
    FoldArray(FoldArrayBody),
    FoldStream(Box<FoldStreamBody<'r>>),
    Next(NextBody),
    New(NewBody),
}

pub(super) type Stack<'r> = Vec<Frame<'r>>;

/// The left arm of a `seq` is running.
pub(super) struct SeqLeft {
    pub(super) right: NodeId,
}

/// The left arm of a `par` is running.
pub(super) struct ParLeft {
    pub(super) right: NodeId,
    pub(super) span: ParSpan,
}

/// The right arm of a `par` is running.
pub(super) struct ParRight<'r> {
    pub(super) span: ParSpan,
    pub(super) left: Result<bool, Fault<'r>>,
}

/// The left arm of a `xor` is running.
pub(super) struct XorLeft {
    pub(super) right: NodeId,
}

/// The body of a fold over an array or canon is running.
pub(super) struct FoldArrayBody {
    pub(super) iterator: Name,
}

/// The body of a fold over a stream is running over one generation.
pub(super) struct FoldStreamBody<'r> {
    pub(super) node: NodeId,
    pub(super) stream: StreamRef,
    pub(super) iterator: Name,
    pub(super) body: NodeId,
    pub(super) fold: u32,
    pub(super) cursor: Cursor,
    /// Generations yet to fold, the next one last.
    pub(super) slices: Vec<&'r [StreamValue<'r>]>,
    /// Whether one of the generations was complete.
    pub(super) seen_complete: bool,
}

/// The body of a fold is running for the next element.
pub(super) struct NextBody {
    pub(super) node: NodeId,
    pub(super) iterator: Name,
}

/// The body of a `new` is running.
pub(super) struct NewBody {
    pub(super) variable: Variable,
}
