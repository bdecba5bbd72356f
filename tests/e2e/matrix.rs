//! Which hardware the image was tried on, and with which outcome.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use basalt_qemu::DiskModel;

use crate::node::guest::{Card, Hardware};

/// Whether every pair of network card and disk is wanted: the environment's `BASALT_MATRIX` is set.
pub(crate) fn is_whole() -> bool {
    std::env::var_os("BASALT_MATRIX").is_some()
}

/// Trials that ran, by the machine they ran in.
#[derive(Clone, Default)]
pub(crate) struct Matrix(Arc<Mutex<Vec<(Hardware, bool)>>>);

impl Matrix {
    /// Files the outcome of a trial.
    pub(crate) fn record(&self, hardware: Hardware, passed: bool) {
        let mut ran = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ran.push((hardware, passed));
    }

    /// Whether no trial ran.
    pub(crate) fn is_empty(&self) -> bool {
        let ran = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ran.is_empty()
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ran = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "{:<36}", "trials passed, of those that ran")?;
        for (name, _) in DiskModel::ALL {
            write!(f, "{name:>8}")?;
        }
        for card in Card::ALL {
            write!(f, "\n  {:<34}", card.model())?;
            for (_, disk) in DiskModel::ALL {
                let here = Hardware { card, disk };
                let outcomes = ran.iter().filter(|(hardware, _)| *hardware == here);
                let (passed, total) = outcomes.fold((0, 0), |(passed, total), (_, outcome)| {
                    (passed + u32::from(*outcome), total + 1)
                });
                let cell = match total {
                    0 => "-".to_owned(),
                    _ => format!("{passed}/{total}"),
                };
                write!(f, "{cell:>8}")?;
            }
        }
        writeln!(f)
    }
}
