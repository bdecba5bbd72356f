//! Dataset items in batches, as machine code.
//!
//! A cache line arrives long after it is asked for. So a batch of items goes through the first
//! superscalar program, each asking for the line it needs at the end; then all go through the
//! second, and so on: by the time an item's turn comes its line is there, and one program's two
//! kilobytes of code stay in the innermost caches. Between programs the registers live in the
//! item's own place.

#![allow(unsafe_code)]

mod vector;

use super::assembler::{Alu, Assembler, Temp};
use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use crate::randomx::item::{Item, initial_registers};
use crate::randomx::params::{CACHE_BYTES, CACHE_LINES, SUPERSCALAR_MAX};
use crate::randomx::simd::cpu::Features;
use crate::randomx::superscalar::{Instruction, Op, Program};
use vector::VectorCode;

/// Items per batch: their registers and line addresses stay in the first-level cache.
const BATCH: usize = 64;
/// Most bytes of an instruction, and what a program needs around its instructions.
const INSTRUCTION_BYTES: usize = 10;
const PROGRAM_OVERHEAD: usize = 256;

/// Takes items in initial state, their lines' addresses, the cache and the number of items.
type Batch = extern "sysv64" fn(*mut Item, *mut u64, *const u64, usize);

/// The compiled superscalar programs of a cache.
#[derive(Debug)]
pub struct ItemCode {
    code: Region,
    entry: usize,
    vector: Option<VectorCode>,
}

impl ItemCode {
    /// Compiles `programs`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] without executable memory.
    pub fn compile(memory: &impl Memory, programs: &[Program]) -> Result<Self, OutOfMemory> {
        let features = Features::get();
        let mut code = Self::compile_for(memory, programs, features.bmi2)?;
        if features.avx2 {
            code.vector = VectorCode::compile(memory, programs).ok();
        }
        Ok(code)
    }

    fn compile_for(
        memory: &impl Memory,
        programs: &[Program],
        bmi2: bool,
    ) -> Result<Self, OutOfMemory> {
        let size = (SUPERSCALAR_MAX * INSTRUCTION_BYTES + PROGRAM_OVERHEAD) * programs.len();
        let constants: usize = programs.iter().map(|p| p.code.len() * 8).sum();
        let mut code = memory.lend(Purpose::Code, (constants + size).next_multiple_of(4096))?;
        let entry = compile(code.bytes_mut(), programs, bmi2);
        Ok(Self {
            code,
            entry,
            vector: None,
        })
    }

    /// Computes the items from `first` on. `cache` is the filled memory of the same key.
    ///
    /// # Panics
    ///
    /// If `cache` is not of a cache's size.
    pub fn items(&self, cache: &[u64], first: u64, out: &mut [Item]) {
        assert_eq!(size_of_val(cache), CACHE_BYTES, "not a cache");
        // Another core may have compiled it.
        let mut first = first;
        let mut out = out;
        if let Some(vector) = &self.vector {
            let whole = out.len() / 4 * 4;
            let (quartets, rest) = out.split_at_mut(whole);
            for batch in quartets.chunks_mut(vector::BATCH) {
                vector.batch(cache, first, batch);
                first += batch.len() as u64;
            }
            out = rest;
        }
        self.publish();
        let mut lines = [0; BATCH];
        let mut number = first;
        for batch in out.chunks_mut(BATCH) {
            for (item, line) in batch.iter_mut().zip(&mut lines) {
                *item = initial_registers(number);
                *line = (&raw const cache[number as usize % CACHE_LINES * 8]).addr() as u64;
                number += 1;
            }
            // SAFETY: `compile` wrote a function of this type there, and nothing wrote since.
            let run: Batch = unsafe { core::mem::transmute(self.function()) };
            // `batch` and `lines` have at least `batch.len()` elements, and every address the code
            // forms in `cache` is a line number masked to the cache's size.
            run(
                batch.as_mut_ptr(),
                lines.as_mut_ptr(),
                cache.as_ptr(),
                batch.len(),
            );
        }
    }

    /// The function's address. Whoever jumps there by itself has to [`publish`](Self::publish)
    /// first.
    pub(super) fn function(&self) -> *const u8 {
        self.code.entry().wrapping_add(self.entry)
    }

    /// Makes the function ready to be executed on this hardware thread.
    pub(super) fn publish(&self) {
        self.code.publish();
    }
}

