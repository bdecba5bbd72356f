use super::*;
use crate::capacity::proofs::BatchRequest;
use crate::capacity::{
    CoreId, CuId, Difficulty, Epoch, GlobalNonce, LocalNonce, Proofs, ResultHash,
};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::json;

const HEX: &str = "b1176bdb1a0ac664b5a9a61b1ef9699e62f8fd57f9b372b8aa3dea1edd8ab65a";

/// Answers a text, with what the calls are answered; gives the answer and the calls.
fn answered(text: &str, limits: &Limits, result: &Result<Value, Error>) -> (Answer, Vec<Call>) {
    let mut calls = Vec::new();
    let answer = answer(text.as_bytes(), limits, &mut |call| {
        calls.push(call.clone());
        result.clone()
    });
    (answer, calls)
}

fn ask(text: &str) -> (Answer, Vec<Call>) {
    answered(text, &Limits::default(), &Ok(Value::Null))
}

fn request(method: &str, params: &str) -> (Value, Option<Call>) {
    let text = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
    match ask(&text) {
        (Answer::Text(text), mut calls) => (serde_json::from_str(&text).unwrap(), calls.pop()),
        other => panic!("{other:?}"),
    }
}

/// What the reference's server answered, recorded: `jsonrpsee` 0.24 below `ccp-rpc-client` 0.17,
/// whose methods gave empty lists and nulls.
#[test]
fn answers_are_those_of_the_reference_s_server() {
    let vectors = include_str!("../../tests/rpc/recorded.json");
    let vectors: Vec<(String, u16, String)> = serde_json::from_str(vectors).unwrap();
    assert!(vectors.len() > 200);
    let mut wrong = Vec::new();
    for (text, status, expected) in vectors {
        let answer = answer(
            text.as_bytes(),
            &Limits::default(),
            &mut |call| match call {
                Call::GetProofsAfter { .. } | Call::GetBatchProofsAfter { .. } => Ok(json!([])),
                _ => Ok(Value::Null),
            },
        );
        let told = match answer {
            Answer::Text(text) => (200, text),
            Answer::Nothing => (200, String::new()),
            Answer::Bad(text) => (400, text),
        };
        if told != (status, expected.clone()) {
            wrong.push(format!("{text}\n  is {told:?}\n  not {status} {expected}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn commitments_by_name_and_position_in_all_forms_of_bytes() {
    let cu: CuId = HEX.parse().unwrap();
    let list = format!("{:?}", cu.0);
    let expected = Some(Call::OnActiveCommitment {
        epoch: Epoch {
            nonce: GlobalNonce(cu.0),
            difficulty: Difficulty(cu.0),
        },
        allocation: BTreeMap::from([(CoreId(2), cu)]),
    });
    for value in [format!("\"{HEX}\""), format!("\"0x{HEX}\""), list] {
        let named = format!(
            r#"{{"global_nonce":{value},"difficulty":{value},"cu_allocation":{{"2":{value}}}}}"#
        );
        assert_eq!(request("ccp_on_active_commitment", &named).1, expected);
        let positional = format!(r#"[{value},{value},{{"2":{value}}}]"#);
        assert_eq!(request("ccp_on_active_commitment", &positional).1, expected);
    }
}

#[test]
fn names_of_older_versions_are_taken() {
    let after = |cu: &str, index| Call::GetProofsAfter {
        known: BTreeMap::from([(cu.parse().unwrap(), index)]),
        limit: 3,
    };
    let older = format!(r#"{{"proof_idxs":{{"{HEX}":5}},"limit":3}}"#);
    assert_eq!(
        request("ccp_get_proofs_after", &older).1,
        Some(after(HEX, 5))
    );
    let older = format!(
        r#"{{"cu_proof_requests":{{"0x{HEX}":{{"last_seen_proof_idx":1,"proof_batch_size":2}}}},
            "min_batch_count":3,"max_batch_count":4}}"#
    );
    let requests = BTreeMap::from([(HEX.parse().unwrap(), BatchRequest { after: 1, size: 2 })]);
    let expected = Call::GetBatchProofsAfter {
        requests,
        min: 3,
        max: 4,
    };
    assert_eq!(
        request("ccp_get_batch_proofs_after", &older).1,
        Some(expected)
    );
}

#[test]
fn errors_have_the_reference_codes() {
    let error = |answer: &Value| {
        (
            answer["error"]["code"].clone(),
            answer["error"]["data"].clone(),
        )
    };
    let (bad, call) = request("ccp_on_active_commitment", r#"["xyz","00",{}]"#);
    assert_eq!((error(&bad), call), ((json!(2), json!("xyz")), None));
    let (bad, call) = request("ccp_get_proofs_after", r#"[{"0xab":1},5]"#);
    assert_eq!((error(&bad), call), ((json!(2), json!("0xab")), None));
    let text = r#"{"jsonrpc":"2.0","id":"a","method":"ccp_on_no_active_commitment"}"#;
    let refused = Err(Error::Prover("no cores".into()));
    let (answer, _) = answered(text, &Limits::default(), &refused);
    let expected =
        r#"{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":"prover error: no cores"}}"#;
    assert_eq!(answer, Answer::Text(expected.into()));
}

/// The reference's server drops them. JSON-RPC says that they are done.
#[test]
fn notifications_are_done_and_not_answered() {
    let note = r#"{"jsonrpc":"2.0","method":"ccp_on_no_active_commitment"}"#;
    let expected = (Answer::Nothing, Vec::from([Call::OnNoActiveCommitment]));
    assert_eq!(ask(note), expected);
    assert_eq!(ask(&format!("[{note}]")), expected);
    // With an id of no valid kind the reference says nothing, and nothing is done.
    for id in ["1.5", "-1", "{}", "[]", "true"] {
        let odd = note.replacen('{', &format!("{{\"id\":{id},"), 1);
        assert_eq!(ask(&odd), (Answer::Nothing, Vec::new()), "{id}");
    }
}

#[test]
fn limits_hold() {
    let limits = Limits {
        request: 200,
        answer: 100,
        batch: 2,
        entries: 2,
    };
    let ask = |text: &str, result: &str| answered(text, &limits, &Ok(json!(result)));
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"ccp_on_no_active_commitment"}"#;
    let told = |answer: Answer| match answer {
        Answer::Text(text) => text,
        other => panic!("{other:?}"),
    };
    let (short, calls) = ask(call, "x");
    assert_eq!(told(short), r#"{"jsonrpc":"2.0","id":7,"result":"x"}"#);
    assert_eq!(calls.len(), 1);
    let (long, _) = ask(call, &"x".repeat(100));
    assert_eq!(
        told(long),
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32008,"message":"Response is too big","data":"Exceeded max limit of 100"}}"#
    );
    let (both, calls) = ask(&format!("[{call},{call}]"), &"x".repeat(30));
    assert_eq!(
        told(both),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32011,"message":"The batch response was too large","data":"Exceeded max limit of 100"}}"#
    );
    assert_eq!(calls.len(), 2);
    let (many, calls) = ask("[1,2,3]", "");
    assert_eq!(
        told(many),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32010,"message":"The batch request was too large","data":"Exceeded max limit of 2"}}"#
    );
    assert!(calls.is_empty());
    let (large, _) = ask(&format!("{call}{}", " ".repeat(200)), "");
    assert_eq!(
        told(large),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32007,"message":"Request is too big","data":"Exceeded max limit of 200"}}"#
    );
    let many =
        r#"{"jsonrpc":"2.0","id":7,"method":"ccp_realloc_utility_cores","params":[[1,2,3]]}"#;
    assert!(told(ask(many, "").0).contains("more than 2 entries"));
}

