//! Epochs by the clock, where no chain tells them: every epoch has a nonce that follows from the
//! first and the epoch's number, so that anybody who knows the settings can check the proofs.

use super::{Difficulty, Epoch, GlobalNonce};
use sha3::{Digest, Keccak256};

/// What to prove for, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The nonce of the only epoch, or where the nonces of all epochs come from.
    pub nonce: GlobalNonce,
    /// The difficulty of all epochs.
    pub difficulty: Difficulty,
    /// Length of an epoch; without it there is one for ever.
    pub seconds: Option<u32>,
}

impl Schedule {
    /// The epoch at a time in seconds since 1970. Its nonce is the Keccak-256 of the schedule's
    /// nonce and the epoch's number, 32 bytes big-endian; the number counts from 1970.
    pub fn epoch_at(&self, unix_seconds: u64) -> Epoch {
        let nonce = match self.seconds {
            None => self.nonce,
            Some(seconds) => {
                let number = unix_seconds / u64::from(seconds.max(1));
                let mut hash = Keccak256::new();
                hash.update(self.nonce.0);
                hash.update([0; 24]);
                hash.update(number.to_be_bytes());
                GlobalNonce(hash.finalize().into())
            }
        };
        Epoch {
            nonce,
            difficulty: self.difficulty,
        }
    }

    /// When the epoch after the one at this time begins, in seconds since 1970.
    pub fn next_after(&self, unix_seconds: u64) -> Option<u64> {
        let seconds = u64::from(self.seconds?.max(1));
        Some((unix_seconds / seconds + 1) * seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_change_with_the_number_and_only_then() {
        let schedule = Schedule {
            nonce: GlobalNonce([1; 32]),
            difficulty: Difficulty([2; 32]),
            seconds: Some(60),
        };
        let [a, b, c] = [120, 179, 180].map(|at| schedule.epoch_at(at).nonce);
        assert!(a == b && b != c && a != schedule.nonce);
        // A number of 32 bytes after the nonce, hashed as a compute unit's id is.
        let mut number = [0; 32];
        number[31] = 2;
        let expected =
            crate::capacity::randomx_key(&schedule.nonce, &crate::capacity::CuId(number));
        assert_eq!(a.0, expected);
        assert_eq!(schedule.next_after(120), Some(180));
        let single = Schedule {
            seconds: None,
            ..schedule
        };
        assert_eq!(single.epoch_at(7).nonce, schedule.nonce);
        assert_eq!(single.next_after(7), None);
    }
}
