//! The proofs of an epoch.
//!
//! A proof costs hundreds of thousands of hashes, so it is shown to nobody before it is stored; and
//! one bad element reverts a whole batch on chain, so nothing doubtful leaves: no proof of another
//! nonce, none twice, never more of a unit than are open.

use super::{CuId, Epoch, LocalNonce, ResultHash};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

/// A proof, with what it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The epoch it counts in.
    pub epoch: Epoch,
    /// The compute unit it counts for.
    pub cu: CuId,
    /// Its number among the unit's proofs of the epoch, from 1.
    pub index: u64,
    /// What was hashed.
    pub local_nonce: LocalNonce,
    /// The hash.
    pub result_hash: ResultHash,
}

/// Why a proof is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no epoch, or it was made for another.
    OldEpoch,
    /// The hash is above the difficulty.
    TooEasy,
    /// The unit has this proof already.
    Duplicate,
    /// The unit has as many as [`Limits::proofs_per_unit`].
    TooMany,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OldEpoch => "the proof is of another epoch",
            Self::TooEasy => "the hash does not meet the difficulty",
            Self::Duplicate => "the unit has this proof already",
            Self::TooMany => "the unit has as many proofs as are kept",
        })
    }
}

impl core::error::Error for Refused {}

/// Bounds on what is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Proofs kept per unit: bounds memory against a difficulty that makes every hash a proof.
    pub proofs_per_unit: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            proofs_per_unit: 4096,
        }
    }
}

/// A request for full batches of a unit's proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// The last index the client has.
    pub after: u64,
    /// Proofs per batch; 0 asks for none.
    pub size: usize,
}

#[derive(Clone, Debug, Default)]
struct Unit {
    /// Ascending by index.
    proofs: Vec<Entry>,
    nonces: BTreeSet<LocalNonce>,
    last_index: u64,
    confirmed: u32,
}

#[derive(Clone, Debug)]
struct Entry {
    proof: Proof,
    stored: bool,
}

impl Unit {
    /// Stored proofs with an index above `after`, ascending.
    fn after(&self, after: u64) -> impl Iterator<Item = &Proof> {
        // A gap in what is stored ends the list: a client that has seen 5 never asks for 4 again.
        let solid = self.proofs.iter().take_while(|entry| entry.stored);
        solid
            .map(|entry| &entry.proof)
            .filter(move |proof| proof.index > after)
    }
}

/// All proofs of the running epoch.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    limits: Limits,
    epoch: Option<Epoch>,
    units: BTreeMap<CuId, Unit>,
}

impl Proofs {
    /// No proofs, of no epoch.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// The epoch they are of.
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Starts an epoch: all proofs of another are gone. True if it is another.
    pub fn start(&mut self, epoch: Option<Epoch>) -> bool {
        let changed = self.epoch != epoch;
        if changed {
            self.epoch = epoch;
            self.units.clear();
        }
        changed
    }

    /// Takes a new proof, gives it its index, and keeps it back until [`stored`](Self::stored).
    ///
    /// # Errors
    ///
    /// [`Refused`] if it must not be submitted.
    pub fn found(
        &mut self,
        cu: CuId,
        local_nonce: LocalNonce,
        result_hash: ResultHash,
    ) -> Result<Proof, Refused> {
        let epoch = self.epoch.ok_or(Refused::OldEpoch)?;
        let index = self.units.get(&cu).map_or(0, |unit| unit.last_index) + 1;
        let proof = Proof {
            epoch,
            cu,
            index,
            local_nonce,
            result_hash,
        };
        self.insert(proof, false)?;
        Ok(proof)
    }

    /// Takes a proof back from storage, after a restart.
    ///
    /// # Errors
    ///
    /// [`Refused`] if it is not of the running epoch, or damaged.
    pub fn restore(&mut self, proof: Proof) -> Result<(), Refused> {
        if self
            .units
            .get(&proof.cu)
            .is_some_and(|unit| proof.index <= unit.last_index)
        {
            return Err(Refused::Duplicate);
        }
        self.insert(proof, true)
    }

