//! Streams and stream maps (AIR spec section 4.11).
//!
//! A stream has three lists of generations. A generation takes no room of its own here: a list is
//! its values, each with its generation's number, and a count. Data that claims a high generation
//! costs nothing.

use alloc::vec::Vec;

use core::ops::Range;

use super::stored::Stored;
use crate::ast::{NodeId, Slot, StreamRef};
use crate::budget::{BudgetExceeded, Heap, cost};
use crate::error::Error;

/// Most values of a stream.
const MAX_VALUES: usize = 1024;

/// A value of a stream.
#[derive(Clone, Copy)]
pub(crate) struct StreamValue<'r> {
    pub(crate) stored: Stored<'r>,
    /// Position of the state that made it, in the resulting trace.
    pub(crate) position: u32,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A generation of previous data.
    Previous(u32),
    /// A generation of current data.
    Current(u32),
    /// The last generation of this run.
    New,
}

/// Numbers of generations in the three lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor([usize; 3]);

#[derive(Default)]
struct Generations<'r> {
    /// Number of generations, empty ones included.
    count: usize,
    /// Sorted by generation when read.
    values: Vec<(usize, StreamValue<'r>)>,
    sorted: bool,
}

impl<'r> Generations<'r> {
    fn push(
        &mut self,
        generation: usize,
        value: StreamValue<'r>,
        heap: &Heap<'r>,
    ) -> Result<(), BudgetExceeded> {
        self.sorted = match self.values.last() {
            None => true,
            Some(&(last, _)) => self.sorted && last <= generation,
        };
        self.count = self.count.max(generation + 1);
        heap.push(&mut self.values, (generation, value))
    }

    fn sort(&mut self) {
        if !self.sorted {
            // Stable: values of one generation keep their order.
            self.values.sort_by_key(|(generation, _)| *generation);
            self.sorted = true;
        }
    }

    /// The generations that are not empty, in order.
    fn filled(&mut self) -> impl Iterator<Item = &[(usize, StreamValue<'r>)]> {
        self.sort();
        self.values.chunk_by(|left, right| left.0 == right.0)
    }

    fn last_is_empty(&self) -> bool {
        let last = self
            .values
            .last()
            .map_or(0, |(generation, _)| generation + 1);
        self.count > last
    }
}

#[derive(Default)]
struct Stream<'r> {
    /// Previous, current, new.
    lists: [Generations<'r>; 3],
}

/// A stream that `new` closed, to be compacted.
pub(crate) struct NewStream<'r>(Stream<'r>);

/// A stream that exists, and where in the script its name means it.
struct Open<'r> {
    span: Range<NodeId>,
    stream: Stream<'r>,
}

impl Open<'_> {
    fn serves(&self, at: NodeId) -> bool {
        self.span.start.0 <= at.0 && at.0 < self.span.end.0
    }
}

/// Where a global stream is meant: in the whole script.
const EVERYWHERE: Range<NodeId> = NodeId(0)..NodeId(u32::MAX);

/// All streams and maps (AIR spec section 4.11): per name a stack of those that exist, the global
/// one below those of the `new`s that are running. A name means the topmost whose span has the use
/// in it.
///
/// A use can run while `new`s are running that it does not stand in, behind a `next` in one of
/// them.
pub(crate) struct Streams<'r> {
    slots: Vec<Vec<Open<'r>>>,
    /// Streams that were looked at to find those that names mean, and values that were passed
    /// over.
    walked: usize,
}

impl<'r> Streams<'r> {
    pub(crate) fn new(slots: u32) -> Self {
        let mut stacks = Vec::new();
        stacks.resize_with(slots as usize, Vec::new);
        Streams {
            slots: stacks,
            walked: 0,
        }
    }