/// Writes constants and then the function; returns where the function begins.
fn compile(buffer: &mut [u8], programs: &[Program], bmi2: bool) -> usize {
    let reciprocal = |i: &&Instruction| i.op() == Op::MulReciprocal;
    let constants = programs
        .iter()
        .flat_map(|p| &p.code)
        .filter(reciprocal)
        .count();
    let entry = (constants * 8).next_multiple_of(64);
    let mut place = 0;
    for i in programs.iter().flat_map(|p| &p.code).filter(reciprocal) {
        buffer[place..place + 8].copy_from_slice(&i.operand.to_le_bytes());
        place += 8;
    }
    let mut asm = Assembler::new(buffer, entry);
    // push rbx, rbp, r12-r15
    asm.bytes([0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57]);
    // push rdi, rsi, rcx (items, lines, count); mov rbp, rdx (cache)
    asm.bytes([0x57, 0x56, 0x51, 0x48, 0x89, 0xD5]);
    place = 0;
    for (number, program) in programs.iter().enumerate() {
        // mov rbx, [rsp]; mov rsi, [rsp + 8]; mov rdi, [rsp + 16]
        asm.bytes([0x48, 0x8B, 0x1C, 0x24, 0x48, 0x8B, 0x74, 0x24, 0x08]);
        asm.bytes([0x48, 0x8B, 0x7C, 0x24, 0x10]);
        asm.align(32);
        let top = asm.at();
        for r in 0..8 {
            // mov r, [rdi + 8 r]
            asm.bytes([0x4C, 0x8B, 0x47 | (r << 3), 8 * r]);
        }
        for i in &program.code {
            let (dst, src) = (usize::from(i.dst), usize::from(i.src));
            match i.op() {
                Op::Sub => asm.alu(Alu::Sub, dst, src),
                Op::Xor => asm.alu(Alu::Xor, dst, src),
                Op::AddShifted => asm.add_shifted(dst, src, i.shift(), 0),
                Op::Mul => asm.imul(dst, src),
                Op::RotateConst => asm.rotate_right_imm(dst, i.imm as u8),
                Op::AddConst => asm.alu_imm(Alu::Add, dst, i.imm),
                Op::XorConst => asm.alu_imm(Alu::Xor, dst, i.imm),
                Op::MulHigh if bmi2 => asm.mulx(dst, src),
                Op::MulHigh => asm.mul_high(false, dst, src),
                Op::MulHighSigned => asm.mul_high(true, dst, src),
                Op::MulReciprocal => {
                    asm.imul_constant(dst, place);
                    place += 8;
                }
            }
        }
        // mov rax, [rsi]
        asm.bytes([0x48, 0x8B, 0x06]);
        for r in 0..8 {
            asm.alu_line(Alu::Xor, r, Temp::Rax, r);
        }
        if number + 1 < programs.len() {
            asm.store_temp(Temp::Rax, program.address_register);
            asm.and_temp(Temp::Rax, CACHE_LINES as u32 - 1);
            // shl rax, 6; add rax, rbp; prefetcht0 [rax]; mov [rsi], rax
            asm.bytes([0x48, 0xC1, 0xE0, 0x06, 0x48, 0x01, 0xE8, 0x0F, 0x18, 0x08]);
            asm.bytes([0x48, 0x89, 0x06]);
        }
        for r in 0..8 {
            // mov [rdi + 8 r], r
            asm.bytes([0x4C, 0x89, 0x47 | (r << 3), 8 * r]);
        }
        // add rdi, 64; add rsi, 8; dec rbx
        asm.bytes([
            0x48, 0x83, 0xC7, 0x40, 0x48, 0x83, 0xC6, 0x08, 0x48, 0xFF, 0xCB,
        ]);
        asm.jump_if_not_zero(top);
    }
    // add rsp, 24; pop r15-r12, rbp, rbx; ret
    asm.bytes([
        0x48, 0x83, 0xC4, 0x18, 0x41, 0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C,
    ]);
    asm.bytes([0x5D, 0x5B, 0xC3]);
    entry
}

#[cfg(all(test, feature = "mmap"))]
mod tests {
    use super::*;
    use crate::memory::Mmap;
    use crate::randomx::blake::BlakeGenerator;
    use alloc::vec::Vec;

    #[test]
    fn older_instructions_make_the_same_items() {
        let mut random = BlakeGenerator::new(b"key");
        let programs = [(); 8].map(|()| Program::generate(&mut random));
        let cache: Vec<u64> = (0..CACHE_BYTES as u64 / 8)
            .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect();
        let memory = Mmap::default();
        let [new, old] = [true, false]
            .map(|bmi2| ItemCode::compile_for(&memory, &programs, bmi2).expect("memory"));
        // By vectors where the CPU has them.
        let best = ItemCode::compile(&memory, &programs).expect("memory");
        let [new, old, best] = [new, old, best].map(|code| {
            let mut items = [[0; 8]; 103];
            code.items(&cache, 1_000_000, &mut items);
            items
        });
        assert!(new == old && new == best && new[0] != new[1]);
    }
}
