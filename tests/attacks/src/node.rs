//! The node under attack: a process with limits, what it says on its pages, and what it takes.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::peer_id::PeerId;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::confined;

/// How long a process may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a page may take.
const PAGE: Duration = Duration::from_secs(20);
/// Lines of log that are kept for the report of a failure.
const TAIL: usize = 40;
/// The key of the node's operator.
const OPERATOR: [u8; 32] = [9; 32];

/// What the heap of a booted node has taken from its machine, on its page of metrics.
const TAKEN: &str = "basalt_machine_heap_taken_bytes";

/// How a node is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetUp {
    /// What its manifest says beside the usual.
    pub(crate) manifest: String,
    /// How many files it may have open.
    pub(crate) files: u64,
    /// MiB of address space.
    pub(crate) memory: u64,
}

/// A node in a machine that a process of this host emulates. Its operator is the one of the lab's
/// nodes.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// Its peer id.
    pub peer: PeerId,
    /// Where it listens.
    pub tcp: SocketAddr,
    /// Where it listens for WebSocket.
    pub websocket: SocketAddr,
    /// Where its pages are.
    pub pages: SocketAddr,
    /// The process that emulates it.
    pub process: u32,
}

/// A running node.
pub(crate) struct Node {
    home: Home,
    log: Arc<Mutex<VecDeque<String>>>,
    /// Its peer id.
    pub(crate) peer: PeerId,
    /// Where it listens.
    pub(crate) address: Multiaddr,
    /// The same, for those who speak for themselves.
    pub(crate) target: SocketAddr,
    /// Where it listens for WebSocket.
    pub(crate) websocket: SocketAddr,
    /// Where its pages are.
    pub(crate) pages: SocketAddr,
}

