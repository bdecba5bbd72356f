//! A host for fuzzing: time advances by one tick per question, randomness is a counter, nothing
//! leaves.

use basalt_wasm_host::{
    host::{Host, HttpRequest, HttpResponse},
    logger::Level,
};

#[derive(Default)]
pub struct Quiet(u64);

impl Host for Quiet {
    fn now(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    fn monotonic(&mut self) -> u64 {
        self.now()
    }

    fn random(&mut self, buffer: &mut [u8]) {
        buffer.fill(self.now() as u8);
    }

    fn sleep(&mut self, _: u64) {}

    fn log(&mut self, _: &str, _: Level, _: &str) {}

    fn output(&mut self, _: &str, _: u32, _: &[u8]) {}

    fn http(&mut self, _: &HttpRequest, _: Option<u64>) -> Result<HttpResponse, String> {
        Err("no network".to_string())
    }
}
