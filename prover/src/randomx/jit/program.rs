//! A program of the virtual machine as machine code.
//!
//! | registers | hold |
//! |---|---|
//! | `r8`-`r15` | r0-r7 |
//! | `xmm0`-`xmm3`, `xmm4`-`xmm7`, `xmm8`-`xmm11` | f, e, a |
//! | `xmm12` | a converted memory operand |
//! | `xmm13`, `xmm14`, `xmm15` | the two masks of the E conversion, the one of `FSCAL` |
//! | `rsi`, `rdi` | scratchpad; dataset at the program's offset |
//! | `rbp` | the address registers, `mx` in the low half |
//! | `rbx` | iterations left |
//! | `rax`, `rcx`, `rdx` | temporaries |
//!
//! The beginning of an iteration does not depend on the program and is written once; a compilation
//! writes the instructions and the end of the iteration behind it.

use super::asm::{Alu, Assembler, Packed, Temp};
use super::items::ItemCode;
use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use crate::randomx::cache::{ADDITIONS, MULTIPLIER};
use crate::randomx::params::{
    CACHE_LINES, MASK_LINE, PROGRAM_ITERATIONS, PROGRAM_SIZE, Params, SCRATCHPAD_BYTES,
};
use crate::randomx::program::{
    BranchTargets, Configuration, E_KEEP, FSCAL_MASK, Instruction, Op, Program, Registers,
};
use crate::randomx::reciprocal::reciprocal;
use crate::randomx::simd::cpu::Features;
use crate::randomx::simd::float::Rounding;
use crate::randomx::vm::{Source, State};

/// Bytes of executable memory.
const CODE_BYTES: usize = 16 << 10;
/// Where the reciprocals are: away from the code, so that writing them disturbs no decoded line.
const CONSTANTS: usize = CODE_BYTES - 8 * PROGRAM_SIZE;

/// What a run gets and leaves. The offsets are known to the code below.
#[repr(C, align(16))]
struct Context {
    masks: [[u64; 2]; 3],      // 0
    registers: *mut Registers, // 48
    scratchpad: *mut u8,       // 56
    dataset: *const u8,        // 64
    addresses: u64,            // 72: mx, ma
    control: u32,              // 80: rounding mode, in and out
    saved_control: u32,        // 84
}

/// The frame below the saved registers: the four rounding modes, the context, the lines of this
/// iteration, and room for an item in light mode.
mod frame {
    pub(super) const CONTEXT: u8 = 16;
    pub(super) const LINE_0: u8 = 24;
    pub(super) const LINE_1: u8 = 32;
    pub(super) const ITEM_LINE: u8 = 40;
    pub(super) const ITEM: u8 = 48;
    pub(super) const SAVED: u8 = 112;
    pub(super) const SIZE: u8 = 184;
}

type Run = extern "sysv64" fn(*mut Context);

/// A compiler and the memory for its code.
#[derive(Debug)]
pub struct ProgramCode {
    code: Region,
    /// Where an iteration begins, and where its instructions do.
    top: usize,
    body: usize,
    bmi2: bool,
}

impl ProgramCode {
    /// Takes executable memory and writes the constant part.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] without executable memory.
    pub fn new(memory: &impl Memory) -> Result<Self, OutOfMemory> {
        let mut code = memory.lend(Purpose::Code, CODE_BYTES)?;
        let mut asm = Assembler::new(code.bytes_mut(), 0);
        let top = begin(&mut asm);
        let body = asm.at();
        Ok(Self {
            code,
            top,
            body,
            bmi2: Features::get().bmi2,
        })
    }

    /// Whether programs can be compiled for `source`: a light one must have compiled itself.
    pub fn can_run<P: Params>(source: Source<'_, P>) -> bool {
        match source {
            Source::Light(cache) => cache.code().is_some(),
            Source::Fast(_) => true,
        }
    }

