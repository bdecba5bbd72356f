//! Recorded runs with mutated traces: merging refuses or goes on, and what it writes can be read.
//!
//! Input: the number of a recorded step, then instructions that change the trace of its data.

use std::cell::RefCell;
use std::sync::LazyLock;

use basalt_air::data::{
    CallResult, CanonState, Cid, Data, Envelope, Lore, Sender, State, SubTrace, ValueRef,
};
use basalt_air::{
    Air, Config, Input, Interpreter, Key, Results, RunParams, SizeLimits, VerifiedSignatures, code,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bumpalo::Bump;
use serde_json::Value;

const CASES: [&str; 12] = [
    include_str!("../../tests/vectors/cases/034-par-both-join-dup.json"),
    include_str!("../../tests/vectors/cases/108-ap-map-two-peers.json"),
    include_str!("../../tests/vectors/cases/112-canon-order-by-merge.json"),
    include_str!("../../tests/vectors/cases/129-canon-map-to-scalar-remote.json"),
    include_str!("../../tests/vectors/cases/142-new-stream-multi-hop.json"),
    include_str!("../../tests/vectors/cases/170-fold-canon-par-remote.json"),
    include_str!("../../tests/vectors/cases/176-fold-stream-never-last.json"),
    include_str!("../../tests/vectors/cases/180-fold-stream-par-remote.json"),
    include_str!("../../tests/vectors/cases/182-fold-stream-grows-lifo.json"),
    include_str!("../../tests/vectors/cases/184-fold-stream-recursive-two-peers.json"),
    include_str!("../../tests/vectors/cases/187-fold-stream-nested.json"),
    include_str!("../../tests/vectors/cases/345-trace-fold-ok.json"),
];

struct Step {
    air: String,
    prev_data: Vec<u8>,
    current_data: Vec<u8>,
    call_results: Vec<u8>,
    params: RunParams,
}

static STEPS: LazyLock<Vec<Step>> = LazyLock::new(|| {
    let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let mut steps = Vec::new();
    for case in CASES {
        let case: Value = serde_json::from_str(case).unwrap();
        for step in case["steps"].as_array().unwrap() {
            let params = &step["params"];
            let text = |name: &str| params[name].as_str().unwrap().to_owned();
            steps.push(Step {
                air: case["air"].as_str().unwrap().to_owned(),
                prev_data: bytes(&step["prev_data"]),
                current_data: bytes(&step["current_data"]),
                call_results: bytes(&step["call_results_raw"]),
                params: RunParams {
                    init_peer_id: text("init_peer_id"),
                    current_peer_id: text("current_peer_id"),
                    timestamp: 1,
                    ttl: 1,
                    key: Key::new(0, &bytes(&params["secret_key_bytes"])),
                    particle_id: text("particle_id"),
                    limits: SizeLimits::default(),
                },
            });
        }
    }
    steps
});

thread_local! {
    /// Kept from input to input: checks of signatures would else take most of the time.
    static VERIFIED: RefCell<VerifiedSignatures> = RefCell::new(VerifiedSignatures::new(4096));
}

/// Runs a recorded step over mutated data, then runs once more over the result.
pub fn check(data: &[u8]) {
    VERIFIED.with_borrow_mut(|verified| check_with(data, verified));
}

fn check_with(data: &[u8], verified: &mut VerifiedSignatures) {
    let mut tape = Tape(data);
    let Some(choice) = tape.u16() else { return };
    let step = &STEPS[usize::from(choice) % STEPS.len()];
    let swap = tape.u8().unwrap_or(0);
    let (prev_data, current_data) = match swap % 4 {
        0 => (
            mutate(&step.prev_data, &mut tape),
            step.current_data.clone(),
        ),
        1 => (
            mutate(&step.current_data, &mut tape),
            step.current_data.clone(),
        ),
        2 => (mutate(&step.current_data, &mut tape), Vec::new()),
        _ => (
            step.prev_data.clone(),
            mutate(&step.current_data, &mut tape),
        ),
    };
    let config = Config {
        max_time: 20_000,
        ..Config::default()
    };
    let interpreter = Interpreter::new(config);
    let input = Input {
        air: Air::Text(&step.air),
        prev_data: &prev_data,
        current_data: &current_data,
        params: &step.params,
        call_results: Results::Raw(&step.call_results),
    };
    let outcome = interpreter.run(input, verified);
    if outcome.data == prev_data || outcome.ret_code == code::GENERATION_COMPACTION {
        return;
    }
    let again = Input {
        prev_data: &outcome.data,
        current_data: &[],
        call_results: Results::Raw(&[0x81, 0x04, 0x80]),
        ..input
    };
    let again = interpreter.run(again, verified);
    // Hostile previous data may leave a peer without its key (9), but never stores or bytes in
    // disorder.
    assert!(
        !matches!(again.ret_code, 1..=8 | 10),
        "{} {}",
        again.ret_code,
        again.error_message
    );
}

struct Tape<'d>(&'d [u8]);

