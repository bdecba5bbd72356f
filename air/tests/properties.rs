//! Random scripts over simulated peers: our own data is always accepted, whatever was written is
//! read and written again as the same bytes, in the end all peers know the same, whatever the
//! order and the number of deliveries, and who was told that nothing is left for him has nothing
//! to do later.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use basalt_air::data::{Data, Envelope};
use basalt_air::{
    Air, CallResults, Input, Interpreter, Key, Outcome, Results, RunParams, Script, SizeLimits,
    VerifiedSignatures,
};
use bumpalo::Bump;
use serde_json::Value;
use support::decoded::decoded;
use support::scripts::{Random, Style, keys, script, serve};

struct Peer {
    params: RunParams,
    data: Vec<u8>,
    verified: VerifiedSignatures,
    /// It was told that nothing is left for it.
    is_over: bool,
}

/// A particle, or the answer to a call.
#[derive(Clone)]
struct Message {
    to: String,
    data: Vec<u8>,
    results: CallResults,
}

struct Network<'s> {
    interpreter: Interpreter,
    script: &'s Script,
    peers: BTreeMap<String, Peer>,
}

impl<'s> Network<'s> {
    fn new(script: &'s Script, keys: &[(String, Key)]) -> Self {
        let peers = keys.iter().map(|(id, key)| {
            let params = RunParams {
                init_peer_id: keys[0].0.clone(),
                current_peer_id: id.clone(),
                timestamp: 1_700_000_000_000,
                ttl: 120_000,
                key: key.clone(),
                particle_id: "property".into(),
                limits: SizeLimits::default(),
            };
            let verified = VerifiedSignatures::new(256);
            (
                id.clone(),
                Peer {
                    params,
                    data: Vec::new(),
                    verified,
                    is_over: false,
                },
            )
        });
        let peers = peers.collect();
        Network {
            interpreter: Interpreter::default(),
            script,
            peers,
        }
    }

    /// Runs a step; it has to succeed.
    fn run(&mut self, message: &Message) -> Outcome {
        let peer = self.peers.get_mut(&message.to).unwrap();
        let input = Input {
            air: Air::Script(self.script),
            prev_data: &peer.data,
            current_data: &message.data,
            params: &peer.params,
            call_results: Results::Typed(&message.results),
        };
        let outcome = self.interpreter.run(input, &mut peer.verified);
        let (code, reason) = (outcome.ret_code, &outcome.error_message);
        assert_eq!(code, 0, "{reason}\n{}", self.script.source());
        read_and_write(&outcome.data);
        peer.data.clone_from(&outcome.data);
        let does_more = peer.is_over && !outcome.call_requests.is_empty();
        assert!(!does_more, "{}: {}", message.to, self.script.source());
        peer.is_over |= outcome.finished;
        outcome
    }

    /// Delivers messages in random order, some of them twice, until there are none.
    fn deliver(&mut self, mut messages: Vec<Message>, random: &mut Random) {
        let mut left = 1000;
        while !messages.is_empty() {
            left -= 1;
            assert!(left > 0, "no end of messages: {}", self.script.source());
            let message = messages.swap_remove(random.below(messages.len()));
            // A host answers a request once; the network may deliver twice.
            let again = message.results.0.is_empty() && random.one_in(5);
            messages.extend(again.then(|| message.clone()));
            let outcome = self.run(&message);
            messages.extend(self.replies(&message.to, outcome));
        }
    }

    /// What follows from a step: the particle at the next peers, and the answers to the calls.
    fn replies(&self, peer: &str, outcome: Outcome) -> Vec<Message> {
        let Outcome {
            data,
            next_peer_pks,
            call_requests,
            ..
        } = outcome;
        let particles = next_peer_pks.into_iter().map(|to| Message {
            to,
            data: data.clone(),
            results: CallResults::new(),
        });
        let answers = call_requests.into_iter().map(|(id, request)| {
            let answer = serve(request.function_name(), request.arguments());
            Message {
                to: peer.to_owned(),
                data: Vec::new(),
                results: [(id, answer)].into_iter().collect(),
            }
        });
        particles.chain(answers).collect()
    }