    /// Compiles `program` and runs it.
    ///
    /// # Panics
    ///
    /// If `scratchpad` is not of a scratchpad's size, or not [`can_run`](Self::can_run).
    pub fn run<P: Params>(
        &mut self,
        program: &Program,
        source: Source<'_, P>,
        scratchpad: &mut Region,
        state: &mut State,
    ) {
        assert_eq!(
            scratchpad.bytes().len(),
            SCRATCHPAD_BYTES,
            "not a scratchpad"
        );
        self.compile(program, source, &state.configuration);
        let configuration = &state.configuration;
        state.registers = Registers {
            a: configuration.a,
            ..Registers::default()
        };
        let offset = configuration.dataset_offset as usize;
        let mut context = Context {
            masks: [[E_KEEP; 2], configuration.e_mask, [FSCAL_MASK; 2]],
            registers: &raw mut state.registers,
            scratchpad: scratchpad.bytes_mut().as_mut_ptr(),
            dataset: match source {
                Source::Fast(dataset) => dataset.words().as_ptr().cast::<u8>().wrapping_add(offset),
                Source::Light(_) => core::ptr::null(),
            },
            addresses: u64::from(configuration.ma) << 32 | u64::from(configuration.mx),
            control: state.rounding.mxcsr(),
            saved_control: 0,
        };
        // SAFETY: `begin` wrote a function of this type at the start, and `compile` its rest.
        let run: Run = unsafe { core::mem::transmute(self.code.start()) };
        // The code touches: the context; the registers it points to; the scratchpad at masked
        // offsets (size asserted above); the dataset at its offset plus a masked one, which a view
        // of `P` covers; the cache of a light source through its own item code.
        run(&raw mut context);
        state.rounding = Rounding::from_bits(u64::from(context.control >> 13));
    }

    fn compile<P: Params>(
        &mut self,
        program: &Program,
        source: Source<'_, P>,
        configuration: &Configuration,
    ) {
        let (code, constants) = self.code.bytes_mut().split_at_mut(CONSTANTS);
        let mut emitter = Emitter {
            asm: Assembler::new(code, self.body),
            constants: constants.as_chunks_mut().0,
            used: 0,
            bmi2: self.bmi2,
        };
        let mut targets = BranchTargets::default();
        let mut places = [self.body; PROGRAM_SIZE + 1];
        for (i, instruction) in program.instructions().enumerate() {
            places[i] = emitter.asm.at();
            let target = places[targets.of(instruction.dst())];
            emitter.instruction(instruction, target);
            targets.pass(i, instruction);
        }
        let asm = &mut emitter.asm;
        match source {
            Source::Fast(_) => read_dataset::<P>(asm, configuration),
            Source::Light(cache) => {
                let items = cache.code().expect("checked by `can_run`");
                compute_item::<P>(asm, configuration, cache.words(), items);
            }
        }
        end_iteration(asm, configuration, self.top);
        end(asm);
    }
}

struct Emitter<'a> {
    asm: Assembler<'a>,
    constants: &'a mut [[u8; 8]],
    used: usize,
    bmi2: bool,
}

