use super::*;
use crate::capacity::{LocalNonce, ResultHash};
use alloc::format;

const HEX: &str = "b1176bdb1a0ac664b5a9a61b1ef9699e62f8fd57f9b372b8aa3dea1edd8ab65a";

fn parse(text: &str) -> Request {
    Request::parse(text.as_bytes(), &Limits::default())
}

fn request(method: &str, params: &str) -> Request {
    let text = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
    parse(&text)
}

#[test]
fn commitments_by_name_and_position_in_all_forms_of_bytes() {
    let cu: CuId = HEX.parse().unwrap();
    let list = format!("{:?}", cu.0);
    let expected = Ok(Call::OnActiveCommitment {
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
        assert_eq!(request("ccp_on_active_commitment", &named).call, expected);
        let positional = format!(r#"[{value},{value},{{"2":{value}}}]"#);
        assert_eq!(
            request("ccp_on_active_commitment", &positional).call,
            expected
        );
    }
}

#[test]
fn errors_have_the_reference_codes() {
    let bad = request("ccp_on_active_commitment", r#"["xyz","00",{}]"#);
    let answer = bad.answer(bad.call.clone().map(|_| Value::Null)).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["error"]["code"], 2);
    assert_eq!(answer["error"]["data"], "xyz");
    assert_eq!(answer["id"], 7);
    assert_eq!(request("ccp_what", "[]").call, Err(Error::MethodNotFound));
    assert_eq!(parse("{").call, Err(Error::Parse));
    assert_eq!(parse("[]").call, Err(Error::InvalidRequest));
    assert_eq!(
        request("ccp_get_proofs_after", "[{}]").call,
        Err(Error::InvalidParams("limit"))
    );
    let silent = parse(r#"{"jsonrpc":"2.0","method":"ccp_on_no_active_commitment"}"#);
    assert_eq!(silent.call, Ok(Call::OnNoActiveCommitment));
    assert_eq!(silent.answer(Ok(Value::Null)), None);
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
    let limits = Limits::default();
    let after = request("ccp_get_proofs_after", &format!(r#"[{{"{HEX}":1}},10]"#))
        .call
        .unwrap();
    let answer = query(&after, &proofs, &limits).unwrap();
    assert_eq!(answer[0]["cu_id"], HEX);
    let found = answer[0]["proof_batches"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["id"]["idx"], 2);
    assert_eq!(found[0]["id"]["global_nonce"], "01".repeat(32));
    assert_eq!(found[0]["local_nonce"], "01".repeat(32));
    let batch = format!(r#"[{{"{HEX}":{{"last_seen_proof_idx":0,"proof_batch_size":2}}}},1,4]"#);
    let batch = request("ccp_get_batch_proofs_after", &batch).call.unwrap();
    let answer = query(&batch, &proofs, &limits).unwrap();
    assert_eq!(answer[0]["proof_batches"].as_array().unwrap().len(), 2);
    assert_eq!(query(&Call::OnNoActiveCommitment, &proofs, &limits), None);
}
