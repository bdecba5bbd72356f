//! A bar on standard error.

use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Columns of the bar.
const WIDTH: usize = 40;

/// How far a piece of work is. On a terminal the bar moves; elsewhere only the end is told.
pub(super) struct Progress {
    name: &'static str,
    begin: Instant,
    moving: bool,
}

impl Progress {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            begin: Instant::now(),
            moving: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn show(&mut self, done: usize, all: usize) {
        if !self.moving {
            return;
        }
        let filled = WIDTH * done / all.max(1);
        let left = match done {
            0 => String::new(),
            _ => {
                let per_item = self.begin.elapsed().as_secs_f64() / done as f64;
                format!(" {:.0} s left", per_item * all.saturating_sub(done) as f64)
            }
        };
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(WIDTH - filled));
        let percent = 100.0 * done as f64 / all.max(1) as f64;
        eprint!("\r{:<8} [{bar}] {percent:5.1} %{left}        ", self.name);
        // The bar is for people only: it does not matter if it cannot be shown.
        let _ = std::io::stderr().flush();
    }

    pub(super) fn finish(self) {
        let end = if self.moving { "\r" } else { "" };
        let seconds = self.begin.elapsed().as_secs_f64();
        eprintln!(
            "{end}{:<8} ready after {seconds:.1} s{}",
            self.name,
            " ".repeat(WIDTH + 20)
        );
    }
}