    /// Everyone tells everyone, until nobody hears anything new.
    fn settle(&mut self, random: &mut Random) {
        for _ in 0..20 {
            let before = self.facts();
            let ids: Vec<String> = self.peers.keys().cloned().collect();
            for from in &ids {
                for to in &ids {
                    let data = self.peers[from].data.clone();
                    let message = Message {
                        to: to.clone(),
                        data,
                        results: CallResults::new(),
                    };
                    self.deliver(vec![message], random);
                }
            }
            let after = self.facts();
            if after == before && after.iter().all(|facts| *facts == after[0]) {
                return;
            }
        }
        panic!("peers differ in the end: {}", self.script.source());
    }

    fn facts(&self) -> Vec<Vec<String>> {
        self.peers.values().map(|peer| facts(&peer.data)).collect()
    }
}

/// What was read is written as the same bytes.
fn read_and_write(blob: &[u8]) {
    let arena = Bump::new();
    let envelope = Envelope::decode(blob).unwrap();
    let data = Data::decode(envelope.inner_data, &arena, 0).unwrap();
    assert_eq!(data.encode(0), blob);
}

/// What some data says, apart from what may differ between peers that know the same: who passed a
/// call on, and in which order the values of a stream came to be known, which decides over the
/// order of folds.
fn facts(data: &[u8]) -> Vec<String> {
    let decoded = decoded(data);
    let signatures = decoded["signatures"].to_string();
    let states = decoded["trace"].as_array().into_iter().flatten().map(fact);
    let mut facts: Vec<String> = states.chain([signatures]).collect();
    facts.sort();
    facts
}

fn fact(state: &Value) -> String {
    let mut state = state.clone();
    for (pointer, replacement) in [
        ("/call/sent_by", Value::Null),
        ("/canon/sent_by", Value::Null),
        ("/call/executed/stream/generation", Value::Null),
        ("/ap/gens", Value::Null),
        ("/par", Value::Null),
    ] {
        if let Some(part) = state.pointer_mut(pointer) {
            *part = replacement;
        }
    }
    if let Some(lore) = state.pointer_mut("/fold/lore") {
        *lore = lore.as_array().map_or(0, Vec::len).into();
    }
    state.to_string()
}

/// Peers that were told so before all of them were told everything.
static OVER: AtomicUsize = AtomicUsize::new(0);

/// Runs a script to its end, in an order that `seed` decides; returns what all peers know then.
fn run_all(source: &str, keys: &[(String, Key)], seed: u64) -> Vec<String> {
    let script = Interpreter::default()
        .parse(source)
        .unwrap_or_else(|error| panic!("{source}: {error}"));
    let mut network = Network::new(&script, keys);
    let mut random = Random::new(seed);
    let first = Message {
        to: keys[0].0.clone(),
        data: Vec::new(),
        results: CallResults::new(),
    };
    network.deliver(vec![first], &mut random);
    OVER.fetch_add(
        network.peers.values().filter(|peer| peer.is_over).count(),
        Relaxed,
    );
    network.settle(&mut random);
    network.facts().swap_remove(0)
}

fn scripts(count: u64) -> impl Iterator<Item = String> {
    let ids: Vec<String> = keys().into_iter().map(|(id, _)| id).collect();
    (0..count).map(move |seed| script(seed, &ids, Style::Tame))
}

#[test]
fn peers_converge() {
    let keys = keys();
    let mut lengths = Vec::new();
    for (seed, source) in scripts(400).enumerate() {
        lengths.push(run_all(&source, &keys, seed as u64).len());
    }
    // The scripts do something.
    let long = lengths.iter().filter(|len| **len > 10).count();
    assert!(long > 100, "{long} of {}", lengths.len());
    let over = OVER.load(Relaxed);
    assert!(over > 400, "{over} of {}", lengths.len());
}

#[test]
fn delivery_order_does_not_matter() {
    let keys = keys();
    let mut compared = 0;
    for source in scripts(500) {
        // What a canon fixes does depend on the order of arrival, by the language's definition.
        if source.contains("canon") {
            continue;
        }
        let facts = [1, 2, 3].map(|order| run_all(&source, &keys, order));
        assert_eq!(facts[0], facts[1], "{source}");
        assert_eq!(facts[0], facts[2], "{source}");
        compared += 1;
    }
    assert!(compared > 80, "{compared}");
}
