//! The reference interpreter, as a process that answers line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use basalt_air::{CallResults, RunParams};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The inputs of a step.
pub(super) struct Call<'a> {
    pub(super) air: &'a str,
    pub(super) prev_data: &'a [u8],
    pub(super) current_data: &'a [u8],
    pub(super) results: &'a CallResults,
    pub(super) params: &'a RunParams,
}

/// How long an answer is waited for. Some scripts take the reference exponential time.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running process.
pub(super) struct Reference {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    /// Calls that were given up.
    pub(super) given_up: usize,
}

impl Reference {
    /// # Errors
    /// What is missing, and how it is made.
    pub(super) fn start() -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/air-differential");
        let modules = folder.join("avm.wasm");
        if !modules.is_file() {
            return Err(format!(
                "{} is missing; `cargo run --manifest-path tests/air-differential/oracle/Cargo.toml` \
                 makes it",
                modules.display()
            ));
        }
        let mut child = Command::new("node")
            .args(["--expose-gc", "reference.mjs"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("Node.js does not start, which runs the reference: {error}")
            })?;
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, answers) = channel();
        // A crash says why before its answer comes.
        std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            for line in lines.filter(|line| line.starts_with('{')) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Reference {
            child,
            input,
            answers,
            given_up: 0,
        })
    }

    /// The reference's answer; none if it takes too long.
    pub(super) fn run(&mut self, call: &Call<'_>, seed: &[u8; 32]) -> Option<Value> {
        let params = call.params;
        let request = json!({
            "air": call.air,
            "prev_data": STANDARD.encode(call.prev_data),
            "current_data": STANDARD.encode(call.current_data),
            "call_results": STANDARD.encode(call.results.encode()),
            "params": {
                "init_peer_id": params.init_peer_id,
                "current_peer_id": params.current_peer_id,
                "timestamp": params.timestamp,
                "ttl": params.ttl,
                "key_format": 0,
                "secret_key_bytes": STANDARD.encode(seed),
                "particle_id": params.particle_id,
                "air_size_limit": params.limits.air,
                "particle_size_limit": params.limits.particle,
                "call_result_size_limit": params.limits.call_result,
                "hard_limit_enabled": params.limits.hard,
            },
        });
        writeln!(self.input, "{request}").unwrap();
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => Some(serde_json::from_str(&line).expect("an answer of the reference")),
            Err(RecvTimeoutError::Timeout) => {
                let given_up = self.given_up + 1;
                *self = Reference::start().expect("it started before");
                self.given_up = given_up;
                None
            }
            Err(RecvTimeoutError::Disconnected) => panic!("the reference is gone"),
        }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