    fn find(&mut self, used: StreamRef) -> Option<&mut Stream<'r>> {
        let stack = &mut self.slots[used.slot.0 as usize];
        let place = stack.iter().rposition(|open| open.serves(used.at));
        self.walked += stack.len() - place.unwrap_or(0);
        Some(&mut stack[place?].stream)
    }

    /// Streams and values looked at since the last time. Behind a `next`, as many `new`s as there
    /// are elements can be running that the name does not mean.
    pub(crate) fn take_walked(&mut self) -> usize {
        core::mem::take(&mut self.walked)
    }

    pub(crate) fn exists(&mut self, used: StreamRef) -> bool {
        self.find(used).is_some()
    }

    /// `new` begins, over the instructions in `span`.
    pub(crate) fn open(
        &mut self,
        slot: Slot,
        span: Range<NodeId>,
        heap: &Heap<'r>,
    ) -> Result<(), BudgetExceeded> {
        heap.spend(cost::SET);
        let stream = Stream::default();
        heap.push(&mut self.slots[slot.0 as usize], Open { span, stream })
    }

    /// `new` ends: the topmost stream of the name is closed, whichever that is. There is none if
    /// all were dropped, see [`Self::add`].
    pub(crate) fn close(&mut self, slot: Slot) -> Option<NewStream<'r>> {
        let open = self.slots[slot.0 as usize].pop()?;
        Some(NewStream(open.stream))
    }

    /// Adds a value. Where no stream is meant a global one begins to exist, and takes the place of
    /// all others of its name: a quirk of the reference. Those are dropped without being compacted.
    pub(crate) fn add(
        &mut self,
        used: StreamRef,
        value: StreamValue<'r>,
        place: Place,
        heap: &Heap<'r>,
    ) -> Result<(), Error> {
        heap.spend(cost::SET);
        if !self.exists(used) {
            let stack = &mut self.slots[used.slot.0 as usize];
            stack.clear();
            let (span, stream) = (EVERYWHERE, Stream::default());
            heap.push(stack, Open { span, stream })?;
        }
        let Some(stream) = self.find(used) else {
            return Ok(());
        };
        let [previous, current, new] = &mut stream.lists;
        match place {
            Place::Previous(generation) => previous.push(generation as usize, value, heap)?,
            Place::Current(generation) => current.push(generation as usize, value, heap)?,
            Place::New => new.push(new.count.saturating_sub(1), value, heap)?,
        }
        let len: usize = stream.lists.iter().map(|list| list.values.len()).sum();
        if len >= MAX_VALUES {
            Err(Error::StreamSize)
        } else {
            Ok(())
        }
    }

    /// All values, in order.
    pub(crate) fn values(&mut self, used: StreamRef) -> Vec<Stored<'r>> {
        let Some(stream) = self.find(used) else {
            return Vec::new();
        };
        let lists = stream.lists.iter_mut();
        lists
            .flat_map(Generations::filled)
            .flatten()
            .map(|(_, value)| value.stored)
            .collect()
    }

    /// The non-empty generations behind `cursor`, in order.
    ///
    /// A quirk: the cursor counts empty generations too, but skips only filled ones, so with empty
    /// generations in a list values are passed over. Traces depend on it (AIR spec section 9, quirk
    /// 1).
    pub(crate) fn slices_from(
        &mut self,
        used: StreamRef,
        cursor: Cursor,
        heap: &Heap<'r>,
    ) -> Vec<&'r [StreamValue<'r>]> {
        let Some(stream) = self.find(used) else {
            return Vec::new();
        };
        let values: usize = stream.lists.iter().map(|list| list.values.len()).sum();
        let lists = stream.lists.iter_mut().zip(cursor.0);
        let slices = lists
            .flat_map(|(list, skipped)| list.filled().skip(skipped))
            .map(|slice| heap.collect(slice.iter().map(|(_, value)| *value)))
            .collect();
        self.walked += values;
        slices
    }

    /// Numbers of all generations, empty ones included.
    pub(crate) fn cursor(&mut self, used: StreamRef) -> Cursor {
        let counts = |stream: &mut Stream<'r>| stream.lists.each_ref().map(|list| list.count);
        Cursor(self.find(used).map(counts).unwrap_or_default())
    }

    /// Values of this run go to another generation from now on.
    pub(crate) fn push_generation(&mut self, used: StreamRef) {
        if let Some(stream) = self.find(used) {
            stream.lists[2].count += 1;
        }
    }

    /// Undoes [`Self::push_generation`] if nothing was added since.
    pub(crate) fn pop_empty_generation(&mut self, used: StreamRef) {
        if let Some(stream) = self.find(used)
            && stream.lists[2].last_is_empty()
        {
            stream.lists[2].count -= 1;
        }
    }

    /// All streams that are still open, at the end of a run.
    pub(crate) fn close_all(&mut self) -> impl Iterator<Item = NewStream<'r>> + use<'r> {
        core::mem::take(&mut self.slots)
            .into_iter()
            .flatten()
            .map(|open| NewStream(open.stream))
    }
}

