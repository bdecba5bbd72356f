//! The node as a process of this host: the binary of `basalt-hosted`, built through cargo.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use super::{Host, Station, http, manifest, page, program};
use crate::PATIENCE;
use crate::client::peer::Peer;
use crate::target::Target;

/// Lines of log kept for the report of a failure.
const TAIL: usize = 60;

/// A running node process.
struct Hosted {
    child: Mutex<Child>,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Drop for Hosted {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to do then.
        let child = self.child.get_mut().expect("no panic inside");
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Host for Hosted {
    fn tail(&self) -> String {
        let log = self.log.lock().expect("no panic inside");
        log.iter().map(|line| format!("    {line}\n")).collect()
    }

    fn process_id(&self) -> u32 {
        self.child.lock().expect("no panic inside").id()
    }

    fn is_running(&self) -> bool {
        let mut child = self.child.lock().expect("no panic inside");
        child.try_wait().is_ok_and(|status| status.is_none())
    }
}

/// Starts a node that dials a fresh bootstrap peer and `others`; returns when it listens.
pub(crate) async fn start(others: &[String]) -> Result<Station> {
    start_with(others, "", &[]).await
}

/// [`start`] with `more` sections in the manifest and more arguments.
pub(crate) async fn start_with(
    others: &[String],
    more: &str,
    arguments: &[&str],
) -> Result<Station> {
    Home::new(others, more).await?.run(arguments).await
}

/// What a node keeps over restarts: its manifest, with its key and its ports, and the peer that it
/// dials.
pub(crate) struct Home {
    manifest: PathBuf,
    bootstrap: Arc<Peer>,
}

impl Home {
    /// Writes a manifest of a node that dials a fresh bootstrap peer and `others`, with `more`
    /// sections in it.
    pub(crate) async fn new(others: &[String], more: &str) -> Result<Self> {
        let bootstrap = Arc::new(Peer::start(&["/ip4/127.0.0.1/tcp/0"])?);
        let mut dialed = vec![bootstrap.address(false).await?.to_string()];
        dialed.extend_from_slice(others);
        let (tcp_port, websocket_port) = free_ports()?;
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hosted-{tcp_port}.toml"));
        let network = format!("tcp_port = {tcp_port}\nwebsocket_port = {websocket_port}\n{more}");
        let seed = [uuid::Uuid::new_v4().into_bytes(); 2].concat();
        let seed = seed.try_into().ok();
        fs::write(&path, manifest(seed, &dialed, &network))?;
        Ok(Self {
            manifest: path,
            bootstrap,
        })
    }

    /// Starts the node; returns when it listens.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Station> {
        let mut child = Command::new(binary()?)
            .arg("--manifest")
            .arg(&self.manifest)
            .args(["--listen-ip", "127.0.0.1"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting the hosted node")?;
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (listening, ready) = mpsc::channel();
        let stdout = child.stdout.take().context("no stdout")?;
        let stderr = child.stderr.take().context("no stderr")?;
        keep_log(stdout, log.clone(), listening.clone());
        keep_log(stderr, log.clone(), listening);
        let child = Mutex::new(child);
        let host = Box::new(Hosted { child, log });

        let line = tokio::task::spawn_blocking(move || ready.recv_timeout(PATIENCE)).await?;
        let line =
            line.map_err(|_| anyhow!("the hosted node does not listen:\n{}", host.tail()))?;
        Ok(Station {
            target: Target::told_by(&line)?,
            bootstrap: self.bootstrap.clone(),
            host,
        })
    }
}

fn keep_log(
    pipe: impl std::io::Read + Send + 'static,
    log: Arc<Mutex<VecDeque<String>>>,
    listening: mpsc::Sender<String>,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if line.contains("basalt: listening ") {
                // The receiver is gone once the node listens.
                let _ = listening.send(line.clone());
            }
            let mut log = log.lock().expect("no panic inside");
            if log.len() == TAIL {
                log.pop_front();
            }
            log.push_back(line);
        }
    });
}

/// Two ports that were free a moment ago.
pub(crate) fn free_ports() -> Result<(u16, u16)> {
    let (a, b) = (
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    );
    Ok((a.local_addr()?.port(), b.local_addr()?.port()))
}

/// Builds the binary, once, when it is stale; the environment's `BASALT_HOSTED` names one that is
/// built already.
pub(crate) fn build() -> Result<()> {
    binary().map(drop)
}

/// The path of the binary.
fn binary() -> Result<PathBuf> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BINARY
        .get_or_init(|| program::hosted(&[]).map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

/// The prover as a process of its own, with its folder. Both go when this is dropped.
pub(crate) struct Ccp {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Drop for Ccp {
    fn drop(&mut self) {
        // It may have ended by itself, and the folder lies in cargo's own.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Ccp {
    /// Starts a prover in light mode for two units; returns when it answers.
    pub(crate) fn start() -> Result<Self> {
        let (port, _) = free_ports()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ccp-{port}"));
        let child = Self::spawn(port, &folder)?;
        let ccp = Self {
            child,
            port,
            folder,
        };
        ccp.answers()?;
        Ok(ccp)
    }

    /// Kills it and starts it again with what it kept.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = Self::spawn(self.port, &self.folder)?;
        self.answers()
    }

    fn spawn(port: u16, folder: &Path) -> Result<Child> {
        Command::new(binary()?)
            .args(["ccp", "--light", "--datasets", "2", "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .arg("--state")
            .arg(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the prover")
    }

    fn answers(&self) -> Result<()> {
        let deadline = std::time::Instant::now() + PATIENCE;
        while TcpStream::connect(self.address()).is_err() {
            ensure!(
                std::time::Instant::now() < deadline,
                "the prover does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Calls a method; the error is the prover's.
    pub(crate) fn call(
        &self,
        method: &str,
        params: &serde_json::Value,
    ) -> Result<serde_json::Value> {
        let body = serde_json::json!({
            "jsonrpc": "2.0", "id": 7, "method": method, "params": params,
        });
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n"
        );
        let answer: serde_json::Value =
            serde_json::from_str(&http(self.address(), &format!("{head}\r\n{body}"))?)?;
        ensure!(answer["id"] == 7 && answer["jsonrpc"] == "2.0", "{answer}");
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(anyhow!("{}", answer["error"])),
        }
    }

    /// Fetches a page.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        page(self.address(), path)
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }
}