impl Emitter<'_> {
    #[inline]
    fn alu(&mut self, op: Alu, i: Instruction) {
        if i.src() == i.dst() {
            self.asm.alu_imm(op, i.dst(), i.imm());
        } else {
            self.asm.alu(op, i.dst(), i.src());
        }
    }

    #[inline]
    fn address(&mut self, temp: Temp, i: Instruction) {
        self.asm.address(temp, i.src(), i.imm(), i.read_mask());
    }

    #[inline]
    fn alu_memory(&mut self, op: Alu, i: Instruction) {
        if i.src() == i.dst() {
            self.asm.alu_fixed(op, i.dst(), i.fixed_address());
        } else {
            self.address(Temp::Rax, i);
            self.asm.alu_pad(op, i.dst());
        }
    }

    #[inline]
    fn mul_high_memory(&mut self, signed: bool, i: Instruction) {
        let asm = &mut self.asm;
        match (i.src() == i.dst(), self.bmi2 && !signed) {
            (true, true) => asm.mulx_fixed(i.dst(), i.fixed_address()),
            (true, false) => asm.mul_high_fixed(signed, i.dst(), i.fixed_address()),
            (false, true) => {
                self.address(Temp::Rax, i);
                self.asm.mulx_pad(i.dst());
            }
            (false, false) => {
                self.address(Temp::Rcx, i);
                self.asm.mul_high_pad(signed, i.dst());
            }
        }
    }

    #[inline]
    fn convert(&mut self, i: Instruction) {
        self.address(Temp::Rax, i);
        self.asm.convert_pad();
    }

    /// Writes `i`; a branch goes to the code at `target`.
    #[inline]
    fn instruction(&mut self, i: Instruction, target: usize) {
        let (dst, src) = (i.dst(), i.src());
        let (f, e, a) = (dst & 3, 4 + (dst & 3), src & 3);
        let converted = 4;
        match i.op() {
            Op::AddShifted => self.asm.add_shifted(dst, src, i.shift(), i.imm()),
            Op::AddMemory => self.alu_memory(Alu::Add, i),
            Op::Sub => self.alu(Alu::Sub, i),
            Op::SubMemory => self.alu_memory(Alu::Sub, i),
            Op::Xor => self.alu(Alu::Xor, i),
            Op::XorMemory => self.alu_memory(Alu::Xor, i),
            Op::Mul if src == dst => self.asm.imul_imm(dst, i.imm()),
            Op::Mul => self.asm.imul(dst, src),
            Op::MulMemory if src == dst => self.asm.imul_fixed(dst, i.fixed_address()),
            Op::MulMemory => {
                self.address(Temp::Rax, i);
                self.asm.imul_pad(dst);
            }
            Op::MulHigh if self.bmi2 => self.asm.mulx(dst, src),
            Op::MulHigh => self.asm.mul_high(false, dst, src),
            Op::MulHighSigned => self.asm.mul_high(true, dst, src),
            Op::MulHighMemory => self.mul_high_memory(false, i),
            Op::MulHighSignedMemory => self.mul_high_memory(true, i),
            Op::MulReciprocal => {
                if let Some(factor) = reciprocal(i.imm()) {
                    self.constants[self.used] = factor.to_le_bytes();
                    self.asm.imul_constant(dst, CONSTANTS + 8 * self.used);
                    self.used += 1;
                }
            }
            Op::Negate => self.asm.negate(dst),
            Op::RotateRight if src == dst => {
                self.asm.rotate_right_imm(dst, (i.imm() & 63) as u8);
            }
            Op::RotateLeft if src == dst => {
                self.asm
                    .rotate_right_imm(dst, (i.imm().wrapping_neg() & 63) as u8);
            }
            Op::RotateRight => self.asm.rotate(true, dst, src),
            Op::RotateLeft => self.asm.rotate(false, dst, src),
            Op::Swap if src == dst => {}
            Op::Swap => self.asm.exchange(dst, src),
            Op::FloatSwap => self.asm.float_swap(dst),
            Op::FloatAdd => self.asm.packed_high(Packed::Add, f, a),
            Op::FloatAddMemory => {
                self.convert(i);
                self.asm.packed_high(Packed::Add, f, converted);
            }
            Op::FloatSub => self.asm.packed_high(Packed::Sub, f, a),
            Op::FloatSubMemory => {
                self.convert(i);
                self.asm.packed_high(Packed::Sub, f, converted);
            }
            Op::FloatScale => self.asm.float_scale(f),
            Op::FloatMul => self.asm.packed_high(Packed::Mul, e, a),
            Op::FloatDivMemory => {
                self.convert(i);
                self.asm.mask_converted();
                self.asm.packed_high(Packed::Div, e, converted);
            }
            Op::FloatSqrt => self.asm.packed_self(Packed::Sqrt, e),
            Op::Branch => {
                self.asm.alu_imm(Alu::Add, dst, i.branch_addend() as u32);
                self.asm.jump_if_none(dst, i.branch_mask(), target);
            }
            Op::Round => self.asm.round(src, (i.imm() & 63) as u8, self.bmi2),
            Op::Store => {
                self.asm.address(Temp::Rax, dst, i.imm(), i.store_mask());
                self.asm.store_pad(src);
            }
        }
    }
}

