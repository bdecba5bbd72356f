//! Any bytes as a record: what is read is what would be written.

use basalt_prover::capacity::records::{
    proof_from_bytes, proof_to_json, state_from_bytes, state_to_json,
};

/// Checks one input.
pub fn check(data: &[u8]) {
    if let Ok(proof) = proof_from_bytes(data) {
        assert_eq!(
            proof_from_bytes(proof_to_json(&proof).to_string().as_bytes()),
            Ok(proof)
        );
    }
    if let Ok(state) = state_from_bytes(data) {
        assert_eq!(
            state_from_bytes(state_to_json(&state).as_bytes()),
            Ok(state)
        );
    }
}
