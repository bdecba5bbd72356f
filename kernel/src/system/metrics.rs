//! What the machine tells of itself on the page of metrics: its memory, its log, and how long the
//! turns of the system core's loop take. Pure.

use alloc::string::String;
use core::fmt::Write as _;
use core::time::Duration;

/// How old what is told may be while the loop runs.
const FRESH: Duration = Duration::from_millis(500);

/// A turn is slow from here on, in several degrees.
const SLOW: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(500),
    Duration::from_millis(2000),
];

/// What is seen of the machine at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Bytes in allocations of the heap.
    pub heap_used: usize,
    /// Bytes that the heap has taken from the machine; it gives none back.
    pub heap_taken: usize,
    /// Bytes that nobody uses, those of the heap included.
    pub free: u64,
    /// Log lines that the serial line was too slow for.
    pub lines_left_out: u64,
}

/// Turns of the system core's loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns {
    all: u64,
    slow: [u64; SLOW.len()],
    longest: Duration,
    told: Option<Duration>,
}

impl Turns {
    /// Counts a turn, without the sleep after it.
    pub fn count(&mut self, took: Duration) {
        self.all += 1;
        self.longest = self.longest.max(took);
        for (count, limit) in self.slow.iter_mut().zip(SLOW) {
            *count += u64::from(took >= limit);
        }
    }

    /// Whether it is time to tell again, at this moment since the start.
    pub fn is_due(&mut self, now: Duration) -> bool {
        let due = self.told.is_none_or(|told| now >= told + FRESH);
        if due {
            self.told = Some(now);
        }
        due
    }

    /// The families, in the OpenMetrics format without its end mark.
    #[must_use]
    pub fn families(&self, seen: Seen) -> String {
        let mut text = String::new();
        let longest = self.longest.as_secs_f64();
        for (name, kind, help, value) in [
            (
                "heap_used_bytes",
                "gauge",
                "Bytes in allocations of the heap",
                seen.heap_used as f64,
            ),
            (
                "heap_taken_bytes",
                "gauge",
                "Bytes that the heap has taken from the machine; it gives none back",
                seen.heap_taken as f64,
            ),
            (
                "memory_free_bytes",
                "gauge",
                "Bytes that nobody uses, those of the heap included",
                seen.free as f64,
            ),
            (
                "log_lines_left_out",
                "counter",
                "Lines that the serial line was too slow for",
                seen.lines_left_out as f64,
            ),
            (
                "turns",
                "counter",
                "Turns of the system core's loop",
                self.all as f64,
            ),
            (
                "turn_longest_seconds",
                "gauge",
                "The longest turn since the start",
                longest,
            ),
        ] {
            let total = if kind == "counter" { "_total" } else { "" };
            // Text takes whatever is written to it.
            let _ = write!(
                text,
                "# HELP basalt_machine_{name} {help}.\n# TYPE basalt_machine_{name} {kind}\n\
                 basalt_machine_{name}{total} {value}\n"
            );
        }
        text += "# HELP basalt_machine_turns_slow Turns that took so many seconds or more.\n\
                 # TYPE basalt_machine_turns_slow counter\n";
        for (count, limit) in self.slow.iter().zip(SLOW) {
            let limit = limit.as_secs_f64();
            let _ = writeln!(
                text,
                "basalt_machine_turns_slow_total{{seconds=\"{limit}\"}} {count}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_turns_are_counted_by_how_slow_they_are() {
        let mut turns = Turns::default();
        for millis in [1, 10, 60, 3_000] {
            turns.count(Duration::from_millis(millis));
        }
        let text = turns.families(Seen {
            heap_taken: 2 << 20,
            lines_left_out: 7,
            ..Seen::default()
        });
        for line in [
            "basalt_machine_turns_total 4",
            "basalt_machine_turn_longest_seconds 3",
            "basalt_machine_turns_slow_total{seconds=\"0.01\"} 3",
            "basalt_machine_turns_slow_total{seconds=\"0.05\"} 2",
            "basalt_machine_turns_slow_total{seconds=\"0.5\"} 1",
            "basalt_machine_turns_slow_total{seconds=\"2\"} 1",
            "basalt_machine_heap_taken_bytes 2097152",
            "basalt_machine_log_lines_left_out_total 7",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in {text}");
        }
        assert!(text.ends_with('\n') && !text.contains("EOF"));
    }

    #[test]
    fn it_is_told_again_after_a_while() {
        let mut turns = Turns::default();
        assert!(turns.is_due(Duration::ZERO));
        assert!(!turns.is_due(FRESH / 2));
        assert!(turns.is_due(FRESH));
        assert!(!turns.is_due(FRESH));
    }
}
