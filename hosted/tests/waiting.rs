//! Guests that wait for HTTP keep nobody else from their core.

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use basalt_distro::cid;
use basalt_edge::cores::MAX_WAITING;
use basalt_net::keypair::Keypair;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use support::{Folder, Node, Operator, PATIENCE, guest};

/// A server that takes requests and lets the test answer them.
fn silent_server() -> (SocketAddr, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // A request fits into a packet.
            let mut request = [0; 1024];
            let taken = stream.read(&mut request);
            if taken.is_ok_and(|len| len > 0) && sender.send(stream).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

fn answer(mut stream: TcpStream) {
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlate!";
    stream.write_all(text.as_bytes()).unwrap();
}

/// A node with one compute core, and `count` services that fetch.
fn node(folder: &Folder, count: usize) -> (Node, Vec<String>) {
    let operator = Keypair::from_seed([9; 32]);
    let bytes = BASE64_STANDARD.decode(guest("runner").as_str().unwrap());
    let cid = cid::of_file(&bytes.unwrap());
    let text = format!("[services]\nhttp = \"all\"\neffectors = [\"{cid} curl tool\"]\n");
    let node = Node::start(&folder.0, &operator, &text);
    let mut client = Operator::connect(&node, &operator);
    let cids: Vec<Value> = ["runner", "files", "fetch_store"]
        .map(|name| {
            let arguments = [guest(name), json!({ "name": name })];
            client.ask("dist", "add_module", &arguments).unwrap()
        })
        .to_vec();
    let arguments = [json!("fetch_store"), json!(cids)];
    let made = client.ask("dist", "make_blueprint", &arguments).unwrap();
    let blueprint = client.ask("dist", "add_blueprint", &[made]).unwrap();
    let services = (0..count).map(|_| {
        let made = client.ask("srv", "create", std::slice::from_ref(&blueprint));
        made.unwrap().as_str().unwrap().to_string()
    });
    (node, services.collect())
}

/// Lets a service fetch, for a client of its own.
fn fetch(node: &Node, number: u8, service: &str, server: SocketAddr) -> Value {
    let mut client = Operator::connect(node, &Keypair::from_seed([20 + number; 32]));
    let arguments = [json!(format!("http://{server}/")), json!("/storage/page")];
    client.ask(service, "fetch_and_keep", &arguments).unwrap()
}

#[test]
fn a_guest_that_waits_gives_its_core_back() {
    let folder = Folder::new("waiting");
    let (server, asked) = silent_server();
    let (node, services) = node(&folder, MAX_WAITING + 1);
    let (waiting, refused) = services.split_at(MAX_WAITING);
    thread::scope(|scope| {
        let calls = (0..).zip(waiting).map(|(number, service)| {
            let node = &node;
            scope.spawn(move || fetch(node, number, service, server))
        });
        let calls: Vec<_> = calls.collect();
        let requests: Vec<_> = (0..MAX_WAITING)
            .map(|_| asked.recv_timeout(PATIENCE).unwrap())
            .collect();

        // All wait on the one core. It has time for others, but no place for one more that waits.
        let note = fetch(&node, 99, &refused[0], server);
        assert_eq!(note["found"], false);
        let text = note["text"].as_str().unwrap();
        assert!(text.contains("too busy"), "{note}");
        let metrics = node.page("/metrics").1;
        let counted = metrics.lines().find(|line| line.contains("web_refused"));
        assert!(
            counted.is_some_and(|line| line.ends_with(" 1")),
            "{counted:?}"
        );

        requests.into_iter().for_each(answer);
        for call in calls {
            let note = call.join().unwrap();
            assert_eq!(
                (&note["found"], &note["text"]),
                (&json!(true), &json!("late!"))
            );
        }
    });
}
