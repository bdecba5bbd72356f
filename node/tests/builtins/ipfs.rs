//! `aqua-ipfs`: what is answered without a network. Files are fetched in the hosted node's tests.

use serde_json::json;

use super::bench::{HOST, MANAGEMENT, STRANGER};
use super::house::*;

/// What is tested here rather than in the table of cases.
pub(crate) const TESTED: &[(&str, &str)] = &[
    ("aqua-ipfs", "cat"),
    ("aqua-ipfs", "cat_from"),
    ("aqua-ipfs", "get"),
    ("aqua-ipfs", "get_from"),
    ("aqua-ipfs", "put"),
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
        ("put", json!(["x"])),
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
            "'x' is no CID of a file with a SHA-256 hash",
        ),
        (CID, "nowhere", "'nowhere' is no multiaddr"),
    ] {
        let answer = house.ask(HOST, "aqua-ipfs", "cat_from", json!([hash, api]));
        assert_eq!(answer["success"], false);
        let told = answer["error"].as_str().unwrap();
        assert!(told.starts_with(error), "{told}");
    }
}