/// Function entry and the beginning of an iteration; returns where iterations begin, with the
/// scratchpad addresses in `eax` and `edx`.
fn begin(asm: &mut Assembler<'_>) -> usize {
    // push rbx, rbp, r12-r15; sub rsp, frame; mov [rsp + context], rdi
    asm.bytes([0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57]);
    asm.bytes([0x48, 0x81, 0xEC, frame::SIZE, 0, 0, 0]);
    asm.bytes([0x48, 0x89, 0x7C, 0x24, frame::CONTEXT]);
    // stmxcsr [rdi + 84]; ldmxcsr [rdi + 80]
    asm.bytes([0x0F, 0xAE, 0x5F, 84, 0x0F, 0xAE, 0x57, 80]);
    for mode in [
        Rounding::Nearest,
        Rounding::Down,
        Rounding::Up,
        Rounding::Zero,
    ] {
        // mov dword [rsp + 4 mode], control
        let [a, b, c, d] = mode.mxcsr().to_le_bytes();
        asm.bytes([0xC7, 0x44, 0x24, 4 * mode as u8, a, b, c, d]);
    }
    // movaps xmm13, xmm14, xmm15, [rdi]
    asm.bytes([
        0x44, 0x0F, 0x28, 0x2F, 0x44, 0x0F, 0x28, 0x77, 16, 0x44, 0x0F, 0x28, 0x7F, 32,
    ]);
    // mov rcx, [rdi + registers]
    asm.bytes([0x48, 0x8B, 0x4F, 48]);
    for a in 0..4 {
        // movaps xmm8 + a, [rcx + 192 + 16 a]
        asm.bytes([0x44, 0x0F, 0x28, 0x81 | a << 3, 192 + 16 * a, 0, 0, 0]);
    }
    for r in 0..8 {
        // xor r, r
        asm.alu(Alu::Xor, r, r);
    }
    // mov rsi, [rdi + scratchpad]; mov rbp, [rdi + addresses]; mov rdi, [rdi + dataset]
    asm.bytes([
        0x48, 0x8B, 0x77, 56, 0x48, 0x8B, 0x6F, 72, 0x48, 0x8B, 0x7F, 64,
    ]);
    // mov ebx, iterations; mov rax, rbp; mov rdx, rbp; shr rdx, 32
    let [a, b, c, d] = (PROGRAM_ITERATIONS as u32).to_le_bytes();
    asm.bytes([
        0xBB, a, b, c, d, 0x48, 0x89, 0xE8, 0x48, 0x89, 0xEA, 0x48, 0xC1, 0xEA, 0x20,
    ]);
    asm.align(64);
    let top = asm.at();
    asm.and_temp(Temp::Rax, MASK_LINE);
    asm.and_temp(Temp::Rdx, MASK_LINE);
    // add rax, rsi; add rdx, rsi; mov [rsp + line 0], rax; mov [rsp + line 1], rdx
    asm.bytes([0x48, 0x01, 0xF0, 0x48, 0x01, 0xF2]);
    asm.bytes([
        0x48,
        0x89,
        0x44,
        0x24,
        frame::LINE_0,
        0x48,
        0x89,
        0x54,
        0x24,
        frame::LINE_1,
    ]);
    for r in 0..8 {
        asm.alu_line(Alu::Xor, r, Temp::Rax, r);
    }
    for x in 0..8 {
        // cvtdq2pd xmm, [rdx + 8 x]
        asm.bytes([0xF3, 0x0F, 0xE6, 0x42 | x << 3, 8 * x]);
    }
    for e in 4..8 {
        // andps xmm, xmm13; orps xmm, xmm14
        asm.bytes([
            0x41,
            0x0F,
            0x54,
            0xC5 | e << 3,
            0x41,
            0x0F,
            0x56,
            0xC6 | e << 3,
        ]);
    }
    top
}

