//! A deal from the chain to a running worker: the published decider and worker spell, on a hosted
//! node, with a chain and an IPFS node that this test plays.

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use basalt_distro::cid;
use basalt_net::keypair::Keypair;
use basalt_net::peer_id::PeerId;
use serde_json::{Value, json};
use support::{Folder, Node, Operator, PATIENCE};

const DIAMOND: &str = "b05c35133c01c7193f09079eaef97f693ae0e552";
const DEAL: &str = "8e80ffe6dc044f4a766afd6e5a8732fe0977a493";
const UNIT: [u8; 32] = [0xc0; 32];
const CHAIN_ID: u64 = 31_337;

/// What chain and IPFS node know.
#[derive(Default)]
struct Outside {
    /// Files by CID; each is one block.
    files: BTreeMap<String, Vec<u8>>,
    /// The deal's application; none: this peer is in no deal.
    app: Option<String>,
    /// Transactions as they were sent.
    sent: Vec<String>,
    /// The worker that the deal knows by a transaction.
    worker: Option<[u8; 32]>,
    /// Whether transactions are in a block.
    is_mined: bool,
    /// Receipts that were told.
    receipts: u32,
    /// The peer itself.
    peer: [u8; 32],
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn number(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

fn address(text: &str) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&unhex(text));
    word
}

impl Outside {
    fn add(&mut self, bytes: impl Into<Vec<u8>>) -> String {
        let bytes = bytes.into();
        let cid = cid::of_file(&bytes);
        self.files.insert(cid.clone(), bytes);
        cid
    }

    /// What a contract answers.
    fn read(&self, to: &str, data: &str) -> Vec<u8> {
        let (deal, app) = (to == format!("0x{DEAL}"), self.app.as_ref());
        match (&data[..10], deal, app) {
            ("0xb6015c6e", false, app) => {
                assert_eq!(to, format!("0x{DIAMOND}"));
                assert_eq!(data[10..], hex(&self.peer));
                let idle = [number(0xff), number(0), number(3), number(0)];
                let mut units = vec![number(32), number(1)];
                units.extend(idle);
                if app.is_some() {
                    units[1] = number(2);
                    units.extend([UNIT, address(DEAL), number(3), number(1)]);
                }
                units.concat()
            }
            ("0x4e69d560", true, Some(_)) => number(1).to_vec(),
            ("0x9bc66868", true, Some(app)) => {
                // A CID of a file of one block: 36 bytes in base32.
                let hash = bytes_of(app);
                let mut prefix = [0; 32];
                prefix[..4].copy_from_slice(&hash[..4]);
                [&prefix[..], &hash[4..]].concat()
            }
            ("0xc1499f71", true, Some(_)) => {
                let offchain = self.worker.unwrap_or_default();
                let worker = [
                    offchain,
                    number(1),
                    self.peer,
                    address(DEAL),
                    number(7),
                    number(192),
                    number(1),
                    UNIT,
                ];
                [&[number(32), number(1), number(32)][..], &worker]
                    .concat()
                    .concat()
            }
            _ => Vec::new(),
        }
    }

    fn method(&mut self, method: &str, params: &Value) -> Value {
        let text = |value: &Value| value.as_str().unwrap().to_string();
        match method {
            "eth_call" => {
                let call = &params[0];
                json!(format!(
                    "0x{}",
                    hex(&self.read(&text(&call["to"]), &text(&call["data"])))
                ))
            }
            "eth_chainId" => json!(format!("{CHAIN_ID:#x}")),
            "eth_getBlockByNumber" => json!({ "baseFeePerGas": "0x7" }),
            "eth_estimateGas" => json!("0x2bf20"),
            "eth_maxPriorityFeePerGas" => json!("0x1"),
            "eth_getTransactionCount" => json!(format!("{:#x}", self.sent.len())),
            "eth_sendRawTransaction" => {
                let raw = text(&params[0]);
                let at = raw.find("22ebd58a").expect("a call of activateWorker");
                let worker = unhex(&raw[at + 8 + 64..at + 8 + 128]);
                self.worker = Some(worker.try_into().unwrap());
                self.sent.push(raw);
                json!(format!("0x{}", "ab".repeat(32)))
            }
            "eth_getTransactionReceipt" if !self.is_mined => Value::Null,
            "eth_getTransactionReceipt" => {
                self.receipts += 1;
                json!({ "status": "0x1", "blockNumber": "0x10", "transactionHash": params[0] })
            }
            other => panic!("nobody asks for {other}"),
        }
    }

    fn answer(&mut self, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        if let Some(cid) = target.strip_prefix("/api/v0/block/get?arg=") {
            return match self.files.get(cid) {
                Some(block) => (200, block.clone()),
                None => (500, b"no such block".to_vec()),
            };
        }
        assert_eq!(target, "/rpc");
        let batch: Value = serde_json::from_slice(body).unwrap();
        let answers = batch.as_array().unwrap().iter().rev().map(|question| {
            let method = question["method"].as_str().unwrap();
            json!({ "jsonrpc": "2.0", "id": question["id"], "result": self.method(method, &question["params"]) })
        });
        (200, answers.collect::<Value>().to_string().into_bytes())
    }
}

