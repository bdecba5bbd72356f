#![no_main]

#[path = "../targets/http_answer.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
