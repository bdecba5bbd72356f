//! The two arms of a `par` (AIR spec section 5.4).

use super::merge::{Pair, Trace, expect};
use super::slider::Slider;
use crate::data::State;
use crate::error::TraceError;

type Result<T> = core::result::Result<T, TraceError>;

/// A `par` under way.
pub(crate) struct ParSpan {
    /// Where its state goes.
    position: u32,
    /// Where its left arm ended.
    middle: u32,
    previous: Arms,
    current: Arms,
}

/// Where the arms of one trace's state end.
#[derive(Clone, Copy)]
struct Arms {
    left_len: usize,
    right_len: usize,
    /// Position and length to set behind each arm.
    after_left: (usize, usize),
    after_right: (usize, usize),
}

impl Arms {
    fn new(slider: &Slider<'_>, sizes: (u32, u32), source: &'static str) -> Result<Self> {
        let (left_len, right_len) = (sizes.0 as usize, sizes.1 as usize);
        let fault = TraceError::Sizes {
            instruction: "par",
            source,
        };
        // Positions are 32 bits wide in the format.
        let end = slider.position() + left_len + right_len;
        let rest = slider.remaining().checked_sub(left_len + right_len);
        let (Ok(_), Some(rest)) = (u32::try_from(end), rest) else {
            return Err(fault);
        };
        let after_left = (slider.position() + left_len, left_len);
        Ok(Arms {
            left_len,
            right_len,
            after_left,
            after_right: (end, rest),
        })
    }

    // Errors of the sliders are ignored behind an arm: a slider then stays where the arm left it.

    fn end_left(&self, slider: &mut Slider<'_>) {
        let (position, len) = self.after_left;
        let _ = slider.set_position_and_len(position, len);
        let _ = slider.set_len(self.right_len);
    }

    fn end_right(&self, slider: &mut Slider<'_>) {
        let (position, len) = self.after_right;
        let _ = slider.set_position_and_len(position, len);
    }
}

impl Trace<'_> {
    pub(crate) fn par_start(&mut self) -> Result<ParSpan> {
        let taken = self.take();
        let select = |state| match state {
            State::Par { left, right } => Some((left, right)),
            _ => None,
        };
        let absent = (0, 0);
        let (previous, current) = match expect(taken, "par", select)? {
            Pair::None => (absent, absent),
            Pair::Previous(previous) => (previous, absent),
            Pair::Current(current) => (absent, current),
            Pair::Both(previous, current) => (previous, current),
        };
        let span = ParSpan {
            position: self.position(),
            middle: 0,
            previous: Arms::new(&self.previous, previous, "previous")?,
            current: Arms::new(&self.current, current, "current")?,
        };
        self.push(State::Par { left: 0, right: 0 });
        self.previous.set_len(span.previous.left_len)?;
        self.current.set_len(span.current.left_len)?;
        Ok(span)
    }

    pub(crate) fn par_left_end(&mut self, span: &mut ParSpan) {
        span.middle = self.position();
        span.previous.end_left(&mut self.previous);
        span.current.end_left(&mut self.current);
    }

    pub(crate) fn par_right_end(&mut self, span: &ParSpan) {
        let (left, right) = (
            span.middle - span.position - 1,
            self.position() - span.middle,
        );
        self.result[span.position as usize] = State::Par { left, right };
        span.previous.end_right(&mut self.previous);
        span.current.end_right(&mut self.current);
    }
}
