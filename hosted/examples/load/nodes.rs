//! The nodes that are loaded: processes of this program, or nodes that run already.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::peer_id::PeerId;

/// How long a process may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a node is, and which process of this machine it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its address, with its id.
    pub(crate) address: Multiaddr,
    /// Its id.
    pub(crate) peer: PeerId,
    /// The process, when it is known.
    pub(crate) process: Option<u32>,
}

impl FromStr for Place {
    type Err = anyhow::Error;

    /// Reads `ADDRESS` or `ADDRESS#PROCESS`.
    fn from_str(text: &str) -> Result<Self> {
        let (address, process) = match text.split_once('#') {
            Some((address, process)) => (address, Some(process.parse()?)),
            None => (text, None),
        };
        let address: Multiaddr = address.parse()?;
        let peer = address.peer_id().context("it does not end in /p2p/ID")?;
        Ok(Self {
            address,
            peer,
            process,
        })
    }
}

impl Place {
    /// The process's memory in bytes, where the system tells.
    pub(crate) fn memory(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process?)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib << 10)
    }

    /// How long the process has run on any core, where the system tells.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process?)).ok()?;
        let mut nanos = 0;
        for task in tasks {
            // A thread may end while we look.
            let text = fs::read_to_string(task.ok()?.path().join("schedstat"));
            let text = text.unwrap_or_default();
            let first = text.split_whitespace().next();
            nanos += first.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        Some(Duration::from_nanos(nanos))
    }
}

/// Nodes that end with this.
pub(crate) struct Nodes {
    /// Where they are.
    pub(crate) places: Vec<Place>,
    children: Vec<Child>,
    folder: PathBuf,
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        // What is left lies among the system's temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Nodes {
    /// Takes nodes that run already, and starts so many, by `program run`, that there are `count`:
    /// `operator` manages them, and each dials the one before.
    pub(crate) fn start(
        program: &Path,
        running: Vec<Place>,
        count: usize,
        operator: &Keypair,
    ) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("basalt-load-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut nodes = Self {
            places: running,
            children: Vec::new(),
            folder,
        };
        while nodes.places.len() < count {
            nodes.add(program, operator)?;
        }
        Ok(nodes)
    }

    fn add(&mut self, program: &Path, operator: &Keypair) -> Result<()> {
        let name = self.folder.join(format!("node-{}", self.places.len()));
        let before = self.places.last().map(|place| place.address.to_string());
        let before: Vec<String> = before.into_iter().collect();
        let manifest = format!(
            "[node]\nmanagement_peer_id = \"{}\"\nbootstrap = {before:?}\n\n[log]\nlevel = \"warn\"\n",
            operator.peer_id(),
        );
        let path = name.with_extension("toml");
        fs::write(&path, manifest)?;
        let mut child = process(program, &path, &name.with_extension("state"))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let process = child.id();
        self.children.push(child);
        let (address, peer) = listening(stdout)?;
        self.places.push(Place {
            address,
            peer,
            process: Some(process),
        });
        Ok(())
    }
}

fn process(program: &Path, manifest: &Path, state: &Path) -> Result<Child> {
    let child = Command::new(program)
        .arg("run")
        .args(["--tcp-port", "0", "--websocket-port", "0"])
        .args(["--compute", "1", "--state-size", "1024"])
        .arg("--no-system-services")
        .arg("--manifest")
        .arg(manifest)
        .arg("--state")
        .arg(state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    child.context("starting a node")
}

/// Waits for a node to say where it listens; what else it says is read and forgotten.
fn listening(stdout: impl Read + Send + 'static) -> Result<(Multiaddr, PeerId)> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(said) = line.strip_prefix("basalt: listening peer_id=") {
                // Who waits has gone when it took too long.
                let _ = sender.send(said.to_owned());
            }
        }
    });
    let said = lines.recv_timeout(PATIENCE);
    let said = said.map_err(|_| anyhow!("a node does not listen"))?;
    let (peer, rest) = said.split_once(" addrs=").context("no addresses")?;
    let tcp = rest.split(',').next().context("no address")?;
    Ok((format!("{tcp}/p2p/{peer}").parse()?, peer.parse()?))
}
