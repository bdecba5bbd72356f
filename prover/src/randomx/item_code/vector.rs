//! Dataset items four at a time, in AVX2 registers: word `r` of four items is one register.
//!
//! A product of 64 bits takes eight vector operations where a scalar core takes one, so that this
//! is about as much work per item; but vector units are more of them, and on some cores idle
//! otherwise. [`ItemCode`](super::ItemCode) uses what is faster on the machine at hand.

use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use crate::randomx::item::{Item, initial_registers};
use crate::randomx::params::{CACHE_BYTES, CACHE_LINES, SUPERSCALAR_MAX};
use crate::randomx::superscalar::{Instruction, Op, Program};

/// Items per register.
const WIDTH: usize = 4;
/// Registers of four items that go through a program together, as in the scalar form.
const GROUPS: usize = 16;
/// Items per batch.
pub(super) const BATCH: usize = WIDTH * GROUPS;
/// Bytes of the longest instruction's code, and of what a program needs around its instructions.
const INSTRUCTION_BYTES: usize = 120;
const PROGRAM_OVERHEAD: usize = 512;

/// Word `r` of four items, for each `r`.
type Group = [[u64; WIDTH]; 8];
/// Takes groups in initial state, their items' lines, the cache and the number of groups.
type Run = extern "sysv64" fn(*mut Group, *mut [u64; WIDTH], *const u64, usize);

/// Temporaries, then the cache's address and the mask of low halves in each word.
const T: [u8; 5] = [8, 9, 10, 11, 12];
const T5: u8 = 13;
const CACHE: u8 = 14;
const LOW: u8 = 15;

/// The compiled superscalar programs of a cache.
#[derive(Debug)]
pub(super) struct VectorCode {
    code: Region,
    entry: usize,
}

impl VectorCode {
    /// Compiles `programs`; the CPU must have AVX2.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] without executable memory.
    pub(super) fn compile(memory: &impl Memory, programs: &[Program]) -> Result<Self, OutOfMemory> {
        let instructions: usize = programs.iter().map(|program| program.code.len()).sum();
        debug_assert!(instructions <= SUPERSCALAR_MAX * programs.len());
        let bytes =
            instructions * (8 + INSTRUCTION_BYTES) + PROGRAM_OVERHEAD * (programs.len() + 1);
        let mut code = memory.lend(Purpose::Code, bytes.next_multiple_of(4096))?;
        let mut emitter = Emitter {
            buffer: code.bytes_mut(),
            at: 0,
            constant: 0,
        };
        let entry = emitter.function(programs);
        Ok(Self { code, entry })
    }

    /// Computes the items from `first` on, at most [`BATCH`] and a multiple of four.
    ///
    /// # Panics
    ///
    /// If `cache` is not of a cache's size, or there are too many items.
    pub(super) fn batch(&self, cache: &[u64], first: u64, out: &mut [Item]) {
        assert_eq!(size_of_val(cache), CACHE_BYTES, "not a cache");
        let (quartets, rest) = out.as_chunks_mut::<WIDTH>();
        assert!(quartets.len() <= GROUPS && rest.is_empty(), "not a batch");
        let mut groups: [Group; GROUPS] = [[[0; WIDTH]; 8]; GROUPS];
        let mut lines = [[0; WIDTH]; GROUPS];
        let mut number = first;
        for (group, lines) in groups.iter_mut().zip(&mut lines).take(quartets.len()) {
            for (lane, line) in lines.iter_mut().enumerate() {
                for (word, value) in group.iter_mut().zip(initial_registers(number)) {
                    word[lane] = value;
                }
                *line = (&raw const cache[number as usize % CACHE_LINES * 8]).addr() as u64;
                number += 1;
            }
        }
        self.code.publish();
        // SAFETY: `compile` wrote a function of this type there, and nothing wrote since.
        let run: Run = unsafe { core::mem::transmute(self.code.entry().wrapping_add(self.entry)) };
        // Both arrays have at least `quartets.len()` elements, and every address the code forms in
        // `cache` is a line number masked to the cache's size.
        run(
            groups.as_mut_ptr(),
            lines.as_mut_ptr(),
            cache.as_ptr(),
            quartets.len(),
        );
        for (quartet, group) in quartets.iter_mut().zip(&groups) {
            for (lane, item) in quartet.iter_mut().enumerate() {
                *item = group.map(|word| word[lane]);
            }
        }
    }
}

