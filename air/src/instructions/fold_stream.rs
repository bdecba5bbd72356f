//! `fold` over streams and stream maps (AIR spec section 4.12).
//!
//! The body may add to the stream it folds: the new values make another generation, which is folded
//! next.

use alloc::boxed::Box;

use super::fault::Fault;
use super::frame::{Flow, FoldStreamBody, Frame, Stack, Step};
use super::run::Run;
use crate::ast::{Name, NodeId, StreamRef};
use crate::scopes::{Cursor, Items};

impl<'r> Run<'r> {
    pub(super) fn fold_stream(
        &mut self,
        node: NodeId,
        stream: StreamRef,
        iterator: Name,
        body: NodeId,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        if !self.streams.exists(stream) {
            self.complete = false;
            return Ok(Flow::Done);
        }
        self.charge_elements(self.trace.fold_records())?;
        let fold = self
            .trace
            .fold_start(&self.heap)
            .map_err(|reason| self.fold_fault(node, reason))?;
        let mut slices = self
            .streams
            .slices_from(stream, Cursor::default(), &self.heap);
        self.charge_elements(slices.iter().map(|slice| slice.len()).sum())?;
        slices.reverse();
        let cursor = self.streams.cursor(stream);
        if !slices.is_empty() {
            self.streams.push_generation(stream);
        }
        let seen_complete = false;
        let frame = FoldStreamBody {
            node,
            stream,
            iterator,
            body,
            fold,
            cursor,
            slices,
            seen_complete,
        };
        self.fold_stream_continue(Box::new(frame), stack)
    }

    /// Starts the next generation, or ends the fold.
    fn fold_stream_continue(
        &mut self,
        mut frame: Box<FoldStreamBody<'r>>,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        let Some(values) = frame.slices.pop() else {
            self.complete = frame.seen_complete;
            self.trace.fold_end(&self.heap);
            return Ok(Flow::Done);
        };
        if let Some(first) = values.first() {
            self.trace
                .iteration_start(frame.fold, first.position, &self.heap)
                .map_err(|reason| self.fold_fault(frame.node, reason))?;
        }
        self.open_iterator(
            frame.node,
            frame.iterator,
            Items::Stream {
                fold: frame.fold,
                values,
            },
        )?;
        let body = frame.body;
        stack.push(Frame::FoldStream(frame));
        Ok(Flow::Enter(body))
    }

    pub(super) fn fold_stream_resume(
        &mut self,
        mut frame: Box<FoldStreamBody<'r>>,
        result: Result<(), Fault<'r>>,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        self.close_iterator(frame.iterator);
        // Errors that can be caught are dropped here; `complete` stays as they left it, a quirk
        // that makes a later run see another completeness (AIR spec section 9, quirk 4).
        if let Err(fault) = result
            && !fault.is_catchable()
        {
            return Err(fault);
        }
        self.trace
            .generation_end(frame.fold, &self.heap)
            .map_err(|reason| self.fold_fault(frame.node, reason))?;
        frame.seen_complete |= self.complete;
        if frame.slices.is_empty() {
            let stream = frame.stream;
            frame.slices = self.streams.slices_from(stream, frame.cursor, &self.heap);
            frame.slices.reverse();
            self.streams.pop_empty_generation(stream);
            frame.cursor = self.streams.cursor(stream);
            self.streams.push_generation(stream);
        }
        self.fold_stream_continue(frame, stack)
    }
}
