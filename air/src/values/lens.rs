//! Walking into a value.

use super::heap::Heap;
use super::json::{Json, ReadError, Value};
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

/// Takes all `steps` from `value`; texts of errors are exact (AIR spec section 3.2).
pub(crate) fn walk<'r>(
    value: Value<'r>,
    steps: &[Step<'r>],
    heap: &Heap<'r>,
) -> Result<Value<'r>, WalkError> {
    let mut tree = value.tree(heap)?;
    let mut part = Json::Shared(value);
    for (taken, &step) in steps.iter().enumerate() {
        let found = match (step, tree) {
            (Step::Index(index), Json::Array(items)) => items.get(index as usize).copied(),
            (Step::Field(field), Json::Object(entries)) => entries
                .binary_search_by_key(&field, |(key, _)| key)
                .ok()
                .map(|index| entries[index].1),
            _ => None,
        };
        let Some(found) = found else {
            let value = match tree {
                _ if taken == 0 => value,
                tree => Value::from_tree(heap, tree),
            };
            let text = value.text(heap)?;
            heap.charge(text.len()).map_err(ReadError::from)?;
            let text = text.into();
            return Err(WalkError::Lens(failure(step, &tree, text).into()));
        };
        tree = found.force(heap)?;
        part = found;
    }
    Ok(Value::from_tree(heap, part))
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
