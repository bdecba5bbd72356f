//! Log lines on standard error, in the appliance's form: `[    0.123456] c0 info  net: text`.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};

use crate::clock::Clocks;

struct Logger {
    clocks: Clocks,
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let micros = self.clocks.now().as_micros();
        let level = record.level().as_str().to_ascii_lowercase();
        // A log that cannot be written has nowhere to be reported.
        let _ = writeln!(
            std::io::stderr().lock(),
            "[{:5}.{:06}] c0 {level:<5} {}: {}",
            micros / 1_000_000,
            micros % 1_000_000,
            record.target(),
            record.args()
        );
    }

    fn flush(&self) {}
}

/// Installs the logger; a second call changes only the level.
pub fn install(clocks: Clocks, level: LevelFilter) {
    // Only a second installation fails, and then the first is in place.
    let _ = log::set_boxed_logger(Box::new(Logger { clocks }));
    log::set_max_level(level);
}
