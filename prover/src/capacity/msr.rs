//! Model-specific registers that switch off what hurts random reads: the hardware prefetchers.
//!
//! Data only. The kernel writes them per core under a guard (a write that faults is recovered
//! from), reads them back, and puts the old values back before the core serves a deal. A model that
//! is not listed gets nothing, and so does a virtual machine unless asked.
//!
//! Intel documents its register (SDM volume 4, MISC_FEATURE_CONTROL: bits 0 to 3 switch off the L2
//! streamer, the adjacent line, the DCU and the DCU IP prefetcher). AMD documents of these only
//! some bits (its Processor Programming References name LS, IC and DC configuration); the values
//! for Zen are those that provers on these models have been using.

use crate::randomx::simd::cpu::Model;

/// A register and the bits to set in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The register's number.
    pub register: u32,
    /// The value of the bits in `mask`.
    pub value: u64,
    /// Which bits are taken from `value`; the others keep theirs.
    pub mask: u64,
}

impl Setting {
    const fn all(register: u32, value: u64) -> Self {
        Self {
            register,
            value,
            mask: u64::MAX,
        }
    }

    /// What to write where `old` was read.
    pub fn apply(&self, old: u64) -> u64 {
        old & !self.mask | self.value & self.mask
    }
}

/// The settings of a microarchitecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name, for logs.
    pub name: &'static str,
    /// What to write, in order.
    pub settings: &'static [Setting],
}

/// Bit 5 of the register switches the op cache off and must keep its value.
const KEEP_OP_CACHE: u64 = !0x20;

const fn op_cache_kept(value: u64) -> Setting {
    Setting {
        register: 0xC001_1021,
        value,
        mask: KEEP_OP_CACHE,
    }
}

static ZEN_1_2: Preset = Preset {
    name: "Zen to Zen 2",
    settings: &[
        Setting::all(0xC001_1020, 0),
        op_cache_kept(0x40),
        Setting::all(0xC001_1022, 0x0151_0000),
        Setting::all(0xC001_102B, 0x2000_CC16),
    ],
};

static ZEN_3: Preset = Preset {
    name: "Zen 3",
    settings: &[
        Setting::all(0xC001_1020, 0x0004_4800_0000_0000),
        op_cache_kept(0x001C_0002_0000_0040),
        Setting::all(0xC001_1022, 0xC000_0004_0157_0000),
        Setting::all(0xC001_102B, 0x2000_CC10),
    ],
};

static ZEN_4_5: Preset = Preset {
    name: "Zen 4 and Zen 5",
    settings: &[
        Setting::all(0xC001_1020, 0x0004_4000_0000_0000),
        op_cache_kept(0x0004_0000_0000_0040),
        Setting::all(0xC001_1022, 0x8680_0004_0157_0000),
        Setting::all(0xC001_102B, 0x2040_CC10),
    ],
};

static INTEL: Preset = Preset {
    name: "Intel with four prefetchers",
    settings: &[Setting {
        register: 0x1A4,
        value: 0xF,
        mask: 0xF,
    }],
};

/// The settings for a CPU, if its model's values are known.
pub fn preset(model: &Model) -> Option<&'static Preset> {
    match (&model.vendor, model.family, model.model) {
        (b"AuthenticAMD", 0x17, _) => Some(&ZEN_1_2),
        (b"AuthenticAMD", 0x19, 0x00..=0x0F | 0x20..=0x5F) => Some(&ZEN_3),
        (b"AuthenticAMD", 0x19, 0x10..=0x1F | 0x60..=0x7F | 0xA0..=0xAF) => Some(&ZEN_4_5),
        (b"AuthenticAMD", 0x1A, _) => Some(&ZEN_4_5),
        // Nehalem to Skylake and their servers, and the later cores with the same register; not
        // Atoms, whose bits mean other things.
        (b"GenuineIntel", 6, 0x1A | 0x1E | 0x2C | 0x2E | 0x2F) => Some(&INTEL),
        (b"GenuineIntel", 6, 0x2A | 0x2D | 0x3A | 0x3C | 0x3E | 0x3F) => Some(&INTEL),
        (b"GenuineIntel", 6, 0x45..=0x47 | 0x4E | 0x4F | 0x55 | 0x56 | 0x5E) => Some(&INTEL),
        (b"GenuineIntel", 6, 0x6A | 0x6C | 0x7D | 0x7E | 0x8C..=0x8F | 0x9E) => Some(&INTEL),
        (b"GenuineIntel", 6, 0xA5..=0xA7 | 0xCF) => Some(&INTEL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amd(family: u32, model: u32) -> Option<&'static str> {
        let vendor = *b"AuthenticAMD";
        preset(&Model {
            vendor,
            family,
            model,
            virtualised: false,
        })
        .map(|preset| preset.name)
    }

    #[test]
    fn presets_are_chosen_by_microarchitecture() {
        assert_eq!(amd(0x17, 0x31), Some("Zen to Zen 2"));
        assert_eq!(amd(0x19, 0x01), Some("Zen 3"));
        assert_eq!(amd(0x19, 0x11), Some("Zen 4 and Zen 5"));
        assert_eq!(amd(0x19, 0xA0), Some("Zen 4 and Zen 5"));
        assert_eq!(amd(0x1A, 0x02), Some("Zen 4 and Zen 5"));
        assert_eq!(amd(0x15, 0x02), None);
    }

    #[test]
    fn bits_outside_the_mask_keep_their_value() {
        let setting = op_cache_kept(0x40);
        assert_eq!(setting.apply(0x20), 0x60);
        assert_eq!(setting.apply(0xFF00), 0x40);
    }
}
