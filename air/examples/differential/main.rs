//! Runs random scripts through the reference interpreter and ours:
//! `cargo run --release -p basalt-air --example differential -- --help`.

mod hostile;
mod reference;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;

use basalt_air::{
    Air, CallResults, Input, Interpreter, Key, Outcome, Results, RunParams, SizeLimits,
    VerifiedSignatures, code,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use hostile::damage;
use reference::{Call, Reference};
use serde_json::{Value, json};
use support::constructs;
use support::decoded::decoded;
use support::scripts::{Random, keys, script, serve, style};

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

/// Runs random scripts through the reference interpreter and ours, and compares each call.
///
/// Needs Node.js, and the reference in `tests/air-differential`; see the README there. Each step
/// gives both the same inputs; whose output the peers keep and pass on is drawn at random. A script
/// that shows a difference is printed with its seed, and then as small as it gets. At the end it
/// says what was compared, and which constructs and codes were met. It fails if anything differed.
#[derive(Debug, Parser)]
struct Cli {
    /// How many scripts
    #[arg(default_value_t = 100)]
    count: u64,
    /// The seed of the first script; the others have the numbers behind it
    #[arg(default_value_t = 0)]
    seed: u64,
    /// Also take each step with damaged data
    #[arg(long)]
    hostile: bool,
    /// Print each script before it runs
    #[arg(long)]
    print: bool,
}

fn main() -> ExitCode {
    let Cli {
        count,
        seed: first,
        hostile,
        print,
    } = Cli::parse();
    let reference = match Reference::start() {
        Ok(reference) => reference,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    let mut session = Session {
        reference,
        keys: keys(),
        hostile,
        calls: 0,
        stopped: 0,
        random: 0,
        codes: BTreeMap::new(),
    };
    let ids: Vec<String> = session.keys.iter().map(|(id, _)| id.clone()).collect();
    let mut failed = 0;
    let mut met: BTreeMap<&str, u64> = constructs::all().map(|name| (name, 0)).collect();
    for seed in first..first.saturating_add(count) {
        let air = script(seed, &ids, style(seed));
        if print {
            println!("seed {seed}: {air}");
        }
        for construct in constructs::of(&air) {
            *met.entry(construct).or_default() += 1;
        }
        if let Err(difference) = session.drive(&air, seed) {
            failed += 1;
            println!("seed {seed}: {difference}\n  {air}");
            let (air, difference) = session.shrink(air, difference, seed);
            println!("  smallest: {difference}\n  {air}");
        }
        let done = seed - first + 1;
        if done % 1_000 == 0 {
            eprintln!(
                "{done} scripts, {} calls, {failed} with differences",
                session.calls
            );
        }
    }
    let Session {
        calls,
        codes,
        stopped,
        random,
        reference,
        ..
    } = session;
    println!(
        "{count} scripts, {calls} calls compared, {failed} scripts with differences; {stopped} calls \
         stopped at our ceiling, {} given up by the reference's, {random} that it answers at \
         random; codes {codes:?}",
        reference.given_up
    );
    println!("scripts with each instruction and construct:");
    for (construct, count) in met {
        println!("  {count:>8} {construct}");
    }
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Where the pairs of parentheses stand, outermost first.
fn groups(text: &str) -> Vec<(usize, usize)> {
    let (mut open, mut groups) = (Vec::new(), Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open.push(at),
            b')' => groups.extend(open.pop().map(|start| (start, at))),
            _ => {}
        }
    }
    groups.sort_unstable();
    groups
}

/// How often the reference is asked again when it differs.
const REPEATS: usize = 12;

struct Session {
    reference: Reference,
    keys: Vec<(String, Key)>,
    /// Whether each step is also taken with damaged data.
    hostile: bool,
    /// Calls that were compared.
    calls: usize,
    /// Calls that ours stopped at its ceiling.
    stopped: usize,
    /// Calls that the reference answers now so, now so, once like ours.
    random: usize,
    /// How often each code was met.
    codes: BTreeMap<i64, usize>,
}

impl Session {
    /// Runs a step in both; whatever differs is an error.
    fn step(&mut self, call: &Call<'_>, seed: &[u8; 32]) -> Result<(Outcome, Value), String> {
        let outcome = ours(call);
        // Where ours stops at its ceiling, the reference goes on for seconds, to an error of its
        // own. Nothing is compared then.
        let theirs = match outcome.ret_code {
            code::BUDGET => None,
            _ => self.reference.run(call, seed),
        };
        let Some(theirs) = theirs else {
            self.stopped += usize::from(outcome.ret_code == code::BUDGET);
            return Ok((outcome, Value::Null));
        };
        self.calls += 1;
        *self.codes.entry(outcome.ret_code).or_default() += 1;
        let Some(difference) = compare(&outcome, &theirs).into_iter().next() else {
            return Ok((outcome, theirs));
        };
        // Of two map keys with one text, the reference puts the one or the other into an object,
        // at random. Ours has to be an answer that the reference gives too.
        for _ in 0..REPEATS {
            match self.reference.run(call, seed) {
                Some(theirs) if compare(&outcome, &theirs).is_empty() => {
                    self.random += 1;
                    return Ok((outcome, theirs));
                }
                _ => {}
            }
        }
        Err(format!("call {}: {difference}", self.calls))
    }

    /// Takes a step with damaged data, whose outcome nobody keeps.
    fn damaged(
        &mut self,
        call: &Call<'_>,
        seed: &[u8; 32],
        random: &mut Random,
    ) -> Result<(), String> {
        let previous = random.below(3) > 0;
        let blob = if previous {
            call.prev_data
        } else {
            call.current_data
        };
        let Some((what, blob)) = damage(blob, random) else {
            return Ok(());
        };
        let call = match previous {
            true => Call {
                prev_data: &blob,
                ..*call
            },
            false => Call {
                current_data: &blob,
                ..*call
            },
        };
        let which = if previous { "previous" } else { "current" };
        self.step(&call, seed)
            .map(drop)
            .map_err(|difference| format!("{difference}; in {which} data: {what}"))
    }

    /// Makes a script smaller as long as something differs: instructions become `(null)` or one of
    /// their own children.
    fn shrink(&mut self, air: String, difference: String, seed: u64) -> (String, String) {
        let (mut best, mut why) = (air, difference);
        while let Some((smaller, difference)) = self.smaller(&best, seed) {
            (best, why) = (smaller, difference);
        }
        (best, why)
    }

    fn smaller(&mut self, air: &str, seed: u64) -> Option<(String, String)> {
        for (start, end) in groups(air) {
            let inside = &air[start + 1..end];
            let children = groups(inside)
                .into_iter()
                .map(|(from, to)| &inside[from..=to]);
            for part in ["(null)"].into_iter().chain(children) {
                let smaller = [&air[..start], part, &air[end + 1..]].concat();
                if smaller.len() < air.len()
                    && let Err(difference) = self.drive(&smaller, seed)
                {
                    return Some((smaller, difference));
                }
            }
        }
        None
    }

    /// Runs a script to its end, in random order, with repeated and superfluous deliveries.
    fn drive(&mut self, air: &str, seed: u64) -> Result<(), String> {
        let keys = self.keys.clone();
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
            let secret = [index as u8 + 1; 32];
            if self.hostile {
                self.damaged(&call, &secret, &mut random)?;
            }
            let (outcome, theirs) = self.step(&call, &secret)?;
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
            let mut answers = CallResults::new();
            for (id, request) in outcome.call_requests {
                let answer = serve(request.function_name(), request.arguments());
                answers.0.insert(id, answer);
                // A host answers one by one, or several at once, or what nobody asked for.
                if random.below(3) > 0 {
                    let given = core::mem::take(&mut answers);
                    messages.push((peer.clone(), Vec::new(), given));
                }
            }
            if !answers.0.is_empty() {
                if random.below(20) == 0 {
                    answers.0.insert(1_000_000, serve("empty", ""));
                }
                let beside = match random.below(3) {
                    0 => data.clone(),
                    _ => Vec::new(),
                };
                messages.push((peer.clone(), beside, answers));
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
}
