//! The hosted node as its users have it: a process with a state file, asked over TCP by the native client.

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
use basalt_node::air::{Aquavm, CallResult, Interpreter, Run};
use basalt_node::client::Client;
use basalt_node::particle::Header;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// Patience with a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
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
struct Node {
    process: Child,
    peer: PeerId,
    address: Multiaddr,
    pages: SocketAddr,
}

impl Node {
    fn start(folder: &Path, operator: &Keypair) -> Node {
        let manifest = folder.join("node.toml");
        let text = format!(
            "[node]\nseed = \"{}\"\nmanagement_peer_id = \"{}\"\n",
            BASE64_STANDARD.encode([7; 32]),
            operator.peer_id()
        );
        std::fs::write(&manifest, text).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_basalt-hosted"))
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

    fn page(&self, path: &str) -> (u16, String) {
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
struct Operator {
    reactor: Reactor<Client>,
    keypair: Keypair,
    node: PeerId,
    asked: u32,
}

impl Operator {
    fn connect(node: &Node, keypair: &Keypair) -> Operator {
        let clocks = Clocks::start();
        let client = Client::new(keypair.clone(), swarm::Config::default(), [5; 32]);
        let mut reactor = Reactor::new(client, clocks).unwrap();
        let mut effects = Vec::new();
        reactor
            .machine
            .dial(clocks.read(), &node.address, &mut effects)
            .unwrap();
        reactor.perform(effects);
        let (peer, end) = (node.peer, Instant::now() + PATIENCE);
        reactor
            .run(|client| client.is_connected(&peer) || Instant::now() > end)
            .unwrap();
        assert!(reactor.machine.is_connected(&peer), "no connection");
        Operator {
            reactor,
            keypair: keypair.clone(),
            node: peer,
            asked: 0,
        }
    }

    /// Asks a function of the node: the answer, or the text of its error.
    fn ask(&mut self, service: &str, function: &str, arguments: &[Value]) -> Result<Value, String> {
        self.asked += 1;
        let (node, home) = (self.node, self.keypair.peer_id());
        let names: Vec<String> = (0..arguments.len()).map(|i| format!("a{i}")).collect();
        let fetch: String = names
            .iter()
            .map(|name| format!("(seq (call \"{home}\" (\"args\" \"{name}\") [] {name}) "))
            .collect();
        let script = format!(
            "{fetch}(xor (seq (call \"{node}\" (\"{service}\" \"{function}\") [{}] answer) \
             (call \"{home}\" (\"home\" \"take\") [answer])) \
             (call \"{home}\" (\"home\" \"fail\") [:error:.$.message])){}",
            names.join(" "),
            ")".repeat(names.len()),
        );
        let clock = self.reactor.clock();
        let id = format!("question {}", self.asked);
        let mut particle = self
            .reactor
            .machine
            .particle(clock, id.clone(), script, 120_000);
        let (header, _) = Header::split(particle.clone());
        let keypair = self.keypair.clone();
        let mut interpreter = Aquavm::default();
        let mut run = |prev: &[u8], current: &[u8], results| {
            interpreter.run(Run {
                particle: &header,
                scope: &home,
                key: &keypair,
                prev,
                current,
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
        particle.data = outcome.data.clone();
        let mut effects = Vec::new();
        self.reactor
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
        let Some(back) = self.reactor.machine.received.pop_front() else {
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

fn guest(name: &str) -> Value {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../wasm-host/tests/guests/wasm/"
    );
    json!(BASE64_STANDARD.encode(std::fs::read(format!("{folder}{name}.wasm")).unwrap()))
}

#[test]
fn what_was_deployed_is_there_after_the_process_was_killed() {
    let folder = Folder::new("services");
    let operator = Keypair::from_seed([9; 32]);
    let node = Node::start(&folder.0, &operator);
    let mut client = Operator::connect(&node, &operator);

    let cid = client
        .ask(
            "dist",
            "add_module",
            &[guest("files"), json!({"name": "files"})],
        )
        .unwrap();
    let blueprint = client
        .ask("dist", "make_blueprint", &[json!("notes"), json!([cid])])
        .unwrap();
    let blueprint = client.ask("dist", "add_blueprint", &[blueprint]).unwrap();
    let id = client.ask("srv", "create", &[blueprint]).unwrap();
    client
        .ask("srv", "add_alias", &[json!("notes"), id.clone()])
        .unwrap();
    client
        .ask("notes", "save_note", &[json!("/storage/x"), json!("kept")])
        .unwrap();
    // The vault is the particle's: a path of another one leads nowhere.
    let path = client.ask("vault", "put", &[json!("text")]).unwrap();
    let foreign = client.ask("vault", "cat", &[path]).unwrap_err();
    assert!(foreign.contains("Incorrect vault path"), "{foreign}");
    let script =
        json!("(call %init_peer_id% (\"notes\" \"extend_note\") [\"/storage/x\" \"!\"] note)");
    let once = json!({
        "clock": {"start_sec": 1, "end_sec": 0, "period_sec": 0},
        "connections": {"connect": false, "disconnect": false},
        "blockchain": {"start_block": 0, "end_block": 0},
    });
    let on_connection = json!({
        "clock": {"start_sec": 0, "end_sec": 0, "period_sec": 0},
        "connections": {"connect": true, "disconnect": false},
        "blockchain": {"start_block": 0, "end_block": 0},
    });
    let spell = client
        .ask(
            "spell",
            "install",
            &[script, json!({}), once, json!("once")],
        )
        .unwrap();
    client
        .ask(
            "spell",
            "update_trigger_config",
            &[spell.clone(), on_connection],
        )
        .unwrap();
    let deal = json!("ab".repeat(20));
    let worker = client
        .ask(
            "worker",
            "create",
            &[deal.clone(), json!(["cd".repeat(32)])],
        )
        .unwrap();
    for name in ["trust-graph", "registry", "registry-spell"] {
        let end = Instant::now() + PATIENCE;
        while client.ask("srv", "resolve_alias", &[json!(name)]).is_err() {
            assert!(Instant::now() < end, "{name} is not installed");
        }
    }
    let mut before = client.ask("srv", "list", &[]).unwrap();

    let (status, health) = node.page("/health");
    assert_eq!((status, health.contains("Fail")), (200, false), "{health}");
    let (_, peer_id) = node.page("/peer_id");
    assert_eq!(
        peer_id,
        json!({"peer_id": node.peer.to_string()}).to_string()
    );
    let (_, config) = node.page("/config");
    assert!(config.contains("seed = \"(redacted)\""), "{config}");
    let (_, versions) = node.page("/versions");
    assert!(versions.contains("\"spell\":\"0.7.6\""), "{versions}");
    let (_, metrics) = node.page("/metrics");
    assert!(
        metrics.contains("\nservices_services_count 5\n"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    assert_eq!(node.page("/secrets"), (404, "No such endpoint".into()));
    drop((client, node));

    let node = Node::start(&folder.0, &operator);
    let mut client = Operator::connect(&node, &operator);
    let mut after = client.ask("srv", "list", &[]).unwrap();
    for list in [&mut before, &mut after] {
        list.as_array_mut()
            .unwrap()
            .sort_by_key(|service| service["id"].to_string());
    }
    assert_eq!(after, before);
    let found = client.ask("worker", "get_worker_id", &[deal]).unwrap();
    assert_eq!(found, json!([worker]));
    assert_eq!(
        client.ask("srv", "resolve_alias", &[json!("once")]),
        Ok(spell)
    );
    // The spell that waits for connections has seen this client come.
    let end = Instant::now() + PATIENCE;
    loop {
        let note = client
            .ask("notes", "load_note", &[json!("/storage/x")])
            .unwrap();
        let text = note["text"].as_str().unwrap();
        assert!(text.starts_with("kept"), "{text}");
        if text.ends_with('!') {
            break;
        }
        assert!(Instant::now() < end, "the spell does not run again");
    }
}

/// An IPFS node's HTTP API that has these blocks, by their CIDs.
fn serve_blocks(blocks: Vec<(String, Vec<u8>)>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            let _ = reader.read_line(&mut line);
            let mut header = String::new();
            while reader.read_line(&mut header).is_ok_and(|len| len > 2) {
                header.clear();
            }
            let target = line.split(' ').nth(1).unwrap_or_default();
            let cid = target.strip_prefix("/api/v0/block/get?arg=");
            let block = blocks.iter().find(|(known, _)| Some(known.as_str()) == cid);
            let mut stream = reader.into_inner();
            let _ = match block {
                Some((_, bytes)) => write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
                    bytes.len()
                )
                .and_then(|()| stream.write_all(bytes))
                .and_then(|()| stream.write_all(b"\r\n0\r\n\r\n")),
                None => write!(
                    stream,
                    "HTTP/1.1 500 Error\r\ncontent-length: 9\r\n\r\nnot found"
                ),
            };
        }
    });
    address
}

#[test]
fn files_come_from_ipfs_checked_block_by_block() {
    let folder = Folder::new("ipfs");
    let operator = Keypair::from_seed([9; 32]);
    let good = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";
    let forged = "bafkreigtmalpyjbpdnz74f6m4ugdl4bhbddnu5ftbwtv4m6sjqgiduppfi";
    let missing = "bafkreie5fitpc7dlrtzohdfuy6rdxkzel2tzuxh6ahdjvag5tovcimvirm";
    let server = serve_blocks(vec![
        (good.into(), b"hello\n".to_vec()),
        (forged.into(), b"something else".to_vec()),
    ]);
    let api = json!(format!("/ip4/127.0.0.1/tcp/{}", server.port()));
    let node = Node::start(&folder.0, &operator);
    let mut client = Operator::connect(&node, &operator);
    let mut cat = |cid: &str, api: &Value| {
        client
            .ask("aqua-ipfs", "cat_from", &[json!(cid), api.clone()])
            .unwrap()
    };
    assert_eq!(
        cat(good, &api),
        json!({"success": true, "error": "", "contents": "hello\n"})
    );
    let error = |answer: Value| {
        assert_eq!(answer["success"], false);
        answer["error"].as_str().unwrap().to_string()
    };
    assert_eq!(
        error(cat(forged, &api)),
        format!("the block that came is not {forged}")
    );
    assert_eq!(
        error(cat(missing, &api)),
        "the IPFS node answers 500: not found"
    );
    let nobody = json!("/ip4/127.0.0.1/tcp/1");
    assert!(!error(cat(good, &nobody)).is_empty());
}