/// Where it runs.
enum Home {
    /// In a process of ours, with a folder for its files.
    Child(Child, PathBuf),
    /// In a machine that a process of this host emulates.
    Machine(u32),
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Home::Child(child, folder) = &mut self.home {
            // No farewell, and it may have ended by itself. The folder is a temporary one.
            let _ = child.kill();
            let _ = child.wait();
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The key of the operator.
pub(crate) fn operator() -> Keypair {
    Keypair::from_seed(OPERATOR)
}

impl Node {
    /// Starts a node; returns when it listens.
    pub(crate) fn start(program: &Path, set_up: &SetUp) -> Result<Self> {
        let name = basalt_hosted::identity::entropy()?;
        let name: String = name[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = std::env::temp_dir().join(format!("basalt-attacks-{name}"));
        fs::create_dir_all(&folder)?;
        let manifest = folder.join("node.toml");
        let text = format!(
            "[node]\nseed = \"{}\"\nmanagement_peer_id = \"{}\"\n{}",
            BASE64_STANDARD.encode([7; 32]),
            operator().peer_id(),
            set_up.manifest,
        );
        fs::write(&manifest, text)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(confined::WORD)
            .args([set_up.memory.to_string(), set_up.files.to_string()])
            .arg(program)
            .args([
                "--tcp-port",
                "0",
                "--websocket-port",
                "0",
                "--http-port",
                "0",
            ])
            .args([
                "--compute",
                "1",
                "--state-size",
                "256",
                "--no-system-services",
            ])
            .arg("--manifest")
            .arg(&manifest)
            .arg("--state")
            .arg(folder.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting the node")?;
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, lines) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        keep(stdout.context("no stdout")?, log.clone(), sender.clone());
        keep(stderr.context("no stderr")?, log.clone(), sender);
        let heard = listening(&lines);
        let Some((peer, [address, websocket], pages)) = heard else {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            return Err(anyhow!("the node does not listen:\n{}", tail(&log)));
        };
        // What it says from now on is in the log.
        std::thread::spawn(move || lines.into_iter().for_each(drop));
        let socket = |address: &Multiaddr| {
            let port = address.iter().find_map(|part| match part {
                Protocol::Tcp(port) => Some(port),
                _ => None,
            });
            port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        };
        Ok(Self {
            home: Home::Child(child, folder),
            log,
            peer,
            target: socket(&address).context("no port")?,
            websocket: socket(&websocket).context("no port")?,
            address,
            pages,
        })
    }

    /// One that somebody else has booted.
    pub(crate) fn elsewhere(place: &Elsewhere) -> Self {
        Self {
            home: Home::Machine(place.process),
            log: Arc::default(),
            peer: place.peer,
            address: Multiaddr::from_socket(place.tcp).with(Protocol::P2p(place.peer)),
            target: place.tcp,
            websocket: place.websocket,
            pages: place.pages,
        }
    }

    /// Whether it runs in a machine.
    pub(crate) fn is_machine(&self) -> bool {
        matches!(self.home, Home::Machine(_))
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<String> {
        match &mut self.home {
            Home::Child(child, _) => match child.try_wait() {
                Ok(None) => None,
                Ok(Some(status)) => Some(status.to_string()),
                Err(error) => Some(error.to_string()),
            },
            Home::Machine(process) => match fs::exists(format!("/proc/{process}")) {
                Ok(true) => None,
                _ => Some("its machine has ended".to_owned()),
            },
        }
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        tail(&self.log)
    }

    /// One of the operator's pages.
    pub(crate) fn page(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.pages, PAGE)?;
        stream.set_read_timeout(Some(PAGE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: node\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no page")?;
        match head.contains(" 200") {
            true => Ok(body.to_owned()),
            false => Err(anyhow!("{path}: {}", head.lines().next().unwrap_or(""))),
        }
    }

    /// The numbers of its page of metrics, by name and labels.
    pub(crate) fn metrics(&self) -> Result<Metrics> {
        let page = self.page("/metrics")?;
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        let pair = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(Metrics(lines.filter_map(pair).collect()))
    }

    /// Bytes of memory now, and the most since the last [`Node::forget_peak`]. A machine's heap
    /// gives nothing back: both are what it has taken.
    pub(crate) fn memory(&self) -> (usize, usize) {
        if let Home::Machine(_) = self.home {
            let taken = self.metrics().map_or(0, |page| page.get(TAKEN) as usize);
            return (taken, taken);
        }
        let status = fs::read_to_string(self.of_process("status"));
        let status = status.unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let text = line.and_then(|line| line.trim().strip_suffix(" kB"));
            text.and_then(|text| text.parse::<usize>().ok())
                .unwrap_or(0)
                << 10
        };
        (number("VmRSS:"), number("VmHWM:"))
    }

    /// Starts the peak of its memory anew, where the system can.
    pub(crate) fn forget_peak(&self) {
        let _ = fs::write(self.of_process("clear_refs"), "5");
    }

    /// How long its threads have run.
    pub(crate) fn processor(&self) -> Duration {
        let mut nanos = 0;
        for task in fs::read_dir(self.of_process("task")).into_iter().flatten() {
            // A thread may end while we look.
            let text = task.and_then(|task| fs::read_to_string(task.path().join("schedstat")));
            let text = text.unwrap_or_default();
            let first = text.split_whitespace().next();
            nanos += first.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        Duration::from_nanos(nanos)
    }

    fn of_process(&self, name: &str) -> PathBuf {
        let process = match &self.home {
            Home::Child(child, _) => child.id(),
            Home::Machine(process) => *process,
        };
        format!("/proc/{process}/{name}").into()
    }
}

/// The numbers of a page of metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// One of them; what is not told is 0.
    pub(crate) fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// What was refused since `before`, by reason.
    pub(crate) fn refused_since(&self, before: &Metrics) -> BTreeMap<String, u64> {
        let mut refused = BTreeMap::new();
        for (name, value) in &self.0 {
            let reason = ["basalt_refused_total", "basalt_network_refused_total"]
                .iter()
                .find_map(|family| name.strip_prefix(family)?.strip_prefix("{reason=\""));
            let Some(reason) = reason.and_then(|rest| rest.strip_suffix("\"}")) else {
                continue;
            };
            let more = value - before.get(name);
            if more > 0.0 {
                *refused.entry(reason.to_owned()).or_default() += more as u64;
            }
        }
        refused
    }
}

fn tail(log: &Mutex<VecDeque<String>>) -> String {
    let log = log.lock().expect("no panic inside");
    log.iter().map(|line| format!("    {line}\n")).collect()
}

fn keep(
    pipe: impl Read + Send + 'static,
    log: Arc<Mutex<VecDeque<String>>>,
    sender: mpsc::Sender<String>,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let short: String = line.chars().take(300).collect();
            // Who waits for lines has gone once the node listens.
            let _ = sender.send(short.clone());
            let mut log = log.lock().expect("no panic inside");
            if log.len() == TAIL {
                log.pop_front();
            }
            log.push_back(short);
        }
    });
}

/// Waits until a node says where it listens and where its pages are.
fn listening(lines: &mpsc::Receiver<String>) -> Option<(PeerId, [Multiaddr; 2], SocketAddr)> {
    let (mut peers, mut pages) = (None, None);
    loop {
        if let (Some((peer, addresses)), Some(pages)) = (&peers, pages) {
            return Some((*peer, <[Multiaddr; 2]>::clone(addresses), pages));
        }
        let line = lines.recv_timeout(PATIENCE).ok()?;
        if let Some((_, url)) = line.split_once("pages at http://") {
            pages = url.trim_end_matches('/').parse().ok();
        }
        if let Some(rest) = line.strip_prefix("basalt: listening peer_id=") {
            let (peer, rest) = rest.split_once(" addrs=")?;
            let (tcp, rest) = rest.split_once(',')?;
            let websocket = rest.split(' ').next()?;
            let address = format!("{tcp}/p2p/{peer}").parse().ok()?;
            peers = Some((peer.parse().ok()?, [address, websocket.parse().ok()?]));
        }
    }
}
