//! A place in a trace, and how much of the sub-trace around it is left (AIR spec section 5.1).

use alloc::vec::Vec;

use crate::data::State;
use crate::error::TraceError;

type Result<T> = core::result::Result<T, TraceError>;

pub(super) struct Slider<'r> {
    trace: Vec<State<'r>>,
    position: usize,
    /// Length of the sub-trace.
    len: usize,
    /// States taken from it.
    seen: usize,
}

impl<'r> Slider<'r> {
    pub(super) fn new(trace: Vec<State<'r>>) -> Self {
        Slider {
            len: trace.len(),
            trace,
            position: 0,
            seen: 0,
        }
    }

    pub(super) fn take(&mut self) -> Option<State<'r>> {
        if self.seen >= self.len {
            return None;
        }
        let state = *self.trace.get(self.position)?;
        self.position += 1;
        self.seen += 1;
        Some(state)
    }

    /// The state that would be taken next.
    pub(super) fn peek(&self) -> Option<&State<'r>> {
        let left = self.seen < self.len;
        left.then(|| self.trace.get(self.position)).flatten()
    }

    /// Position of the state that was taken last.
    pub(super) fn last_taken(&self) -> u32 {
        self.position.saturating_sub(1) as u32
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn remaining(&self) -> usize {
        self.len - self.seen
    }

    pub(super) fn trace(&self) -> &[State<'r>] {
        &self.trace
    }

    pub(super) fn set_len(&mut self, len: usize) -> Result<()> {
        let left = self.trace.len().saturating_sub(self.position);
        if left < len || self.position > self.trace.len() {
            return Err(TraceError::SubTrace { len, left });
        }
        self.len = len;
        self.seen = 0;
        Ok(())
    }

    pub(super) fn set_position_and_len(&mut self, position: usize, len: usize) -> Result<()> {
        if len != 0 && position.saturating_add(len) > self.trace.len() {
            let left = self.trace.len().saturating_sub(position);
            return Err(TraceError::SubTrace { len, left });
        }
        self.position = position;
        self.len = len;
        self.seen = 0;
        Ok(())
    }
}
