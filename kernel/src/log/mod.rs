//! Logs: the `log` facade written to the serial port and the screen.
//!
//! Layers: [`format`] makes one line of bytes out of a record, [`serial`] and [`screen`] show
//! bytes, this module joins them under one lock. The panic path shares nothing of this but the two
//! writers, of which it makes its own.

pub mod format;
pub mod screen;
pub mod serial;

use core::fmt;

use hermit_sync::TicketMutex;
use log::{Level, LevelFilter, Log, Metadata, Record};

use self::format::{Line, Stamp};
use self::screen::{Colour, Screen};
use self::serial::Serial;
use crate::{cpu, time};

/// Where lines go. One lock for both keeps their order the same.
struct Sinks {
    serial: Option<Serial>,
    screen: Option<Screen>,
}

static SINKS: TicketMutex<Sinks> = TicketMutex::new(Sinks {
    serial: None,
    screen: None,
});
static LOGGER: Logger = Logger;

/// Libraries that log.
const LIBRARIES: [&str; 3] = ["smoltcp", "uefi", "virtio_drivers"];

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What libraries find worth telling is a detail here.
        let is_library_detail = metadata.level() == Level::Info
            && LIBRARIES
                .iter()
                .any(|library| metadata.target().starts_with(library));
        let level = if is_library_detail {
            Level::Debug
        } else {
            metadata.level()
        };
        level <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let stamp = Stamp {
            since_entry: time::since_entry(),
            core: cpu::index(),
        };
        let line = Line::of_record(stamp, record);
        emit(&line, colour_of(record.level()));
    }

    fn flush(&self) {}
}

fn colour_of(level: Level) -> Colour {
    match level {
        Level::Error => Colour::RED,
        Level::Warn => Colour::YELLOW,
        Level::Info => Colour::WHITE,
        Level::Debug | Level::Trace => Colour::GREY,
    }
}

fn emit(line: &Line, colour: Colour) {
    let mut sinks = SINKS.lock();
    if let Some(serial) = &mut sinks.serial {
        serial.write_line(line.as_bytes());
    }
    if let Some(screen) = &mut sinks.screen {
        screen.write_line(line.as_bytes(), colour);
    }
}

/// Starts logging on the first serial port, if the machine has one.
pub fn init() {
    SINKS.lock().serial = Serial::probe(serial::COM1);
    // Fails only when a logger is set already, which is then this one.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(LevelFilter::Info);
}

/// Adds the screen.
pub fn attach_screen(screen: Screen) {
    SINKS.lock().screen = Some(screen);
}

/// Sets the most verbose level that is shown.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

/// Writes a line that tools wait for: without stamp and whatever the level.
pub fn verdict(text: fmt::Arguments<'_>) {
    emit(&Line::of_text(text), Colour::GREEN);
}

/// Writes a text of several lines, each as it is.
pub fn verdict_lines(text: &str) {
    for line in text.lines() {
        emit(&Line::of_text(format_args!("{line}")), Colour::RED);
    }
}