struct Emitter<'a> {
    buffer: &'a mut [u8],
    at: usize,
    /// Place of the next constant, which lie before the code.
    constant: usize,
}

/// Vector opcodes: map, prefix, opcode.
mod op {
    pub(super) const ADD: (u8, u8, u8) = (1, 1, 0xD4);
    pub(super) const SUB: (u8, u8, u8) = (1, 1, 0xFB);
    pub(super) const XOR: (u8, u8, u8) = (1, 1, 0xEF);
    pub(super) const OR: (u8, u8, u8) = (1, 1, 0xEB);
    pub(super) const AND: (u8, u8, u8) = (1, 1, 0xDB);
    pub(super) const MUL: (u8, u8, u8) = (1, 1, 0xF4);
    pub(super) const GREATER: (u8, u8, u8) = (2, 1, 0x37);
    pub(super) const UNPACK_LOW: (u8, u8, u8) = (1, 1, 0x6C);
    pub(super) const UNPACK_HIGH: (u8, u8, u8) = (1, 1, 0x6D);
    pub(super) const EQUAL: (u8, u8, u8) = (1, 1, 0x76);
    pub(super) const PERMUTE: (u8, u8, u8) = (3, 1, 0x46);
    pub(super) const BROADCAST: (u8, u8, u8) = (2, 1, 0x59);
    pub(super) const LOAD: (u8, u8, u8) = (1, 2, 0x6F);
    pub(super) const STORE: (u8, u8, u8) = (1, 2, 0x7F);
    pub(super) const SHIFT: (u8, u8, u8) = (1, 1, 0x73);
}

