//! Answers by JSON-RPC, of the specification's form and of others that servers send.

use alloc::string::ToString;
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::answers::views;
use super::rpc;

/// Bodies that answer one question with an error, and what is told of it.
fn errors() -> Vec<(Value, &'static str)> {
    let error = json!({ "code": -32005, "message": "limit exceeded" });
    let of = |error: Value| json!([{ "jsonrpc": "2.0", "id": 0, "error": error }]);
    Vec::from([
        // The error is beside a result, or at another place of the object.
        (
            json!([{ "jsonrpc": "2.0", "id": 0, "result": null, "error": error }]),
            "limit exceeded",
        ),
        (
            json!([{ "error": error, "id": 0, "result": null }]),
            "limit exceeded",
        ),
        (
            json!([{ "id": 0, "result": "0x01", "error": error }]),
            "limit exceeded",
        ),
        (of(error.clone()), "limit exceeded"),
        // The id is null, missing or no question's.
        (
            json!([{ "id": null, "result": null, "error": error }]),
            "limit exceeded",
        ),
        (json!([{ "id": null, "error": error }]), "limit exceeded"),
        (json!([{ "error": error }]), "limit exceeded"),
        (json!([{ "id": 7, "error": error }]), "limit exceeded"),
        (json!([{ "id": "0", "error": error }]), "limit exceeded"),
        (json!([{ "id": -1, "error": error }]), "limit exceeded"),
        // One object for the whole batch.
        (
            json!({ "jsonrpc": "2.0", "id": null, "error": error }),
            "limit exceeded",
        ),
        (
            json!({ "jsonrpc": "2.0", "id": null, "result": null, "error": error }),
            "limit exceeded",
        ),
        (
            json!({ "jsonrpc": "2.0", "id": 0, "result": null, "error": error }),
            "limit exceeded",
        ),
        (json!({ "error": error }), "limit exceeded"),
        (json!({ "error": "limit exceeded" }), "limit exceeded"),
        (json!({ "message": "no such route" }), "no such route"),
        // Errors of other forms.
        (of(json!("limit exceeded")), "limit exceeded"),
        (
            of(json!({ "message": "reverted", "data": "0x08" })),
            "reverted (\"0x08\")",
        ),
        (
            of(json!({ "message": "reverted", "data": null })),
            "reverted",
        ),
        (
            of(json!({ "message": "no", "data": { "why": "so" } })),
            "no ({\"why\":\"so\"})",
        ),
        (of(json!({ "code": -32000 })), "{\"code\":-32000}"),
        (
            of(json!({ "code": -32000, "message": "" })),
            "{\"code\":-32000,\"message\":\"\"}",
        ),
        (of(json!({ "message": 5 })), "{\"message\":5}"),
        (of(json!(5)), "5"),
        (of(json!(false)), "false"),
        // Said twice, it stays an error.
        (
            json!([{ "id": 0, "error": error }, { "id": 0, "result": null }]),
            "limit exceeded",
        ),
        (
            json!([{ "id": 0, "result": null }, { "id": 0, "error": error }]),
            "limit exceeded",
        ),
        (
            json!([{ "id": 0, "result": null }, { "id": 0, "result": null }]),
            "twice",
        ),
        // No answers at all.
        (json!([]), "does not answer"),
        (json!([{ "id": 0, "error": null }]), "\"error\":null"),
        (json!([{ "id": 0 }]), "{\"id\":0}"),
        (json!({}), "{}"),
        (json!([{ "id": 1, "result": null }]), "what was not asked"),
        (
            json!([{ "id": null, "result": null }]),
            "what was not asked",
        ),
        (json!([{ "result": null }]), "what was not asked"),
        (json!({ "result": null }), "what was not asked"),
        (json!([[]]), "[]"),
        (json!(["no"]), "no"),
        (json!(null), "the chain answers null"),
        (json!("no"), "the chain answers \"no\""),
    ])
}

fn receipt(body: &[u8]) -> Value {
    let [.., receipt] = views(body);
    receipt.unwrap()
}

#[test]
fn errors_keep_their_text_and_are_no_receipts() {
    for (body, text) in errors() {
        let body = body.to_string();
        let [.., workers, _] = views(body.as_bytes());
        let told = workers.unwrap_err();
        assert!(told.contains(text), "{body}: {told}");
        let receipt = receipt(body.as_bytes());
        assert_eq!(receipt["success"], false, "{body}");
        assert_eq!(receipt["status"], "", "{body}");
        assert_eq!(receipt["error"], json!([told]), "{body}");
        assert_eq!(receipt["receipt"], json!([]), "{body}");
    }
    for body in [
        "",
        "[",
        "<html>busy</html>",
        "[{\"id\":0,\"result\":null}]]",
        "\u{1}",
    ] {
        let [.., workers, receipt] = views(body.as_bytes());
        assert!(workers.unwrap_err().contains("no JSON"), "{body}");
        assert_eq!(receipt.unwrap()["success"], false, "{body}");
    }
}

