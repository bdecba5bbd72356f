//! Runs of a script on its only peer.

use std::borrow::ToOwned;
use std::string::String;

use basalt_air::{
    Air, CallResults, Input, Interpreter, Key, Outcome, Results, RunParams, SizeLimits,
    VerifiedSignatures,
};

/// Parameters of a peer that starts a particle itself.
pub fn params() -> RunParams {
    let key = Key::ed25519(&[1; 32]);
    let peer = key.peer_id().unwrap();
    RunParams {
        init_peer_id: peer.clone(),
        current_peer_id: peer,
        timestamp: 1,
        ttl: 1,
        key,
        particle_id: "single".into(),
        limits: SizeLimits::default(),
    }
}

/// The first step.
pub fn run(air: &str) -> Outcome {
    step(air, &[], &CallResults::new())
}

/// A step that goes on from `prev_data`.
pub fn step(air: &str, prev_data: &[u8], results: &CallResults) -> Outcome {
    let input = Input {
        air: Air::Text(air),
        prev_data,
        current_data: &[],
        params: &params(),
        call_results: Results::Typed(results),
    };
    Interpreter::default().run(input, &mut VerifiedSignatures::new(0))
}

/// The arguments of the only request of the first step.
pub fn arguments(air: &str) -> String {
    let outcome = run(air);
    assert_eq!(outcome.call_requests.len(), 1, "{}", outcome.error_message);
    outcome.call_requests[0].1.arguments().to_owned()
}
