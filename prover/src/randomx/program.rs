//! A program of the virtual machine: its configuration and its 256 instructions (RandomX
//! specification sections 4.5 and 5).

use super::params::{
    DATASET_OFFSETS, JUMP_BITS, JUMP_OFFSET, MASK_L1, MASK_L2, MASK_L3, PROGRAM_BYTES,
    PROGRAM_SIZE, Params,
};
use super::reciprocal::reciprocal;
use super::simd::float::Pair;

/// What an instruction does. `…Memory` forms read their operand from the scratchpad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Op {
    AddShifted,
    AddMemory,
    Sub,
    SubMemory,
    Mul,
    MulMemory,
    MulHigh,
    MulHighMemory,
    MulHighSigned,
    MulHighSignedMemory,
    MulReciprocal,
    Negate,
    Xor,
    XorMemory,
    RotateRight,
    RotateLeft,
    Swap,
    FloatSwap,
    FloatAdd,
    FloatAddMemory,
    FloatSub,
    FloatSubMemory,
    FloatScale,
    FloatMul,
    FloatDivMemory,
    FloatSqrt,
    Branch,
    Round,
    Store,
}

/// How many of the 256 opcodes mean each operation, in ascending order of opcode.
pub const FREQUENCIES: [(Op, usize); 29] = [
    (Op::AddShifted, 16),
    (Op::AddMemory, 7),
    (Op::Sub, 16),
    (Op::SubMemory, 7),
    (Op::Mul, 16),
    (Op::MulMemory, 4),
    (Op::MulHigh, 4),
    (Op::MulHighMemory, 1),
    (Op::MulHighSigned, 4),
    (Op::MulHighSignedMemory, 1),
    (Op::MulReciprocal, 8),
    (Op::Negate, 2),
    (Op::Xor, 15),
    (Op::XorMemory, 5),
    (Op::RotateRight, 8),
    (Op::RotateLeft, 2),
    (Op::Swap, 4),
    (Op::FloatSwap, 4),
    (Op::FloatAdd, 16),
    (Op::FloatAddMemory, 5),
    (Op::FloatSub, 16),
    (Op::FloatSubMemory, 5),
    (Op::FloatScale, 6),
    (Op::FloatMul, 32),
    (Op::FloatDivMemory, 4),
    (Op::FloatSqrt, 6),
    (Op::Branch, 25),
    (Op::Round, 1),
    (Op::Store, 16),
];

static OPS: [Op; 256] = {
    let mut table = [Op::AddShifted; 256];
    let (mut opcode, mut i) = (0, 0);
    while i < FREQUENCIES.len() {
        let mut left = FREQUENCIES[i].1;
        while left > 0 {
            table[opcode] = FREQUENCIES[i].0;
            opcode += 1;
            left -= 1;
        }
        i += 1;
    }
    assert!(opcode == 256);
    table
};

/// What `FloatScale` flips: the sign and some bits of the exponent.
pub const FSCAL_MASK: u64 = 0x80F0_0000_0000_0000;
/// What an E conversion keeps of a double.
pub const E_KEEP: u64 = (1 << 56) - 1;

/// An instruction: 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction([u8; 8]);

impl Instruction {
    /// From its bytes in memory order.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its operation.
    #[inline]
    pub fn op(self) -> Op {
        OPS[usize::from(self.0[0])]
    }

    /// The target register, 0 to 7.
    #[inline]
    pub fn dst(self) -> usize {
        usize::from(self.0[1] & 7)
    }

    /// The source register, 0 to 7.
    #[inline]
    pub fn src(self) -> usize {
        usize::from(self.0[2] & 7)
    }

    /// The shift of `AddShifted`.
    #[inline]
    pub fn shift(self) -> u32 {
        u32::from(self.0[3] >> 2 & 3)
    }

