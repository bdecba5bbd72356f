#![no_main]
//! libFuzzer entry of `targets/interface.rs`.

#[path = "../targets/interface.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
