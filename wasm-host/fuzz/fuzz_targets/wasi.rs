#![no_main]
//! libFuzzer entry of `targets/wasi.rs`.

#[path = "../targets/wasi.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
