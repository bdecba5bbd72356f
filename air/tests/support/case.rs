//! A recorded case: steps of interpreter calls with what the reference answered.
//!
//! It needs of `std` only what `alloc` has: `basalt-vectors` has it on bare metal too.

use std::borrow::ToOwned;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use basalt_air::{
    Air, Input, Interpreter, Key, Outcome, Results, RunParams, SizeLimits, VerifiedSignatures,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::decoded::decoded;

/// One call's inputs.
pub struct Step {
    pub air: String,
    pub prev_data: Vec<u8>,
    pub current_data: Vec<u8>,
    pub call_results: Vec<u8>,
    pub params: RunParams,
}

impl Step {
    /// Reads a step's inputs.
    pub fn read(air: &str, step: &Value) -> Step {
        Step {
            air: air.to_owned(),
            prev_data: bytes(&step["prev_data"]),
            current_data: bytes(&step["current_data"]),
            call_results: bytes(&step["call_results_raw"]),
            params: params(&step["params"]),
        }
    }

    pub fn run(&self, interpreter: &Interpreter, verified: &mut VerifiedSignatures) -> Outcome {
        let input = Input {
            air: Air::Text(&self.air),
            prev_data: &self.prev_data,
            current_data: &self.current_data,
            params: &self.params,
            call_results: Results::Raw(&self.call_results),
        };
        interpreter.run(input, verified)
    }
}

pub fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn params(value: &Value) -> RunParams {
    let text = |name: &str| value[name].as_str().unwrap().to_owned();
    let number = |name: &str| value[name].as_u64().unwrap();
    RunParams {
        init_peer_id: text("init_peer_id"),
        current_peer_id: text("current_peer_id"),
        timestamp: number("timestamp"),
        ttl: number("ttl") as u32,
        key: Key::new(
            number("key_format") as u8,
            &bytes(&value["secret_key_bytes"]),
        ),
        particle_id: text("particle_id"),
        limits: SizeLimits {
            own: u64::MAX,
            air: number("air_size_limit"),
            particle: number("particle_size_limit"),
            call_result: number("call_result_size_limit"),
            hard: value["hard_limit_enabled"].as_bool().unwrap(),
        },
    }
}

/// How the steps of a case are fed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Each step with its recorded inputs.
    Alone,
    /// Recorded data is replaced by our own output where one is known for it.
    Chained,
}

/// Runs a case; none if it is no case, else a line for each difference.
pub fn check(case: &Value, mode: Mode) -> Option<Vec<String>> {
    let air = case["air"].as_str()?;
    let steps = case["steps"].as_array()?;
    let interpreter = Interpreter::default();
    let mut verified = VerifiedSignatures::new(0);
    let mut replaced: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut failures = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let mut inputs = Step::read(air, step);
        if mode == Mode::Chained {
            for data in [&mut inputs.prev_data, &mut inputs.current_data] {
                if let Some(ours) = replaced.get(data) {
                    *data = ours.clone();
                }
            }
        }
        let outcome = inputs.run(&interpreter, &mut verified);
        let expected = &step["expected"];
        compare(&inputs, &outcome, expected, &mut |what| {
            failures.push(format!("step {index} ({mode:?}): {what}"));
        });
        if let Some(data) = expected["data"].as_str() {
            let recorded = STANDARD.decode(data).unwrap();
            if !recorded.is_empty() && expected["data_is_prev"] != true {
                replaced.insert(recorded, outcome.data);
            }
        }
    }
    Some(failures)
}

fn compare(inputs: &Step, outcome: &Outcome, expected: &Value, fail: &mut dyn FnMut(String)) {
    if expected["panic"] == true {
        if outcome.ret_code == 0 || outcome.data != inputs.prev_data {
            fail(format!(
                "the reference crashes here, we return {}",
                outcome.ret_code
            ));
        }
        return;
    }
    let mut equal = |what: &str, ours: Value, theirs: &Value| {
        if ours != *theirs {
            fail(format!("{what}: {}", difference(&ours, theirs)));
        }
    };
    equal("ret_code", outcome.ret_code.into(), &expected["ret_code"]);
    let exact = expected["error_message_compare"] == "exact";
    if exact || outcome.error_message.is_empty() != (expected["error_message"] == "") {
        equal(
            "error_message",
            outcome.error_message.clone().into(),
            &expected["error_message"],
        );
    }
    if expected["data_is_prev"] == true {
        equal(
            "data is prev",
            (outcome.data == inputs.prev_data).into(),
            &json!(true),
        );
    } else {
        let mut theirs = expected["data_decoded"].clone();
        if let Some(theirs) = theirs.as_object_mut() {
            theirs.remove("versions");
        }
        equal("data", decoded(&outcome.data), &theirs);
    }
    let mut next_peers = outcome.next_peer_pks.clone();
    next_peers.sort();
    equal(
        "next_peer_pks",
        next_peers.into(),
        &expected["next_peer_pks"],
    );
    for (name, flag) in [
        ("air_size_limit_exceeded", outcome.air_size_limit_exceeded),
        (
            "particle_size_limit_exceeded",
            outcome.particle_size_limit_exceeded,
        ),
        (
            "call_result_size_limit_exceeded",
            outcome.call_result_size_limit_exceeded,
        ),
    ] {
        equal(name, flag.into(), &expected[name]);
    }
    equal(
        "call_requests",
        requests(outcome),
        &expected["call_requests"],
    );
    if outcome.call_requests.len() < 2 {
        let raw = STANDARD.encode(outcome.call_requests_raw());
        equal(
            "call_requests_raw",
            raw.into(),
            &expected["call_requests_raw"],
        );
    }
}

fn requests(outcome: &Outcome) -> Value {
    let requests: BTreeMap<String, Value> = outcome
        .call_requests
        .iter()
        .map(|(id, request)| {
            let tetraplets: Vec<Vec<Value>> = request
                .tetraplets()
                .map(|argument| {
                    let object = |tetraplet: basalt_air::data::Tetraplet<'_>| {
                        json!({
                            "peer_pk": tetraplet.peer_pk,
                            "service_id": tetraplet.service_id,
                            "function_name": tetraplet.function_name,
                            "lens": tetraplet.lens,
                        })
                    };
                    argument.map(object).collect()
                })
                .collect();
            let request = json!({
                "service_id": request.service_id(),
                "function_name": request.function_name(),
                "arguments": request.argument_values().unwrap(),
                "tetraplets": tetraplets,
                "arguments_raw": STANDARD.encode(request.arguments_raw()),
                "tetraplets_raw": STANDARD.encode(request.tetraplets_raw()),
            });
            (id.to_string(), request)
        })
        .collect();
    json!(requests)
}

/// The first place where two values differ, in words.
fn difference(ours: &Value, theirs: &Value) -> String {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                match right.get(key) {
                    None => return format!("{key}: only ours"),
                    Some(other) if other != value => {
                        return format!("{key}: {}", difference(value, other));
                    }
                    Some(_) => {}
                }
            }
            let missing = right.keys().find(|key| !left.contains_key(*key));
            format!("{}: only theirs", missing.map_or("?", |key| key))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let at = left
                .iter()
                .zip(right)
                .position(|(left, right)| left != right)
                .unwrap_or(0);
            format!("[{at}]: {}", difference(&left[at], &right[at]))
        }
        _ => {
            let short = |value: &Value| value.to_string().chars().take(600).collect::<String>();
            format!("ours {} | theirs {}", short(ours), short(theirs))
        }
    }
}
