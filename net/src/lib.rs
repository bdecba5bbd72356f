//! Placeholder until the crate's first commit.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod ip;
pub mod time;
