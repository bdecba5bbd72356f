//! What the hosted node does for its operator, and still knows after it was killed.

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use basalt_net::keypair::Keypair;
use serde_json::{Value, json};
use support::{Folder, Node, Operator, PATIENCE, guest};

/// Makes a service of one guest and gives it a name.
fn deploy(client: &mut Operator, module: &str, alias: &str) {
    let mut ask = |service: &str, function: &str, arguments: &[Value]| {
        client.ask(service, function, arguments).unwrap()
    };
    let cid = ask(
        "dist",
        "add_module",
        &[guest(module), json!({"name": module})],
    );
    let blueprint = ask("dist", "make_blueprint", &[json!(alias), json!([cid])]);
    let blueprint = ask("dist", "add_blueprint", &[blueprint]);
    let id = ask("srv", "create", &[blueprint]);
    ask("srv", "add_alias", &[json!(alias), id]);
}

#[test]
fn what_was_deployed_is_there_after_the_process_was_killed() {
    let folder = Folder::new("services");
    let operator = Keypair::from_seed([9; 32]);
    let node = Node::start(&folder.0, &operator, "");
    let mut client = Operator::connect(&node, &operator);

    deploy(&mut client, "files", "notes");
    deploy(&mut client, "std", "links");
    let storage = json!("/storage");
    let left = client
        .ask("links", "leave", std::slice::from_ref(&storage))
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
    for shown in [
        "seed = \"(redacted)\"\n",
        "\n[services]\n",
        "\nauthor_rate = 50000\n",
    ] {
        assert!(config.contains(shown), "{config}");
    }
    let (_, versions) = node.page("/versions");
    assert!(versions.contains("\"spell\":\"0.7.6\""), "{versions}");
    let (_, metrics) = node.page("/metrics");
    assert!(
        metrics.contains("\nservices_services_count 6\n"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    assert_eq!(node.page("/secrets"), (404, "No such endpoint".into()));
    drop((client, node));

    let node = Node::start(&folder.0, &operator, "");
    let mut client = Operator::connect(&node, &operator);
    let mut after = client.ask("srv", "list", &[]).unwrap();
    for list in [&mut before, &mut after] {
        list.as_array_mut()
            .unwrap()
            .sort_by_key(|service| service["id"].to_string());
    }
    assert_eq!(after, before);
    // Files, hard and symbolic links and times of all of them.
    assert!(
        left.as_str().unwrap().contains("soft tree/deep ["),
        "{left}"
    );
    assert_eq!(client.ask("links", "look", &[storage]), Ok(left));
    let through = client.ask("links", "contents", &[json!("/storage/soft/file")]);
    assert_eq!(through, Ok(json!("contents, more")));
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
    let based = "bafkreiditn4knqdvjymhhyinmmhwnhrvitikcuaspamstmquygun2znhpi";
    let node_cid = "bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae";
    let missing = "bafkreie5fitpc7dlrtzohdfuy6rdxkzel2tzuxh6ahdjvag5tovcimvirm";
    let server = serve_blocks(vec![
        (good.into(), b"hello\n".to_vec()),
        (forged.into(), b"something else".to_vec()),
        (based.into(), b"hello base\n".to_vec()),
        (node_cid.into(), b"\xa1ehelloeworld".to_vec()),
    ]);
    let api = json!(format!("/ip4/127.0.0.1/tcp/{}", server.port()));
    let node = Node::start(&folder.0, &operator, "");
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
    assert_eq!(error(cat(missing, &api)), "the IPFS node answers 500");
    for other in [
        "zb2rhdgd6NWq9UED98rK76QDk2ofE6prkfm2mBZaF5Wyyjh7o",
        "/ipfs/f01551220689b78a6c0754e1873e10d630f669e3544d0a15012781929b214c1a8dd65a77a",
    ] {
        assert_eq!(cat(other, &api)["contents"], "hello base\n");
    }
    let found = cat(&format!("{node_cid}/hello"), &api);
    assert_eq!(error(found), format!("{node_cid} is no node of a file"));
    let nobody = json!("/ip4/127.0.0.1/tcp/1");
    assert!(!error(cat(good, &nobody)).is_empty());
    let found = client.ask("aqua-ipfs", "dag_get_from", &[json!(node_cid), api]);
    let found = found.unwrap();
    assert_eq!(
        (&found["success"], &found["error"]),
        (&json!(true), &json!(""))
    );
    let path = found["path"].as_str().unwrap();
    assert!(path.starts_with("/tmp/vault/"), "{path}");
}

/// Posts a file to an API; gives the body of the answer.
fn post_file(api: &str, target: &str, contents: &[u8]) -> Value {
    let mut stream = TcpStream::connect(api).unwrap();
    let part = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
                content-type: application/octet-stream\r\n\r\n";
    let body = [part.as_bytes(), contents, b"\r\n--b--\r\n"].concat();
    write!(
        stream,
        "POST /api/v0/{target} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(&body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let read = basalt_node::outgoing::read_answer(&answer, true, 1 << 20).unwrap();
    let (status, body) = read.expect("a whole answer");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

/// A real node of IPFS, whose API is at `BASALT_IPFS_API` (an IP address and a port).
#[test]
#[ignore = "needs a node of IPFS: node/tests/vectors/ipfs/README.md"]
fn a_node_of_ipfs_serves_what_it_was_given() {
    let api = std::env::var("BASALT_IPFS_API").expect("BASALT_IPFS_API");
    let address: SocketAddr = api.parse().unwrap();
    let multiaddr = json!(format!("/ip4/{}/tcp/{}", address.ip(), address.port()));
    let folder = Folder::new("ipfs-node");
    let operator = Keypair::from_seed([9; 32]);
    let node = Node::start(&folder.0, &operator, "");
    let mut client = Operator::connect(&node, &operator);
    let mut fetch = |function: &str, path: &Value| {
        let arguments = [path.clone(), multiaddr.clone()];
        client.ask("aqua-ipfs", function, &arguments).unwrap()
    };
    // Several blocks, of either version.
    let text = "some text, ".repeat(60_000);
    for target in ["add?cid-version=1&raw-leaves=true", "add?cid-version=0"] {
        let cid = &post_file(&api, target, text.as_bytes())["Hash"];
        assert_eq!(fetch("cat_from", cid)["contents"], text, "{cid}");
        assert_eq!(fetch("dag_get_from", cid)["success"], true, "{cid}");
    }
    let node = br#"{"b": [1, {"/": {"bytes": "AQID"}}], "a": "x"}"#;
    let put = "dag/put?input-codec=dag-json&store-codec=dag-cbor";
    let cid = &post_file(&api, put, node)["Cid"]["/"];
    let read = fetch("dag_get_from", cid);
    assert_eq!(read["success"], true, "{read}");
    let missing = fetch(
        "dag_get_from",
        &json!(format!("{}/c", cid.as_str().unwrap())),
    );
    assert!(
        missing["error"].as_str().unwrap().contains("no link"),
        "{missing}"
    );
}
