//! `aqua-ipfs`: what is answered without a network. Files are fetched in the hosted node's tests.

use std::sync::Arc;

use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_node::builtins::{Later, Reply};
use basalt_node::refusal::Refusal;
use serde_json::{Value, json};

use super::bench::{FRIEND, HOST, MANAGEMENT, STRANGER};
use super::house::*;

/// What is tested here rather than in the table of cases.
pub(crate) const TESTED: &[(&str, &str)] = &[
    ("aqua-ipfs", "cat"),
    ("aqua-ipfs", "cat_from"),
    ("aqua-ipfs", "get"),
    ("aqua-ipfs", "get_from"),
    ("aqua-ipfs", "dag_get"),
    ("aqua-ipfs", "dag_get_from"),
    ("aqua-ipfs", "put"),
    ("aqua-ipfs", "dag_put"),
    ("aqua-ipfs", "connect"),
    ("aqua-ipfs", "set_local_api_multiaddr"),
    ("aqua-ipfs", "set_external_api_multiaddr"),
    ("aqua-ipfs", "set_external_swarm_multiaddr"),
    ("aqua-ipfs", "get_local_api_multiaddr"),
    ("aqua-ipfs", "get_external_api_multiaddr"),
    ("aqua-ipfs", "get_external_swarm_multiaddr"),
    ("aqua-ipfs", "set_timeout"),
];

const GUARD: &str = "This function is only available to the host or worker spells";
const CID: &str = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";

#[test]
fn on_the_host_strangers_are_refused() {
    let mut house = House::new();
    for (function, arguments) in [
        ("cat", json!([CID])),
        ("cat_from", json!([CID, "/ip4/127.0.0.1/tcp/1"])),
        ("get", json!([CID])),
        ("get_from", json!([CID, "/ip4/127.0.0.1/tcp/1"])),
        ("dag_get", json!([CID])),
        ("dag_get_from", json!([CID, "/ip4/127.0.0.1/tcp/1"])),
        ("put", json!(["x"])),
        ("dag_put", json!(["x"])),
        ("connect", json!(["/ip4/127.0.0.1/tcp/1"])),
        ("get_local_api_multiaddr", json!([])),
        ("get_external_api_multiaddr", json!([])),
        ("get_external_swarm_multiaddr", json!([])),
        ("set_local_api_multiaddr", json!(["/ip4/127.0.0.1/tcp/1"])),
        (
            "set_external_api_multiaddr",
            json!(["/ip4/127.0.0.1/tcp/1"]),
        ),
        (
            "set_external_swarm_multiaddr",
            json!(["/ip4/127.0.0.1/tcp/1"]),
        ),
        ("set_timeout", json!([1])),
    ] {
        assert_eq!(
            house.fail(STRANGER, "aqua-ipfs", function, arguments),
            GUARD,
            "{function}"
        );
    }
    assert_eq!(
        house.fail(HOST, "aqua-ipfs", "cat", json!([])),
        "Error: Field 'hash' is missing from args to call_service"
    );
}

#[test]
fn addresses_are_kept_and_checked() {
    let mut house = House::new();
    for name in ["local_api", "external_api", "external_swarm"] {
        let set = format!("set_{name}_multiaddr");
        let get = format!("get_{name}_multiaddr");
        let address = "/ip4/192.0.2.1/tcp/5001";
        assert_eq!(
            house.ask(MANAGEMENT, "aqua-ipfs", &set, json!([address])),
            json!({"success": true, "error": ""})
        );
        let bad = house.ask(MANAGEMENT, "aqua-ipfs", &set, json!(["nowhere"]));
        assert_eq!(bad["success"], false);
        assert_eq!(
            house.ask(HOST, "aqua-ipfs", &get, json!([])),
            json!({"success": true, "error": "", "multiaddr": address})
        );
    }
    assert_eq!(house.ask(HOST, "aqua-ipfs", "set_timeout", json!([7])), "");
    let refused = house.ask(HOST, "aqua-ipfs", "connect", json!(["x"]));
    assert_eq!(refused["success"], false);
}

#[test]
fn what_cannot_be_fetched_is_told_in_the_answer() {
    let mut house = House::new();
    for (hash, api, error) in [
        (
            "x",
            "/ip4/192.0.2.1/tcp/5001",
            "'x' is no CID that IPFS knows",
        ),
        (CID, "nowhere", "'nowhere' is no multiaddr"),
    ] {
        let answer = house.ask(HOST, "aqua-ipfs", "cat_from", json!([hash, api]));
        assert_eq!(answer["success"], false);
        let told = answer["error"].as_str().unwrap();
        assert!(told.starts_with(error), "{told}");
    }
}

/// Not that the service is missing.
#[test]
fn a_function_that_is_missing_is_told_so() {
    let mut house = House::new();
    for (service, function, told) in [
        (
            "aqua-ipfs",
            "dag_pop",
            "Service with id 'aqua-ipfs' has no function 'dag_pop'",
        ),
        ("peer", "", "Service with id 'peer' has no function ''"),
        (
            "ipfs",
            "cat",
            "Service with id 'ipfs' not found (function cat)",
        ),
    ] {
        assert_eq!(house.fail(HOST, service, function, json!([])), told);
    }
}

