//! The interpreter of crate `basalt-air` behind the seam. Parsed scripts and verified signatures
//! are remembered: a particle runs here several times, and so do many particles with the same
//! script.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::{String, ToString};

use basalt_air::{
    Air, CallResults, Input, Key, Results, RunParams, Script, SizeLimits, VerifiedSignatures,
};

use super::interpreter::{Interpreter, Outcome, Run};

/// Signatures remembered as valid, 40 bytes each.
const MAX_SIGNATURES: usize = 64 * 1024;

/// Bytes of parsed scripts that are remembered, in each of two generations.
const MAX_SCRIPTS: usize = 16 << 20;

/// Bytes of script that are parsed in the time of one instruction.
const PARSED_PER_STEP: usize = 64;

/// The interpreter of crate `basalt-air`.
pub struct Aquavm {
    interpreter: basalt_air::Interpreter,
    verified: VerifiedSignatures,
    scripts: Scripts,
    /// The key of the last run. Most runs are the host's, and to expand a key takes longer than to
    /// compare it.
    key: Option<([u8; 32], Key)>,
}

impl Aquavm {
    /// Version of the reference interpreter whose behaviour this one has.
    pub const VERSION: &'static str = "0.64.1";

    /// An interpreter whose hash tables are keyed by `secret`, which should be entropy.
    pub fn new(secret: &[u8; 32]) -> Aquavm {
        let derived = blake3::derive_key("basalt 2026 hash tables of the interpreter", secret);
        let seed = derived
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let config = basalt_air::Config {
            seed,
            ..basalt_air::Config::default()
        };
        Aquavm {
            interpreter: basalt_air::Interpreter::new(config),
            verified: VerifiedSignatures::with_seed(MAX_SIGNATURES, seed),
            scripts: Scripts::default(),
            key: None,
        }
    }

    fn key(&mut self, seed: [u8; 32]) -> Key {
        match &self.key {
            Some((known, key)) if *known == seed => key.clone(),
            _ => {
                let key = Key::ed25519(&seed);
                self.key = Some((seed, key.clone()));
                key
            }
        }
    }
}

impl Default for Aquavm {
    /// One without a secret: for tools that read nothing of strangers.
    fn default() -> Aquavm {
        Aquavm::new(&[0; 32])
    }
}

impl Interpreter for Aquavm {
    fn run(&mut self, run: Run<'_>) -> Outcome {
        let params = RunParams {
            init_peer_id: run.particle.init_peer_id.to_string(),
            current_peer_id: run.scope.to_string(),
            timestamp: run.particle.timestamp,
            ttl: run.particle.ttl,
            key: self.key(run.key.seed()),
            particle_id: run.particle.id.clone(),
            limits: SizeLimits::default(),
        };
        let text = run.particle.script.as_str();
        let mut parsing = 0;
        let script = self.scripts.get(text, |text| {
            parsing = (text.len() / PARSED_PER_STEP) as u64;
            self.interpreter.parse(text).ok()
        });
        let results: CallResults = run.results.into_iter().collect();
        let input = Input {
            // A script with a mistake goes in as text: the run tells the mistake.
            air: script.as_deref().map_or(Air::Text(text), Air::Script),
            prev_data: run.prev,
            current_data: run.current,
            params: &params,
            call_results: Results::Typed(&results),
        };
        let outcome = self.interpreter.run(input, &mut self.verified);
        Outcome {
            ret_code: outcome.ret_code,
            error_message: outcome.error_message,
            data: outcome.data,
            next_peers: outcome.next_peer_pks,
            requests: outcome.call_requests,
            finished: outcome.finished,
            steps: outcome.steps + outcome.work + parsing,
        }
    }
}

/// Parsed scripts by their texts. When the younger generation is full it becomes the older one,
/// whose scripts are forgotten unless they are used again.
#[derive(Default)]
struct Scripts {
    young: BTreeMap<String, Rc<Script>>,
    old: BTreeMap<String, Rc<Script>>,
    young_bytes: usize,
}

impl Scripts {
    fn get(
        &mut self,
        text: &str,
        parse: impl FnOnce(&str) -> Option<Script>,
    ) -> Option<Rc<Script>> {
        if let Some(script) = self.young.get(text) {
            return Some(script.clone());
        }
        let script = match self.old.remove(text) {
            Some(script) => script,
            None => Rc::new(parse(text)?),
        };
        // The text is the key too.
        let bytes = text.len() + script.bytes();
        if bytes > MAX_SCRIPTS / 4 {
            return Some(script);
        }
        if self.young_bytes + bytes > MAX_SCRIPTS {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(text.into(), script.clone());
        Some(script)
    }
}
