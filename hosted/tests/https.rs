//! Requests of the node over TLS: to the chain's endpoint, and to an IPFS gateway, which this test
//! plays.

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use basalt_distro::cid;
use basalt_net::keypair::Keypair;
use basalt_net::tls::{Context, Settings};
use serde_json::{Value, json};
use support::{Folder, Node, Operator};

const CERTIFICATE: &str = include_str!("../../net/tests/vectors/tls/p256.pem");
const KEY: &str = include_str!("../../net/tests/vectors/tls/p256.key");
const ROOT: &str = include_str!("../../net/tests/vectors/tls/ca-p256.pem");
const FILE: &[u8] = b"a file behind a gateway";

/// The answer to a request: `None` while it is not whole.
fn answer(request: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(request).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    if body.len() < length.parse().ok()? {
        return None;
    }
    let target = head.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let (status, answer) = if target == format!("GET /ipfs/{}?format=raw", cid::of_file(FILE)) {
        (200, String::from_utf8(FILE.to_vec()).unwrap())
    } else if target == "POST /rpc?key=1" {
        // A list without workers.
        let result = format!("0x{:064x}{:064x}", 32, 0);
        let batch: Value = serde_json::from_str(body).unwrap();
        let answers = batch.as_array().unwrap().iter();
        let answers = answers.map(|question| json!({ "id": question["id"], "result": result }));
        (200, answers.collect::<Value>().to_string())
    } else {
        // It is no API.
        (404, format!("not here: {target}"))
    };
    let length = answer.len();
    Some(format!(
        "HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n{answer}"
    ))
}

fn serve(mut stream: TcpStream, context: &Context) -> std::io::Result<()> {
    let mut session = context.accept().unwrap();
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let len = stream.read(&mut piece)?;
        if len == 0 {
            return Ok(());
        }
        let mut wire = Vec::new();
        // A client that refuses the certificate says so and goes.
        if session
            .receive(&piece[..len], &mut request, &mut wire)
            .is_err()
        {
            return Ok(());
        }
        if let Some(answer) = answer(&request) {
            session.send(answer.as_bytes(), &mut wire).unwrap();
            request.clear();
        }
        stream.write_all(&wire)?;
    }
}

fn start() -> SocketAddr {
    let settings = Settings {
        certificate: Some((CERTIFICATE.into(), KEY.into())),
        ..Settings::default()
    };
    let context = Arc::new(Context::new(&settings, [3; 32]).unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    context.set_wall(now.as_millis() as u64);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let context = context.clone();
            // Who hangs up is none of our business.
            std::thread::spawn(move || serve(stream, &context));
        }
    });
    address
}

#[test]
fn chain_and_gateway_are_asked_over_tls() {
    let server = start();
    let operator = Keypair::from_seed([9; 32]);
    let chain = format!(
        "[chain]\nendpoint = \"https://{server}/rpc?key=1\"\ndiamond = \"0x{}\"\nchain_id = 7\nwallet_key = \"{}\"\n",
        "ab".repeat(20),
        "11".repeat(32)
    );
    let trusting = format!("{chain}[tls]\nroots = [\"\"\"{ROOT}\"\"\"]\n");
    let deal = json!("cd".repeat(20));
    let file = [
        json!(cid::of_file(FILE)),
        json!(format!("/ip4/127.0.0.1/tcp/{}/https", server.port())),
    ];
    {
        let folder = Folder::new("https");
        let node = Node::start(&folder.0, &operator, &trusting);
        let mut client = Operator::connect(&node, &operator);
        let resolved = client
            .ask("subnet", "resolve", std::slice::from_ref(&deal))
            .unwrap();
        assert_eq!(
            resolved,
            json!({ "success": true, "workers": [], "error": [] })
        );
        let found = client.ask("aqua-ipfs", "cat_from", &file).unwrap();
        assert_eq!(
            found["contents"].as_str().unwrap().as_bytes(),
            FILE,
            "{found}"
        );
        let other = [json!(cid::of_file(b"another file")), file[1].clone()];
        let missing = client.ask("aqua-ipfs", "cat_from", &other).unwrap();
        assert!(
            missing["error"].as_str().unwrap().contains("404"),
            "{missing}"
        );
    }
    // A node that does not trust the server's authority tells it nothing.
    let folder = Folder::new("https-strange");
    let node = Node::start(&folder.0, &operator, &chain);
    let mut client = Operator::connect(&node, &operator);
    let resolved = client.ask("subnet", "resolve", &[deal]).unwrap();
    assert_eq!(resolved["success"], false);
    assert!(
        resolved["error"][0].as_str().unwrap().contains("TLS"),
        "{resolved}"
    );
    let refused = client.ask("aqua-ipfs", "cat_from", &file).unwrap();
    assert!(
        refused["error"].as_str().unwrap().contains("TLS"),
        "{refused}"
    );
}