    fn insert(&mut self, proof: Proof, stored: bool) -> Result<(), Refused> {
        if self.epoch != Some(proof.epoch) {
            return Err(Refused::OldEpoch);
        }
        if !proof.epoch.difficulty.is_met_by(&proof.result_hash) {
            return Err(Refused::TooEasy);
        }
        let unit = self.units.entry(proof.cu).or_default();
        if unit.proofs.len() >= self.limits.proofs_per_unit {
            return Err(Refused::TooMany);
        }
        if !unit.nonces.insert(proof.local_nonce) {
            return Err(Refused::Duplicate);
        }
        unit.last_index = proof.index;
        unit.proofs.push(Entry { proof, stored });
        Ok(())
    }

    /// Notes that a proof is safe on disk: from now on it is shown.
    pub fn stored(&mut self, cu: &CuId, index: u64) {
        let unit = self.units.get_mut(cu);
        let mut entries = unit.into_iter().flat_map(|unit| &mut unit.proofs);
        if let Some(entry) = entries.find(|entry| entry.proof.index == index) {
            entry.stored = true;
        }
    }

    /// Notes how many proofs of a unit the chain has confirmed in this epoch.
    pub fn confirmed(&mut self, cu: CuId, count: u32) {
        self.units.entry(cu).or_default().confirmed = count;
    }

    /// Proofs found for a unit, and how many of them are stored.
    pub fn count(&self, cu: &CuId) -> (usize, usize) {
        self.units.get(cu).map_or((0, 0), |unit| {
            (
                unit.proofs.len(),
                unit.proofs.iter().filter(|entry| entry.stored).count(),
            )
        })
    }

    /// Proofs of a unit that count towards its maximum: found here, or known to the chain.
    pub fn progress(&self, cu: &CuId) -> usize {
        self.units
            .get(cu)
            .map_or(0, |unit| unit.proofs.len().max(unit.confirmed as usize))
    }

    /// A batch for the chain: stored proofs after index `after`, no more than the maximum leaves
    /// open.
    pub fn submission(&self, cu: &CuId, after: u64, max: Option<u32>) -> Vec<Proof> {
        let Some(unit) = self.units.get(cu) else {
            return Vec::new();
        };
        let open = max.map_or(usize::MAX, |max| {
            max.saturating_sub(unit.confirmed) as usize
        });
        unit.after(after).take(open).copied().collect()
    }

    /// Per unit the proofs after the given index, `limit` in all.
    pub fn after(&self, known: &BTreeMap<CuId, u64>, limit: usize) -> Vec<(CuId, Vec<Proof>)> {
        let mut left = limit;
        let mut result = Vec::new();
        for (cu, after) in known {
            let Some(unit) = self.units.get(cu) else {
                continue;
            };
            let proofs: Vec<_> = unit.after(*after).take(left).copied().collect();
            left -= proofs.len();
            if !proofs.is_empty() {
                result.push((*cu, proofs));
            }
        }
        result
    }

