//! The interpreter of crate `basalt-air` behind the seam. Parsed scripts and verified signatures
//! are remembered: a particle runs here several times, and so do many particles with the same
//! script.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use core::time::Duration;

use basalt_air::{
    Air, CallResults, Input, Key, ParseError, Results, RunParams, Script, SizeLimits,
    VerifiedSignatures,
};
use basalt_manifest as manifest;

use super::interpreter::{Interpreter, Outcome, Run};

/// Signatures remembered as valid, 40 bytes each.
const MAX_SIGNATURES: usize = 64 * 1024;

/// Bytes of parsed scripts that are remembered, in each of two generations.
const MAX_SCRIPTS: usize = 16 << 20;

/// What one run of a particle may take. The particle's size is that of its script and of the data
/// that came; results of calls take time beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Time, as work is counted: the same everywhere, and close to what a core takes.
    pub time: Duration,
    /// Time beside it for each MiB of the particle.
    pub time_per_mib: Duration,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of memory beside it for each byte of the particle.
    pub memory_per_byte: u64,
}

impl Default for RunLimits {
    fn default() -> RunLimits {
        RunLimits {
            time: Duration::from_millis(50),
            time_per_mib: Duration::from_millis(4),
            memory: 64 << 20,
            memory_per_byte: 4,
        }
    }
}

impl RunLimits {
    /// What the manifest says.
    pub fn of(given: &manifest::Run) -> RunLimits {
        let default = RunLimits::default();
        let millis = |given: Option<u32>, default| {
            given.map_or(default, |millis| Duration::from_millis(millis.into()))
        };
        RunLimits {
            time: millis(given.time, default.time),
            time_per_mib: millis(given.time_per_mib, default.time_per_mib),
            memory: given
                .memory
                .map_or(default.memory, |mib| u64::from(mib) << 20),
            memory_per_byte: given
                .memory_per_byte
                .map_or(default.memory_per_byte, u64::from),
        }
    }
}

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
    pub fn new(secret: &[u8; 32], limits: RunLimits) -> Aquavm {
        let derived = blake3::derive_key("basalt 2026 hash tables of the interpreter", secret);
        let seed = derived
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let config = basalt_air::Config {
            seed,
            max_time: micros(limits.time),
            time_per_mib: micros(limits.time_per_mib),
            max_memory: limits.memory,
            memory_per_byte: limits.memory_per_byte,
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
        Aquavm::new(&[0; 32], RunLimits::default())
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
            limits: SizeLimits {
                own: run.particle.script.len().saturating_add(run.own) as u64,
                ..SizeLimits::default()
            },
        };
        let text = run.particle.script.as_str();
        let script = self.scripts.get(text, |text| self.interpreter.parse(text));
        let results: CallResults = run.results.into_iter().collect();
        let input = Input {
            air: match &script {
                Ok(Found::Known(script)) => Air::Script(script),
                Ok(Found::Fresh(script)) => Air::Fresh(script),
                Err(error) => Air::Refused(text, error),
            },
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
            steps: outcome.steps,
            time: Duration::from_micros(outcome.time),
        }
    }
}

/// A parsed script, and who has to pay for that.
enum Found {
    /// An earlier run.
    Known(Rc<Script>),
    /// This one.
    Fresh(Rc<Script>),
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
        parse: impl FnOnce(&str) -> Result<Script, ParseError>,
    ) -> Result<Found, ParseError> {
        if let Some(script) = self.young.get(text) {
            return Ok(Found::Known(script.clone()));
        }
        let (script, found): (_, fn(Rc<Script>) -> Found) = match self.old.remove(text) {
            Some(script) => (script, Found::Known),
            None => (Rc::new(parse(text)?), Found::Fresh),
        };
        // The text is the key too.
        let bytes = text.len() + script.bytes();
        if bytes > MAX_SCRIPTS / 4 {
            return Ok(found(script));
        }
        if self.young_bytes + bytes > MAX_SCRIPTS {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(text.into(), script.clone());
        Ok(found(script))
    }
}
