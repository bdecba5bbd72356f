//! Runs random scripts through the reference interpreter and ours: `differential [COUNT [SEED]]`.
//!
//! Needs node and an `npm install` in `tests/air-differential`; see the README there. Each step gives both
//! the same inputs; whose output the peers keep and pass on is drawn at random.

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use basalt_air::{
    Air, CallResults, Input, Interpreter, Key, Outcome, Results, RunParams, SizeLimits,
    VerifiedSignatures,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::decoded::decoded;
use support::scripts::{Random, Style, keys, script, serve};

/// The reference, as a process that answers line by line.
struct Reference {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Reference {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/air-differential");
        let mut child = Command::new("node")
            .arg("reference.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs reference.mjs");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Reference {
            child,
            input,
            output,
        }
    }

    fn run(&mut self, call: &Call<'_>, seed: &[u8; 32]) -> Value {
        let params = call.params;
        let request = json!({
            "air": call.air,
            "prev_data": STANDARD.encode(call.prev_data),
            "current_data": STANDARD.encode(call.current_data),
            "call_results": STANDARD.encode(call.results.encode()),
            "params": {
                "init_peer_id": params.init_peer_id,
                "current_peer_id": params.current_peer_id,
                "timestamp": params.timestamp,
                "ttl": params.ttl,
                "key_format": 0,
                "secret_key_bytes": STANDARD.encode(seed),
                "particle_id": params.particle_id,
                "air_size_limit": params.limits.air,
                "particle_size_limit": params.limits.particle,
                "call_result_size_limit": params.limits.call_result,
                "hard_limit_enabled": params.limits.hard,
            },
        });
        writeln!(self.input, "{request}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("an answer of the reference")
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Call<'a> {
    air: &'a str,
    prev_data: &'a [u8],
    current_data: &'a [u8],
    results: &'a CallResults,
    params: &'a RunParams,
}

fn ours(call: &Call<'_>) -> Outcome {
    let input = Input {
        air: Air::Text(call.air),
        prev_data: call.prev_data,
        current_data: call.current_data,
        params: call.params,
        call_results: Results::Typed(call.results),
    };
    Interpreter::default().run(input, &mut VerifiedSignatures::new(0))
}

/// What differs; empty if nothing does.
fn compare(ours: &Outcome, theirs: &Value) -> Vec<String> {
    if theirs["trap"].is_string() {
        let fine = ours.ret_code != 0;
        return (!fine)
            .then(|| "the reference crashed, we did not refuse".into())
            .into_iter()
            .collect();
    }
    let mut differences = Vec::new();
    let mut equal = |what: &str, left: Value, right: Value| {
        if left != right {
            differences.push(format!("{what}: ours {left} | theirs {right}"));
        }
    };
    equal("ret_code", ours.ret_code.into(), theirs["ret_code"].clone());
    if (10_000..20_000).contains(&ours.ret_code) {
        equal(
            "message",
            ours.error_message.clone().into(),
            theirs["error_message"].clone(),
        );
    }
    let data = STANDARD
        .decode(theirs["data"].as_str().unwrap_or_default())
        .unwrap();
    equal("data", decoded(&ours.data), decoded(&data));
    let sorted = |mut peers: Vec<String>| {
        peers.sort();
        json!(peers)
    };
    let peers = serde_json::from_value(theirs["next_peer_pks"].clone()).unwrap_or_default();
    equal(
        "next_peer_pks",
        sorted(ours.next_peer_pks.clone()),
        sorted(peers),
    );
    let requests = STANDARD
        .decode(theirs["call_requests"].as_str().unwrap_or_default())
        .unwrap();
    let raw = ours.call_requests_raw();
    equal(
        "length of call_requests",
        raw.len().into(),
        requests.len().into(),
    );
    for request in &ours.call_requests {
        // Their order is random: each of ours must be somewhere among theirs, byte by byte.
        let single = Outcome {
            call_requests: vec![request.clone()],
            ..Outcome::default()
        };
        let single = &single.call_requests_raw()[3..];
        let found = requests
            .windows(single.len())
            .any(|window| window == single);
        equal("a call request", found.into(), true.into());
    }
    differences
}

fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().expect("a number"));
    let (count, first) = (
        arguments.next().unwrap_or(100),
        arguments.next().unwrap_or(0),
    );
    let mut reference = Reference::start();
    let keys = keys();
    let ids: Vec<String> = keys.iter().map(|(id, _)| id.clone()).collect();
    let (mut calls, mut failed) = (0, 0);
    let mut codes: BTreeMap<i64, usize> = BTreeMap::new();
    for seed in first..first + count {
        let style = if seed % 4 == 0 {
            Style::Tame
        } else {
            Style::Wild
        };
        let air = script(seed, &ids, style);
        match drive(&mut reference, &air, &keys, seed, &mut calls, &mut codes) {
            Ok(()) => {}
            Err(difference) => {
                failed += 1;
                println!("seed {seed}: {difference}\n  {air}");
            }
        }
    }
    println!("{count} scripts, {calls} calls, {failed} with differences; codes {codes:?}");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn drive(
    reference: &mut Reference,
    air: &str,
    keys: &[(String, Key)],
    seed: u64,
    calls: &mut usize,
    codes: &mut BTreeMap<i64, usize>,
) -> Result<(), String> {
    let mut random = Random::new(seed + 77);
    let mut kept: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut messages = vec![(keys[0].0.clone(), Vec::new(), CallResults::new())];
    let mut left = 60;
    while !messages.is_empty() && left > 0 {
        left -= 1;
        let (peer, current_data, results) = messages.swap_remove(random.below(messages.len()));
        let Some(index) = keys.iter().position(|(id, _)| *id == peer) else {
            continue;
        };
        let (id, key) = &keys[index];
        let params = RunParams {
            init_peer_id: keys[0].0.clone(),
            current_peer_id: peer.clone(),
            timestamp: 1_700_000_000_000,
            ttl: 120_000,
            key: key.clone(),
            particle_id: format!("differential-{seed}"),
            limits: SizeLimits::default(),
        };
        let prev_data = kept.entry(id).or_default();
        let call = Call {
            air,
            prev_data,
            current_data: &current_data,
            results: &results,
            params: &params,
        };
        let outcome = ours(&call);
        let theirs = reference.run(&call, &[index as u8 + 1; 32]);
        *calls += 1;
        *codes.entry(outcome.ret_code).or_default() += 1;
        if let Some(difference) = compare(&outcome, &theirs).into_iter().next() {
            return Err(format!("call {calls}: {difference}"));
        }
        let data = match theirs["data"].as_str() {
            Some(data) if random.below(2) == 0 => STANDARD.decode(data).unwrap(),
            _ => outcome.data,
        };
        if random.below(6) == 0 && results.0.is_empty() {
            messages.push((peer.clone(), current_data.clone(), results.clone()));
        }
        for next in &outcome.next_peer_pks {
            messages.push((next.clone(), data.clone(), CallResults::new()));
        }
        for (id, request) in outcome.call_requests {
            let answer = serve(&request.function_name, &request.arguments);
            messages.push((
                peer.clone(),
                Vec::new(),
                [(id, answer)].into_iter().collect(),
            ));
        }
        // Now and then a peer hears of another's progress.
        if random.below(4) == 0 {
            let other = &keys[random.below(keys.len())].0;
            messages.push((other.clone(), data.clone(), CallResults::new()));
        }
        *prev_data = data;
    }
    Ok(())
}
