//! `par`: both arms run; it is complete if one of them is, and fails if both fail.

use super::fault::Fault;
use super::frame::{Flow, Frame, ParLeft, ParRight, Stack, Step};
use super::run::Run;
use crate::ast::{Instr, NodeId};

impl<'r> Run<'r> {
    pub(super) fn par(
        &mut self,
        node: NodeId,
        left: NodeId,
        right: NodeId,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        let span = self
            .trace
            .par_start()
            .map_err(|reason| self.trace_fault(node, reason))?;
        stack.push(Frame::ParLeft(ParLeft { right, span }));
        Ok(self.enter_arm(left))
    }

    fn enter_arm(&mut self, arm: NodeId) -> Flow {
        self.complete = !matches!(self.script.instr(arm), Instr::Next { .. });
        Flow::Enter(arm)
    }

    pub(super) fn par_left_resume(
        &mut self,
        frame: ParLeft,
        result: Result<(), Fault<'r>>,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        let ParLeft { right, mut span } = frame;
        let left = self.arm_result(result)?;
        self.trace.par_left_end(&mut span);
        stack.push(Frame::ParRight(ParRight { span, left }));
        Ok(self.enter_arm(right))
    }

    pub(super) fn par_right_resume(
        &mut self,
        frame: ParRight<'r>,
        result: Result<(), Fault<'r>>,
    ) -> Step<'r> {
        let right = self.arm_result(result)?;
        self.trace.par_right_end(&frame.span);
        self.complete = frame.left.as_ref().is_ok_and(|complete| *complete)
            || right.as_ref().is_ok_and(|complete| *complete);
        match (frame.left, right) {
            (Err(_), Err(fault)) => Err(fault),
            _ => {
                self.errors.last_settable = true;
                Ok(Flow::Done)
            }
        }
    }

    /// Whether an arm is complete, or its catchable error.
    fn arm_result(
        &mut self,
        result: Result<(), Fault<'r>>,
    ) -> Result<Result<bool, Fault<'r>>, Fault<'r>> {
        match result {
            Ok(()) => Ok(Ok(self.complete)),
            Err(fault) if fault.is_catchable() => Ok(Err(fault)),
            Err(fault) => Err(fault),
        }
    }
}
