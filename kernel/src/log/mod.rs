//! Logs: the `log` facade written to the serial port and the screen.
//!
//! Layers: [`format`] makes one line of bytes out of a record, [`serial`] and [`screen`] show
//! bytes, [`ring`] keeps those that the serial line has not taken yet, this module joins them under
//! one lock. Before the system core's loop runs, each line is written to its end. From then on
//! ([`defer`]) no core waits for the serial line: the loop calls [`pump`].
//!
//! The panic path writes what waits in the ring, and then with writers of its own.

pub mod format;
pub mod ring;
pub mod screen;
pub mod serial;

use core::fmt;

use hermit_sync::TicketMutex;
use log::{Level, LevelFilter, Log, Metadata, Record};

use self::format::{Line, Stamp};
use self::ring::Ring;
use self::screen::{Colour, Screen};
use self::serial::Serial;
use crate::{cpu, time};

/// Where lines go. One lock for both keeps their order the same.
struct Sinks {
    serial: Option<Serial>,
    screen: Option<Screen>,
    /// What the serial line has not taken yet.
    ring: Ring,
    /// Wakes the core that calls [`pump`], once there is one.
    waker: Option<fn()>,
}

impl Sinks {
    /// Writes what the serial line takes now; true if more waits.
    fn pump(&mut self) -> bool {
        match &mut self.serial {
            Some(serial) => {
                serial.write_ready(|| self.ring.pop());
                !self.ring.is_empty()
            }
            None => false,
        }
    }
}

static SINKS: TicketMutex<Sinks> = TicketMutex::new(Sinks {
    serial: None,
    screen: None,
    ring: Ring::new(),
    waker: None,
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
        emit(&line, colour_of(record.level()), false);
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

fn emit(line: &Line, colour: Colour, important: bool) {
    let mut sinks = SINKS.lock();
    let waker = sinks.waker;
    if waker.is_none()
        && let Some(serial) = &mut sinks.serial
    {
        serial.write_line(line.as_bytes());
    }
    let waits = waker.is_some() && sinks.serial.is_some() && {
        sinks.ring.push_line(line.as_bytes(), important);
        sinks.pump()
    };
    if let Some(screen) = &mut sinks.screen {
        screen.write_line(line.as_bytes(), colour);
    }
    drop(sinks);
    // The system core itself looks before it sleeps.
    if let Some(wake) = waker
        && waits
        && cpu::index() != 0
    {
        wake();
    }
}

/// From now on nobody waits for the serial line: somebody calls [`pump`] again and again, and is
/// woken by `wake` when a core has something for it.
pub fn defer(wake: fn()) {
    SINKS.lock().waker = Some(wake);
}

/// Writes what the serial line takes without a wait; true if more waits.
pub fn pump() -> bool {
    SINKS.lock().pump()
}

/// Lines that the serial line was too slow for.
#[must_use]
pub fn left_out() -> u64 {
    SINKS.lock().ring.left_out()
}

/// Writes all that waits, whoever has the lock: for a panic.
///
/// # Safety
/// All other cores have stopped, and this one never returns to what it did.
pub unsafe fn write_rest(serial: &mut Serial) {
    // SAFETY: nobody else runs. Whoever had the lock may have left the ring's numbers half changed:
    // each of them leads to some byte of the ring.
    let ring = unsafe { &mut (*SINKS.data_ptr()).ring };
    for _ in 0..ring::CAPACITY {
        let Some(byte) = ring.pop() else { return };
        serial.write_bytes(&[byte]);
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
    emit(&Line::of_text(text), Colour::GREEN, true);
}

/// Writes a text of several lines, each as it is.
pub fn verdict_lines(text: &str) {
    for line in text.lines() {
        emit(&Line::of_text(format_args!("{line}")), Colour::RED, true);
    }
}
