//! What an element costs as a trace doubles: a cost that grows linearly keeps its rows level.

use std::fmt::Write;
use std::hint::black_box;

use basalt_air::{
    Air, CallResult, CallResults, Input, Interpreter, Key, Outcome, Results, RunParams, SizeLimits,
    VerifiedSignatures,
};

use crate::{measure, memory};

/// One peer that runs a script and answers its own calls.
struct Peer {
    air: String,
    params: RunParams,
}

/// The inputs of one call.
#[derive(Default)]
struct Call {
    prev: Vec<u8>,
    current: Vec<u8>,
    results: Vec<u8>,
}

impl Peer {
    /// `air` gets the peer's id where it has a `P`.
    fn new(air: &str) -> Self {
        let key = Key::ed25519(&[7; 32]);
        let id = key.peer_id().expect("a good key");
        let params = RunParams {
            init_peer_id: id.clone(),
            current_peer_id: id.clone(),
            timestamp: 1_700_000_000_000,
            ttl: 120_000,
            key,
            particle_id: "scaling".into(),
            limits: SizeLimits::default(),
        };
        let air = air.replace('P', &format!("\"{id}\""));
        Peer { air, params }
    }

    fn run(&self, call: &Call) -> Outcome {
        let none = CallResults::new().encode();
        let results = if call.results.is_empty() {
            &none
        } else {
            &call.results
        };
        let input = Input {
            air: Air::Text(&self.air),
            prev_data: &call.prev,
            current_data: &call.current,
            params: &self.params,
            call_results: Results::Raw(results),
        };
        let outcome = Interpreter::default().run(input, &mut VerifiedSignatures::new(0));
        assert_eq!(outcome.ret_code, 0, "{}", outcome.error_message);
        outcome
    }

    /// Prints a row for one call.
    fn print(&self, name: &str, elements: usize, call: &Call) {
        let mut work = || {
            let outcome = self.run(call);
            black_box((outcome.call_requests_raw(), outcome.data));
        };
        let allocated = memory::allocated(&mut work);
        let times = measure(&mut work);
        let per_element = |total: f64| total / elements as f64;
        println!(
            "{name:<14} {elements:>6} {:>9.3} {:>8.2} {:>8.0}",
            per_element(times[times.len() / 2].as_secs_f64() * 1e6),
            per_element(allocated.count as f64),
            per_element(allocated.bytes as f64),
        );
    }
}

/// Prints all rows.
pub(super) fn print() {
    println!("call         elements  µs/elem. allocs/e.  bytes/e.");
    for elements in [1000, 2000, 4000, 8000, 16_000] {
        script(elements);
    }
    for levels in [1000, 4000, 16_000, 64_000] {
        nesting(levels);
    }
    for elements in [1000, 2000, 4000, 8000, 16_000] {
        fold(elements);
    }
    // A stream holds 1,023 values at most.
    for elements in [125, 250, 500, 1000] {
        stream(elements);
    }
}

/// A script of many calls for another peer.
fn script(elements: usize) {
    let mut air = String::new();
    for _ in 1..elements {
        air.push_str("(par ");
    }
    for index in 0..elements {
        let close = if index == 0 { "" } else { ")" };
        let _ = write!(
            air,
            "(call \"p\" (\"op\" \"id\") [{index}] x{index}){close} "
        );
    }
    Peer::new(&air).print("script", elements, &Call::default());
}

/// Instructions in instructions: what a level costs in heap, since it costs no stack.
fn nesting(levels: usize) {
    let (left, right) = ("(seq (null) ".repeat(levels), ")".repeat(levels));
    Peer::new(&format!("{left}(null){right}")).print("nesting", levels, &Call::default());
}

/// A fold that asks for each element, gets all results, and merges two equal traces.
fn fold(elements: usize) {
    let peer = Peer::new(
        "(seq (call P (\"op\" \"list\") [] all)
            (fold all i (par (call P (\"op\" \"id\") [i] x) (next i))))",
    );
    let requests = with_list(&peer, elements);
    peer.print("fold-requests", elements, &requests);
    let asked = peer.run(&requests);
    let answers: CallResults = asked
        .call_requests
        .iter()
        .map(|(id, request)| (*id, answer(request.arguments())))
        .collect();
    let results = Call {
        prev: asked.data,
        results: answers.encode(),
        ..Call::default()
    };
    peer.print("fold-results", elements, &results);
    let data = peer.run(&results).data;
    let merge = Call {
        prev: data.clone(),
        current: data,
        ..Call::default()
    };
    peer.print("fold-merge", elements, &merge);
}

/// A stream that is filled and made canonical, then merged with itself.
fn stream(elements: usize) {
    let peer = Peer::new(
        "(seq (call P (\"op\" \"list\") [] all)
            (seq (fold all i (seq (ap i $s) (next i))) (canon P $s #c)))",
    );
    let call = with_list(&peer, elements);
    peer.print("stream-canon", elements, &call);
    let data = peer.run(&call).data;
    let merge = Call {
        prev: data.clone(),
        current: data,
        ..Call::default()
    };
    peer.print("stream-merge", elements, &merge);
}

/// The call in which the list arrives.
fn with_list(peer: &Peer, elements: usize) -> Call {
    let asked = peer.run(&Call::default());
    let list: Vec<String> = (0..elements).map(|index| format!("\"{index}\"")).collect();
    let answers = [(1, answer(&format!("[{}]", list.join(","))))];
    Call {
        prev: asked.data,
        results: answers.into_iter().collect::<CallResults>().encode(),
        ..Call::default()
    }
}

fn answer(json: &str) -> CallResult {
    CallResult {
        ret_code: 0,
        result: json.into(),
    }
}