/// The bytes of a CID.
fn bytes_of(cid: &str) -> Vec<u8> {
    let mut bits = 0u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for c in cid[1..].bytes() {
        let value = match c {
            b'a'..=b'z' => c - b'a',
            _ => c - b'2' + 26,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// Serves one request.
fn serve(stream: TcpStream, outside: &Mutex<Outside>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut header, mut length) = (String::new(), 0);
    while reader.read_line(&mut header)? > 2 {
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        header.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let target = line.split(' ').nth(1).unwrap_or_default();
    let (status, answer) = outside.lock().unwrap().answer(target, &body);
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    )?;
    stream.write_all(&answer)
}

fn start(outside: Arc<Mutex<Outside>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Who hangs up is none of our business.
            let _ = serve(stream, &outside);
        }
    });
    address
}

/// Waits until something is there.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn key_of(peer: &PeerId) -> [u8; 32] {
    peer.ed25519_key().expect("an Ed25519 key")
}

#[test]
fn a_deal_becomes_a_worker_and_its_end_removes_it() {
    let folder = Folder::new("deals");
    let operator = Keypair::from_seed([9; 32]);
    let mut outside = Outside::default();
    let wasm = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../wasm-host/tests/guests/wasm/files.wasm"
    );
    let wasm = outside.add(std::fs::read(wasm).unwrap());
    let script = outside.add(
        "(seq (call %init_peer_id% (\"getDataSrv\" \"greeting\") [] text) \
         (call %init_peer_id% (\"notes\" \"save_note\") [\"/storage/x\" text] note))",
    );
    let config = outside.add(
        json!({
            "clock": {"start_sec": 1, "end_sec": 0, "period_sec": 0},
            "connections": {"connect": false, "disconnect": false},
            "blockchain": {"start_block": 0, "end_block": 0},
        })
        .to_string(),
    );
    let init = outside.add(json!({"greeting": "from the deal"}).to_string());
    let app = outside.add(
        json!({
            "services": [{"name": "notes", "modules": [{"name": "files", "wasm": wasm}], "total_memory_limit": 64 << 20}],
            "spells": [{"name": "greeter", "script": script, "config": config, "init_args": init}],
        })
        .to_string(),
    );
    outside.app = Some(app);
    outside.peer = key_of(&Keypair::from_seed([7; 32]).peer_id());
    let outside = Arc::new(Mutex::new(outside));
    let server = start(outside.clone());
    let chain = format!(
        "[chain]\nendpoint = \"http://{server}/rpc\"\ndiamond = \"0x{DIAMOND}\"\nchain_id = {CHAIN_ID}\n\
         wallet_key = \"{}\"\nipfs = \"/ip4/127.0.0.1/tcp/{}\"\n",
        "11".repeat(32),
        server.port()
    );
    let node = Node::start(&folder.0, &operator, &chain);
    let mut client = Operator::connect(&node, &operator);

    // The decider finds the deal, makes a worker, and tells the chain.
    let worker = until("a worker", || {
        let found = client
            .ask("worker", "get_worker_id", &[json!(DEAL)])
            .unwrap();
        found[0].as_str().map(str::to_string)
    });
    let peer: PeerId = worker.parse().unwrap();
    let told = until("a transaction", || outside.lock().unwrap().worker);
    assert_eq!(told, key_of(&peer));
    assert!(outside.lock().unwrap().sent[0].starts_with("0x02f8"));

    let (_, metrics) = node.page("/metrics");
    let pending = "\nbasalt_chain_transactions_pending 1\n";
    assert!(metrics.contains(pending), "{metrics}");

    // The node is killed before the transaction is mined. The next one knows of it, and sends none
    // in its place.
    drop(client);
    drop(node);
    outside.lock().unwrap().is_mined = true;
    let node = Node::start(&folder.0, &operator, &chain);
    let mut client = Operator::connect(&node, &operator);
    until("a look whether it is mined", || {
        let (_, metrics) = node.page("/metrics");
        metrics
            .contains("\nbasalt_chain_transactions_pending 0\n")
            .then_some(())
    });
    assert!(outside.lock().unwrap().receipts > 0);

    // The worker's spell brings the service and the spell of the definition, which runs.
    until("the note of the deal's spell", || {
        let note = client.ask_at(&worker, "notes", "load_note", &[json!("/storage/x")]);
        note.ok().filter(|note| note["text"] == "from the deal")
    });

    // The deal is over: at the decider's next run, which the operator brings about, the worker
    // goes.
    outside.lock().unwrap().app = None;
    let now = json!({
        "clock": {"start_sec": 1, "end_sec": 0, "period_sec": 120},
        "connections": {"connect": false, "disconnect": false},
        "blockchain": {"start_block": 0, "end_block": 0},
    });
    client
        .ask("spell", "update_trigger_config", &[json!("decider"), now])
        .unwrap();
    until("no worker", || {
        let left = client.ask("worker", "list", &[]).unwrap();
        (left == json!([])).then_some(())
    });
    assert_eq!(outside.lock().unwrap().sent.len(), 1);
}