    /// The constant.
    #[inline]
    pub fn imm(self) -> u32 {
        u32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    /// The constant, sign-extended.
    #[inline]
    pub fn imm64(self) -> u64 {
        self.imm() as i32 as u64
    }

    fn level(self) -> u32 {
        if self.0[3] & 3 != 0 { MASK_L1 } else { MASK_L2 }
    }

    /// Mask of the address read by an operation with a register in it.
    #[inline]
    pub fn read_mask(self) -> u32 {
        self.level()
    }

    /// Offset read by an integer operation whose source is its target.
    #[inline]
    pub fn fixed_address(self) -> u32 {
        self.imm() & MASK_L3
    }

    /// Mask of the address written by a store.
    #[inline]
    pub fn store_mask(self) -> u32 {
        if self.0[3] >> 4 >= 14 {
            MASK_L3
        } else {
            self.level()
        }
    }

    /// Lowest of the bits a branch looks at.
    #[inline]
    pub fn branch_bit(self) -> u32 {
        u32::from(self.0[3] >> 4) + JUMP_OFFSET
    }

    /// What a branch adds to its register: makes an endless loop impossible.
    #[inline]
    pub fn branch_addend(self) -> u64 {
        let bit = self.branch_bit();
        (self.imm64() | 1 << bit) & !(1 << (bit - 1))
    }

    /// The bits a branch looks at.
    #[inline]
    pub fn branch_mask(self) -> u32 {
        ((1 << JUMP_BITS) - 1) << self.branch_bit()
    }

    /// The integer registers it changes, as a set of bits; a branch counts as changing all.
    #[inline]
    pub fn written(self) -> u8 {
        let dst = 1 << self.dst();
        match self.op() {
            Op::AddShifted
            | Op::AddMemory
            | Op::Sub
            | Op::SubMemory
            | Op::Mul
            | Op::MulMemory
            | Op::MulHigh
            | Op::MulHighMemory
            | Op::MulHighSigned
            | Op::MulHighSignedMemory
            | Op::Negate
            | Op::Xor
            | Op::XorMemory
            | Op::RotateRight
            | Op::RotateLeft => dst,
            Op::MulReciprocal if reciprocal(self.imm()).is_some() => dst,
            Op::Swap if self.src() != self.dst() => dst | 1 << self.src(),
            Op::Branch => 0xFF,
            _ => 0,
        }
    }
}

/// Where branches go: keeps, per register, the instruction after the one that changed it last.
#[derive(Clone, Copy, Debug, Default)]
pub struct BranchTargets([u16; 8]);

impl BranchTargets {
    /// The instruction to which a branch on register `dst` goes.
    #[inline]
    pub fn of(&self, dst: usize) -> usize {
        usize::from(self.0[dst])
    }

    /// Takes note of `instruction`, the one numbered `index`.
    #[inline]
    pub fn pass(&mut self, index: usize, instruction: Instruction) {
        let written = instruction.written();
        for (i, target) in self.0.iter_mut().enumerate() {
            if written >> i & 1 != 0 {
                *target = index as u16 + 1;
            }
        }
    }
}

/// Bytes of a program as the generator makes them.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Program(pub [u8; PROGRAM_BYTES]);

impl core::fmt::Debug for Program {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Program")
    }
}

impl Program {
    /// A program of zeros.
    pub const EMPTY: Self = Self([0; PROGRAM_BYTES]);

    /// The bytes as generator states.
    pub fn states_mut(&mut self) -> &mut [[u8; 64]] {
        self.0.as_chunks_mut().0
    }

    /// Instruction `index`.
    #[inline]
    pub fn instruction(&self, index: usize) -> Instruction {
        Instruction(self.0[128..].as_chunks().0[index])
    }

    /// All instructions.
    pub fn instructions(&self) -> impl ExactSizeIterator<Item = Instruction> + '_ {
        (0..PROGRAM_SIZE).map(|i| self.instruction(i))
    }

    /// The configuration of a machine with parameters `P`.
    pub fn configuration<P: Params>(&self) -> Configuration {
        let (words, _) = self.0[..128].as_chunks::<8>();
        let q = |i: usize| u64::from_le_bytes(words[i]);
        let small_positive = |q: u64| ((q >> 59) + 1023) << 52 | (q & ((1 << 52) - 1));
        let e_mask = |q: u64| (q & ((1 << 22) - 1)) | (0x300 | q >> 60 << 4) << 52;
        let choices = q(12) as usize;
        Configuration {
            a: core::array::from_fn(|i| [small_positive(q(2 * i)), small_positive(q(2 * i + 1))]),
            ma: q(8) as u32 & P::DATASET_MASK,
            mx: q(10) as u32,
            read_registers: core::array::from_fn(|i| 2 * i + (choices >> i & 1)),
            dataset_offset: q(13) % DATASET_OFFSETS * 64,
            e_mask: [e_mask(q(14)), e_mask(q(15))],
        }
    }
}

/// What a program sets up besides its instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The constant registers.
    pub a: [Pair; 4],
    /// Dataset address of the first iteration, relative to the offset.
    pub ma: u32,
    /// The other address register: dataset address of the second iteration.
    pub mx: u32,
    /// Registers mixed into the scratchpad addresses (the first two) and the dataset's.
    pub read_registers: [usize; 4],
    /// Byte offset of the program's part of the dataset.
    pub dataset_offset: u64,
    /// Bits set in every E conversion: the exponent and some of the fraction.
    pub e_mask: Pair,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            a: [[0; 2]; 4],
            ma: 0,
            mx: 0,
            read_registers: [0, 2, 4, 6],
            dataset_offset: 0,
            e_mask: [0; 2],
        }
    }
}

/// The register file, in the order in which it is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Registers {
    /// Integer registers.
    pub r: [u64; 8],
    /// Additive floating-point registers.
    pub f: [Pair; 4],
    /// Multiplicative floating-point registers.
    pub e: [Pair; 4],
    /// Constant floating-point registers.
    pub a: [Pair; 4],
}

impl Registers {
    /// The 256 bytes that are hashed.
    pub fn to_bytes(&self) -> [u8; 256] {
        let pairs = [self.f, self.e, self.a];
        let words = self.r.iter().chain(pairs.as_flattened().as_flattened());
        let mut bytes = [0; 256];
        for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *chunk = word.to_le_bytes();
        }
        bytes
    }
}
