//! Identities that were proven not long ago. A peer shows the same static key with the same
//! signature on each of its connections, and checking it takes a tenth of the time of a handshake.
//! A peer that comes again is not checked again.

use alloc::collections::{BTreeMap, VecDeque};

use super::error::NoiseError;
use super::payload::Payload;
use basalt_terms::peer_id::PeerId;

/// Proofs that are kept, of 200 bytes each; a new one replaces the oldest. A flood of new
/// identities costs the others only the time that the proofs save.
const MAX_PROOFS: usize = 1024;

/// A static key's owner, and the very bytes that proved it.
#[derive(PartialEq, Eq)]
struct Proof {
    owner: PeerId,
    signature: [u8; 64],
}

/// Proofs by static key.
#[derive(Default)]
pub(super) struct Proven {
    proofs: BTreeMap<[u8; 32], Proof>,
    order: VecDeque<[u8; 32]>,
}

impl Proven {
    /// The identity that has signed `static_key`, which is checked unless the same was proven
    /// before.
    pub(super) fn verify(
        &mut self,
        payload: &Payload<'_>,
        static_key: &[u8; 32],
    ) -> Result<PeerId, NoiseError> {
        let known = self.proofs.get(static_key);
        if let Some(proof) = known.filter(|proof| payload.is(&proof.owner, &proof.signature)) {
            return Ok(proof.owner);
        }
        let owner = payload.verify(static_key)?;
        if let Ok(signature) = payload.signature().try_into() {
            self.keep(*static_key, Proof { owner, signature });
        }
        Ok(owner)
    }

    fn keep(&mut self, static_key: [u8; 32], proof: Proof) {
        if self.proofs.insert(static_key, proof).is_some() {
            return;
        }
        self.order.push_back(static_key);
        if self.order.len() > MAX_PROOFS
            && let Some(oldest) = self.order.pop_front()
        {
            self.proofs.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::payload;
    use super::*;
    use crate::keypair::{KeyError, Keypair};

    const KEY: [u8; 32] = [5; 32];

    #[test]
    fn what_was_proven_for_one_proves_nothing_for_another() {
        let mut proven = Proven::default();
        let (a, b) = (Keypair::from_seed([1; 32]), Keypair::from_seed([2; 32]));
        let (of_a, of_b) = (payload::write(&a, &KEY), payload::write(&b, &KEY));
        let (of_a, of_b) = (Payload::read(&of_a).unwrap(), Payload::read(&of_b).unwrap());
        for _ in 0..2 {
            assert_eq!(proven.verify(&of_a, &KEY), Ok(a.peer_id()));
        }
        assert_eq!(proven.verify(&of_b, &KEY), Ok(b.peer_id()));
        assert_eq!(proven.verify(&of_a, &KEY), Ok(a.peer_id()));
        // The same words with another static key, and the other's signature under one's own name.
        let mismatch = Err(NoiseError::Identity(KeyError::Mismatch));
        assert_eq!(proven.verify(&of_a, &[6; 32]), mismatch);
        let mut forged = payload::write(&a, &KEY);
        let theirs = payload::write(&b, &KEY);
        let signature = forged.len() - 64;
        forged[signature..].copy_from_slice(&theirs[signature..]);
        assert_eq!(
            proven.verify(&Payload::read(&forged).unwrap(), &KEY),
            mismatch
        );
        forged[signature..].fill(0);
        assert_eq!(
            proven.verify(&Payload::read(&forged).unwrap(), &KEY),
            mismatch
        );
    }

    /// Otherwise everybody could be this peer.
    #[test]
    fn an_identity_of_small_order_proves_nothing() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut forged = payload::write(&Keypair::from_seed([1; 32]), &KEY);
        let (identity, signature) = (2 + 4, forged.len() - 64);
        forged[identity..identity + 32].copy_from_slice(&neutral);
        forged[signature..].fill(0);
        forged[signature] = 1;
        let payload = Payload::read(&forged).unwrap();
        let mismatch = Err(NoiseError::Identity(KeyError::Mismatch));
        assert_eq!(Proven::default().verify(&payload, &KEY), mismatch);
    }

    #[test]
    fn a_flood_of_identities_is_forgotten() {
        let mut proven = Proven::default();
        let keypair = Keypair::from_seed([1; 32]);
        let proof = || Proof {
            owner: keypair.peer_id(),
            signature: [0; 64],
        };
        for i in 0..3 * MAX_PROOFS as u64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&i.to_le_bytes());
            proven.keep(key, proof());
            proven.keep(key, proof());
        }
        assert_eq!(proven.proofs.len(), MAX_PROOFS);
        assert_eq!(proven.order.len(), MAX_PROOFS);
    }
}
