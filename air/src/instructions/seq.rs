//! `seq`: the right arm runs if the left one is complete.

use super::fault::Fault;
use super::frame::{Flow, Frame, SeqLeft, Stack, Step};
use super::run::Run;
use crate::ast::NodeId;

impl<'r> Run<'r> {
    pub(super) fn seq(&mut self, left: NodeId, right: NodeId, stack: &mut Stack<'r>) -> Flow {
        self.complete = true;
        stack.push(Frame::SeqLeft(SeqLeft { right }));
        Flow::Enter(left)
    }

    pub(super) fn seq_resume(&mut self, frame: SeqLeft, result: Result<(), Fault<'r>>) -> Step<'r> {
        result?;
        Ok(if self.complete {
            Flow::Enter(frame.right)
        } else {
            Flow::Done
        })
    }
}
