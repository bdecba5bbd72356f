//! The machine: enters instructions and resumes what waits for their end.

use super::fault::Fault;
use super::frame::{Flow, Frame, Stack, Step};
use super::run::Run;
use crate::ast::{Instr, NodeId};
use crate::budget::cost;
use crate::data::State;

/// States of the trace for which memory is taken at once.
const STATES: usize = 1024;

/// Memory of a state: in the list, with its origins and its CID among those vouched for in lists
/// that double, and where it is written.
pub(super) const STATE: usize = size_of::<State<'static>>() + 2 * (8 + 4) + 4;

/// Memory of what is open beside a frame: a depth, an iterator.
const SCOPE: usize = 16;

impl<'r> Run<'r> {
    /// Runs the whole script.
    pub(crate) fn execute(&mut self) -> Result<(), Fault<'r>> {
        let mut stack = Stack::new();
        let mut step = self.enter(NodeId(0), &mut stack);
        loop {
            let result = match step {
                Ok(Flow::Enter(node)) => {
                    step = self.enter(node, &mut stack);
                    continue;
                }
                Ok(Flow::Done) => Ok(()),
                Err(fault) => Err(fault),
            };
            let Some(frame) = stack.pop() else {
                return result;
            };
            step = match frame {
                Frame::SeqLeft(frame) => self.seq_resume(frame, result),
                Frame::ParLeft(frame) => self.par_left_resume(frame, result, &mut stack),
                Frame::ParRight(frame) => self.par_right_resume(frame, result),
                Frame::XorLeft(frame) => self.xor_left_resume(frame, result, &mut stack),
                Frame::XorRight => self.xor_right_resume(result),
                Frame::FoldArray(frame) => self.fold_array_resume(frame, result),
                Frame::FoldStream(frame) => self.fold_stream_resume(frame, result, &mut stack),
                Frame::Next(frame) => self.next_resume(frame, result),
                Frame::New(frame) => self.new_resume(frame, result),
            };
        }
    }

    fn enter(&mut self, node: NodeId, stack: &mut Stack<'r>) -> Step<'r> {
        self.steps += 1;
        // What was not refused where it was spent is refused here.
        let streams = cost::STREAM * self.streams.take_walked();
        self.heap.charge(cost::INSTRUCTION + streams)?;
        if self.trace.position() as usize >= self.states_held {
            self.heap
                .hold(STATES * (STATE + 2 * size_of::<State<'_>>()))?;
            self.states_held += STATES;
        }
        if stack.len() == stack.capacity() {
            // Frames are large, and a `next` within a `next` leaves two.
            let more = (stack.len() / 2).max(64);
            self.heap
                .hold((stack.len() + more) * (size_of::<Frame<'_>>() + SCOPE))?;
            self.heap
                .release(stack.len() * (size_of::<Frame<'_>>() + SCOPE));
            stack.reserve_exact(more);
        }
        let instr = *self.script.instr(node);
        // These leave the completeness as it is, or say that they wait.
        let may_wait = matches!(
            instr,
            Instr::Call(_)
                | Instr::Ap { .. }
                | Instr::ApMap { .. }
                | Instr::Canon { .. }
                | Instr::Match { .. }
                | Instr::Mismatch { .. }
                | Instr::Fold { .. }
        );
        let before = self.complete;
        self.complete |= may_wait;
        let step = match instr {
            Instr::Call(call) => self.call(node, self.script.call(call)),
            Instr::Ap { argument, output } => self.ap(node, argument, output),
            Instr::ApMap { key, value, map } => self.ap_map(node, key, value, map),
            Instr::Canon {
                peer,
                stream,
                output,
            } => self.canon(node, peer, stream, output),
            Instr::Seq { left, right } => Ok(self.seq(left, right, stack)),
            Instr::Par { left, right } => self.par(node, left, right, stack),
            Instr::Xor { left, right } => Ok(self.xor(left, right, stack)),
            Instr::Match { left, right, body } => self.matching(left, right, true, body),
            Instr::Mismatch { left, right, body } => self.matching(left, right, false, body),
            Instr::Fold {
                iterable,
                iterator,
                body,
                ..
            } => self.fold(node, iterable, iterator, body, stack),
            Instr::Next { iterator } => self.next(node, iterator, stack),
            Instr::New {
                variable,
                body,
                end,
            } => self.new_variable(node, variable, body, end, stack),
            Instr::Fail(body) => self.fail(body).map(|()| Flow::Done),
            Instr::Never => {
                self.complete = false;
                Ok(Flow::Done)
            }
            Instr::Null => Ok(Flow::Done),
        };
        if may_wait {
            if !self.complete && matches!(step, Ok(Flow::Done)) {
                self.pending.add(node);
            }
            self.complete &= before;
        }
        // Errors are noted where they are raised. The instructions around would note the same error
        // after it was noted, which changes nothing.
        if let Err(fault) = &step {
            self.note_error(node, fault)?;
        }
        step
    }
}
