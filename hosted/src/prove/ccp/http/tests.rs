//! Bytes of clients, and what comes back.

use super::*;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// Answers like the server whose answers were recorded.
struct Methods;

impl Service for Methods {
    fn call(&self, call: &Call) -> Result<Value, Error> {
        match call {
            Call::GetProofsAfter { .. } => Ok(json!([])),
            _ => Ok(Value::Null),
        }
    }

    fn metrics(&self) -> (&'static str, String) {
        ("text/plain; version=0.0.4", "ccp 1\n".into())
    }
}

fn start() -> SocketAddr {
    start_with(PATIENCE)
}

fn start_with(patience: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve(listener, Methods, patience));
    address
}

/// The answers to some bytes, without their dates. The client says that nothing follows; with
/// `cuts` the bytes come in pieces.
fn answers(server: SocketAddr, bytes: &[u8], cuts: usize) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in bytes.chunks(bytes.len().div_ceil(cuts.max(1)).max(1)) {
        // A server that has answered already may not read the rest.
        let _ = stream.write_all(piece);
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    // What came before a reset is the answer all the same.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let lines = answer.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with("date: ")).collect()
}

/// Recorded from `jsonrpsee` 0.24: name, request, answers, and whether the connection was closed.
fn vectors() -> Vec<(String, String, String, bool)> {
    serde_json::from_str(include_str!("../../../../tests/vectors/ccp-http.json")).unwrap()
}

/// Recorded answers that are not given here. The first depends on the pieces in which a body comes,
/// the second is none at all: the reference takes a length of ten digits for no length.
const DIFFERENT: [&str; 2] = ["chunked, wrong end", "length of ten digits"];

#[test]
fn requests_are_answered_as_by_the_reference_s_server() {
    let server = start();
    let mut wrong = Vec::new();
    let vectors = vectors();
    assert!(vectors.len() > 90);
    for (name, request, expected, _) in vectors {
        for cuts in [1, 7] {
            let answer = answers(server, request.as_bytes(), cuts);
            if answer != expected && !DIFFERENT.contains(&&*name) {
                wrong.push(format!(
                    "{name}, {cuts}:\n  is  {answer:?}\n  not {expected:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn post(headers: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nContent-Type: application/json\r\n{headers}\r\n{body}")
}

#[test]
fn batches_come_by_http() {
    let body = r#"[{"jsonrpc":"2.0","id":1,"method":"ccp_get_proofs_after","params":[{},1]},{"jsonrpc":"2.0","id":2,"method":"nope"}]"#;
    let request = post(&format!("Content-Length: {}\r\n", body.len()), body);
    let answer = answers(start(), request.as_bytes(), 1);
    let expected = r#"[{"jsonrpc":"2.0","id":1,"result":[]},{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}]"#;
    assert!(answer.ends_with(expected), "{answer}");
}

#[test]
fn a_body_without_end_is_refused() {
    let (server, max) = (start(), Limits::default().request);
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let chunks = chunk.repeat(max / (1 << 20) + 1);
    let answer = answers(
        server,
        post("Transfer-Encoding: chunked\r\n", &chunks).as_bytes(),
        1,
    );
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.ends_with(&rpc::refusal(Error::TooLargeRequest(max))),
        "{answer}"
    );
}

#[test]
fn a_head_without_end_is_refused() {
    let answer = answers(
        start(),
        post(&format!("X: {}", "y".repeat(500_000)), "").as_bytes(),
        1,
    );
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn metrics_are_a_page() {
    let answer = answers(start(), b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 1);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\nccp 1\n"), "{answer}");
}

#[test]
fn too_many_connections_are_told_so() {
    let server = start_with(Duration::from_secs(3600));
    let request = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n";
    let open = || {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.write_all(request).unwrap();
        // It is served: no connection before the next one is still on its way.
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        stream
    };
    let all: Vec<TcpStream> = (0..CONNECTIONS).map(|_| open()).collect();
    let mut refused = TcpStream::connect(server).unwrap();
    let mut answer = String::new();
    refused.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, BUSY);
    drop(all);
    // Room comes with the ends of the others, of which the server learns in time.
    while !answers(server, request, 1).ends_with("ccp 1\n") {
        std::thread::yield_now();
    }
}

/// Each of these holds a place, and loses it.
#[test]
fn clients_that_do_nothing_lose_their_connections() {
    let server = start_with(Duration::from_millis(100));
    let told = |bytes: &str| {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The client says nothing more, and not that this is all.
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    };
    assert_eq!(told(""), "");
    assert_eq!(told("POST / HTTP/1.1\r\nHost: h\r\n"), "");
    let kept = told("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(kept.ends_with("ccp 1\n"), "{kept}");
    let half = told(&post("Content-Length: 9\r\n", "{"));
    assert!(half.starts_with("HTTP/1.1 408 "), "{half}");
    // Answers go nowhere.
    let mut deaf = TcpStream::connect(server).unwrap();
    while deaf
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
        .is_ok()
    {}
}

#[test]
fn slow_bodies_hold_nobody_up() {
    let server = start_with(Duration::from_secs(3600));
    let slow = |_| {
        let mut stream = TcpStream::connect(server).unwrap();
        let head = post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut all: Vec<TcpStream> = (0..BODIES + 4).map(slow).collect();
    for stream in &mut all[..BODIES] {
        // Asked to go on, so its turn has come.
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#;
    let request = post(&format!("Content-Length: {}\r\n", body.len()), body);
    assert!(answers(server, request.as_bytes(), 1).contains("-32601"));
    // With an end of one the next has its turn.
    drop(all.drain(..BODIES));
    for stream in &mut all {
        stream.read_exact(&mut [0; 12]).unwrap();
    }
}
