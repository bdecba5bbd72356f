#![no_main]
//! libFuzzer entry of `targets/module.rs`.

#[path = "../targets/module.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
