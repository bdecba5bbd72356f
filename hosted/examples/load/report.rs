//! What a load took, as a table with a picture.

use std::fmt;
use std::time::Duration;

use crate::driver::Taken;

/// The percentiles that are told.
const PERCENTILES: [(&str, usize); 3] = [("p50", 50), ("p90", 90), ("p99", 99)];
/// Length of the longest bar.
const BAR: usize = 40;

/// One scenario at one pace.
pub(crate) struct Row {
    title: &'static str,
    in_flight: usize,
    count: usize,
    lost: usize,
    unsent: usize,
    took: Duration,
    /// What the nodes' processes ran.
    cpu: Option<Duration>,
    percentiles: [Duration; 3],
}

impl Row {
    /// What a run took; `cpu` is the time that the nodes' cores were busy.
    pub(crate) fn new(
        title: &'static str,
        in_flight: usize,
        taken: &Taken,
        cpu: Option<Duration>,
    ) -> Self {
        Self {
            title,
            in_flight,
            count: taken.latencies.len(),
            lost: taken.lost,
            unsent: taken.unsent,
            took: taken.took,
            cpu,
            percentiles: PERCENTILES.map(|(_, percent)| percentile(&taken.latencies, percent)),
        }
    }
}

/// The smallest value that `percent` of the ascending values do not exceed.
pub(crate) fn percentile(ascending: &[Duration], percent: usize) -> Duration {
    let rank = (ascending.len() * percent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |time: Duration| self.count as f64 / time.as_secs_f64().max(1e-9);
        write!(
            f,
            "{}, {} in flight: {} particles, {:.0} per second",
            self.title,
            self.in_flight,
            self.count,
            rate(self.took)
        )?;
        if let Some(cpu) = self.cpu {
            write!(f, ", {:.0} per second and core", rate(cpu))?;
        }
        if self.lost > 0 {
            write!(f, ", {} refused or too late", self.lost)?;
        }
        if self.unsent > 0 {
            write!(f, ", {} not sent for that", self.unsent)?;
        }
        writeln!(f)?;
        let longest = millis(self.percentiles[2]).max(1e-6);
        for ((name, _), time) in PERCENTILES.iter().zip(self.percentiles) {
            let length = (millis(time) / longest * BAR as f64).round() as usize;
            let bar = "█".repeat(length.clamp(1, BAR));
            writeln!(f, "  {name} {bar:<BAR$} {:9.2} ms", millis(time))?;
        }
        Ok(())
    }
}
