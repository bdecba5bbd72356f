//! Random scripts over simulated peers: whatever the order and the number of deliveries, the peers' data
//! says the same in the end, and our own data is always accepted.

mod support;

use std::collections::BTreeMap;

use basalt_air::{
    Air, CallResults, Input, Interpreter, Key, Outcome, Results, RunParams, Script, SizeLimits,
    VerifiedSignatures,
};
use support::decoded::decoded;
use support::scripts::{Random, keys, script, serve};

struct Peer {
    params: RunParams,
    data: Vec<u8>,
    verified: VerifiedSignatures,
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

    fn run(&mut self, id: &str, current: &[u8], results: &CallResults) -> Outcome {
        let peer = self.peers.get_mut(id).unwrap();
        let input = Input {
            air: Air::Script(self.script),
            prev_data: &peer.data,
            current_data: current,
            params: &peer.params,
            call_results: Results::Typed(results),
        };
        let outcome = self.interpreter.run(input, &mut peer.verified);
        // Malformed data and bad stores never come from ourselves. A signature may cover more than the trace:
        // an error that reaches the root cuts the trace off (AIR spec section 1), here as in the reference.
        assert!(
            matches!(outcome.ret_code, 0 | 9 | 10_000..),
            "{}: {}",
            outcome.ret_code,
            outcome.error_message
        );
        peer.data.clone_from(&outcome.data);
        outcome
    }

    /// Delivers messages in random order, some of them twice, until there are none; then each peer's data
    /// to each other, twice around. Returns the codes met.
    fn drive(&mut self, random: &mut Random) -> Vec<i64> {
        let mut codes = Vec::new();
        let first = self
            .peers
            .values()
            .next()
            .unwrap()
            .params
            .init_peer_id
            .clone();
        let mut messages = vec![(first, Vec::new(), CallResults::new())];
        let mut left = 400;
        while !messages.is_empty() && left > 0 {
            left -= 1;
            let (peer, data, results) = messages.swap_remove(random.below(messages.len()));
            let again = (results.0.is_empty() && random.below(5) == 0)
                .then(|| (peer.clone(), data.clone(), results.clone()));
            messages.extend(again);
            let outcome = self.run(&peer, &data, &results);
            codes.push(outcome.ret_code);
            for next in &outcome.next_peer_pks {
                messages.push((next.clone(), outcome.data.clone(), CallResults::new()));
            }
            for (id, request) in outcome.call_requests {
                let answer = serve(&request.function_name, &request.arguments);
                messages.push((
                    peer.clone(),
                    Vec::new(),
                    [(id, answer)].into_iter().collect(),
                ));
            }
        }
        codes
    }
}

/// The trace of some data, without what may differ between peers: who forwarded a call, and in which
/// order the values of a stream came to be known.
fn facts(data: &[u8]) -> Vec<String> {
    let decoded = decoded(data);
    let mut facts: Vec<String> = decoded["cid_info"]["service_result_store"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    facts.sort();
    facts
}

#[test]
fn our_own_data_is_always_accepted() {
    let keys = keys();
    let ids: Vec<String> = keys.iter().map(|(id, _)| id.clone()).collect();
    let mut good = 0;
    for seed in 0..120 {
        let source = script(seed, &ids);
        let script = Interpreter::default()
            .parse(&source)
            .unwrap_or_else(|e| panic!("{source}: {e}"));
        let mut network = Network::new(&script, &keys);
        let codes = network.drive(&mut Random::new(seed + 1000));
        good += usize::from(codes.iter().all(|code| !matches!(code, 9 | 20_000..)));
    }
    // Some scripts meet errors at the root or the reference's quirks; most do not.
    assert!(good > 80, "{good} of 120");
}

#[test]
fn delivery_order_does_not_matter() {
    let keys = keys();
    let ids: Vec<String> = keys.iter().map(|(id, _)| id.clone()).collect();
    let mut compared = 0;
    for seed in 0..500 {
        // Without streams: what a canon fixes does depend on the order of arrival.
        let source = script(seed, &ids);
        if source.contains("canon") || source.contains("fold") || source.contains(":error:") {
            continue;
        }
        let script = Interpreter::default().parse(&source).unwrap();
        let mut facts_of = Vec::new();
        for order in 0..3 {
            let mut network = Network::new(&script, &keys);
            network.drive(&mut Random::new(seed * 7 + order));
            // At the end everyone tells everyone, so that all know all.
            for _ in 0..2 {
                for from in &ids {
                    let data = network.peers[from].data.clone();
                    for to in &ids {
                        if !data.is_empty() {
                            network.run(to, &data, &CallResults::new());
                        }
                    }
                }
            }
            facts_of.extend(ids.iter().map(|id| facts(&network.peers[id].data)));
        }
        assert!(
            facts_of.iter().all(|facts| *facts == facts_of[0]),
            "{source}"
        );
        compared += 1;
    }
    assert!(compared >= 5, "{compared}");
}
