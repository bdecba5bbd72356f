//! Random scripts over random services and peers, once and many times over in a fold, with damaged
//! data too.

use basalt_air::{
    Air, CallResults, Input, Interpreter, Outcome, Results, RunParams, SizeLimits,
    VerifiedSignatures,
};

use crate::support::scripts::{Random, Style, keys, script, serve};

/// Scripts that are tried.
const COUNT: u64 = 60;

/// How often a script is run over in a fold.
const OVER: usize = 60;

pub(crate) fn check_all(slowness: f64, wrong: &mut Vec<String>) {
    for seed in 0..COUNT {
        drive(seed, slowness, wrong);
    }
}

/// A script whose fold has a list of [`OVER`] elements.
fn many_times(air: &str) -> String {
    let list = "(call %init_peer_id% (\"a\" \"many\") [] all)";
    format!("(seq {list} (fold all each (par {air} (next each))))")
}

fn answer(function: &str, arguments: &str) -> basalt_air::CallResult {
    match function {
        "many" => basalt_air::CallResult {
            ret_code: 0,
            result: format!("[{}0]", "1,".repeat(OVER - 1)),
        },
        function => serve(function, arguments),
    }
}

fn drive(seed: u64, slowness: f64, wrong: &mut Vec<String>) {
    let keys = keys();
    let ids: Vec<String> = keys.iter().map(|(id, _)| id.clone()).collect();
    let style = match seed % 3 {
        0 => Style::Tame,
        _ => Style::Wild,
    };
    let air = many_times(&script(seed, &ids, style));
    let mut random = Random::new(seed + 5);
    let mut data = vec![Vec::new(); keys.len()];
    let mut messages: Vec<(usize, Vec<u8>, CallResults)> =
        vec![(0, Vec::new(), CallResults::new())];
    for step in 0..12 {
        if messages.is_empty() {
            break;
        }
        let at = random.below(messages.len());
        let (peer, mut current, results) = messages.swap_remove(at);
        if random.one_in(4) && !current.is_empty() {
            let place = random.below(current.len());
            current[place] ^= 1 << random.below(8);
        }
        let params = RunParams {
            init_peer_id: ids[0].clone(),
            current_peer_id: ids[peer].clone(),
            timestamp: 1_700_000_000_000,
            ttl: 120_000,
            key: keys[peer].1.clone(),
            particle_id: format!("cost-{seed}"),
            limits: SizeLimits::default(),
        };
        let input = Input {
            air: Air::Text(&air),
            prev_data: &data[peer],
            current_data: &current,
            params: &params,
            call_results: Results::Typed(&results),
        };
        let mut kept = Outcome::default();
        let name = format!("script {seed}, step {step}");
        crate::check(&name, slowness, wrong, || {
            kept = Outcome::default();
            let outcome = Interpreter::default().run(input, &mut VerifiedSignatures::new(0));
            kept.clone_from(&outcome);
            outcome
        });
        if let Ok(wanted) = std::env::var("BASALT_COST_SCRIPT")
            && wanted == seed.to_string()
        {
            let (code, requests) = (kept.ret_code, kept.call_requests.len());
            println!(
                "{air}\n{code} {} {requests} {} {}",
                kept.error_message,
                kept.steps,
                kept.data.len()
            );
        }
        for next in &kept.next_peer_pks {
            let next = ids.iter().position(|id| id == next);
            messages.extend(next.map(|next| (next, kept.data.clone(), CallResults::new())));
        }
        let answers = kept.call_requests.iter().map(|(id, request)| {
            let answer = answer(request.function_name(), request.arguments());
            (*id, answer)
        });
        let answers: CallResults = answers.collect();
        if !answers.0.is_empty() {
            messages.push((peer, Vec::new(), answers));
        }
        data[peer] = kept.data;
    }
}
