//! The two traces that are read and the one that is written.

use alloc::vec::Vec;

use super::describe::describe;
use super::lore::FoldLore;
use super::slider::Slider;
use crate::data::{CallResult, State, ValueRef};
use crate::error::TraceError;
use crate::scopes::Place;

type Result<T> = core::result::Result<T, TraceError>;

/// Generation written where the number is not yet known; compaction replaces it.
pub(crate) const STUB_GENERATION: u32 = 0xCAFE_BABE;

/// Which trace a state comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Previous,
    Current,
}

impl Source {
    /// Where a value of a stream goes that this state holds.
    pub(crate) fn place(self, generation: u32) -> Place {
        match self {
            Source::Previous => Place::Previous(generation),
            Source::Current => Place::Current(generation),
        }
    }
}

/// No position.
const NOWHERE: u32 = u32::MAX;

/// The traces of a run.
pub(crate) struct Trace<'r> {
    pub(super) previous: Slider<'r>,
    pub(super) current: Slider<'r>,
    pub(super) result: Vec<State<'r>>,
    /// Positions in previous and current of the states that became those of `result`.
    pub(super) origins: Vec<[u32; 2]>,
    /// Open folds over streams, innermost last.
    pub(super) folds: Vec<FoldLore>,
    pub(super) max_generation: u32,
}

impl<'r> Trace<'r> {
    pub(crate) fn new(
        previous: Vec<State<'r>>,
        current: Vec<State<'r>>,
        max_generation: u32,
    ) -> Self {
        Trace {
            result: Vec::with_capacity(previous.len().max(current.len()) + 1),
            previous: Slider::new(previous),
            current: Slider::new(current),
            origins: Vec::new(),
            folds: Vec::new(),
            max_generation,
        }
    }

    /// States that there is room for.
    pub(crate) fn room(&self) -> usize {
        self.result.capacity()
    }

    /// Where the next state goes.
    pub(crate) fn position(&self) -> u32 {
        self.result.len() as u32
    }

    pub(crate) fn push(&mut self, state: State<'r>) {
        self.result.push(state);
    }

    pub(crate) fn into_result(self) -> Vec<State<'r>> {
        self.result
    }

    /// Writes the generation of a stream's value into its state; false if that state has none.
    pub(crate) fn set_generation(
        &mut self,
        position: u32,
        number: u32,
        arena: impl FnOnce(u32) -> &'r [u32],
    ) -> bool {
        match self.result.get_mut(position as usize) {
            Some(State::Ap { generations }) => *generations = arena(number),
            Some(State::Call(CallResult::Executed(ValueRef::Stream { generation, .. }))) => {
                *generation = number;
            }
            _ => return false,
        }
        true
    }

    pub(super) fn take(&mut self) -> (Option<State<'r>>, Option<State<'r>>) {
        (self.previous.take(), self.current.take())
    }

    /// Remembers that the next state of the result comes from what was just taken.
    pub(super) fn map(&mut self, previous: bool, current: bool) {
        let position = self.result.len();
        if self.origins.len() <= position {
            self.origins.resize(position + 1, [NOWHERE; 2]);
        }
        if previous {
            self.origins[position][0] = self.previous.last_taken();
        }
        if current {
            self.origins[position][1] = self.current.last_taken();
        }
    }

    pub(super) fn origin(&self, position: u32) -> [Option<u32>; 2] {
        let known = |position: u32| (position != NOWHERE).then_some(position);
        self.origins
            .get(position as usize)
            .map_or([None; 2], |origin| origin.map(known))
    }

    pub(super) fn check_generation(&self, generation: u32) -> Result<u32> {
        if generation > self.max_generation {
            return Err(TraceError::GenerationTooBig(generation));
        }
        Ok(generation)
    }
}

/// One state of each trace, both of the expected kind.
pub(super) enum Pair<T> {
    None,
    Previous(T),
    Current(T),
    Both(T, T),
}

/// Sorts out what was taken; `select` gives the state if it is of the expected kind.
pub(super) fn expect<'r, T>(
    taken: (Option<State<'r>>, Option<State<'r>>),
    expected: &'static str,
    select: impl Fn(State<'r>) -> Option<T>,
) -> Result<Pair<T>> {
    let unexpected = |source, state| TraceError::Unexpected {
        source,
        state: describe(&state),
        expected,
    };
    match taken {
        (None, None) => Ok(Pair::None),
        (Some(previous), None) => select(previous)
            .map(Pair::Previous)
            .ok_or_else(|| unexpected("previous", previous)),
        (None, Some(current)) => select(current)
            .map(Pair::Current)
            .ok_or_else(|| unexpected("current", current)),
        (Some(previous), Some(current)) => match (select(previous), select(current)) {
            (Some(previous), Some(current)) => Ok(Pair::Both(previous, current)),
            _ => Err(TraceError::Incompatible {
                previous: describe(&previous),
                current: describe(&current),
            }),
        },
    }
}
