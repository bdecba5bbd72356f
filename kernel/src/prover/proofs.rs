//! Proofs on disk: one record each, in the node's state.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_node::state::{Batch, Error, Namespace, State};
use basalt_prover::capacity::{Epoch, Proof, records};

/// Something to be done with the state. It may take as long as the disk takes.
#[derive(Debug)]
pub enum Task {
    /// Keep a proof.
    Store(Proof),
    /// Read what is kept of an epoch.
    Restore(Epoch),
}

/// What came of it.
#[derive(Debug)]
pub enum Kept {
    /// The proof survives a power cut, or is not kept.
    Stored(Proof, Result<(), Error>),
    /// The proofs of the epoch.
    Restored(Epoch, Result<Vec<Proof>, Error>),
}

impl Task {
    /// Does it.
    pub fn run(self, state: &mut State) -> Kept {
        match self {
            Self::Store(proof) => Kept::Stored(proof, store(state, &proof)),
            Self::Restore(epoch) => Kept::Restored(epoch, restore(state, Some(epoch))),
        }
    }

    /// What comes of it without a disk: proofs count, but a reset loses them.
    #[must_use]
    pub fn run_without_disk(self) -> Kept {
        match self {
            Self::Store(proof) => Kept::Stored(proof, Ok(())),
            Self::Restore(epoch) => Kept::Restored(epoch, Ok(Vec::new())),
        }
    }
}

fn key(proof: &Proof) -> String {
    // Digits enough that the order of keys is the order of indices.
    format!("{}/{:020}", proof.cu, proof.index)
}

/// Keeps a proof; when this returns it survives a power cut.
///
/// # Errors
/// The state's.
fn store(state: &mut State, proof: &Proof) -> Result<(), Error> {
    let record = records::proof_to_json(proof).to_string();
    state.put(
        Namespace::Proofs,
        key(proof).as_bytes(),
        record.into_bytes(),
    )
}

/// The proofs kept of an epoch, in the order of units and indices. All others are removed: no chain
/// takes them any more.
///
/// # Errors
/// The state's.
fn restore(state: &mut State, epoch: Option<Epoch>) -> Result<Vec<Proof>, Error> {
    let mut proofs = Vec::new();
    let mut stale = Batch::new();
    for (key, record) in state.records(Namespace::Proofs, &[])? {
        match records::proof_from_bytes(&record) {
            Ok(proof) if Some(proof.epoch) == epoch => proofs.push(proof),
            _ => drop(stale.delete(Namespace::Proofs, key)),
        }
    }
    state.commit(stale)?;
    Ok(proofs)
}
