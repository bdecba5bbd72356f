//! `next`: the fold's body for the next element, or what the fold has for the end.

use super::fault::Fault;
use super::frame::{Flow, Frame, NextBody, Stack, Step};
use super::run::Run;
use crate::ast::{Instr, Name, NodeId};
use crate::error::Error;
use crate::scopes::Items;
use crate::trace::FoldError;

impl<'r> Run<'r> {
    pub(super) fn next(&mut self, node: NodeId, iterator: Name, stack: &mut Stack<'r>) -> Step<'r> {
        let not_found = || Error::FoldStateNotFound(self.script.name(iterator).into());
        let iteration = self.iterators.get_mut(iterator).ok_or_else(not_found)?;
        // The fold that is open now: a `next` need not stand in the fold that it continues.
        let Instr::Fold { body, last, .. } = *self.script.instr(iteration.node) else {
            return Err(not_found().into());
        };
        let stream = match iteration.items {
            Items::Stream { fold, values } => Some((fold, values)),
            _ => None,
        };
        let (has_next, next_index) = (iteration.has_next(), iteration.index + 1);
        if has_next {
            iteration.index = next_index;
        }
        let first_end = !has_next && !iteration.ended;
        iteration.ended |= !has_next;
        if let Some((fold, values)) = stream {
            let ended = self.trace.iteration_end(fold);
            let traced = ended.map_err(FoldError::from).and_then(|()| {
                if has_next {
                    let position = values[next_index].position;
                    return self.trace.iteration_start(fold, position, &self.heap);
                }
                Ok(self.trace.iteration_back(fold)?)
            });
            traced.map_err(|reason| self.fold_fault(node, reason))?;
        }
        if has_next {
            self.depths.open_hiding();
            stack.push(Frame::Next(NextBody { node, iterator }));
            return Ok(Flow::Enter(body));
        }
        match last {
            Some(last) => {
                self.complete = true;
                Ok(Flow::Enter(last))
            }
            None => {
                if stream.is_some() && first_end {
                    self.complete = false;
                }
                Ok(Flow::Done)
            }
        }
    }

    pub(super) fn next_resume(
        &mut self,
        frame: NextBody,
        result: Result<(), Fault<'r>>,
    ) -> Step<'r> {
        self.close_depth();
        // Behind an error the iterator stays at the element where the error began: whoever catches
        // it sees that element, and a later `next` goes on from there.
        result?;
        let mut fold = None;
        if let Some(iteration) = self.iterators.get_mut(frame.iterator) {
            iteration.index = iteration.index.saturating_sub(1);
            if let Items::Stream { fold: id, .. } = iteration.items {
                fold = Some(id);
            }
        }
        if let Some(fold) = fold {
            self.trace
                .iteration_back(fold)
                .map_err(|reason| self.trace_fault(frame.node, reason))?;
        }
        Ok(Flow::Done)
    }
}