/// `mx` takes in two registers and changes places with `ma`.
fn mix_addresses(asm: &mut Assembler<'_>, configuration: &Configuration) {
    let [_, _, a, b] = configuration.read_registers;
    // mov ecx, a; xor ecx, b; xor rbp, rcx
    asm.bytes([
        0x44,
        0x89,
        0xC1 | (a as u8) << 3,
        0x44,
        0x31,
        0xC1 | (b as u8) << 3,
    ]);
    asm.bytes([0x48, 0x31, 0xCD]);
}

/// Asks for the item of the next iteration and mixes in the one asked for before.
fn read_dataset<P: Params>(asm: &mut Assembler<'_>, configuration: &Configuration) {
    mix_addresses(asm, configuration);
    // mov ecx, ebp; and ecx, mask; prefetchnta [rdi + rcx]
    asm.bytes([0x89, 0xE9]);
    asm.and_temp(Temp::Rcx, P::DATASET_MASK);
    asm.bytes([0x0F, 0x18, 0x04, 0x0F]);
    // ror rbp, 32; mov ecx, ebp; and ecx, mask; add rcx, rdi
    asm.bytes([0x48, 0xC1, 0xCD, 0x20, 0x89, 0xE9]);
    asm.and_temp(Temp::Rcx, P::DATASET_MASK);
    asm.bytes([0x48, 0x01, 0xF9]);
    for r in 0..8 {
        asm.alu_line(Alu::Xor, r, Temp::Rcx, r);
    }
}

/// Computes the item with the cache's own code and mixes it in. That code touches no vector register.
fn compute_item<P: Params>(
    asm: &mut Assembler<'_>,
    configuration: &Configuration,
    cache: &[u64],
    items: &ItemCode,
) {
    let load_imm64 = |asm: &mut Assembler<'_>, opcode: [u8; 2], value: u64| {
        asm.bytes(opcode);
        asm.bytes(value.to_le_bytes());
    };
    mix_addresses(asm, configuration);
    // ror rbp, 32; mov eax, ebp; and eax, mask; shr eax, 6; add eax, first item
    asm.bytes([0x48, 0xC1, 0xCD, 0x20, 0x89, 0xE8]);
    asm.and_temp(Temp::Rax, P::DATASET_MASK);
    asm.bytes([0xC1, 0xE8, 0x06, 0x05]);
    asm.bytes(((configuration.dataset_offset / 64) as u32).to_le_bytes());
    for r in 0..8 {
        // mov [rsp + saved + 8 r], r
        asm.bytes([
            0x4C,
            0x89,
            0x84 | r << 3,
            0x24,
            frame::SAVED + 8 * r,
            0,
            0,
            0,
        ]);
    }
    // lea rcx, [rax + 1]; mov r8, multiplier; imul r8, rcx
    asm.bytes([0x48, 0x8D, 0x48, 0x01]);
    load_imm64(asm, [0x49, 0xB8], MULTIPLIER);
    asm.bytes([0x4C, 0x0F, 0xAF, 0xC1]);
    for (i, addition) in (0..).zip(ADDITIONS) {
        // mov rcx, addition; xor rcx, r8; mov [rsp + item + 8 i], rcx
        load_imm64(asm, [0x48, 0xB9], addition);
        asm.bytes([
            0x4C,
            0x31,
            0xC1,
            0x48,
            0x89,
            0x4C,
            0x24,
            frame::ITEM + 8 * i,
        ]);
    }
    asm.and_temp(Temp::Rax, CACHE_LINES as u32 - 1);
    // shl rax, 6; mov rdx, cache; add rax, rdx; mov [rsp + line], rax
    asm.bytes([0x48, 0xC1, 0xE0, 0x06]);
    load_imm64(asm, [0x48, 0xBA], cache.as_ptr().addr() as u64);
    asm.bytes([0x48, 0x01, 0xD0, 0x48, 0x89, 0x44, 0x24, frame::ITEM_LINE]);
    // push rsi; push rdi; lea rdi, [rsp + item]; lea rsi, [rsp + line]
    asm.bytes([0x56, 0x57, 0x48, 0x8D, 0x7C, 0x24, frame::ITEM + 16]);
    asm.bytes([0x48, 0x8D, 0x74, 0x24, frame::ITEM_LINE + 16]);
    // mov ecx, 1; mov rax, function; call rax; pop rdi; pop rsi
    asm.bytes([0xB9, 1, 0, 0, 0]);
    load_imm64(asm, [0x48, 0xB8], items.function().addr() as u64);
    asm.bytes([0xFF, 0xD0, 0x5F, 0x5E]);
    for r in 0..8 {
        // mov r, [rsp + saved + 8 r]; xor r, [rsp + item + 8 r]
        asm.bytes([
            0x4C,
            0x8B,
            0x84 | r << 3,
            0x24,
            frame::SAVED + 8 * r,
            0,
            0,
            0,
        ]);
        asm.bytes([0x4C, 0x33, 0x44 | r << 3, 0x24, frame::ITEM + 8 * r]);
    }
}

