//! The iterations of a `fold` over a stream (AIR spec section 5.5).
//!
//! Each iteration has two pieces of trace: what runs *before* its `next`, and what runs *after*.
//! The lore of the inputs says where these pieces are; sliders are set to them as the fold comes
//! by, and the lore of the result is written.

use alloc::vec::Vec;

use super::describe::describe;
use super::lore::{Bounds, FoldLore, InputLore, Iteration, Piece, Pieces};
use super::merge::{Pair, Trace, expect};
use super::slider::Slider;
use crate::budget::{BudgetExceeded, Heap};
use crate::data::{CallResult, Lore, State, SubTrace, ValueRef};
use crate::error::TraceError;

type Result<T> = core::result::Result<T, TraceError>;

/// Why a fold can't go on.
pub(crate) enum FoldError {
    Trace(TraceError),
    Budget(BudgetExceeded),
}

impl From<TraceError> for FoldError {
    fn from(error: TraceError) -> Self {
        FoldError::Trace(error)
    }
}

impl From<BudgetExceeded> for FoldError {
    fn from(exceeded: BudgetExceeded) -> Self {
        FoldError::Budget(exceeded)
    }
}

/// Memory of a fold, of a record of its lore, of an iteration, and of one that ended.
const FOLD: usize = 512;
const RECORD: usize = size_of::<Record>() + size_of::<(u32, Option<Pieces>)>();
const ITERATION: usize = 2 * size_of::<Iteration>();
const DONE: usize = 2 * size_of::<(u32, SubTrace, SubTrace)>();

impl<'r> Trace<'r> {
    /// Records of lore that [`Self::fold_start`] would read. Pieces of a trace may overlap, so one
    /// state is read as often as a sender likes.
    pub(crate) fn fold_records(&self) -> usize {
        let records = |slider: &Slider<'r>| match slider.peek() {
            Some(State::Fold { lore }) => lore.len(),
            _ => 0,
        };
        records(&self.previous) + records(&self.current)
    }

    /// Begins a fold; the result names it.
    ///
    /// Folds within each other may all have the same lore, so its memory is taken for each.
    pub(crate) fn fold_start(&mut self, heap: &Heap<'r>) -> core::result::Result<u32, FoldError> {
        let taken = self.take();
        let select = |state| match state {
            State::Fold { lore } => Some(lore),
            _ => None,
        };
        let (previous, current): (&[Lore<'_>], &[Lore<'_>]) = match expect(taken, "fold", select)? {
            Pair::None => (&[], &[]),
            Pair::Previous(previous) => (previous, &[]),
            Pair::Current(current) => (&[], current),
            Pair::Both(previous, current) => (previous, current),
        };
        let held = FOLD + RECORD * (previous.len() + current.len());
        heap.hold(held)?;
        let fold = FoldLore {
            held,
            position: self.position(),
            previous: InputLore::new(&self.previous, previous, "previous")?,
            current: InputLore::new(&self.current, current, "current")?,
            queue: Vec::new(),
            depth: 0,
            returning: false,
            done: Vec::new(),
        };
        self.push(State::Fold { lore: &[] });
        self.folds.push(fold);
        Ok(self.folds.len() as u32 - 1)
    }

    fn fold(&mut self, fold: u32) -> Result<&mut FoldLore> {
        match self.folds.get_mut(fold as usize) {
            Some(lore) => Ok(lore),
            None => Err(TraceError::NoIteration),
        }
    }

    /// An iteration begins, of the value at `position` of the result.
    pub(crate) fn iteration_start(
        &mut self,
        fold: u32,
        position: u32,
        heap: &Heap<'r>,
    ) -> core::result::Result<(), FoldError> {
        heap.hold(ITERATION)?;
        let start = self.position();
        let [previous, current] = self.origin(position);
        let lore = self.fold(fold)?;
        lore.held += ITERATION;
        let take = |input: &mut InputLore, origin: Option<u32>| {
            origin.and_then(|origin| input.take(origin))
        };
        let previous = take(&mut lore.previous, previous);
        let current = take(&mut lore.current, current);
        lore.queue.push(Iteration {
            value: position,
            before: Bounds {
                start: Some(start),
                end: None,
            },
            after: Bounds::default(),
            inputs: [previous, current].map(|pieces| pieces.map(|pieces| pieces.after)),
        });
        lore.depth += 1;
        go_to(&mut self.previous, previous.map(|pieces| pieces.before))?;
        go_to(&mut self.current, current.map(|pieces| pieces.before))?;
        Ok(())
    }

    /// The iteration comes to its `next`.
    pub(crate) fn iteration_end(&mut self, fold: u32) -> Result<()> {
        let position = self.position();
        self.fold(fold)?.innermost()?.before.end = Some(position);
        Ok(())
    }

    /// `next` returns.
    pub(crate) fn iteration_back(&mut self, fold: u32) -> Result<()> {
        let position = self.position();
        let lore = self.fold(fold)?;
        if lore.returning {
            lore.innermost()?.after.end = Some(position);
            lore.depth -= 1;
        }
        let returning = core::mem::replace(&mut lore.returning, true);
        let iteration = lore.innermost()?;
        if !returning {
            iteration.before.end.get_or_insert(position);
        }
        iteration.after.start = Some(position);
        let [previous, current] = iteration.inputs;
        go_to(&mut self.previous, previous)?;
        go_to(&mut self.current, current)
    }

    /// All iterations of a generation ended.
    pub(crate) fn generation_end(
        &mut self,
        fold: u32,
        heap: &Heap<'r>,
    ) -> core::result::Result<(), FoldError> {
        let position = self.position();
        let lore = self.fold(fold)?;
        let held = DONE * lore.queue.len();
        heap.hold(held)?;
        lore.held += held;
        for mut iteration in lore.queue.drain(..) {
            iteration.before.close(position);
            iteration.after.close(position);
            lore.done.push((
                iteration.value,
                iteration.before.piece(),
                iteration.after.piece(),
            ));
        }
        lore.depth = 0;
        lore.returning = false;
        Ok(())
    }

    /// The fold ended: its state is written, the sliders go on behind it.
    pub(crate) fn fold_end(&mut self, heap: &Heap<'r>) {
        let Some(fold) = self.folds.pop() else { return };
        heap.release(fold.held);
        let lore = heap.collect(fold.done.iter().map(|&(value_pos, before, after)| Lore {
            value_pos,
            subtraces: heap.slice(&[before, after]),
        }));
        self.result[fold.position as usize] = State::Fold { lore };
        // As behind a par, a slider that can't be set stays where it is.
        for (slider, input) in [
            (&mut self.previous, &fold.previous),
            (&mut self.current, &fold.current),
        ] {
            let _ = slider.set_position_and_len(input.behind.0, input.behind.1);
        }
    }
}

