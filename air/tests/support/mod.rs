//! Recorded interpreter calls: how they are read, run and compared.
//!
//! Shared by the tests, the conformance runner and the benchmark.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each user takes a part of it"
)]

pub mod case;
pub mod constructs;
pub mod decoded;
pub mod files;
pub mod lore;
pub mod numbers;
pub mod scripts;
pub mod single;