impl Emitter<'_> {
    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) {
        self.buffer[self.at..self.at + N].copy_from_slice(&bytes);
        self.at += N;
    }

    /// The prefix of a 256-bit instruction and its opcode; `rm` is the register in the last
    /// operand, or the base of its address.
    fn vex(&mut self, (map, prefix, opcode): (u8, u8, u8), reg: u8, second: u8, rm: u8) {
        let inverted = |register: u8| u8::from(register < 8);
        self.bytes([
            0xC4,
            inverted(reg) << 7 | 0x40 | inverted(rm) << 5 | map,
            (!second & 15) << 3 | 4 | prefix,
            opcode,
        ]);
    }

    /// `dst = a op b`
    fn op(&mut self, op: (u8, u8, u8), dst: u8, a: u8, b: u8) {
        self.vex(op, dst, a, b);
        self.bytes([0xC0 | (dst & 7) << 3 | b & 7]);
    }

    fn shift(&mut self, extension: u8, dst: u8, src: u8, count: u8) {
        self.vex(op::SHIFT, extension, dst, src);
        self.bytes([0xC0 | extension << 3 | src & 7, count]);
    }

    fn right(&mut self, dst: u8, src: u8, count: u8) {
        self.shift(2, dst, src, count);
    }

    fn left(&mut self, dst: u8, src: u8, count: u8) {
        self.shift(6, dst, src, count);
    }

    /// A load or store of register `reg` at `base + offset`; `base` is one of `rsi`, `rdi`,
    /// `r8`-`r11`.
    fn memory(&mut self, op: (u8, u8, u8), reg: u8, base: u8, offset: u32) {
        self.vex(op, reg, 0, base);
        self.bytes([0x80 | (reg & 7) << 3 | base & 7]);
        self.bytes(offset.to_le_bytes());
    }

    /// `dst` = the constant in every word
    fn constant(&mut self, dst: u8, value: u64) {
        self.buffer[self.constant..self.constant + 8].copy_from_slice(&value.to_le_bytes());
        self.vex(op::BROADCAST, dst, 0, 0);
        self.bytes([(dst & 7) << 3 | 5]);
        let distance = self.constant.wrapping_sub(self.at + 4) as u32;
        self.bytes(distance.to_le_bytes());
        self.constant += 8;
    }

    /// `a *= b`
    fn mul(&mut self, a: u8, b: u8) {
        let [t, u, ..] = T;
        self.right(t, a, 32);
        self.op(op::MUL, t, t, b);
        self.right(u, b, 32);
        self.op(op::MUL, u, u, a);
        self.op(op::ADD, t, t, u);
        self.left(t, t, 32);
        self.op(op::MUL, a, a, b);
        self.op(op::ADD, a, a, t);
    }

    /// `a` = high half of unsigned `a * b`
    fn mul_high(&mut self, a: u8, b: u8) {
        let [high_a, high_b, sum, middle, _] = T;
        self.right(high_a, a, 32);
        self.right(high_b, b, 32);
        self.op(op::MUL, sum, a, b);
        self.op(op::MUL, middle, high_a, b);
        self.right(sum, sum, 32);
        self.op(op::ADD, sum, sum, middle);
        self.op(op::AND, middle, sum, LOW);
        self.op(op::MUL, high_a, high_a, high_b);
        self.op(op::MUL, high_b, high_b, a);
        self.op(op::ADD, middle, middle, high_b);
        self.right(sum, sum, 32);
        self.right(middle, middle, 32);
        self.op(op::ADD, high_a, high_a, sum);
        self.op(op::ADD, a, high_a, middle);
    }

    /// `a` = high half of signed `a * b`: the unsigned one less each factor where the other is
    /// negative
    fn mul_high_signed(&mut self, a: u8, b: u8) {
        let [zero, of_b, .., less] = T;
        self.op(op::XOR, zero, zero, zero);
        self.op(op::GREATER, less, zero, a);
        self.op(op::AND, less, less, b);
        self.op(op::GREATER, of_b, zero, b);
        self.op(op::AND, of_b, of_b, a);
        self.op(op::ADD, less, less, of_b);
        self.mul_high(a, b);
        self.op(op::SUB, a, a, less);
    }

    fn instruction(&mut self, i: &Instruction) {
        let [t, _, c, ..] = T;
        let (dst, src) = (i.dst, i.src);
        match i.op() {
            Op::Sub => self.op(op::SUB, dst, dst, src),
            Op::Xor => self.op(op::XOR, dst, dst, src),
            Op::AddShifted if i.shift() == 0 => self.op(op::ADD, dst, dst, src),
            Op::AddShifted => {
                self.left(t, src, i.shift() as u8);
                self.op(op::ADD, dst, dst, t);
            }
            Op::Mul => self.mul(dst, src),
            Op::MulHigh => self.mul_high(dst, src),
            Op::MulHighSigned => self.mul_high_signed(dst, src),
            Op::MulReciprocal => {
                self.constant(c, i.operand);
                self.mul(dst, c);
            }
            Op::RotateConst => {
                let count = (i.imm & 63) as u8;
                self.right(t, dst, count);
                self.left(dst, dst, 64 - count);
                self.op(op::OR, dst, dst, t);
            }
            Op::AddConst => {
                self.constant(t, i.operand);
                self.op(op::ADD, dst, dst, t);
            }
            Op::XorConst => {
                self.constant(t, i.operand);
                self.op(op::XOR, dst, dst, t);
            }
        }
    }

    /// Mixes in half of the four lines at `r8`-`r11`: their words from `first` on, four by four.
    fn mix(&mut self, first: u8) {
        let [a, b, c, d, low] = T;
        for (line, register) in (8..12).zip([a, b, c, d]) {
            self.memory(op::LOAD, register, line, u32::from(first) * 8);
        }
        self.op(op::UNPACK_LOW, low, a, b);
        self.op(op::UNPACK_HIGH, T5, a, b);
        self.op(op::UNPACK_LOW, a, c, d);
        self.op(op::UNPACK_HIGH, b, c, d);
        for (word, (x, y), half) in [
            (0, (low, a), 0x20),
            (1, (T5, b), 0x20),
            (2, (low, a), 0x31),
            (3, (T5, b), 0x31),
        ] {
            self.op(op::PERMUTE, c, x, y);
            self.bytes([half]);
            self.op(op::XOR, first + word, first + word, c);
        }
    }

    fn program(&mut self, program: &Program, last: bool) {
        // mov rbx, [rsp]; mov rsi, [rsp + 8]; mov rdi, [rsp + 16]
        self.bytes([0x48, 0x8B, 0x1C, 0x24, 0x48, 0x8B, 0x74, 0x24, 0x08]);
        self.bytes([0x48, 0x8B, 0x7C, 0x24, 0x10]);
        let top = self.at;
        for r in 0..8 {
            self.memory(op::LOAD, r, 7, u32::from(r) * 32);
        }
        for i in &program.code {
            self.instruction(i);
        }
        for line in 0..4 {
            // mov r8 + line, [rsi + 8 line]
            self.bytes([0x4C, 0x8B, 0x46 | line << 3, 8 * line]);
        }
        self.mix(0);
        self.mix(4);
        if !last {
            // The line's number times its size: the low bits of the register, 64 bytes apart.
            let bits = CACHE_LINES.trailing_zeros() as u8;
            let t = T[0];
            self.left(t, program.address_register as u8, 64 - bits);
            self.right(t, t, 64 - bits - 6);
            self.op(op::ADD, t, t, CACHE);
            self.memory(op::STORE, t, 6, 0);
            for line in 0..4 {
                // mov rax, [rsi + 8 line]; prefetcht0 [rax]
                self.bytes([0x48, 0x8B, 0x46, 8 * line, 0x0F, 0x18, 0x08]);
            }
        }
        for r in 0..8 {
            self.memory(op::STORE, r, 7, u32::from(r) * 32);
        }
        // add rdi, 256; add rsi, 32; dec rbx; jnz top
        self.bytes([0x48, 0x81, 0xC7, 0, 1, 0, 0, 0x48, 0x83, 0xC6, 0x20]);
        self.bytes([0x48, 0xFF, 0xCB, 0x0F, 0x85]);
        let distance = top.wrapping_sub(self.at + 4) as u32;
        self.bytes(distance.to_le_bytes());
    }

    /// Writes constants and then the function; returns where the function begins.
    fn function(&mut self, programs: &[Program]) -> usize {
        let constants = programs
            .iter()
            .map(|program| program.code.len())
            .sum::<usize>();
        let entry = (8 * constants).next_multiple_of(64);
        self.at = entry;
        // push rbx; push rdi, rsi, rcx (groups, lines, count)
        self.bytes([0x53, 0x57, 0x56, 0x51]);
        // vmovq xmm, rdx; vpbroadcastq ymm, xmm
        self.bytes([0xC4, 0x61, 0xF9, 0x6E, 0xF2]);
        self.op(op::BROADCAST, CACHE, 0, CACHE);
        self.op(op::EQUAL, LOW, LOW, LOW);
        self.right(LOW, LOW, 32);
        for (number, program) in programs.iter().enumerate() {
            self.program(program, number + 1 == programs.len());
        }
        // vzeroupper; add rsp, 24; pop rbx; ret
        self.bytes([0xC5, 0xF8, 0x77, 0x48, 0x83, 0xC4, 0x18, 0x5B, 0xC3]);
        entry
    }
}
