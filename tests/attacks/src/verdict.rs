//! What an attack did, and whether that is within the bounds.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::honest::Served;

/// How an honest client has to be served during an attack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The median, in times that of the quiet node.
    pub(crate) median: f64,
    /// What is added to it: the attack itself takes one of the cores.
    pub(crate) median_more: Duration,
    /// Of a hundred, 99.
    pub(crate) p99: Duration,
    /// The worst.
    pub(crate) worst: Duration,
}

impl Bounds {
    /// The bounds that are promised, for a machine that does nothing else.
    pub(crate) const FULL: Self = Self {
        median: 2.0,
        median_more: Duration::from_millis(2),
        p99: Duration::from_millis(100),
        worst: Duration::from_millis(500),
    };
    /// Those of the gate, which other work of the machine must not fail, nor a build without
    /// optimisation; a node that is silent for two seconds is still seen.
    pub(crate) const GATE: Self = Self {
        median: 4.0,
        median_more: Duration::from_millis(100),
        p99: Duration::from_millis(900),
        worst: Duration::from_millis(1_900),
    };
    /// Those of a machine that is emulated, at a tenth of the speed, beside other work.
    pub(crate) const EMULATED: Self = Self {
        median: 8.0,
        median_more: Duration::from_millis(500),
        p99: Duration::from_secs(6),
        worst: Duration::from_secs(10),
    };
}

/// What was measured of one attack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Bytes of memory before, and at most.
    pub(crate) memory: (usize, usize),
    /// Bytes that it may have taken more.
    pub(crate) budget: usize,
    /// What the node's threads ran.
    pub(crate) processor: Duration,
    /// What the node charged for it.
    pub(crate) charged: Duration,
    /// What honest clients saw of the quiet node.
    pub(crate) quiet: Served,
    /// What they saw during the attack.
    pub(crate) served: Served,
    /// What was refused, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
    /// What is wrong; nothing if the node has survived.
    pub(crate) wrong: Vec<String>,
    /// What else there is to tell.
    pub(crate) notes: Vec<String>,
}

impl Measured {
    /// Whether the node has survived.
    pub(crate) fn survived(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Compares what was measured with what may be.
    pub(crate) fn judge(&mut self, bounds: &Bounds, counted: &[&str]) {
        let more = self.memory.1.saturating_sub(self.memory.0);
        if more > self.budget {
            let (more, budget) = (more >> 20, self.budget >> 20);
            self.wrong
                .push(format!("{more} MiB more, the budget is {budget}"));
        }
        if self.served.lost > 0 {
            self.wrong
                .push(format!("{} honest particles were lost", self.served.lost));
        }
        // Each way to the node and back wakes somebody four times.
        let noise = 4 * self.served.noise.max(self.quiet.noise);
        let median = self.quiet.percentile(50).mul_f64(bounds.median) + bounds.median_more;
        for (name, took, most) in [
            ("the median", self.served.percentile(50), median),
            ("99 of 100", self.served.percentile(99), bounds.p99 + noise),
            ("the worst", self.served.worst(), bounds.worst + noise),
        ] {
            if took > most {
                let (took, most) = (millis(took), millis(most));
                self.wrong
                    .push(format!("{name} waited {took} ms, the bound is {most}"));
            }
        }
        let is_counted = |reason: &&str| self.refused.contains_key(*reason);
        if !counted.is_empty() && !counted.iter().any(is_counted) {
            self.wrong
                .push(format!("nothing is counted as {}", counted.join(" or ")));
        }
    }
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        0.0..10.0 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}

fn honest(served: &Served) -> String {
    let [median, p99] = [50, 99].map(|percent| millis(served.percentile(percent)));
    format!("{median}/{p99}/{} ms", millis(served.worst()))
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.survived() {
            true => "survived",
            false => "FAILED  ",
        };
        let (before, peak) = self.memory;
        write!(
            f,
            "{word} | peak {} MiB (quiet {}, budget {}) | cpu {:.2} s, charged {:.2} s | honest {} (quiet {}, \
             noise {} ms, {} particles)",
            peak >> 20,
            before >> 20,
            (before + self.budget) >> 20,
            self.processor.as_secs_f64(),
            self.charged.as_secs_f64(),
            honest(&self.served),
            honest(&self.quiet),
            millis(self.served.noise),
            self.served.count(),
        )?;
        if !self.refused.is_empty() {
            let refused = self.refused.iter();
            let refused: Vec<String> = refused
                .map(|(reason, times)| format!("{reason} {times}"))
                .collect();
            write!(f, " | refused {}", refused.join(", "))?;
        }
        for note in &self.notes {
            write!(f, " | {note}")?;
        }
        for wrong in &self.wrong {
            write!(f, "\n    {wrong}")?;
        }
        Ok(())
    }
}
