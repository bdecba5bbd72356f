//! What a run may take: its meter, and the memory that it takes.
//!
//! Whatever is done for a sender is paid for in [`Ticks`](cost::Ticks) where it is done, and
//! whatever is kept is held by the [`Heap`]. Both end the run with error 20900.

pub(crate) mod cost;
mod heap;
mod meter;

pub(crate) use heap::Heap;
pub(crate) use meter::{BudgetExceeded, Meter};