impl Tape<'_> {
    fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from(self.u8()?) << 8 | u16::from(self.u8()?))
    }

    /// Mostly small, sometimes at the edge.
    fn number(&mut self) -> u32 {
        match self.u8().unwrap_or(0) {
            255 => u32::MAX,
            254 => u32::MAX / 2,
            253 => 1 << 20,
            small => small.into(),
        }
    }
}

fn mutate(blob: &[u8], tape: &mut Tape<'_>) -> Vec<u8> {
    let arena = Bump::new();
    let mut data = match Envelope::decode(blob) {
        Ok(envelope) => Data::decode(envelope.inner_data, &arena, 0).expect("a recorded body"),
        Err(_) => Data::default(),
    };
    while let Some(action) = tape.u8() {
        let at = usize::from(tape.u8().unwrap_or(0));
        let at = at.min(data.trace.len());
        match action % 6 {
            0 if at < data.trace.len() => {
                data.trace.remove(at);
            }
            1 if at < data.trace.len() => {
                let state = data.trace[at];
                data.trace.push(state);
            }
            2 if at < data.trace.len() => {
                let other = tape.number() as usize % data.trace.len();
                data.trace.swap(at, other);
            }
            3 => data.trace.truncate(at),
            4 if at < data.trace.len() => {
                let state = data.trace[at];
                data.trace[at] = change(state, tape, &arena);
            }
            _ => {
                let state = state(&data, tape, &arena);
                data.trace.insert(at, state);
            }
        }
    }
    data.encode(0)
}

/// Another state of the same kind.
fn change<'a>(state: State<'a>, tape: &mut Tape<'_>, arena: &'a Bump) -> State<'a> {
    match state {
        State::Par { left, right } => match tape.u8().unwrap_or(0) % 3 {
            0 => State::Par {
                left: tape.number(),
                right,
            },
            1 => State::Par {
                left,
                right: tape.number(),
            },
            _ => State::Par {
                left: right,
                right: left,
            },
        },
        State::Ap { .. } => State::Ap {
            generations: arena.alloc_slice_copy(&[tape.number()]),
        },
        State::Call(CallResult::Executed(ValueRef::Stream { cid, .. })) => {
            let generation = tape.number();
            State::Call(CallResult::Executed(ValueRef::Stream { cid, generation }))
        }
        State::Fold { lore } if !lore.is_empty() => {
            let mut lore = lore.to_vec();
            let at = tape.number() as usize % lore.len();
            lore[at] = self::lore(tape, arena);
            State::Fold {
                lore: arena.alloc_slice_copy(&lore),
            }
        }
        state => state,
    }
}

fn lore<'a>(tape: &mut Tape<'_>, arena: &'a Bump) -> Lore<'a> {
    let piece = |tape: &mut Tape<'_>| SubTrace {
        begin: tape.number(),
        len: tape.number(),
    };
    let value_pos = tape.number();
    Lore {
        value_pos,
        subtraces: arena.alloc_slice_copy(&[piece(tape), piece(tape)]),
    }
}

/// Any state over the CIDs that are there.
fn state<'a>(data: &Data<'a>, tape: &mut Tape<'_>, arena: &'a Bump) -> State<'a> {
    let pick = |cids: Vec<Cid>, tape: &mut Tape<'_>| {
        let at = tape.u8().unwrap_or(0);
        cids.get(usize::from(at) % cids.len().max(1)).copied()
    };
    let results = || {
        data.service_results
            .iter()
            .map(|(cid, _)| *cid)
            .collect::<Vec<_>>()
    };
    let sent = State::Call(CallResult::RequestSentBy(Sender::Peer("p")));
    let executed = |value| State::Call(CallResult::Executed(value));
    match tape.u8().unwrap_or(0) % 8 {
        0 => State::Par {
            left: tape.number(),
            right: tape.number(),
        },
        1 => State::Ap {
            generations: arena.alloc_slice_copy(&[tape.number()]),
        },
        2 => {
            let lore: Vec<Lore<'a>> = (0..tape.number() % 4).map(|_| lore(tape, arena)).collect();
            State::Fold {
                lore: arena.alloc_slice_copy(&lore),
            }
        }
        3 => pick(results(), tape).map_or(sent, |cid| executed(ValueRef::Scalar(cid))),
        4 => {
            let generation = tape.number();
            pick(results(), tape).map_or(sent, |cid| executed(ValueRef::Stream { cid, generation }))
        }
        5 => pick(results(), tape).map_or(sent, |cid| State::Call(CallResult::Failed(cid))),
        6 => pick(
            data.canon_results.iter().map(|(cid, _)| *cid).collect(),
            tape,
        )
        .map_or(sent, |cid| State::Canon(CanonState::Executed(cid))),
        _ => sent,
    }
}
