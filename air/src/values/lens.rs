//! Walking into a value.

use super::json::{Json, ReadError, Value};
use crate::budget::Heap;
use crate::budget::cost;
use crate::error::{Error, LensError};

/// One step of a lens, with scalars already read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'r> {
    Index(u32),
    Field(&'r str),
}

/// A key of a canon map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key<'r> {
    String(&'r str),
    U64(u64),
    I64(i64),
}

impl Key<'_> {
    /// Length of its text; of a number none to speak of.
    pub(crate) fn len(&self) -> usize {
        match self {
            Key::String(text) => text.len(),
            Key::U64(_) | Key::I64(_) => 0,
        }
    }
}

/// Why walking failed.
pub(crate) enum WalkError {
    Read(ReadError),
    Lens(Error),
}

impl From<ReadError> for WalkError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// A way into a value, one step at a time: the scalar of a later accessor is read only once the
/// earlier ones were applied, so the first error in the lens is the one that is told.
pub(crate) struct Walk<'r> {
    /// The whole value, while no step was taken.
    whole: Option<Value<'r>>,
    tree: Json<'r>,
    part: Json<'r>,
}

impl<'r> Walk<'r> {
    pub(crate) fn new(value: Value<'r>, heap: &Heap<'r>) -> Result<Self, WalkError> {
        Ok(Walk {
            whole: Some(value),
            tree: value.tree(heap)?,
            part: Json::Shared(value),
        })
    }

    /// Takes a step; texts of errors are exact (AIR spec section 3.2).
    pub(crate) fn step(&mut self, step: Step<'r>, heap: &Heap<'r>) -> Result<(), WalkError> {
        let found = match (step, self.tree) {
            (Step::Index(index), Json::Array(items)) => items.get(index as usize).copied(),
            (Step::Field(field), Json::Object(entries)) => entries
                .binary_search_by_key(&field, |(key, _)| key)
                .ok()
                .map(|index| entries[index].1),
            _ => None,
        };
        let Some(found) = found else {
            let value = self.whole;
            let value = value.unwrap_or_else(|| Value::from_tree(heap, self.tree));
            let text = value.text(heap)?;
            heap.room(4 * text.len()).map_err(ReadError::from)?;
            heap.charge(cost::scanned(text.len()))
                .map_err(ReadError::from)?;
            let text = text.into();
            return Err(WalkError::Lens(failure(step, &self.tree, text).into()));
        };
        self.tree = found.force(heap)?;
        self.part = found;
        self.whole = None;
        Ok(())
    }

    /// What the steps led to.
    pub(crate) fn end(self, heap: &Heap<'r>) -> Value<'r> {
        Value::from_tree(heap, self.part)
    }
}

fn failure(step: Step<'_>, tree: &Json<'_>, value: alloc::string::String) -> LensError {
    match (step, tree) {
        (Step::Index(index), Json::Array(_)) => LensError::IndexOutOfRange { value, index },
        (Step::Index(index), _) => LensError::IndexOfNonArray { value, index },
        (Step::Field(field), Json::Object(_)) => LensError::FieldMissing {
            value,
            field: field.into(),
        },
        (Step::Field(field), _) => LensError::FieldOfNonObject {
            value,
            field: field.into(),
        },
    }
}
