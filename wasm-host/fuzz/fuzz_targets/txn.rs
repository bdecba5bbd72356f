#![no_main]
//! libFuzzer entry of `targets/txn.rs`.

#[path = "../targets/txn.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
