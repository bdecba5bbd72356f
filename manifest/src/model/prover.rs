//! Section `[prover]`.

use alloc::vec::Vec;

use crate::words::words;

/// Section `[prover]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prover {
    /// Whether and how.
    pub mode: ProverMode,
    /// Ids of the compute units, all different; not empty unless the mode is off.
    pub units: Vec<[u8; 32]>,
    /// The global nonce.
    pub global_nonce: [u8; 32],
    /// The difficulty, big-endian.
    pub difficulty: [u8; 32],
    /// Seconds per epoch; absent: one epoch for ever.
    pub epoch_seconds: Option<u32>,
    /// Proofs owed per unit and epoch.
    pub min_proofs: Option<u16>,
    /// Most proofs per unit and epoch; not below `min_proofs`.
    pub max_proofs: Option<u16>,
    /// Datasets held at once; absent: one per unit.
    pub datasets: Option<u16>,
    /// Whether model-specific registers are written.
    pub registers: Registers,
}

/// Whether and how capacity is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProverMode {
    /// Not at all.
    #[default]
    Off,
    /// Without datasets.
    Light,
    /// With datasets.
    Fast,
}

/// Whether proving cores write model-specific registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registers {
    /// On bare metal.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

words!(ProverMode: Off = "off", Light = "light", Fast = "fast");
words!(Registers: Auto = "auto", On = "on", Off = "off");
