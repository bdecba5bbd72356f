//! How a row is measured; the benchmark and the reference's runner share this file, so that both
//! sides do the same.
//!
//! A row names modules and calls. Calls are warmed up, repeated for half a second, and the median
//! counts. What stays of a service is the growth of the process over a number of them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Time spent on the repetitions of a row.
const SPAN: Duration = Duration::from_millis(500);
/// Repetitions before the first that counts.
const WARM_UP: usize = 2;
/// What takes longer is measured once.
const LONG: Duration = Duration::from_secs(2);

/// A Marine host to be measured.
pub(crate) trait Subject {
    /// A running service.
    type Service;
    /// A service as it waits for its next call.
    type Idle;

    /// Creates the row's service; the modules' files are at hand.
    fn create(&mut self) -> Self::Service;

    /// Forgets everything but the modules' files.
    fn forget(&mut self);

    /// Lets a service wait.
    fn idle(&self, service: Self::Service) -> Self::Idle;

    /// Takes it up again.
    fn resume(&self, idle: Self::Idle) -> Self::Service;

    /// Calls a function of the facade.
    fn call(&mut self, service: &mut Self::Service, function: &str, args: Value) -> Value;
}

/// Nanoseconds or bytes of a row.
pub(crate) fn measure<S: Subject>(subject: &mut S, row: &Value) -> f64 {
    let count = row["count"].as_u64().unwrap_or(1) as usize;
    match row["kind"].as_str() {
        Some("creation") => repeat(|| time(|| subject.create())),
        Some("cold creation") => repeat(|| {
            subject.forget();
            time(|| subject.create())
        }),
        Some("wake") => {
            let service = subject.create();
            let mut idle = Some(subject.idle(service));
            repeat(|| {
                let rest = idle.take().expect("idle");
                let start = Instant::now();
                let service = subject.resume(rest);
                let taken = start.elapsed();
                idle = Some(subject.idle(service));
                taken
            })
        }
        Some("resident") => {
            let first = subject.create();
            let grown = growth(|| (0..count).map(|_| subject.create()).collect::<Vec<_>>());
            drop(first);
            grown / count as f64
        }
        Some("resident idle") => {
            // One after the other, as a node's services come and go.
            let first = subject.create();
            let grown = growth(|| {
                let mut idle = Vec::new();
                for _ in 0..count {
                    let service = subject.create();
                    idle.push(subject.idle(service));
                }
                idle
            });
            drop(first);
            grown / count as f64
        }
        _ => calls(subject, row),
    }
}

fn calls<S: Subject>(subject: &mut S, row: &Value) -> f64 {
    let list = |name: &str| row[name].as_array().cloned().unwrap_or_default();
    let mut service = subject.create();
    let mut results = HashMap::new();
    for call in list("once") {
        let args = resolve(&call[1], &results);
        let function = call[0].as_str().expect("function");
        if let Value::Object(fields) = subject.call(&mut service, function, args) {
            results.extend(fields);
        }
    }
    let calls: Vec<(String, Value)> = list("calls")
        .iter()
        .map(|call| {
            let function = call[0].as_str().expect("function").to_string();
            (function, resolve(&call[1], &results))
        })
        .collect();
    repeat(|| {
        // Hosts that take arguments by value get their own; making them is not part of the call.
        let owned = calls.clone();
        time(|| {
            for (function, args) in owned {
                subject.call(&mut service, &function, args);
            }
        })
    })
}

/// `$ref` is a field of an earlier result, `$bytes` and `$strings` are made up.
fn resolve(args: &Value, results: &HashMap<String, Value>) -> Value {
    match args {
        Value::Object(map) if map.contains_key("$ref") => {
            results[map["$ref"].as_str().expect("field")].clone()
        }
        Value::Object(map) if map.contains_key("$bytes") => {
            (0..map["$bytes"].as_u64().expect("count"))
                .map(|byte| json!(byte % 251))
                .collect()
        }
        Value::Object(map) if map.contains_key("$strings") => {
            (0..map["$strings"].as_u64().expect("count"))
                .map(|n| json!(format!("string number {n}")))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| resolve(item, results)).collect(),
        other => other.clone(),
    }
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let made = work();
    let taken = start.elapsed();
    drop(made);
    taken
}

/// Median of repetitions, in nanoseconds. Short ones are timed one by one all the same: a clock
/// read is 30 ns.
fn repeat(mut once: impl FnMut() -> Duration) -> f64 {
    let first = once();
    if first >= LONG {
        return first.as_nanos() as f64;
    }
    for _ in 1..WARM_UP {
        once();
    }
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < SPAN || times.len() < 3 {
        times.push(once().as_nanos() as f64);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Growth of this process' resident memory, in bytes, over what `work` makes.
fn growth<T>(work: impl FnOnce() -> T) -> f64 {
    let before = resident();
    let made = work();
    let grown = resident() - before;
    drop(made);
    grown
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}
