//! Hash rates over sliding windows.

use alloc::collections::VecDeque;
use core::time::Duration;

/// The windows shown, in seconds.
pub const WINDOWS: [u64; 3] = [10, 60, 900];

/// Counts events and remembers enough to tell rates. One entry per second, 900 at most.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    total: u64,
    started: Option<Duration>,
    /// Total at the end of past seconds, ascending.
    history: VecDeque<(u64, u64)>,
}

impl Meter {
    /// Counts `count` events at `now`.
    pub fn add(&mut self, now: Duration, count: u64) {
        self.started.get_or_insert(now);
        let second = now.as_secs();
        match self.history.back_mut() {
            Some((last, total)) if *last >= second => *total += count,
            _ => self.history.push_back((second, self.total + count)),
        }
        self.total += count;
        let oldest = second.saturating_sub(WINDOWS[2]);
        while self.history.len() > 1 && self.history[1].0 <= oldest {
            self.history.pop_front();
        }
    }

    /// All events so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Events per second over each of [`WINDOWS`]; over the time since the first event if that is
    /// shorter.
    pub fn rates(&self, now: Duration) -> [f64; 3] {
        WINDOWS.map(|window| {
            let Some(started) = self.started else {
                return 0.0;
            };
            let from = now.as_secs().saturating_sub(window);
            let before = self
                .history
                .iter()
                .rev()
                .find(|(second, _)| *second <= from);
            let (seconds, base) = match before {
                Some((_, total)) => (window as f64, *total),
                None => (
                    now.saturating_sub(started).as_secs_f64().min(window as f64),
                    0,
                ),
            };
            if seconds > 0.0 {
                (self.total - base) as f64 / seconds
            } else {
                0.0
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide() {
        let mut meter = Meter::default();
        assert_eq!(meter.rates(Duration::from_secs(5)), [0.0; 3]);
        for second in 0..2000 {
            meter.add(
                Duration::from_secs(second),
                if second < 1950 { 10 } else { 20 },
            );
        }
        let [ten, minute, quarter] = meter.rates(Duration::from_millis(1_999_500));
        assert_eq!(ten, 20.0);
        assert!((minute - 18.3).abs() < 0.4, "{minute}");
        assert!((quarter - 10.5).abs() < 0.2, "{quarter}");
        assert!(meter.history.len() <= 902);
    }

    #[test]
    fn rates_over_a_short_past_use_its_own_length() {
        let mut meter = Meter::default();
        meter.add(Duration::from_secs(100), 0);
        meter.add(Duration::from_secs(104), 400);
        assert_eq!(meter.rates(Duration::from_secs(104)), [100.0; 3]);
    }
}
