//! The host of what is measured.

use basalt_wasm_host::{
    host::{Host, HttpRequest, HttpResponse},
    logger::Level,
};

use crate::runner::Generator;

/// Real clocks, a small generator, no network; output goes nowhere.
pub(crate) struct StdHost {
    start: std::time::Instant,
    generator: Generator,
}

impl Default for StdHost {
    fn default() -> Self {
        Self {
            start: std::time::Instant::now(),
            generator: Generator::default(),
        }
    }
}

impl Host for StdHost {
    fn now(&mut self) -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |now| now.as_nanos() as u64)
    }

    fn monotonic(&mut self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn random(&mut self, buffer: &mut [u8]) {
        self.generator.fill(buffer);
    }

    fn sleep(&mut self, nanoseconds: u64) {
        std::thread::sleep(std::time::Duration::from_nanos(nanoseconds));
    }

    fn log(&mut self, _: &str, _: Level, _: &str) {}

    fn output(&mut self, _: &str, _: u32, _: &[u8]) {}

    fn http(&mut self, _: &HttpRequest, _: Option<u64>) -> Result<HttpResponse, String> {
        Err("no network here".to_string())
    }
}
