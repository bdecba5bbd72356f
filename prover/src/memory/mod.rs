//! Memory lent by the caller: the hash needs gibibytes in large pages and a little executable
//! memory, and only the caller knows where those come from.
#![allow(unsafe_code)]

#[cfg(feature = "mmap")]
mod mmap;
mod region;

#[cfg(feature = "mmap")]
pub use mmap::{Mmap, PageSize};
pub use region::{ALIGNMENT, Heap, Memory, OutOfMemory, Purpose, Region};
