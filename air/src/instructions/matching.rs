//! `match` and `mismatch`: the body runs if two values are equal, or if they are not.

use super::frame::{Flow, Step};
use super::run::Run;
use crate::ast::{NodeId, Operand};
use crate::budget::cost;
use crate::error::Error;
use crate::values::texts_equal;

impl<'r> Run<'r> {
    pub(super) fn matching(
        &mut self,
        left: Operand,
        right: Operand,
        wanted: bool,
        body: NodeId,
    ) -> Step<'r> {
        // In this order: while the left value is waited for, the right one can't fail.
        let Some(left) = self.resolve_or_wait(left)? else {
            return Ok(Flow::Done);
        };
        let Some(right) = self.resolve_or_wait(right)? else {
            return Ok(Flow::Done);
        };
        let (left, right) = (left.value.text(&self.heap)?, right.value.text(&self.heap)?);
        self.heap
            .charge(cost::scanned(left.len().min(right.len())))?;
        let equal = texts_equal(left, right);
        match (equal, wanted) {
            (true, true) | (false, false) => Ok(Flow::Enter(body)),
            (false, true) => Err(Error::Match.into()),
            (true, false) => Err(Error::Mismatch.into()),
        }
    }
}