#[test]
fn a_receipt_is_null_or_an_object() {
    let of = |result: Value| {
        receipt(
            json!([{ "id": 0, "result": result }])
                .to_string()
                .as_bytes(),
        )
    };
    assert_eq!(of(Value::Null)["status"], "pending");
    let both = br#"[{"id":0,"result":{"status":"0x1"},"error":null}]"#;
    assert_eq!(receipt(both)["status"], "ok");
    assert_eq!(receipt(br#"{"id":0,"result":null}"#)["status"], "pending");
    for (status, told) in [
        (json!("0x1"), "ok"),
        (json!("0x0"), "failed"),
        (json!(null), "failed"),
    ] {
        assert_eq!(of(json!({ "status": status }))["status"], told);
    }
    for other in [json!("0x1"), json!(true), json!([]), json!(0)] {
        let told = of(other);
        assert_eq!(told["success"], false);
        assert_eq!(told["status"], "");
    }
}

#[test]
fn an_error_without_an_id_is_told_for_what_has_no_answer() {
    let error = json!({ "message": "limit exceeded" });
    let partly = json!([{ "id": 1, "result": "0x2" }, { "id": null, "error": error }]);
    let answers = rpc::answers(partly.to_string().as_bytes(), 3).unwrap();
    let limit = Err("limit exceeded".into());
    assert_eq!(answers, [limit.clone(), Ok(json!("0x2")), limit]);
    // Nobody says whether the questions were read: that is no answer to any of them.
    let none = json!([{ "id": null, "error": error }, { "error": "other" }]);
    let refused = rpc::answers(none.to_string().as_bytes(), 2).unwrap_err();
    assert_eq!(refused, "limit exceeded");
}

#[test]
fn answers_are_found_by_their_ids_in_any_order_and_form() {
    let ordered = [Ok(json!("a")), Err("no".into()), Ok(json!("c"))];
    let error = json!({ "message": "no" });
    for ids in [
        [json!(0), json!(1), json!(2)],
        [json!("0"), json!("1"), json!("2")],
        [json!(0.0), json!("1"), json!(2)],
    ] {
        let [first, second, third] = &ids;
        let answers = [
            json!({ "id": first, "result": "a" }),
            json!({ "id": second, "error": error, "result": null }),
            json!({ "id": third, "result": "c" }),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let body = Value::from(order.map(|place| answers[place].clone()).to_vec());
            let read = rpc::answers(body.to_string().as_bytes(), 3).unwrap();
            assert_eq!(read, ordered, "{body}");
        }
    }
    // Beside an answer that nobody asked for, an error keeps its text.
    let stray = json!([{ "id": 9, "result": null }, { "id": 0, "error": error }]);
    let read = rpc::answers(stray.to_string().as_bytes(), 2).unwrap();
    let unasked = Err("the chain answers what was not asked".into());
    assert_eq!(read, [Err("no".into()), unasked]);
    for id in [
        json!(0.5),
        json!("0x0"),
        json!(""),
        json!(-1),
        json!([0]),
        json!(1e300),
    ] {
        let body = json!([{ "id": id, "result": "a" }]).to_string();
        assert!(rpc::answers(body.as_bytes(), 1).is_err(), "{body}");
    }
}

#[test]
fn errors_fit_a_line_and_are_found_beside_a_status() {
    let long = "ä".repeat(1_000);
    let body = json!({ "error": { "message": long, "data": long } }).to_string();
    let told = rpc::answers(body.as_bytes(), 1).unwrap_err();
    assert!(
        told.chars().count() < 420 && told.contains("ä.. ("),
        "{told}"
    );
    let found = |body: &str| rpc::refusal(body.as_bytes());
    assert_eq!(found(&body), Some(told));
    assert_eq!(
        found(r#"[{"id":0,"result":1},{"error":"no"}]"#),
        Some("no".into())
    );
    for body in [
        "",
        "Too Many Requests",
        "{}",
        "[]",
        "null",
        r#"{"error":null}"#,
    ] {
        assert_eq!(found(body), None, "{body:?}");
    }
}
