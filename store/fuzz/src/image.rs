#![no_main]
#[path = "../targets/disk.rs"]
mod disk;
#[path = "../targets/image.rs"]
mod target;
libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
