//! `xor`: the right arm runs if the left one fails with an error that can be caught.

use super::fault::Fault;
use super::frame::{Flow, Frame, Stack, Step, XorLeft};
use super::run::Run;
use crate::ast::NodeId;

impl<'r> Run<'r> {
    pub(super) fn xor(&mut self, left: NodeId, right: NodeId, stack: &mut Stack<'r>) -> Flow {
        self.complete = true;
        stack.push(Frame::XorLeft(XorLeft { right }));
        Flow::Enter(left)
    }

    pub(super) fn xor_left_resume(
        &mut self,
        frame: XorLeft,
        result: Result<(), Fault<'r>>,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        match result {
            Err(fault) if fault.is_catchable() => {
                self.complete = true;
                self.errors.last_settable = true;
                self.errors.original = Some(*fault.0);
                self.errors.error_settable = true;
                stack.push(Frame::XorRight);
                Ok(Flow::Enter(frame.right))
            }
            result => result.map(|()| Flow::Done),
        }
    }

    pub(super) fn xor_right_resume(&mut self, result: Result<(), Fault<'r>>) -> Step<'r> {
        if self.errors.error_settable {
            self.errors.clear();
        }
        result?;
        self.errors.error_settable = true;
        Ok(Flow::Done)
    }
}