fn go_to(slider: &mut Slider<'_>, piece: Option<Piece>) -> Result<()> {
    match piece {
        Some((position, len)) => slider.set_position_and_len(position, len),
        None => slider.set_len(0),
    }
}

impl FoldLore {
    fn innermost(&mut self) -> Result<&mut Iteration> {
        let innermost = self
            .depth
            .checked_sub(1)
            .and_then(|index| self.queue.get_mut(index));
        match innermost {
            Some(iteration) => Ok(iteration),
            None => Err(TraceError::NoIteration),
        }
    }
}

impl InputLore {
    fn new(slider: &Slider<'_>, lore: &[Lore<'_>], source: &'static str) -> Result<Self> {
        let mut records = Vec::with_capacity(lore.len());
        let mut size = 0u32;
        for record in lore {
            let &[before, after] = record.subtraces else {
                return Err(TraceError::DescriptorCount(record.subtraces.len()));
            };
            size = size
                .checked_add(before.len)
                .and_then(|size| size.checked_add(after.len))
                .ok_or(TraceError::LoreOverflow)?;
            let generation = generation_at(slider.trace(), record.value_pos)?;
            records.push(Record {
                value: record.value_pos,
                generation,
                before,
                after,
            });
        }
        let behind = slider.position() + size as usize;
        let rest = slider.remaining().checked_sub(size as usize);
        let (Ok(_), Some(rest)) = (u32::try_from(behind), rest) else {
            return Err(TraceError::Sizes {
                instruction: "fold",
                source,
            });
        };
        let mut pieces = Vec::with_capacity(records.len());
        for run in records.chunk_by(|left, right| left.generation == right.generation) {
            widen(run, &mut pieces);
        }
        if !pieces.is_sorted_by_key(|(value, _)| *value) {
            pieces.sort_unstable_by_key(|(value, _)| *value);
        }
        if let Some(pair) = pieces.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(TraceError::SameValueTwice(pair[0].0));
        }
        Ok(InputLore {
            pieces,
            behind: (behind, rest),
        })
    }

    /// Takes the pieces of the value at `position`.
    fn take(&mut self, position: u32) -> Option<Pieces> {
        let place = self
            .pieces
            .binary_search_by_key(&position, |(value, _)| *value);
        self.pieces[place.ok()?].1.take()
    }
}

struct Record {
    value: u32,
    generation: u32,
    before: SubTrace,
    after: SubTrace,
}

/// Widens the pieces of one run of equal generation: an iteration encloses those behind its `next`,
/// so its sub-trace covers theirs.
fn widen(run: &[Record], pieces: &mut Vec<(u32, Option<Pieces>)>) {
    let mut before: usize = run.iter().map(|record| record.before.len as usize).sum();
    let all_after: usize = run.iter().map(|record| record.after.len as usize).sum();
    let mut after = 0;
    for record in run {
        after += record.after.len as usize;
        let widened = Pieces {
            before: (record.before.begin as usize, before + all_after),
            after: (record.after.begin as usize, after),
        };
        before -= record.before.len as usize;
        pieces.push((record.value, Some(widened)));
    }
}

/// The generation of the value that the state at `position` made.
fn generation_at(trace: &[State<'_>], position: u32) -> Result<u32> {
    match trace.get(position as usize) {
        None => Err(TraceError::PositionOutOfTrace {
            position,
            len: trace.len(),
        }),
        Some(State::Ap {
            generations: [generation],
        }) => Ok(*generation),
        Some(State::Ap { generations }) => Err(TraceError::GenerationCount(generations.len())),
        Some(State::Call(CallResult::Executed(ValueRef::Stream { generation, .. }))) => {
            Ok(*generation)
        }
        Some(state) => Err(TraceError::NotStreamValue(describe(state))),
    }
}
