//! Any text: it parses or is refused, and what parses can be run.

use basalt_air::{
    Air, CallResults, Config, Input, Interpreter, Key, Results, RunParams, SizeLimits,
    VerifiedSignatures,
};

/// Parses `data`, and runs it as the first step of a particle.
pub fn check(data: &[u8]) {
    let Ok(source) = core::str::from_utf8(data) else {
        return;
    };
    let config = Config {
        max_time: 20_000,
        ..Config::default()
    };
    let interpreter = Interpreter::new(config);
    let script = match interpreter.parse(source) {
        Ok(script) => script,
        Err(error) => {
            assert!(error.offset <= source.len());
            return;
        }
    };
    assert_eq!(script.source(), source);
    let params = RunParams {
        init_peer_id: "p".into(),
        current_peer_id: "p".into(),
        timestamp: 1,
        ttl: 1,
        key: Key::new(1, &[]),
        particle_id: "particle".into(),
        limits: SizeLimits::default(),
    };
    let results = CallResults::new();
    let input = Input {
        air: Air::Script(&script),
        prev_data: &[],
        current_data: &[],
        params: &params,
        call_results: Results::Typed(&results),
    };
    // A malformed key ends the run before the script: signing would dominate the time.
    let outcome = interpreter.run(input, &mut VerifiedSignatures::new(0));
    assert_eq!(outcome.ret_code, basalt_air::code::KEY);
    let key = Key::ed25519(&[7; 32]);
    let params = RunParams {
        key,
        ..params.clone()
    };
    let outcome = interpreter.run(
        Input {
            params: &params,
            ..input
        },
        &mut VerifiedSignatures::new(0),
    );
    assert_eq!(outcome.ret_code == 0, outcome.error_message.is_empty());
    for (_, request) in &outcome.call_requests {
        let _ = (request.arguments_raw(), request.tetraplets_raw());
    }
}
