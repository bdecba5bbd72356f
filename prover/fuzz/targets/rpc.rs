//! Any bytes as a request: an answer or none, never a panic, never more than the limits allow.

use basalt_prover::capacity::{
    CoreId, CuId, Difficulty, Epoch, GlobalNonce, LocalNonce, Proofs, ResultHash,
};
use basalt_prover::rpc::{Call, Error, Limits, Request, query};

/// Checks one input.
pub fn check(data: &[u8]) {
    let limits = Limits {
        bytes: 4096,
        entries: 8,
    };
    let request = Request::parse(data, &limits);
    let mut proofs = Proofs::default();
    let epoch = Epoch {
        nonce: GlobalNonce([1; 32]),
        difficulty: Difficulty([0xFF; 32]),
    };
    proofs.start(Some(epoch));
    let cu = CuId([0xAA; 32]);
    for i in 0..20 {
        let proof = proofs
            .found(cu, LocalNonce([i; 32]), ResultHash([i; 32]))
            .expect("a proof");
        proofs.stored(&cu, proof.index);
    }
    let result = match &request.call {
        Ok(call) => {
            if let Call::OnActiveCommitment { allocation, .. } = call {
                assert!(allocation.len() <= limits.entries);
                assert!(
                    allocation
                        .keys()
                        .all(|CoreId(id)| u64::from(*id) <= u64::from(u32::MAX))
                );
            }
            let value = query(call, &proofs, &limits).unwrap_or_default();
            if let Call::GetProofsAfter { .. } = call {
                let units = value.as_array().expect("a list");
                let count = units
                    .iter()
                    .filter_map(|unit| unit["proof_batches"].as_array());
                assert!(count.map(Vec::len).sum::<usize>() <= limits.entries);
            }
            Ok(value)
        }
        Err(error) => Err(error.clone()),
    };
    let silent = matches!(
        request.call,
        Ok(_) | Err(Error::MethodNotFound | Error::InvalidParams(_) | Error::BadHex(_))
    );
    match request.answer(result) {
        Some(answer) => {
            let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
            assert_eq!(answer["jsonrpc"], "2.0");
        }
        None => assert!(silent, "an unreadable request is answered"),
    }
}