/// The end of an iteration: next addresses, both lines written, and back to the top.
fn end_iteration(asm: &mut Assembler<'_>, configuration: &Configuration, top: usize) {
    let [a, b, _, _] = configuration.read_registers;
    asm.store_temp(Temp::Rax, a);
    asm.xor_temp(Temp::Rax, b);
    // mov rdx, rax; shr rdx, 32; mov rcx, [rsp + line 1]
    asm.bytes([0x48, 0x89, 0xC2, 0x48, 0xC1, 0xEA, 0x20]);
    asm.bytes([0x48, 0x8B, 0x4C, 0x24, frame::LINE_1]);
    for r in 0..8 {
        asm.store(r, Temp::Rcx, r);
    }
    // mov rcx, [rsp + line 0]
    asm.bytes([0x48, 0x8B, 0x4C, 0x24, frame::LINE_0]);
    for f in 0..4 {
        // xorps f, e; movaps [rcx + 16 f], f
        asm.bytes([
            0x0F,
            0x57,
            0xC4 | f << 3 | f,
            0x0F,
            0x29,
            0x41 | f << 3,
            16 * f,
        ]);
    }
    // sub ebx, 1
    asm.bytes([0x83, 0xEB, 0x01]);
    asm.jump_if_not_zero(top);
}

/// Function exit: the register file and the rounding mode go back to the context.
fn end(asm: &mut Assembler<'_>) {
    // mov rdi, [rsp + context]; stmxcsr [rdi + 80]; ldmxcsr [rdi + 84]; mov rcx, [rdi + registers]
    asm.bytes([0x48, 0x8B, 0x7C, 0x24, frame::CONTEXT]);
    asm.bytes([
        0x0F, 0xAE, 0x5F, 80, 0x0F, 0xAE, 0x57, 84, 0x48, 0x8B, 0x4F, 48,
    ]);
    for r in 0..8 {
        asm.store(r, Temp::Rcx, r);
    }
    for x in 0..8 {
        // movaps [rcx + 64 + 16 x], xmm
        asm.bytes([0x0F, 0x29, 0x81 | x << 3, 64 + 16 * x, 0, 0, 0]);
    }
    // add rsp, frame; pop r15-r12, rbp, rbx; ret
    asm.bytes([0x48, 0x81, 0xC4, frame::SIZE, 0, 0, 0]);
    asm.bytes([
        0x41, 0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C, 0x5D, 0x5B, 0xC3,
    ]);
}
