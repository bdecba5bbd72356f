//! The client's side of a script, run by AquaVM itself (the interpreter that the js-client ships).

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use libp2p::identity::Keypair;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{Mutex, OnceCell};

use super::js;
use super::particle::Particle;

/// AquaVM in a Node.js process that serves all suites. It ends with the tests, when its input does.
struct AquaVm {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    jobs: u64,
}

impl AquaVm {
    fn start() -> Result<Self> {
        let mut child = js::node("avm.mjs")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting node")?;
        let input = child.stdin.take().context("no stdin")?;
        let output = child.stdout.take().context("no stdout")?;
        Ok(Self {
            _child: child,
            input,
            output: BufReader::new(output).lines(),
            jobs: 0,
        })
    }

    async fn run(&mut self, mut question: Value) -> Result<Value> {
        self.jobs += 1;
        question["job"] = self.jobs.into();
        self.input
            .write_all(format!("{question}\n").as_bytes())
            .await?;
        loop {
            let line = self
                .output
                .next_line()
                .await?
                .context("AquaVM's process ended")?;
            let answer: Value = serde_json::from_str(&line)?;
            // A suite that ran out of time may have left its answer behind.
            if answer["job"] == self.jobs {
                ensure!(answer["error"].is_null(), "{}", answer["error"]);
                return Ok(answer);
            }
        }
    }
}

/// Runs `particle`, which came back to its author, with the author's key, and returns the argument
/// that the script then hands to the author's service `("return" "result")`.
pub(crate) async fn returned(keypair: &Keypair, particle: &Particle) -> Result<Value> {
    static AQUA_VM: OnceCell<Mutex<AquaVm>> = OnceCell::const_new();
    let vm = AQUA_VM.get_or_try_init(async || anyhow::Ok(Mutex::new(AquaVm::start()?)));
    let secret = keypair.clone().try_into_ed25519()?.secret();
    let question = json!({
        "particle": {
            "id": particle.id,
            "init_peer_id": particle.init_peer_id,
            "timestamp": particle.timestamp,
            "ttl": particle.ttl,
            "script": particle.script,
        },
        "secret": BASE64.encode(secret),
        "data": BASE64.encode(&particle.data),
    });
    let answer = vm.await?.lock().await.run(question).await?;
    let calls = answer["calls"].as_array().context("no list of calls")?;
    ensure!(
        calls.len() == 1 && calls[0]["service"] == "return" && calls[0]["function"] == "result",
        "the script asks for {calls:?} and goes to {}",
        answer["next"]
    );
    Ok(calls[0]["arguments"][0].clone())
}