/// What is not looked at is skipped without recursion.
#[test]
fn depth_costs_no_stack() {
    let deep = |open: &str, close: &str| open.repeat(200_000) + &close.repeat(200_000);
    for deep in [deep("[", "]"), deep("{\"a\":[", "]}").replace("[]", "[1]")] {
        let call = |method: &str| {
            let (answer, _) = request(method, &deep);
            answer["error"]["code"].as_i64()
        };
        assert_eq!(call("nope"), Some(-32601));
        assert_eq!(call("ccp_get_proofs_after"), Some(-32602));
        assert_eq!(call("ccp_on_no_active_commitment"), None);
        let (answer, _) = ask(&format!("[{deep},1]"));
        let expected = refusal(Error::InvalidRequest);
        assert_eq!(answer, Answer::Text(format!("[{expected},{expected}]")));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let bytes = b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"nope\",\"x\":\"\xff\"}";
    let answer = answer(bytes, &Limits::default(), &mut |_| Ok(Value::Null));
    assert_eq!(answer, Answer::Text(refusal(Error::Parse)));
}

#[test]
fn proofs_are_answered_in_the_client_s_shape() {
    let cu: CuId = HEX.parse().unwrap();
    let mut proofs = Proofs::default();
    let epoch = Epoch {
        nonce: GlobalNonce([1; 32]),
        difficulty: Difficulty([2; 32]),
    };
    proofs.start(Some(epoch));
    for i in 0..3 {
        let proof = proofs
            .found(cu, LocalNonce([i; 32]), ResultHash([0; 32]))
            .unwrap();
        proofs.stored(&cu, proof.index);
    }
    let after = request("ccp_get_proofs_after", &format!(r#"[{{"{HEX}":1}},10]"#));
    let answer = query(&after.1.unwrap(), &proofs, 4096).unwrap();
    assert_eq!(answer[0]["cu_id"], HEX);
    let found = answer[0]["proof_batches"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["id"]["idx"], 2);
    assert_eq!(found[0]["id"]["global_nonce"], "01".repeat(32));
    assert_eq!(found[0]["local_nonce"], "01".repeat(32));
    let batch = format!(r#"[{{"{HEX}":{{"last_seen_proof_idx":0,"proof_batch_size":2}}}},1,4]"#);
    let batch = request("ccp_get_batch_proofs_after", &batch).1.unwrap();
    let answer = query(&batch, &proofs, 4096).unwrap();
    assert_eq!(answer[0]["proof_batches"].as_array().unwrap().len(), 2);
    assert_eq!(query(&Call::OnNoActiveCommitment, &proofs, 4096), None);
    assert_eq!(HEX, cu.to_string());
}
