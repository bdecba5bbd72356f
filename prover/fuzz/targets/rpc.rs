//! Any bytes as a request: an answer or none, never a panic, never more than the limits allow.

use basalt_prover::capacity::{
    CuId, Difficulty, Epoch, GlobalNonce, LocalNonce, Proofs, ResultHash,
};
use basalt_prover::rpc::{Answer, Call, Limits, answer, query};
use serde_json::Value;

/// Checks one input.
pub fn check(data: &[u8]) {
    let limits = Limits {
        request: 4096,
        answer: 4096,
        batch: 8,
        entries: 8,
    };
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
    let mut calls = 0;
    let answer = answer(data, &limits, &mut |call| {
        calls += 1;
        if let Call::OnActiveCommitment { allocation, .. } = call {
            assert!(allocation.len() <= limits.entries);
        }
        let value = query(call, &proofs, limits.entries).unwrap_or_default();
        if let Call::GetProofsAfter { .. } = call {
            let units = value.as_array().expect("a list");
            let count = units
                .iter()
                .filter_map(|unit| unit["proof_batches"].as_array());
            assert!(count.map(Vec::len).sum::<usize>() <= limits.entries);
        }
        Ok(value)
    });
    assert!(calls <= limits.batch);
    match answer {
        Answer::Text(text) | Answer::Bad(text) => {
            // An error repeats the id, and some of the parameters.
            assert!(text.len() <= 2 * limits.answer + data.len());
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            let one = answer.get(0).unwrap_or(&answer);
            assert_eq!(one["jsonrpc"], "2.0");
            assert!(one.get("result").is_some() != one.get("error").is_some());
        }
        Answer::Nothing => {}
    }
}
