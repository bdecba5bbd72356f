//! What this CPU can do, asked once.

use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::sync::atomic::{AtomicU32, Ordering};

/// Instruction sets the hash makes use of. The 256-bit and wider ones count only where the system
/// has switched their registers on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// AES rounds.
    pub aes: bool,
    /// 256-bit integer vectors.
    pub avx2: bool,
    /// `mulx`, `rorx`.
    pub bmi2: bool,
    /// 512-bit vectors with 64-bit multiplication (F and DQ).
    pub avx512: bool,
}

const KNOWN: u32 = 1 << 31;

impl Features {
    /// The features of the CPU this runs on.
    pub fn get() -> Self {
        static CACHED: AtomicU32 = AtomicU32::new(0);
        let mut bits = CACHED.load(Ordering::Relaxed);
        if bits == 0 {
            bits = Self::detect() | KNOWN;
            CACHED.store(bits, Ordering::Relaxed);
        }
        let bit = |n: u32| bits >> n & 1 != 0;
        Self {
            aes: bit(0),
            avx2: bit(1),
            bmi2: bit(2),
            avx512: bit(3),
        }
    }

    fn detect() -> u32 {
        let basic = __cpuid(1).ecx;
        let extended = if __cpuid(0).eax >= 7 {
            __cpuid_count(7, 0).ebx
        } else {
            0
        };
        let enabled = if basic >> 27 & 1 != 0 { xcr0() } else { 0 };
        let ymm = enabled & 0x6 == 0x6 && basic >> 28 & 1 != 0;
        let zmm = ymm && enabled & 0xE0 == 0xE0;
        let has = |bit: u32| extended >> bit & 1;
        (basic >> 25 & 1)
            | (has(5) & u32::from(ymm)) << 1
            | has(8) << 2
            | (has(16) & has(17) & u32::from(zmm)) << 3
    }
}

/// Which register files the system saves (extended control register 0).
fn xcr0() -> u32 {
    let low: u32;
    // SAFETY: reads a register; the caller saw OSXSAVE, so the instruction exists and is allowed.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _,
            options(nomem, nostack, preserves_flags));
    }
    low
}

/// The CPU's maker, family and model, as the tables of model-specific registers use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// 12 letters, such as `AuthenticAMD`.
    pub vendor: [u8; 12],
    /// Family with the extended family added.
    pub family: u32,
    /// Model with the extended model in the high half.
    pub model: u32,
    /// Whether a hypervisor is below.
    pub virtualised: bool,
}

impl Model {
    /// The model of the CPU this runs on.
    pub fn get() -> Self {
        let leaf = __cpuid(0);
        let mut vendor = [0; 12];
        for (bytes, part) in vendor.chunks_mut(4).zip([leaf.ebx, leaf.edx, leaf.ecx]) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        let basic = __cpuid(1);
        let (low, mut model) = (basic.eax >> 8 & 0xF, basic.eax >> 4 & 0xF);
        let family = if low == 0xF {
            low + (basic.eax >> 20 & 0xFF)
        } else {
            low
        };
        if low == 0xF || low == 6 {
            model |= (basic.eax >> 16 & 0xF) << 4;
        }
        Self {
            vendor,
            family,
            model,
            virtualised: basic.ecx >> 31 != 0,
        }
    }
}
