//! Double arithmetic in a chosen rounding mode, two at a time.
//!
//! The compiler assumes the default mode everywhere, so each operation sets the mode, computes and
//! puts the mode back within one block of assembly. That is slow and right: it serves the
//! interpreter. Machine code of [`jit`](super::super::jit) sets the mode once.

use core::arch::asm;

/// Bits of two doubles, the low one first.
pub type Pair = [u64; 2];

/// A rounding mode, in the encoding of both RandomX and the control register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Rounding {
    /// To nearest, ties to even.
    #[default]
    Nearest = 0,
    /// Towards negative infinity.
    Down = 1,
    /// Towards positive infinity.
    Up = 2,
    /// Towards zero.
    Zero = 3,
}

impl Rounding {
    /// The mode of the low two bits.
    pub fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Nearest,
            1 => Self::Down,
            2 => Self::Up,
            _ => Self::Zero,
        }
    }

    /// The control register for this mode: exceptions masked, denormals flushed and taken as zero.
    pub fn mxcsr(self) -> u32 {
        0x9FC0 | (self as u32) << 13
    }
}

macro_rules! operation {
    ($(#[$doc:meta])* $name:ident, $instruction:literal) => {
        $(#[$doc])*
        pub fn $name(a: Pair, b: Pair, rounding: Rounding) -> Pair {
            let mut result = a;
            let mut control = [rounding.mxcsr(), 0];
            // SAFETY: reads 16 bytes at `a` and `b` and writes 16 at `a`, all of this frame; the
            // control register has its old value again when the block ends.
            unsafe {
                asm!(
                    "stmxcsr dword ptr [{control} + 4]",
                    "ldmxcsr dword ptr [{control}]",
                    "movups {x}, xmmword ptr [{a}]",
                    "movups {y}, xmmword ptr [{b}]",
                    concat!($instruction, " {x}, {y}"),
                    "movups xmmword ptr [{a}], {x}",
                    "ldmxcsr dword ptr [{control} + 4]",
                    control = in(reg) control.as_mut_ptr(),
                    a = in(reg) result.as_mut_ptr(),
                    b = in(reg) b.as_ptr(),
                    x = out(xmm_reg) _,
                    y = out(xmm_reg) _,
                    options(nostack),
                );
            }
            result
        }
    };
}

operation!(
    /// `a + b`.
    add, "addpd"
);
operation!(
    /// `a - b`.
    sub, "subpd"
);
operation!(
    /// `a * b`.
    mul, "mulpd"
);
operation!(
    /// `a / b`.
    div, "divpd"
);
operation!(
    /// The square root of `b`; `a` does not matter.
    sqrt, "sqrtpd"
);
