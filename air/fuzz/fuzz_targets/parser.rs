//! libFuzzer entry of `targets/parser.rs`.
#![no_main]

#[path = "../targets/parser.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