    /// Full batches of the wanted sizes: none if there are fewer than `min` over all units, else up
    /// to `max`, and of all proofs up to `entries`.
    pub fn batches(
        &self,
        requests: &BTreeMap<CuId, BatchRequest>,
        min: usize,
        max: usize,
        entries: usize,
    ) -> Vec<(CuId, Vec<Proof>)> {
        let mut result = Vec::new();
        let (mut full, mut left) = (0, entries);
        for (cu, request) in requests {
            let Some(unit) = self.units.get(cu).filter(|_| request.size > 0) else {
                continue;
            };
            let mut proofs: Vec<_> = unit.after(request.after).copied().collect();
            let count = proofs.len() / request.size;
            let taken = count.min(max.saturating_sub(full)).min(left / request.size);
            full += count;
            proofs.truncate(taken * request.size);
            left -= proofs.len();
            if !proofs.is_empty() {
                result.push((*cu, proofs));
            }
        }
        if full < min { Vec::new() } else { result }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::{Difficulty, GlobalNonce};

    const CU: CuId = CuId([1; 32]);

    fn epoch(nonce: u8) -> Epoch {
        Epoch {
            nonce: GlobalNonce([nonce; 32]),
            difficulty: Difficulty([0x7F; 32]),
        }
    }

    fn with(count: u8) -> Proofs {
        let mut proofs = Proofs::default();
        proofs.start(Some(epoch(1)));
        for i in 0..count {
            let proof = proofs
                .found(CU, LocalNonce([i; 32]), ResultHash([0; 32]))
                .unwrap();
            proofs.stored(&CU, proof.index);
        }
        proofs
    }

    fn indices(batch: &[(CuId, Vec<Proof>)]) -> Vec<u64> {
        batch
            .iter()
            .flat_map(|(_, proofs)| proofs)
            .map(|proof| proof.index)
            .collect()
    }

    #[test]
    fn indices_start_at_one_and_nothing_is_shown_before_it_is_stored() {
        let mut proofs = with(2);
        let third = proofs
            .found(CU, LocalNonce([9; 32]), ResultHash([0; 32]))
            .unwrap();
        assert_eq!(third.index, 3);
        let known = BTreeMap::from([(CU, 0)]);
        assert_eq!(indices(&proofs.after(&known, 10)), [1, 2]);
        proofs.stored(&CU, 3);
        assert_eq!(indices(&proofs.after(&known, 10)), [1, 2, 3]);
        assert_eq!(indices(&proofs.after(&known, 1)), [1]);
        assert_eq!(indices(&proofs.after(&BTreeMap::from([(CU, 2)]), 10)), [3]);
    }

    #[test]
    fn refuses_what_the_chain_would() {
        let mut proofs = with(1);
        let found = |proofs: &mut Proofs, nonce, hash| {
            proofs
                .found(CU, LocalNonce([nonce; 32]), ResultHash([hash; 32]))
                .map(|p| p.index)
        };
        assert_eq!(found(&mut proofs, 0, 0), Err(Refused::Duplicate));
        assert_eq!(found(&mut proofs, 5, 0x80), Err(Refused::TooEasy));
        assert_eq!(found(&mut proofs, 5, 0x7F), Ok(2));
        let old = proofs.submission(&CU, 0, None)[0];
        assert!(proofs.start(Some(epoch(2))));
        assert!(!proofs.start(Some(epoch(2))));
        assert_eq!(proofs.restore(old), Err(Refused::OldEpoch));
        assert_eq!(found(&mut proofs, 0, 0), Ok(1));
    }

    #[test]
    fn a_submission_leaves_the_maximum_alone() {
        let mut proofs = with(6);
        proofs.confirmed(CU, 3);
        assert_eq!(proofs.submission(&CU, 3, Some(5)).len(), 2);
        assert_eq!(proofs.submission(&CU, 3, Some(3)).len(), 0);
        assert_eq!(proofs.submission(&CU, 3, None).len(), 3);
    }

    #[test]
    fn batches_are_full_and_enough() {
        let proofs = with(5);
        let request = BTreeMap::from([(CU, BatchRequest { after: 0, size: 2 })]);
        assert_eq!(indices(&proofs.batches(&request, 1, 4, 9)), [1, 2, 3, 4]);
        assert_eq!(indices(&proofs.batches(&request, 1, 1, 9)), [1, 2]);
        assert_eq!(indices(&proofs.batches(&request, 3, 4, 9)), [0; 0]);
        // Of no batch a part.
        assert_eq!(indices(&proofs.batches(&request, 1, 4, 3)), [1, 2]);
    }
}
