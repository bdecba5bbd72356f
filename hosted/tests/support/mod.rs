//! The hosted node as its users have it: a process with a state file, asked over TCP by the native
//! client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use basalt_hosted::clock::Clocks;
use basalt_hosted::reactor::Reactor;
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm;
use basalt_node::client::Client;
use basalt_node::script::{Aquavm, CallResult, Interpreter, Run};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// Patience with a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A folder that is gone afterwards.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("basalt-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running node.
pub(crate) struct Node {
    process: Child,
    pub(crate) peer: PeerId,
    pub(crate) address: Multiaddr,
    pages: SocketAddr,
}

impl Node {
    /// Starts a node whose manifest ends with `more`.
    pub(crate) fn start(folder: &Path, operator: &Keypair, more: &str) -> Node {
        let node = Command::new(env!("CARGO_BIN_EXE_basalt-hosted"));
        Node::start_as(node, folder, operator, more)
    }

    /// The same with so many open files at most, which it cannot change.
    pub(crate) fn start_with_files(
        files: u32,
        folder: &Path,
        operator: &Keypair,
        more: &str,
    ) -> Node {
        let mut node = Command::new("sh");
        let limited = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        node.args(["-c", &limited, env!("CARGO_BIN_EXE_basalt-hosted")]);
        Node::start_as(node, folder, operator, more)
    }

