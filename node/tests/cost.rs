//! What a call of a built-in costs is what it is charged: for every function of the table, with
//! random arguments, the thread's processor time is at most three times what is charged, and the
//! memory that it takes at once stays within what a call may have.
//!
//! The prices are those of a release build, as in the interpreter's own test of this kind.

#[path = "../../air/tests/support/spent.rs"]
mod spent;

use std::sync::Arc;
use std::time::Duration;

use basalt_net::keypair::Keypair;
use basalt_net::particle::{Authored, Particle};
use basalt_net::time::Instant;
use basalt_node::actors::Node;
use basalt_node::builtins::table;
use basalt_node::host::{Alone, Clock, Host, Versions};
use basalt_node::limits::{Limits, ServiceLimits};
use basalt_node::rooms::Rooms;
use basalt_node::script::{CallRequest, Interpreter, Outcome, Run, Tetraplet};
use serde_json::{Map, Value, json};
use spent::{Spent, spend};

/// How many times as long as charged a call may take.
const FACTOR: f64 = 3.0;
/// What is shorter is noise, in seconds.
const FLOOR: f64 = 0.000_5;
/// Bytes that a call may take at once: its arguments as text, read, and the answer made of them.
const MOST: u64 = 160 << 20;
/// Random argument lists for each function.
const LISTS: u64 = 6;

/// Asks for one call in its first run.
struct Asks(Option<CallRequest>);

impl Interpreter for Asks {
    fn run(&mut self, _: Run<'_>) -> Outcome {
        Outcome {
            data: b"kept".to_vec(),
            requests: self.0.take().map(|call| (1, call)).into_iter().collect(),
            time: Duration::ZERO,
            ..Outcome::default()
        }
    }
}

fn clock() -> Clock {
    Clock {
        now: Instant::from_millis(1_000),
        wall_ms: 1_700_000_000_000,
    }
}

/// Makes a call in the host's name; what it took, and what was charged in seconds.
fn call(service: &str, function: &str, arguments: &str) -> (Spent, f64) {
    let key = Keypair::from_seed([1; 32]);
    let versions = Versions {
        node: String::new(),
        air: String::new(),
        spell: String::new(),
        services: Vec::new(),
    };
    let host = Host::new(key.clone(), None, versions);
    let rooms = Rooms::without_parts(host, ServiceLimits::default(), [9; 32]);
    let origins: [Vec<Tetraplet<'_>>; 0] = [];
    let request = CallRequest::new(service, function, arguments, &origins);
    let mut node = Node::new(rooms, Limits::default(), Asks(Some(request)));
    let mut authored = Authored {
        id: "p".into(),
        init_peer_id: key.peer_id(),
        timestamp: clock().wall_ms,
        ttl: 60_000,
        script: "(null)".into(),
        signature: Vec::new(),
    };
    authored.sign(&key);
    let particle = Particle::new(Arc::new(authored), &b""[..]);
    node.receive(clock(), particle).unwrap();
    let mut out = Vec::new();
    let (_, spent) = spend(|| node.step(clock(), &Alone, &mut out));
    (spent, node.charged() as f64 / 1e6)
}

/// A fixed sequence for each seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn size(&mut self, most: u32) -> usize {
        1 << self.below(most.into())
    }
}

fn value(random: &mut Random) -> Value {
    match random.below(9) {
        0 => json!(random.below(1 << 40)),
        1 => json!("~".repeat(random.size(21))),
        2 => json!("z".repeat(random.size(13))),
        3 => json!("1".repeat(random.size(13))),
        4 => (0..random.size(17)).map(|n| json!(n % 256)).collect(),
        5 => (0..random.size(15)).map(|n| json!(n.to_string())).collect(),
        6 => {
            let entry = |n: usize| (format!("key {n}"), json!(n as f64 / 3.0));
            Value::Object((0..random.size(14)).map(entry).collect::<Map<_, _>>())
        }
        7 => (0..random.size(7)).fold(json!(true), |inner, _| json!([inner])),
        _ => Value::String(json!((0..random.size(15)).collect::<Vec<_>>()).to_string()),
    }
}

fn arguments(seed: u64) -> String {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let list: Vec<Value> = (0..random.below(5)).map(|_| value(&mut random)).collect();
    Value::Array(list).to_string()
}

/// How much longer everything takes here than in a release build on the machine of the prices.
fn slowness() -> f64 {
    let numbers: Vec<u32> = (0..50_000).collect();
    let arguments = json!([numbers]).to_string();
    let ratios = (0..5).map(|_| {
        let (spent, charged) = call("op", "identity", &arguments);
        spent.processor / charged
    });
    ratios.fold(f64::INFINITY, f64::min).max(1.0)
}

#[test]
fn calls_take_what_they_are_charged() {
    let slowness = slowness();
    let mut wrong = Vec::new();
    for (index, row) in table().enumerate() {
        for list in 0..LISTS {
            let arguments = arguments(index as u64 * LISTS + list + 1);
            let mut best = f64::INFINITY;
            let mut held = 0;
            // Other threads and the machine's neighbours only add to it.
            for _ in 0..8 {
                let (spent, charged) = call(row.service, row.function, &arguments);
                best = best.min(spent.processor / charged.max(FLOOR));
                held = spent.held;
                if best <= FACTOR * slowness {
                    break;
                }
            }
            if best > FACTOR * slowness || held > MOST {
                wrong.push(format!(
                    "{}.{} with {} bytes ({:.60}..): {best:.1} times what is charged, {held} bytes",
                    row.service,
                    row.function,
                    arguments.len(),
                    arguments,
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{slowness:.2}\n{}", wrong.join("\n"));
}

#[test]
fn arguments_that_would_take_too_much_are_not_read() {
    let many = format!("[{}0]", "0,".repeat(300_000));
    let text = json!([many]).to_string();
    let many = format!("[{many}]");
    let long = format!("[\"{}\"]", "x".repeat(49 << 20));
    for (service, function, arguments) in [
        ("op", "identity", &many),
        ("op", "identity", &long),
        ("json", "parse", &text),
    ] {
        let (spent, _) = call(service, function, arguments);
        assert!(spent.held < 1 << 20, "{function}: {} bytes", spent.held);
    }
    // What is in a text are no values.
    let (spent, _) = call("op", "identity", &text);
    assert!(spent.held > 1 << 20, "{} bytes", spent.held);
}
