#![no_main]
//! libFuzzer entry of `targets/arguments.rs`.

#[path = "../targets/arguments.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
