//! What names stand for while a script runs.

mod errors;
mod iterators;
mod stored;
mod streams;
mod variables;

pub(crate) use errors::{ErrorObject, ErrorState, Raised};
pub(crate) use iterators::{Items, Iterators};
pub(crate) use stored::{Canon, Stored};
pub(crate) use streams::{Cursor, NewStream, Place, StreamValue, Streams};
pub(crate) use variables::{Depths, Found, Table, Variables};