/// What needs no network is there at once.
#[test]
fn a_block_in_its_cid_is_a_file() {
    let mut house = House::new();
    let inlined = json!(["bafkqaddimvwgy3zanfxgy2lomu"]);
    let read = house.ask(HOST, "aqua-ipfs", "cat", inlined.clone());
    assert_eq!(read["contents"], "hello inline");
    let node = house.ask(HOST, "aqua-ipfs", "dag_get", inlined);
    let path = node["path"].clone();
    assert_eq!(
        house.ask(HOST, "vault", "cat", json!([path])),
        json!(r#"{"/":{"bytes":"aGVsbG8gaW5saW5l"}}"#)
    );
}

/// A worker of the host.
fn worker(house: &mut House) -> Value {
    let deal = json!(["a".repeat(40), ["1".repeat(64)]]);
    house.ask(HOST, "worker", "create", deal)
}

#[test]
fn on_a_worker_strangers_are_refused() {
    const REFUSED: &str =
        "This function is only available to the worker, its creator and the operator";
    let mut house = House::new();
    let worker = worker(&mut house);
    for author in [STRANGER, FRIEND] {
        for (function, arguments) in [
            ("cat", json!([CID])),
            ("cat_from", json!([CID, "/ip4/1.1.1.1/tcp/1"])),
            ("get", json!([CID])),
            ("get_from", json!([CID, "/ip4/1.1.1.1/tcp/1"])),
            ("dag_get", json!([CID])),
            ("dag_get_from", json!([CID, "/ip4/1.1.1.1/tcp/1"])),
            ("put", json!(["x"])),
            ("dag_put", json!(["x"])),
            ("connect", json!(["/ip4/1.1.1.1/tcp/1"])),
            ("get_local_api_multiaddr", json!([])),
            ("get_external_api_multiaddr", json!([])),
            ("get_external_swarm_multiaddr", json!([])),
        ] {
            let refused = house.ask_in(author, &worker, "aqua-ipfs", function, arguments);
            assert_eq!(refused, Err(REFUSED.into()), "{function}");
        }
    }
    for author in [HOST, MANAGEMENT] {
        let get = "get_local_api_multiaddr";
        let told = house.ask_in(author, &worker, "aqua-ipfs", get, json!([]));
        assert_eq!(told.unwrap()["success"], true);
    }
}

#[test]
fn a_worker_reaches_public_addresses_and_those_of_this_node() {
    let mut house = House::new();
    let worker: PeerId = worker(&mut house).as_str().unwrap().parse().unwrap();
    // As a spell of the worker asks, which is its customer's.
    let mut own = Authored::clone(&house.header(HOST));
    own.init_peer_id = worker;
    let own = Arc::new(own);
    let fetch_by = |house: &mut House, particle: &Arc<Authored>, function: &str, api: &str| {
        let arguments = json!([CID, api]);
        let begun = house.begin_by(particle, false, worker, "aqua-ipfs", function, arguments);
        match begun.unwrap() {
            Reply::Later(Later::Job(_)) => None,
            Reply::Value(value) => Some(value["error"].as_str().unwrap().to_string()),
            other => panic!("{other:?}"),
        }
    };
    let fetch = |house: &mut House, particle: &Arc<Authored>, api: &str| {
        fetch_by(house, particle, "cat_from", api)
    };
    let inside = [
        "/ip4/127.0.0.1/tcp/5001",
        "/ip4/0.0.0.0/tcp/5001",
        "/ip4/10.0.0.1/tcp/5001",
        "/ip4/100.64.0.1/tcp/5001",
        "/ip4/169.254.169.254/tcp/80",
        "/ip6/::1/tcp/5001",
        "/ip6/::ffff:127.0.0.1/tcp/5001/http",
        "/ip6/fe80::1/tcp/5001/https",
        "/ip6/fd00::1/tcp/5001",
    ];
    let operator = house.header(MANAGEMENT);
    for api in inside {
        let refused = format!("'{api}' is not a public address");
        for function in ["cat_from", "get_from", "dag_get_from"] {
            let told = fetch_by(&mut house, &own, function, api);
            assert_eq!(told, Some(refused.clone()), "{function}");
        }
    }
    let count = house.rooms.refusals().of(Refusal::FileRefused);
    assert_eq!(count, 3 * inside.len() as u64);
    for api in ["/ip4/1.1.1.1/tcp/5001", "/dns4/a.example/tcp/5001"] {
        assert_eq!(fetch(&mut house, &own, api), None, "{api}");
    }
    // The operator knows his own network, and what he has set up is for the workers too.
    let local = inside[0];
    assert_eq!(fetch(&mut house, &operator, local), None);
    let set = json!([local]);
    house.ask(MANAGEMENT, "aqua-ipfs", "set_local_api_multiaddr", set);
    assert_eq!(fetch(&mut house, &own, local), None);
    assert!(fetch(&mut house, &own, inside[2]).is_some());
}
