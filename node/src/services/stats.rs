//! What calls of a service took, as `stat.service_stat` tells it.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use core::time::Duration;

use serde_json::{Value, json};

/// Calls whose numbers are kept one by one.
const SERIES: usize = 5;

/// Numbers of one function, or of all.
#[derive(Default)]
struct Numbers {
    succeeded: u64,
    failed: u64,
    /// Growth of memory, seconds, and the time of the last calls.
    last: VecDeque<(f64, f64, u64)>,
    growth: f64,
    seconds: f64,
}

impl Numbers {
    fn add(&mut self, failed: bool, growth: f64, seconds: f64, timestamp: u64) {
        match failed {
            true => self.failed += 1,
            false => self.succeeded += 1,
        }
        if self.last.len() == SERIES {
            self.last.pop_front();
        }
        self.last.push_back((growth, seconds, timestamp));
        self.growth += growth;
        self.seconds += seconds;
    }

    fn value(&self) -> Value {
        let calls = (self.succeeded + self.failed).max(1) as f64;
        let series = |total: f64, pick: fn(&(f64, f64, u64)) -> f64| {
            let series: Value = self.last.iter().map(pick).collect();
            json!({ "series": series, "total": total, "avg": total / calls })
        };
        let timestamps: Value = self.last.iter().map(|last| last.2).collect();
        json!({
            "success_req_count": self.succeeded,
            "failed_req_count": self.failed,
            "memory_deltas_bytes": series(self.growth, |last| last.0),
            "call_time_sec": series(self.seconds, |last| last.1),
            "timestamps": timestamps,
        })
    }
}

/// Numbers of a service.
#[derive(Default)]
pub(crate) struct Stats {
    total: Numbers,
    functions: BTreeMap<String, Numbers>,
}

impl Stats {
    /// Counts a call. Functions that the service does not have are not told apart, so that names
    /// made up by callers take no room.
    pub(crate) fn add(
        &mut self,
        function: Option<&str>,
        failed: bool,
        growth: u64,
        time: Duration,
        timestamp: u64,
    ) {
        let (growth, seconds) = (growth as f64, time.as_secs_f64());
        self.total.add(failed, growth, seconds, timestamp);
        if let Some(function) = function {
            if !self.functions.contains_key(function) {
                self.functions.insert(function.into(), Numbers::default());
            }
            if let Some(numbers) = self.functions.get_mut(function) {
                numbers.add(failed, growth, seconds, timestamp);
            }
        }
    }

    /// As scripts see it.
    pub(crate) fn value(&self) -> Value {
        let functions = self
            .functions
            .iter()
            .map(|(name, numbers)| json!({ "name": name, "stats": numbers.value() }));
        json!({
            "total_stats": self.total.value(),
            "functions_stats": functions.collect::<Value>(),
        })
    }
}
