//! Content identifiers: how they are computed, checked and kept (AIR spec sections 6.3 and 6.4).
//!
//! In a run every CID is a number ([`Cid`](crate::data::Cid)), given out by the one table of
//! [`Stores`]: equal texts have equal numbers, whichever data they came with.

mod compute;
mod form;
mod store;
mod verify;

pub(crate) use compute::{CidText, PREFIX, of_bytes};
pub(crate) use store::{Loaded, Stores};
pub(crate) use verify::{check_forms, verify};
