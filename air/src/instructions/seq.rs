//! `seq`: the right arm runs if the left one is complete.

use super::{Fault, Flow, Frame, Run, Stack, Step};
use crate::ast::NodeId;

/// The left arm is running.
pub(super) struct Left {
    right: NodeId,
}

impl<'r> Run<'r> {
    pub(super) fn seq(&mut self, left: NodeId, right: NodeId, stack: &mut Stack<'r>) -> Flow {
        self.complete = true;
        stack.push(Frame::SeqLeft(Left { right }));
        Flow::Enter(left)
    }

    pub(super) fn seq_resume(&mut self, frame: Left, result: Result<(), Fault<'r>>) -> Step<'r> {
        result?;
        Ok(if self.complete {
            Flow::Enter(frame.right)
        } else {
            Flow::Done
        })
    }
}
