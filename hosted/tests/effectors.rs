//! Modules that use programs of the host, as the manifest allows them to.

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use basalt_distro::cid;
use basalt_net::keypair::Keypair;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use support::{Folder, Node, Operator, guest};

/// Answers every request with its first line and its body.
fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut header, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut line)?;
    while reader.read_line(&mut header)? > 2 {
        let lower = header.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        header.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let text = format!("{}|{}", line.trim_end(), String::from_utf8_lossy(&body));
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
    reader.into_inner().write_all(answer.as_bytes())
}

fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Who hangs up is none of our business.
            let _ = serve(stream);
        }
    });
    address
}

/// Makes a blueprint of modules, the facade last.
fn blueprint(client: &mut Operator, modules: &[(&str, Value)]) -> Value {
    let add = |(name, module): &(&str, Value)| {
        let arguments = [module.clone(), json!({ "name": name })];
        client.ask("dist", "add_module", &arguments).unwrap()
    };
    let cids: Vec<Value> = modules.iter().map(add).collect();
    let name = modules[modules.len() - 1].0;
    let made = client
        .ask("dist", "make_blueprint", &[json!(name), json!(cids)])
        .unwrap();
    client.ask("dist", "add_blueprint", &[made]).unwrap()
}

#[test]
fn an_effector_has_the_programs_that_the_manifest_says() {
    let folder = Folder::new("effectors");
    let operator = Keypair::from_seed([9; 32]);
    let server = server();
    let bytes = BASE64_STANDARD
        .decode(guest("runner").as_str().unwrap())
        .unwrap();
    let cid = cid::of_file(&bytes);
    let allowed = format!(
        "[services]\nhttp = \"all\"\neffectors = [\"{cid} curl tool\"]\n[log]\nlevel = \"debug\"\n"
    );
    let node = Node::start(&folder.0, &operator, &allowed);
    let mut client = Operator::connect(&node, &operator);
    let modules = ["runner", "files", "fetch_store"].map(|name| (name, guest(name)));
    let blueprint = blueprint(&mut client, &modules);
    let service = client
        .ask("srv", "create", std::slice::from_ref(&blueprint))
        .unwrap();
    let service = service.as_str().unwrap();
    let url = json!(format!("http://{server}/page?x=1"));
    let arguments = [url.clone(), json!("/storage/page")];
    let note = client.ask(service, "fetch_and_keep", &arguments).unwrap();
    assert_eq!(
        note,
        json!({ "found": true, "text": "GET /page?x=1 HTTP/1.1|", "problem": "" })
    );
    drop((client, node));

    // Without the manifest's word it may not be started.
    let node = Node::start(&folder.0, &operator, "");
    let mut client = Operator::connect(&node, &operator);
    let refused = client.ask("srv", "create", &[blueprint]).unwrap_err();
    let expected = format!("module effector runner with CID {cid} is forbidden on this host");
    assert!(refused.contains(&expected), "{refused}");
    drop((client, node));

    // With it, but for one of its programs.
    let half = format!("[services]\neffectors = [\"{cid} curl\"]\n");
    let node = Node::start(&folder.0, &operator, &half);
    let mut client = Operator::connect(&node, &operator);
    let refused = client
        .ask(service, "fetch_and_keep", &arguments)
        .unwrap_err();
    assert!(refused.contains("requested a binary `tool`"), "{refused}");
}

#[test]
#[ignore = "needs the published module, which is not part of this repository: BASALT_CURL_EFFECTOR=FILE"]
fn the_published_curl_effector_fetches() {
    let file = std::env::var("BASALT_CURL_EFFECTOR").expect("BASALT_CURL_EFFECTOR=FILE");
    let bytes = std::fs::read(file).unwrap();
    let folder = Folder::new("curl-effector");
    let operator = Keypair::from_seed([9; 32]);
    let server = server();
    let node = Node::start(&folder.0, &operator, "[services]\nhttp = \"all\"\n");
    let mut client = Operator::connect(&node, &operator);
    let module = json!(BASE64_STANDARD.encode(&bytes));
    let blueprint = blueprint(&mut client, &[("curl", module)]);
    let service = client.ask("srv", "create", &[blueprint]).unwrap();
    let service = service.as_str().unwrap();
    let mut curl = |words: &[&str]| {
        let answer = client.ask(service, "curl_request", &[json!(words)]);
        let answer = answer.unwrap();
        let (output, told) = (answer["stdout"].clone(), answer["stderr"].clone());
        (answer["ret_code"].as_i64(), output, told)
    };
    let url = format!("http://{server}/page");
    assert_eq!(
        curl(&["-sS", &url]),
        (Some(0), json!("GET /page HTTP/1.1|"), json!(""))
    );
    let header = "content-type: application/json";
    let post = ["-s", "-X", "POST", "-H", header, "-d", "{\"a\":1}", &url];
    assert_eq!(
        curl(&post),
        (Some(0), json!("POST /page HTTP/1.1|{\"a\":1}"), json!(""))
    );
    let (code, output, told) = curl(&["-sS", "http://127.0.0.1:1/"]);
    assert_eq!((code, output), (Some(7), json!("")), "{told}");
    drop((client, node));

    // Others' modules have no business in the provider's own network, unless the manifest says so.
    let node = Node::start(&folder.0, &operator, "");
    let mut client = Operator::connect(&node, &operator);
    let arguments = [json!(["-sS", &url])];
    let answer = client.ask(service, "curl_request", &arguments).unwrap();
    assert_eq!(
        (&answer["ret_code"], &answer["stdout"]),
        (&json!(7), &json!(""))
    );
    let told = answer["stderr"].as_str().unwrap();
    assert!(told.contains("may not reach 127.0.0.1"), "{told}");
}
