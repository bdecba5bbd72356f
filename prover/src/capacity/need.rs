//! How much memory proving takes, to be checked before anything is promised.

use crate::randomx::params::{CACHE_BYTES, Params, SCRATCHPAD_BYTES};
use core::fmt;

/// Bytes of machine code and bookkeeping per hardware thread and lane, generously.
const CODE_BYTES: u64 = 64 << 10;

/// What is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Whether caches stay instead of datasets.
    pub light: bool,
    /// Datasets (or, in light mode, caches) resident at once: one per compute unit, or fewer in the
    /// mode of short memory.
    pub datasets: usize,
    /// Hardware threads that hash.
    pub threads: usize,
    /// Hashes each thread makes at a time.
    pub lanes: usize,
}

/// The machine has less memory than the plan takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLittle {
    /// Bytes the plan takes.
    pub need: u64,
    /// Bytes there are.
    pub have: u64,
    /// Datasets that would fit; 0 if not even one does.
    pub datasets: usize,
}

impl fmt::Display for TooLittle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        write!(
            f,
            "proving needs {} MiB and the machine has {} MiB for it; ",
            mib(self.need),
            mib(self.have)
        )?;
        match self.datasets {
            0 => f.write_str("not even one dataset fits: switch proving off or add memory"),
            n => write!(
                f,
                "set the number of datasets to {n}, the units then take turns"
            ),
        }
    }
}

impl core::error::Error for TooLittle {}

impl Plan {
    /// Bytes the plan takes: datasets, scratchpads and code, and one cache (datasets are filled one
    /// after the other, each from its own).
    pub fn bytes<P: Params>(&self) -> u64 {
        let machines = (self.threads * self.lanes) as u64;
        let (resident, passing) = if self.light {
            (CACHE_BYTES, 0)
        } else {
            (P::DATASET_BYTES, CACHE_BYTES)
        };
        self.datasets as u64 * resident as u64
            + passing as u64
            + machines * (SCRATCHPAD_BYTES as u64 + CODE_BYTES)
    }

    /// Checks the plan against `have` bytes.
    ///
    /// # Errors
    ///
    /// [`TooLittle`], with the number of datasets that would fit.
    pub fn check<P: Params>(&self, have: u64) -> Result<(), TooLittle> {
        let need = self.bytes::<P>();
        if need <= have {
            return Ok(());
        }
        let rest = Self {
            datasets: 0,
            ..*self
        }
        .bytes::<P>();
        let each = Self {
            datasets: 1,
            ..*self
        }
        .bytes::<P>()
            - rest;
        let datasets = have.saturating_sub(rest) / each;
        Err(TooLittle {
            need,
            have,
            datasets: datasets as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomx::Fluence;
    use std::string::ToString;

    #[test]
    fn four_gib_per_core_do_not_hold_all_datasets() {
        let plan = Plan {
            light: false,
            datasets: 16,
            threads: 32,
            lanes: 1,
        };
        assert_eq!(plan.bytes::<Fluence>() >> 20, 66_369);
        let error = plan.check::<Fluence>(64 << 30).unwrap_err();
        assert_eq!(error.datasets, 15);
        assert!(
            error
                .to_string()
                .ends_with("set the number of datasets to 15, the units then take turns")
        );
        assert_eq!(
            Plan {
                datasets: 15,
                ..plan
            }
            .check::<Fluence>(64 << 30),
            Ok(())
        );
        assert_eq!(plan.check::<Fluence>(1 << 30).unwrap_err().datasets, 0);
        let light = Plan {
            light: true,
            ..plan
        };
        assert_eq!(light.bytes::<Fluence>() >> 20, 16 * 256 + 32 * 2 + 2);
        assert_eq!(light.check::<Fluence>(1 << 30).unwrap_err().datasets, 3);
    }
}
