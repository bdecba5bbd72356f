#![no_main]

#[path = "../targets/spell_config.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