impl<'r> NewStream<'r> {
    /// Gives each value's position the number of its generation, with empty generations left out.
    pub(crate) fn compact(
        mut self,
        heap: &Heap<'r>,
        mut number: impl FnMut(u32, u32) -> bool,
    ) -> Result<(), Error> {
        let lists = &self.0.lists;
        let values = lists.iter().map(|list| list.values.capacity()).sum();
        heap.release(values * size_of::<(usize, StreamValue<'_>)>());
        heap.charge(cost::ELEMENT * values)?;
        let mut generation = 0;
        for list in &mut self.0.lists {
            for values in list.filled() {
                for (_, value) in values {
                    if !number(value.position, generation) {
                        return Err(Error::GenerationCompaction);
                    }
                }
                generation += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;
    use std::vec::Vec;

    use super::*;
    use crate::budget::Meter;
    use crate::data::{Provenance, Tetraplet};
    use crate::values::{Json, Value};

    const USED: StreamRef = StreamRef {
        name: crate::ast::Name(0),
        slot: Slot(0),
        at: NodeId(0),
    };

    fn value<'r>(heap: &Heap<'r>, position: u32) -> StreamValue<'r> {
        let value = Value::from_tree(heap, Json::Null);
        let tetraplet = heap.alloc(Tetraplet::default());
        StreamValue {
            stored: Stored {
                value,
                tetraplet,
                provenance: Provenance::Literal,
            },
            position,
        }
    }

    fn positions(slices: &[&[StreamValue<'_>]]) -> Vec<Vec<u32>> {
        slices
            .iter()
            .map(|slice| slice.iter().map(|value| value.position).collect())
            .collect()
    }

    #[test]
    fn quirk_1_the_cursor_counts_empty_generations() {
        let arena = Bump::new();
        let meter = Meter::unlimited();
        let heap = Heap::new(&arena, &meter);
        let mut streams = Streams::new(1);
        let slot = USED;
        // Generation 0 of current data is empty.
        streams
            .add(slot, value(&heap, 1), Place::Current(1), &heap)
            .unwrap();
        let slices = streams.slices_from(slot, Cursor::default(), &heap);
        assert_eq!(positions(&slices), [[1]]);
        let cursor = streams.cursor(slot);
        streams
            .add(slot, value(&heap, 2), Place::Current(2), &heap)
            .unwrap();
        // Two generations were counted, one was filled: the new one is passed over.
        assert!(streams.slices_from(slot, cursor, &heap).is_empty());
        streams
            .add(slot, value(&heap, 3), Place::Current(3), &heap)
            .unwrap();
        assert_eq!(positions(&streams.slices_from(slot, cursor, &heap)), [[3]]);
    }

    #[test]
    fn order_is_previous_current_new_and_compaction_numbers_it() {
        let arena = Bump::new();
        let meter = Meter::unlimited();
        let heap = Heap::new(&arena, &meter);
        let mut streams = Streams::new(1);
        let slot = USED;
        for (position, place) in [
            (10, Place::New),
            (11, Place::Current(4)),
            (12, Place::Previous(7)),
            (13, Place::Previous(2)),
            (14, Place::Current(0xFFFF)),
        ] {
            streams
                .add(slot, value(&heap, position), place, &heap)
                .unwrap();
        }
        let mut numbers = Vec::new();
        for stream in streams.close_all() {
            stream
                .compact(&heap, |position, generation| {
                    numbers.push((position, generation));
                    true
                })
                .unwrap();
        }
        assert_eq!(numbers, [(13, 0), (12, 1), (11, 2), (14, 3), (10, 4)]);
    }

    #[test]
    fn a_stream_is_bounded() {
        let arena = Bump::new();
        let meter = Meter::unlimited();
        let heap = Heap::new(&arena, &meter);
        let mut streams = Streams::new(1);
        for position in 0..1023 {
            streams
                .add(USED, value(&heap, position), Place::New, &heap)
                .unwrap();
        }
        let full = streams.add(USED, value(&heap, 1023), Place::New, &heap);
        assert_eq!(full, Err(Error::StreamSize));
    }
}
