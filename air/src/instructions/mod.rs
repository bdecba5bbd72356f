//! Instructions: one file each, driven by a machine with an explicit stack.
//!
//! An instruction is *entered*; it finishes at once, goes over to another instruction, or pushes a [`Frame`]
//! and names the instruction to run first. When that is done, the frame is *resumed* with its result. A fold
//! over a thousand elements thus nests a thousand frames on the heap and none on the native stack.
//!
//! To add an instruction: a variant of [`Instr`](crate::ast::Instr), its head in the parser's grammar, a file
//! here with its `impl Run`, and a line in [`Run::enter`].

mod ap;
mod call;
mod call_result;
mod canon;
mod canon_map;
mod fail;
mod fold_array;
mod fold_stream;
mod matching;
mod new;
mod next;
mod par;
mod resolve;
mod run;
mod seq;
mod xor;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub(crate) use run::{Finished, Run};

use crate::ast::{Instr, NodeId};
use crate::error::{Error, TraceError};
use crate::scopes::Raised;
use crate::values::{BudgetExceeded, ReadError};

/// A failure; boxed, because it is rare and large.
#[derive(Debug)]
pub(crate) struct Fault<'r>(pub(crate) Box<Raised<'r>>);

impl Fault<'_> {
    fn is_joinable(&self) -> bool {
        self.0.error.is_joinable()
    }

    fn is_catchable(&self) -> bool {
        self.0.error.is_catchable()
    }
}

impl<E: Into<Error>> From<E> for Fault<'_> {
    fn from(error: E) -> Self {
        Fault(Box::new(Raised::from(error.into())))
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Syntax(reason) => Error::ValueNotJson(alloc::format!("{reason}")),
            ReadError::Budget => BudgetExceeded.into(),
        }
    }
}

impl From<BudgetExceeded> for Error {
    fn from(_: BudgetExceeded) -> Self {
        Error::Budget("bytes")
    }
}

/// How an instruction, or a resumed frame, goes on.
enum Flow {
    /// It is done.
    Done,
    /// Another instruction runs in its place, or on top of the frame it pushed.
    Enter(NodeId),
}

type Step<'r> = Result<Flow, Fault<'r>>;

/// What waits for the end of an instruction.
enum Frame<'r> {
    SeqLeft(seq::Left),
    ParLeft(par::Left),
    ParRight(par::Right<'r>),
    XorLeft(xor::Left),
    XorRight,
    FoldArray(fold_array::Body),
    FoldStream(Box<fold_stream::Body<'r>>),
    Next(next::Body),
    New(new::Body),
}

type Stack<'r> = Vec<Frame<'r>>;

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
        let Some(steps_left) = self.steps_left.checked_sub(1) else {
            return Err(Error::Budget("steps").into());
        };
        self.steps_left = steps_left;
        let step = match *self.script.instr(node) {
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
            Instr::Next { iterator, fold } => self.next(node, iterator, fold, stack),
            Instr::New {
                variable,
                body,
                end,
            } => Ok(self.new_variable(node, variable, body, end, stack)),
            Instr::Fail(body) => self.fail(body).map(|()| Flow::Done),
            Instr::Never => {
                self.complete = false;
                Ok(Flow::Done)
            }
            Instr::Null => Ok(Flow::Done),
        };
        // Errors are noted where they are raised. The instructions around would note the same error after
        // it was noted, which changes nothing.
        if let Err(fault) = &step {
            self.note_error(node, fault)?;
        }
        step
    }

    /// Names the instruction in an error of the trace.
    fn trace_fault(&self, node: NodeId, reason: TraceError) -> Fault<'r> {
        Error::Trace {
            instruction: self.instruction_text(node),
            reason,
        }
        .into()
    }
}

/// Attributes an error to a call.
fn blame<'r>(mut fault: Fault<'r>, origin: &'r crate::data::Tetraplet<'r>) -> Fault<'r> {
    fault.0.origin = Some(origin);
    fault
}
