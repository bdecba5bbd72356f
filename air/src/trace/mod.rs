//! Merging: two traces are read in step with the script, a third is written (AIR spec section 5).
//!
//! Instructions meet their states here and push what they did. Nothing in this module knows values:
//! it works on states alone.

mod calls;
mod describe;
mod fold;
mod lore;
mod merge;
mod par;
mod slider;

pub(crate) use describe::describe_value;
pub(crate) use fold::FoldError;
pub(crate) use merge::{STUB_GENERATION, Source, Trace};
pub(crate) use par::ParSpan;
