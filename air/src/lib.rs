//! Placeholder until the crate's first commit.
#![no_std]
#![forbid(unsafe_code)]
