//! libFuzzer entry of `targets/data.rs`.
#![no_main]

#[path = "../targets/data.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