    fn start_as(mut command: Command, folder: &Path, operator: &Keypair, more: &str) -> Node {
        let manifest = folder.join("node.toml");
        let text = format!(
            "[node]\nseed = \"{}\"\nmanagement_peer_id = \"{}\"\n{more}",
            BASE64_STANDARD.encode([7; 32]),
            operator.peer_id()
        );
        std::fs::write(&manifest, text).unwrap();
        let mut process = command
            .args([
                "--tcp-port",
                "0",
                "--websocket-port",
                "0",
                "--http-port",
                "0",
            ])
            .args(["--compute", "1", "--state-size", "256"])
            .arg("--manifest")
            .arg(manifest)
            .arg("--state")
            .arg(folder.join("state"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        for output in [
            Box::new(process.stdout.take().unwrap()) as Box<dyn Read + Send>,
            Box::new(process.stderr.take().unwrap()),
        ] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        // Of a process that ends at once nobody waits for lines.
        drop(sender);
        let (mut listening, mut pages, mut told) = (None, None, String::new());
        while listening.is_none() || pages.is_none() {
            let line = lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("the node does not listen:\n{told}"));
            if let Some((_, url)) = line.split_once("pages at http://") {
                pages = Some(url.trim_end_matches('/').parse().unwrap());
            }
            if let Some(rest) = line.strip_prefix("basalt: listening peer_id=") {
                let (peer, rest) = rest.split_once(" addrs=").unwrap();
                let peer: PeerId = peer.parse().unwrap();
                let tcp = rest.split(',').next().unwrap();
                let address = format!("{tcp}/p2p/{peer}").parse().unwrap();
                listening = Some((peer, address));
            }
            told += &line;
            told += "\n";
        }
        // What it says from now on is read and forgotten, so that it can go on.
        std::thread::spawn(move || lines.into_iter().for_each(drop));
        let (peer, address) = listening.unwrap();
        Node {
            process,
            peer,
            address,
            pages: pages.unwrap(),
        }
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where the operator's pages are.
    pub(crate) fn pages(&self) -> SocketAddr {
        self.pages
    }

    /// One of the operator's pages: status and body.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.pages).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: node\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.into())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // No farewell: the state must not need one.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The operator's client, connected to a node.
pub(crate) struct Operator {
    reactor: Reactor<Client>,
    keypair: Keypair,
    node: PeerId,
    asked: u32,
}

impl Operator {
    pub(crate) fn connect(node: &Node, keypair: &Keypair) -> Operator {
        Operator::connect_to(node.peer, &node.address, keypair)
    }

    pub(crate) fn connect_to(peer: PeerId, address: &Multiaddr, keypair: &Keypair) -> Operator {
        let clocks = Clocks::start();
        let client = Client::new(keypair.clone(), swarm::Config::default(), [5; 32]);
        let mut reactor = Reactor::new(client, clocks).unwrap();
        let mut effects = Vec::new();
        reactor
            .driver
            .machine
            .dial(clocks.read(), address, &mut effects)
            .unwrap();
        reactor.perform(effects);
        let end = Instant::now() + PATIENCE;
        reactor
            .run(|client| client.is_connected(&peer) || Instant::now() > end)
            .unwrap();
        assert!(reactor.driver.machine.is_connected(&peer), "no connection");
        Operator {
            reactor,
            keypair: keypair.clone(),
            node: peer,
            asked: 0,
        }
    }

    /// Asks a function of the node: the answer, or the text of its error.
    pub(crate) fn ask(
        &mut self,
        service: &str,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, String> {
        let node = self.node.to_string();
        self.ask_at(&node, service, function, arguments)
    }

    /// Asks a function of the node, or of a worker on it.
    pub(crate) fn ask_at(
        &mut self,
        peer: &str,
        service: &str,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, String> {
        self.asked += 1;
        let (node, home) = (self.node, self.keypair.peer_id());
        let names: Vec<String> = (0..arguments.len()).map(|i| format!("a{i}")).collect();
        let fetch: String = names
            .iter()
            .map(|name| format!("(seq (call \"{home}\" (\"args\" \"{name}\") [] {name}) "))
            .collect();
        let script = format!(
            "{fetch}(xor (seq (seq (call \"{node}\" (\"op\" \"noop\") []) (call \"{peer}\" (\"{service}\" \"{function}\") [{}] answer)) \
             (call \"{home}\" (\"home\" \"take\") [answer])) \
             (call \"{home}\" (\"home\" \"fail\") [:error:.$.message])){}",
            names.join(" "),
            ")".repeat(names.len()),
        );
        let clock = self.reactor.clock();
        let id = format!("question {}", self.asked);
        let mut particle = self
            .reactor
            .driver
            .machine
            .particle(clock, id.clone(), script, 120_000);
        let authored = particle.authored.clone();
        let keypair = self.keypair.clone();
        let mut interpreter = Aquavm::default();
        let mut run = |prev: &[u8], current: &[u8], results| {
            interpreter.run(Run {
                particle: &authored,
                scope: &home,
                key: &keypair,
                prev,
                current,
                own: usize::MAX,
                results,
            })
        };
        let mut outcome = run(&[], &[], Vec::new());
        while let [(request_id, request)] = outcome.requests.as_slice() {
            let index: usize = request.function_name()[1..].parse().unwrap();
            let result = CallResult {
                ret_code: 0,
                result: arguments[index].to_string(),
            };
            let results = vec![(*request_id, result)];
            let prev = outcome.data.clone();
            outcome = run(&prev, &[], results);
        }
        assert_eq!(outcome.ret_code, 0, "{}", outcome.error_message);
        particle.data = outcome.data.clone().into();
        let mut effects = Vec::new();
        self.reactor
            .driver
            .machine
            .send(clock, &node, &particle, &mut effects)
            .unwrap();
        self.reactor.perform(effects);
        let end = Instant::now() + PATIENCE;
        let came = |client: &mut Client| {
            client.received.retain(|particle| particle.id == id);
            !client.received.is_empty() || Instant::now() > end
        };
        self.reactor.run(came).unwrap();
        let Some(back) = self.reactor.driver.machine.received.pop_front() else {
            panic!("no answer to {service}.{function}");
        };
        let outcome = run(&outcome.data, &back.data, Vec::new());
        let (_, request) = &outcome.requests[0];
        let values: Value = serde_json::from_str(request.arguments()).unwrap();
        let value = values[0].clone();
        match request.function_name() {
            "take" => Ok(value),
            _ => Err(value.as_str().unwrap().into()),
        }
    }
}

/// A module of the test guests, in base64.
pub(crate) fn guest(name: &str) -> Value {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../wasm-host/tests/guests/wasm/"
    );
    json!(BASE64_STANDARD.encode(std::fs::read(format!("{folder}{name}.wasm")).unwrap()))
}
