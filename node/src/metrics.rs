//! Distributions of what happens, for the operator's page: histograms with the bounds and names of
//! the network's nodes (protocol description, section 13).

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// Bounds of times in seconds.
pub(crate) const SECONDS: &[f64] = &[
    0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 7.0, 15.0, 30.0, 60.0, 120.0,
];
/// The same in milliseconds.
pub(crate) const MILLISECONDS: &[f64] = &[
    0.1, 1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2e3, 4e3, 7e3, 15e3, 30e3, 60e3, 120e3,
];
/// Sizes of particles in bytes.
const SIZES: &[f64] = &[1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
/// Memory in bytes: from a page of WebAssembly to all that it can address.
const MEMORY: &[f64] = &[
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
    4_294_967_296.0,
];
/// Numbers of modules.
const MODULES: &[f64] = &[1.0, 2.0, 3.0, 4.0, 8.0, 16.0, 32.0];
/// Periods of spells in seconds.
const PERIODS: &[f64] = &[1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0];

/// A distribution: how many values are not above each bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    bounds: &'static [f64],
    /// Values in each interval; the last one is for those above all bounds.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    pub(crate) fn new(bounds: &'static [f64]) -> Histogram {
        Histogram {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    /// Counts a value.
    pub(crate) fn observe(&mut self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place] += 1;
        self.sum += value;
    }

    /// Counts a time, in seconds.
    pub(crate) fn time(&mut self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    /// Counts a time, in milliseconds.
    pub(crate) fn milliseconds(&mut self, time: Duration) {
        self.observe(time.as_secs_f64() * 1e3);
    }

    /// Each bound with the number of values up to it.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let mut sum = 0;
        bounds.zip(&self.counts).map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        })
    }

    /// Sum of all values.
    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    /// Number of all values.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// All distributions of a node.
pub(crate) struct Meters {
    /// Sizes of particles that came in, in bytes.
    pub(crate) particle_sizes: Histogram,
    /// Seconds of a turn of a particle: the run, its calls answered, the particle handed on.
    pub(crate) interpretation: Histogram,
    /// Seconds of a run of the interpreter alone.
    pub(crate) avm_call: Histogram,
    /// Seconds of built-in functions, as far as they are answered at once.
    pub(crate) builtin_call: Histogram,
    /// Seconds of calls of services, without waiting.
    pub(crate) service_call: Histogram,
    /// The same in milliseconds.
    pub(crate) service_call_msec: Histogram,
    /// Seconds that calls wait for their service and its core.
    pub(crate) lock_wait: Histogram,
    /// Milliseconds from the wish for a service to its being there.
    pub(crate) creation: Histogram,
    /// Milliseconds of removals.
    pub(crate) removal: Histogram,
    /// Services created.
    pub(crate) created: u64,
    /// Services removed.
    pub(crate) removed: u64,
    /// Services that could not be created.
    pub(crate) creation_failures: u64,
    /// Modules of created services.
    pub(crate) modules: Histogram,
    /// Bytes that a service may have.
    pub(crate) memory_max: Histogram,
    /// Bytes of services after their calls.
    pub(crate) memory: Histogram,
    /// Bytes of modules after calls of their services.
    pub(crate) module_memory: Histogram,
    /// Seconds between runs of spells that run by the clock, at their subscription.
    pub(crate) periods: Histogram,
}

impl Default for Meters {
    fn default() -> Meters {
        Meters {
            particle_sizes: Histogram::new(SIZES),
            interpretation: Histogram::new(SECONDS),
            avm_call: Histogram::new(SECONDS),
            builtin_call: Histogram::new(SECONDS),
            service_call: Histogram::new(SECONDS),
            service_call_msec: Histogram::new(MILLISECONDS),
            lock_wait: Histogram::new(SECONDS),
            creation: Histogram::new(MILLISECONDS),
            removal: Histogram::new(MILLISECONDS),
            created: 0,
            removed: 0,
            creation_failures: 0,
            modules: Histogram::new(MODULES),
            memory_max: Histogram::new(MEMORY),
            memory: Histogram::new(MEMORY),
            module_memory: Histogram::new(MEMORY),
            periods: Histogram::new(PERIODS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_for_its_own_bound_and_all_above() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 7.0] {
            histogram.observe(value);
        }
        let buckets: Vec<(f64, u64)> = histogram.buckets().collect();
        assert_eq!(buckets, [(1.0, 2), (2.0, 3), (f64::INFINITY, 4)]);
        assert_eq!((histogram.sum(), histogram.count()), (10.0, 4));
    }
}
