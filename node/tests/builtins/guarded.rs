//! Functions whose answer depends on who asks or comes later.

use std::time::Duration;

use basalt_node::builtins::{Later, Reply};
use basalt_node::script::Tetraplet;
use serde_json::{Value, json};

use super::bench::*;

/// What is tested here rather than in the table of cases.
pub(crate) const TESTED: &[(&str, &str)] = &[
    ("peer", "connect"),
    ("run-console", "print"),
    ("sig", "sign"),
];

const GUARD: &str = "This function is only available to the host or worker spells";

fn later(author: u8, service: &str, function: &str, arguments: Value) -> Later {
    let arguments = arguments.as_array().unwrap().clone();
    match call(author, service, function, arguments, Vec::new()) {
        Ok(Reply::Later(later)) => later,
        other => panic!("{other:?}"),
    }
}

fn error(author: u8, service: &str, function: &str, arguments: Value) -> String {
    let arguments = arguments.as_array().unwrap().clone();
    call(author, service, function, arguments, Vec::new())
        .unwrap_err()
        .message()
        .to_string()
}

#[test]
fn a_timeout_comes_later_with_its_message() {
    let sleep = |ms, message: &str| Later::Sleep {
        duration: Duration::from_millis(ms),
        result: message.into(),
    };
    assert_eq!(
        later(STRANGER, "peer", "timeout", json!([50, "done"])),
        sleep(50, "done")
    );
    assert_eq!(
        later(STRANGER, "peer", "timeout", json!(["50", ["done"]])),
        sleep(50, "done")
    );
    assert_eq!(later(STRANGER, "peer", "timeout", json!([0])), sleep(0, ""));
    assert_eq!(
        later(STRANGER, "peer", "timeout", json!([u64::MAX, []])),
        sleep(u64::MAX, "")
    );
}

#[test]
fn connect_is_for_host_and_management_and_reads_its_arguments_first() {
    let friend = peer(FRIEND).to_string();
    let address = "/ip4/192.0.2.3/tcp/977";
    for author in [HOST, MANAGEMENT] {
        for addresses in [json!([address]), json!([[address]])] {
            assert_eq!(
                later(author, "peer", "connect", json!([friend, addresses])),
                Later::Connect {
                    peer: peer(FRIEND),
                    addresses: vec![address.parse().unwrap()]
                }
            );
        }
        assert_eq!(
            later(author, "peer", "connect", json!([friend])),
            Later::Connect {
                peer: peer(FRIEND),
                addresses: Vec::new()
            }
        );
    }
    assert_eq!(error(STRANGER, "peer", "connect", json!([friend])), GUARD);
    let malformed = error(STRANGER, "peer", "connect", json!([friend, ["/ip9/1"]]));
    assert!(malformed.starts_with("Error: "), "{malformed}");
    let missing = error(STRANGER, "peer", "connect", json!([]));
    assert!(
        missing.starts_with("Error: Field 'peer_id' is missing"),
        "{missing}"
    );
}

#[test]
fn the_console_is_for_host_and_management() {
    assert_eq!(error(STRANGER, "run-console", "print", json!(["x"])), GUARD);
    let printed = call(
        HOST,
        "run-console",
        "print",
        vec![json!("x"), json!(1)],
        Vec::new(),
    );
    assert_eq!(answer(printed), (0, "\"\"".into()));
}

fn origin<'a>(
    peer_pk: &'a str,
    service_id: &'a str,
    function_name: &'a str,
    lens: &'a str,
) -> Tetraplet<'a> {
    Tetraplet {
        peer_pk,
        service_id,
        function_name,
        lens,
    }
}

fn sign(author: u8, arguments: Value, origins: Vec<Vec<Tetraplet<'_>>>) -> Result<Value, String> {
    match call(
        author,
        "sig",
        "sign",
        arguments.as_array().unwrap().clone(),
        origins,
    ) {
        Ok(Reply::Value(value)) => Ok(value),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.message().to_string()),
    }
}

#[test]
fn what_may_be_signed_is_signed_and_verifies() {
    let host = peer(HOST).to_string();
    for author in [HOST, MANAGEMENT] {
        for function in ["get_record_bytes", "get_record_metadata_bytes"] {
            let origins = vec![vec![origin(&host, "registry", function, "")]];
            let signed = sign(author, json!([[1, 2, 3]]), origins).unwrap();
            assert_eq!(signed["success"], true);
            assert_eq!(signed["error"], json!([]));
            let signature = signed["signature"][0].clone();
            let verified = call(
                STRANGER,
                "sig",
                "verify",
                vec![signature.clone(), json!([1, 2, 3])],
                vec![],
            );
            assert_eq!(answer(verified), (0, "true".into()));
            let other = call(
                STRANGER,
                "sig",
                "verify",
                vec![signature, json!([1, 2])],
                vec![],
            );
            assert_eq!(answer(other), (0, "false".into()));
        }
    }
}

#[test]
fn strangers_get_no_signature() {
    let host = peer(HOST).to_string();
    let origins = vec![vec![origin(&host, "registry", "get_record_bytes", "")]];
    assert_eq!(
        sign(STRANGER, json!([[1]]), origins).unwrap_err(),
        format!(
            "peer '{}' is not allowed to sign data on '{host}'",
            peer(STRANGER)
        )
    );
}

#[test]
fn data_from_elsewhere_is_a_call_error() {
    let host = peer(HOST).to_string();
    let good = origin(&host, "registry", "get_record_bytes", "");
    for origins in [
        vec![],
        vec![vec![]],
        vec![vec![good, good]],
        vec![vec![origin(&host, "op", "get_record_bytes", "")]],
        vec![vec![origin(&host, "registry", "get_key_bytes", "")]],
        vec![vec![origin(
            &host,
            "registry",
            "get_record_bytes",
            ".$.[0]",
        )]],
        vec![vec![origin(
            &peer(FRIEND).to_string(),
            "registry",
            "get_record_bytes",
            "",
        )]],
    ] {
        sign(HOST, json!([[1]]), origins).unwrap_err();
    }
}

#[test]
fn data_that_is_no_bytes_is_told_in_the_answer() {
    let host = peer(HOST).to_string();
    for (arguments, from) in [
        (json!([]), host.as_str()),
        (json!(["text"]), &host),
        (json!([[1]]), "no peer id"),
    ] {
        let origins = vec![vec![origin(from, "registry", "get_record_bytes", "")]];
        let told = sign(HOST, arguments, origins).unwrap();
        assert_eq!(
            (&told["success"], &told["signature"]),
            (&json!(false), &json!([]))
        );
        assert_eq!(told["error"].as_array().unwrap().len(), 1);
    }
}
