//! A crash-safe, checksummed, transactional key-value store over a block device.
//!
//! The appliance keeps all of its state here. What [`Store::commit`] acknowledged is there after a
//! power cut at any instant; a batch that was not acknowledged is there whole or not at all.
//!
//! Three structures on the disk, one in memory:
//!
//! * the **index** (memory): an ordered map from (namespace, key) to a value of up to
//!   [`Limits::inline`] bytes, or to the extents that hold a larger one;
//! * the **journal** (disk, a ring): one checksummed record for each committed batch;
//! * **extents** (disk): runs of pages with the bytes of large values, with a checksum for each
//!   64 KiB;
//! * the **snapshot** (disk, written twice): the index as of some journal position, so that the
//!   journal behind that position can be reused. It is written in bounded steps while batches go
//!   on.
//!
//! Opening reads the superblock, the snapshot, and the journal from the snapshot's position on.
//!
//! | module | what it knows |
//! |---|---|
//! | [`device`] | what a disk must do for the store |
//! | [`partition`] | which part of a disk is the store's |
//! | [`memory`] | a disk in memory, for tests |
//! | `layout` | where things stand on the disk, the superblock |
//! | `codec` | checked reading and writing of the records' fields |
//! | `index` | entries and their bytes |
//! | `space` | which pages are free |
//! | `journal` | appending and replaying batches |
//! | `snapshot` | writing and loading the index |
//! | `store` | the interface: open, get, commit, maintain |
//!
//! The store does no I/O of its own, knows no time and starts no thread: the caller's
//! [`BlockDevice`] does the work, the caller decides when [`Store::maintain`] may take a step.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod batch;
mod codec;
pub mod device;
mod error;
mod index;
mod journal;
mod layout;
pub mod memory;
pub mod partition;
mod snapshot;
mod space;
mod store;

pub use batch::{Batch, Namespace};
pub use device::BlockDevice;
pub use error::{Error, Refusal};
pub use layout::Limits;
pub use memory::Memory;
pub use store::{Damaged, Opened, Status, Store};
