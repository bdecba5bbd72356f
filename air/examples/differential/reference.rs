//! The reference interpreter, as a process that answers line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

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

/// The running process.
pub(super) struct Reference {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Reference {
    pub(super) fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/air-differential");
        let mut child = Command::new("node")
            .args(["--expose-gc", "reference.mjs"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs reference.mjs");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Reference {
            child,
            input,
            output,
        }
    }

    pub(super) fn run(&mut self, call: &Call<'_>, seed: &[u8; 32]) -> Value {
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
        // A crash says why before its answer comes.
        let mut line = String::new();
        while !line.starts_with('{') {
            line.clear();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the reference is gone");
        }
        serde_json::from_str(&line).expect("an answer of the reference")
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
