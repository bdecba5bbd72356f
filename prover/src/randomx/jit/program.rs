//! Programs of the virtual machine as machine code, several at a time.
//!
//! An item of the dataset arrives some hundred nanoseconds after it is asked for, and RandomX asks
//! only one iteration ahead. One thread therefore runs several programs in turns, an iteration of
//! each: while the item of one is on its way the others compute. The programs are independent (each
//! is a hash of its own), so only time changes, not results.
//!
//! | registers | hold |
//! |---|---|
//! | `r8`-`r15` | r0-r7 |
//! | `xmm0`-`xmm3`, `xmm4`-`xmm7`, `xmm8`-`xmm11` | f, e, a |
//! | `xmm12` | a converted memory operand |
//! | `xmm13`, `xmm14`, `xmm15` | the two masks of the E conversion, the one of `FSCAL` |
//! | `rsi`, `rdi` | scratchpad and [`Lane`] of the program at turn |
//! | `rbx` | iterations left |
//! | `rax`, `rcx`, `rdx`, `rbp` | temporaries |

use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use crate::randomx::assembler::{Alu, Assembler, Packed, Temp};
use crate::randomx::item::{ADDITIONS, MULTIPLIER};
use crate::randomx::item_code::ItemCode;
use crate::randomx::params::{CACHE_LINES, MASK_LINE, PROGRAM_SIZE, Params, SCRATCHPAD_BYTES};
use crate::randomx::program::{
    BranchTargets, Configuration, E_KEEP, FSCAL_MASK, Instruction, Op, Program, Registers,
};
use crate::randomx::reciprocal::reciprocal;
use crate::randomx::simd::cpu::Features;
use crate::randomx::simd::float::{Pair, Rounding};
use crate::randomx::state::{Source, State};

/// Bytes of executable memory per lane, enough for the longest form of every instruction.
const CODE_BYTES: usize = 14 << 10;
/// Bytes of its constants. They lie behind all code, so that writing them disturbs no decoded line.
const CONSTANT_BYTES: usize = 8 * PROGRAM_SIZE;

/// What a program gets, keeps between its turns, and leaves. The code below knows the offsets.
#[repr(C, align(64))]
struct Lane {
    r: [u64; 8],
    a: [Pair; 4],
    e_mask: Pair,
    scratchpad: *mut u8,
    dataset: *const u8,
    /// `mx` in the low half, `ma` in the high one.
    addresses: u64,
    /// The scratchpad lines of the iteration at hand.
    lines: [*mut u8; 2],
    rounding: u64,
    f: [Pair; 4],
    e: [Pair; 4],
}

/// Offsets in a [`Lane`] from `rdi`, which points [`BIAS`](lane::BIAS) bytes into it to make most
/// of them short.
mod lane {
    use super::Lane;
    use core::mem::offset_of;

    pub(super) const BIAS: usize = 128;
    pub(super) const R: u8 = short(offset_of!(Lane, r));
    pub(super) const A: u8 = short(offset_of!(Lane, a));
    pub(super) const E_MASK: u8 = short(offset_of!(Lane, e_mask));
    pub(super) const SCRATCHPAD: u8 = short(offset_of!(Lane, scratchpad));
    pub(super) const DATASET: u8 = short(offset_of!(Lane, dataset));
    pub(super) const ADDRESSES: u8 = short(offset_of!(Lane, addresses));
    pub(super) const LINE_0: u8 = short(offset_of!(Lane, lines));
    pub(super) const LINE_1: u8 = LINE_0 + 8;
    pub(super) const ROUNDING: u8 = short(offset_of!(Lane, rounding));
    /// Of `f` and then `e`, too far for a short offset.
    pub(super) const FLOATS: u8 = short(offset_of!(Lane, f));

    const fn short(offset: usize) -> u8 {
        assert!(offset < 2 * BIAS);
        offset.wrapping_sub(BIAS) as u8
    }
}

/// Offsets from `rsp`: the control register for each rounding mode, the caller's, the first lane,
/// and in light mode an item, its cache line and the integer registers.
mod frame {
    pub(super) const CONTROL: u8 = 16;
    pub(super) const LANES: u8 = 24;
    pub(super) const ITEM_LINE: u8 = 40;
    pub(super) const ITEM: u8 = 48;
    pub(super) const SAVED: u8 = 112;
    pub(super) const SIZE: u8 = 184;
}

/// Takes the first lane plus bias, and two vector constants.
type Run = extern "sysv64" fn(*mut u8, *const [Pair; 2]);

/// A program to run: its code, its scratchpad, and its state before and after.
#[derive(Debug)]
pub struct Job<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its scratchpad.
    pub scratchpad: &'a mut Region,
    /// Its configuration and rounding mode; then its registers.
    pub state: &'a mut State,
}

/// A compiler of `LANES` programs at a time, and the memory for their code.
#[derive(Debug)]
pub struct ProgramCode<const LANES: usize> {
    code: Region,
    bmi2: bool,
}

impl<const LANES: usize> ProgramCode<LANES> {
    /// Takes executable memory.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] without executable memory.
    pub fn new(memory: &impl Memory) -> Result<Self, OutOfMemory> {
        let bytes = LANES * (CODE_BYTES + CONSTANT_BYTES);
        Ok(Self {
            code: memory.lend(Purpose::Code, bytes)?,
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

    /// Compiles the programs and runs them for `iterations` iterations, at least one.
    ///
    /// # Panics
    ///
    /// If a scratchpad is not of a scratchpad's size, or not [`can_run`](Self::can_run).
    pub fn run<P: Params>(
        &mut self,
        source: Source<'_, P>,
        iterations: usize,
        jobs: [Job<'_>; LANES],
    ) {
        self.compile(source, iterations as u32, &jobs);
        if let Source::Light(cache) = source {
            cache.code().expect("checked by `can_run`").publish();
        }
        self.code.publish();
        let mut lanes = jobs.map(|job| {
            assert_eq!(
                job.scratchpad.bytes().len(),
                SCRATCHPAD_BYTES,
                "not a scratchpad"
            );
            (
                Lane::new(
                    source,
                    &job.state.configuration,
                    job.state.rounding,
                    job.scratchpad,
                ),
                job,
            )
        });
        let mut blocks = lanes
            .each_mut()
            .map(|(lane, _)| core::mem::replace(lane, Lane::EMPTY));
        // SAFETY: `compile` wrote a function of this type at the start.
        let run: Run = unsafe { core::mem::transmute(self.code.entry()) };
        // The code touches: the lanes; each one's scratchpad at masked offsets (size asserted
        // above); the dataset at a lane's offset plus a masked one, which a view of `P` covers; the
        // cache of a light source through its own item code.
        run(
            blocks.as_mut_ptr().cast::<u8>().wrapping_add(lane::BIAS),
            &[[E_KEEP; 2], [FSCAL_MASK; 2]],
        );
        for (block, (_, job)) in blocks.into_iter().zip(lanes) {
            let Lane {
                r,
                a,
                f,
                e,
                rounding,
                ..
            } = block;
            job.state.registers = Registers { r, f, e, a };
            job.state.rounding = Rounding::from_bits(rounding);
        }
    }

    fn compile<P: Params>(
        &mut self,
        source: Source<'_, P>,
        iterations: u32,
        jobs: &[Job<'_>; LANES],
    ) {
        let (code, constants) = self.code.bytes_mut().split_at_mut(LANES * CODE_BYTES);
        let mut emitter = Emitter {
            asm: Assembler::new(code, 0),
            constants: constants.as_chunks_mut().0,
            constants_at: LANES * CODE_BYTES,
            used: 0,
            bmi2: self.bmi2,
        };
        enter(&mut emitter.asm, iterations);
        let mut top = emitter.asm.at();
        for (number, Job { program, state, .. }) in jobs.iter().enumerate() {
            let asm = &mut emitter.asm;
            let configuration = &state.configuration;
            take_turn(asm, number);
            if LANES == 1 {
                top = asm.at();
            }
            begin_iteration(asm);
            emitter.program(program);
            let asm = &mut emitter.asm;
            match source {
                Source::Fast(_) => read_dataset::<P>(asm, configuration, LANES == 1),
                Source::Light(cache) => {
                    let items = cache.code().expect("checked by `can_run`");
                    compute_item::<P>(asm, configuration, cache.words(), items);
                }
            }
            end_iteration(asm, configuration);
            if LANES > 1 {
                yield_turn(asm);
            }
        }
        if LANES > 1 && matches!(source, Source::Fast(_)) {
            for back in (0..LANES).rev() {
                ask_for_item::<P>(&mut emitter.asm, back);
            }
        }
        // sub ebx, 1
        emitter.asm.bytes([0x83, 0xEB, 0x01]);
        emitter.asm.jump_if_not_zero(top);
        if LANES == 1 {
            store_integers(&mut emitter.asm);
            store_floats(&mut emitter.asm);
        }
        leave(&mut emitter.asm);
    }
}

impl Lane {
    const EMPTY: Self = Self {
        r: [0; 8],
        a: [[0; 2]; 4],
        e_mask: [0; 2],
        scratchpad: core::ptr::null_mut(),
        dataset: core::ptr::null(),
        addresses: 0,
        lines: [core::ptr::null_mut(); 2],
        rounding: 0,
        f: [[0; 2]; 4],
        e: [[0; 2]; 4],
    };

    fn new<P: Params>(
        source: Source<'_, P>,
        configuration: &Configuration,
        rounding: Rounding,
        scratchpad: &mut Region,
    ) -> Self {
        let &Configuration {
            a,
            ma,
            mx,
            e_mask,
            dataset_offset,
            ..
        } = configuration;
        let scratchpad = scratchpad.bytes_mut().as_mut_ptr();
        let dataset = match source {
            Source::Fast(dataset) => dataset.words().as_ptr().cast(),
            Source::Light(_) => core::ptr::null::<u8>(),
        };
        Self {
            a,
            e_mask,
            scratchpad,
            dataset: dataset.wrapping_add(dataset_offset as usize),
            addresses: u64::from(ma) << 32 | u64::from(mx),
            lines: [mx, ma].map(|address| scratchpad.wrapping_add((address & MASK_LINE) as usize)),
            rounding: rounding as u64,
            ..Self::EMPTY
        }
    }
}

struct Emitter<'a> {
    asm: Assembler<'a>,
    constants: &'a mut [[u8; 8]],
    /// Where the constants begin, seen from the code.
    constants_at: usize,
    used: usize,
    bmi2: bool,
}

impl Emitter<'_> {
    /// Writes all instructions of `program`.
    fn program(&mut self, program: &Program) {
        let mut targets = BranchTargets::default();
        let mut places = [self.asm.at(); PROGRAM_SIZE + 1];
        for (i, instruction) in program.instructions().enumerate() {
            places[i] = self.asm.at();
            let target = places[targets.of(instruction.dst())];
            self.instruction(instruction, target);
            targets.pass(i, instruction);
        }
    }

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
                    self.asm
                        .imul_constant(dst, self.constants_at + 8 * self.used);
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
            Op::Round => {
                self.asm.round(src, (i.imm() & 63) as u8, self.bmi2);
                // mov [rdi + rounding], eax
                self.asm.bytes([0x89, 0x47, lane::ROUNDING]);
            }
            Op::Store => {
                self.asm.address(Temp::Rax, dst, i.imm(), i.store_mask());
                self.asm.store_pad(src);
            }
        }
    }
}

/// Function entry: saves what the caller wants back and loads what all lanes share.
fn enter(asm: &mut Assembler<'_>, iterations: u32) {
    // push rbx, rbp, r12-r15; sub rsp, frame; mov [rsp + lanes], rdi
    asm.bytes([0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57]);
    asm.bytes([0x48, 0x81, 0xEC, frame::SIZE, 0, 0, 0]);
    asm.bytes([0x48, 0x89, 0x7C, 0x24, frame::LANES]);
    // stmxcsr [rsp + control]
    asm.bytes([0x0F, 0xAE, 0x5C, 0x24, frame::CONTROL]);
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
    // movups xmm13, [rsi]; movups xmm15, [rsi + 16]
    asm.bytes([0x44, 0x0F, 0x10, 0x2E, 0x44, 0x0F, 0x10, 0x7E, 16]);
    // mov ebx, iterations
    let [a, b, c, d] = iterations.to_le_bytes();
    asm.bytes([0xBB, a, b, c, d]);
    asm.align(64);
}

/// Loads all that is a lane's own, with its scratchpad lines in `rax` and `rdx`.
fn take_turn(asm: &mut Assembler<'_>, number: usize) {
    if number == 0 {
        // mov rdi, [rsp + lanes]
        asm.bytes([0x48, 0x8B, 0x7C, 0x24, frame::LANES]);
    } else {
        // add rdi, size of a lane
        asm.bytes([0x48, 0x81, 0xC7]);
        asm.bytes((size_of::<Lane>() as u32).to_le_bytes());
    }
    // mov eax, [rdi + rounding]; ldmxcsr [rsp + 4 rax]; mov rsi, [rdi + scratchpad]
    asm.bytes([0x8B, 0x47, lane::ROUNDING, 0x0F, 0xAE, 0x14, 0x84]);
    asm.bytes([0x48, 0x8B, 0x77, lane::SCRATCHPAD]);
    for r in 0..8 {
        // mov r, [rdi + 8 r]
        asm.bytes([0x4C, 0x8B, 0x47 | r << 3, lane::R.wrapping_add(8 * r)]);
    }
    for a in 0..4 {
        // movaps xmm8 + a, [rdi + 16 a]
        asm.bytes([
            0x44,
            0x0F,
            0x28,
            0x47 | a << 3,
            lane::A.wrapping_add(16 * a),
        ]);
    }
    // movaps xmm14, [rdi + e mask]; mov rax, [rdi + line 0]; mov rdx, [rdi + line 1]
    asm.bytes([0x44, 0x0F, 0x28, 0x77, lane::E_MASK]);
    asm.bytes([
        0x48,
        0x8B,
        0x47,
        lane::LINE_0,
        0x48,
        0x8B,
        0x57,
        lane::LINE_1,
    ]);
}

/// Mixes the two scratchpad lines into the registers.
fn begin_iteration(asm: &mut Assembler<'_>) {
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
}

/// `mx` takes in two registers; leaves both addresses in `rbp`.
fn mix_addresses(asm: &mut Assembler<'_>, configuration: &Configuration) {
    let [_, _, a, b] = configuration.read_registers;
    // mov ecx, a; xor ecx, b; mov rbp, [rdi + addresses]; xor rbp, rcx
    asm.bytes([
        0x44,
        0x89,
        0xC1 | (a as u8) << 3,
        0x44,
        0x31,
        0xC1 | (b as u8) << 3,
    ]);
    asm.bytes([0x48, 0x8B, 0x6F, lane::ADDRESSES, 0x48, 0x31, 0xCD]);
}

/// `mx` and `ma` change places, in `rbp` and the lane.
fn swap_addresses(asm: &mut Assembler<'_>) {
    // ror rbp, 32; mov [rdi + addresses], rbp
    asm.bytes([0x48, 0xC1, 0xCD, 0x20, 0x48, 0x89, 0x6F, lane::ADDRESSES]);
}

/// Mixes in the item of this iteration, after asking for the next one if that is to be done here.
fn read_dataset<P: Params>(asm: &mut Assembler<'_>, configuration: &Configuration, ask: bool) {
    mix_addresses(asm, configuration);
    // mov rdx, [rdi + dataset]
    asm.bytes([0x48, 0x8B, 0x57, lane::DATASET]);
    if ask {
        // mov ecx, ebp; and ecx, mask; prefetchnta [rdx + rcx]
        asm.bytes([0x89, 0xE9]);
        asm.and_temp(Temp::Rcx, P::DATASET_MASK);
        asm.bytes([0x0F, 0x18, 0x04, 0x0A]);
    }
    swap_addresses(asm);
    // mov ecx, ebp; and ecx, mask; add rcx, rdx
    asm.bytes([0x89, 0xE9]);
    asm.and_temp(Temp::Rcx, P::DATASET_MASK);
    asm.bytes([0x48, 0x01, 0xD1]);
    for r in 0..8 {
        asm.alu_line(Alu::Xor, r, Temp::Rcx, r);
    }
}

/// Asks for the item of the next iteration of the lane `back` before the one at turn.
///
/// All lanes ask at the end of a round, one right after the other: an address that is in no
/// translation buffer holds up everything behind it, and side by side these waits overlap.
fn ask_for_item<P: Params>(asm: &mut Assembler<'_>, back: usize) {
    let offset = |field: u8| i32::from(field as i8) - (back * size_of::<Lane>()) as i32;
    // mov ecx, [rdi + addresses + 4]; mov rdx, [rdi + dataset]
    asm.bytes([0x8B, 0x8F]);
    asm.bytes(offset(lane::ADDRESSES + 4).to_le_bytes());
    asm.bytes([0x48, 0x8B, 0x97]);
    asm.bytes(offset(lane::DATASET).to_le_bytes());
    // and ecx, mask; prefetchnta [rdx + rcx]
    asm.and_temp(Temp::Rcx, P::DATASET_MASK);
    asm.bytes([0x0F, 0x18, 0x04, 0x0A]);
}

/// Computes the item with the cache's own code and mixes it in. That code touches no vector
/// register.
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
    swap_addresses(asm);
    // mov eax, ebp; and eax, mask; shr eax, 6; add eax, first item
    asm.bytes([0x89, 0xE8]);
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

/// The end of an iteration: next lines asked for and left in `rax` and `rdx`, the old ones written.
fn end_iteration(asm: &mut Assembler<'_>, configuration: &Configuration) {
    let [a, b, _, _] = configuration.read_registers;
    asm.store_temp(Temp::Rax, a);
    asm.xor_temp(Temp::Rax, b);
    // mov rdx, rax; shr rdx, 32
    asm.bytes([0x48, 0x89, 0xC2, 0x48, 0xC1, 0xEA, 0x20]);
    asm.and_temp(Temp::Rax, MASK_LINE);
    asm.and_temp(Temp::Rdx, MASK_LINE);
    // add rax, rsi; add rdx, rsi; prefetcht0 [rax]; prefetcht0 [rdx]
    asm.bytes([
        0x48, 0x01, 0xF0, 0x48, 0x01, 0xF2, 0x0F, 0x18, 0x08, 0x0F, 0x18, 0x0A,
    ]);
    // mov rcx, [rdi + line 1]
    asm.bytes([0x48, 0x8B, 0x4F, lane::LINE_1]);
    for r in 0..8 {
        asm.store(r, Temp::Rcx, r);
    }
    // mov rcx, [rdi + line 0]
    asm.bytes([0x48, 0x8B, 0x4F, lane::LINE_0]);
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
    // mov [rdi + line 0], rax; mov [rdi + line 1], rdx
    asm.bytes([
        0x48,
        0x89,
        0x47,
        lane::LINE_0,
        0x48,
        0x89,
        0x57,
        lane::LINE_1,
    ]);
}

/// Keeps the registers for the lane's next turn; the floating-point ones only after the last, for
/// every iteration loads them anew.
fn yield_turn(asm: &mut Assembler<'_>) {
    store_integers(asm);
    // cmp ebx, 1; jne over the stores
    asm.bytes([0x83, 0xFB, 0x01, 0x75, STORE_FLOATS_BYTES]);
    store_floats(asm);
}

fn store_integers(asm: &mut Assembler<'_>) {
    for r in 0..8 {
        // mov [rdi + 8 r], r
        asm.bytes([0x4C, 0x89, 0x47 | r << 3, lane::R.wrapping_add(8 * r)]);
    }
}

/// Length of the code of [`store_floats`].
const STORE_FLOATS_BYTES: u8 = 8 * 7;

fn store_floats(asm: &mut Assembler<'_>) {
    for x in 0..8 {
        // movaps [rdi + 16 x], xmm
        asm.bytes([0x0F, 0x29, 0x87 | x << 3, lane::FLOATS + 16 * x, 0, 0, 0]);
    }
}

/// Function exit.
fn leave(asm: &mut Assembler<'_>) {
    // ldmxcsr [rsp + control]; add rsp, frame; pop r15-r12, rbp, rbx; ret
    asm.bytes([0x0F, 0xAE, 0x54, 0x24, frame::CONTROL]);
    asm.bytes([0x48, 0x81, 0xC4, frame::SIZE, 0, 0, 0]);
    asm.bytes([
        0x41, 0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C, 0x5D, 0x5B, 0xC3,
    ]);
}

#[cfg(all(test, feature = "mmap"))]
mod tests {
    use super::*;
    use crate::memory::Mmap;
    use crate::randomx::Upstream;
    use crate::randomx::dataset::DatasetBuilder;

    #[derive(Clone, Copy, Debug)]
    struct Small;

    impl Params for Small {
        const NAME: &'static str = "small";
        const CACHE_ACCESSES: usize = Upstream::CACHE_ACCESSES;
        const DATASET_BASE: u64 = 1 << 20;
    }

    #[test]
    fn older_instructions_do_the_same() {
        let memory = Mmap::default();
        let builder = DatasetBuilder::<Small>::new(&memory).expect("memory");
        while builder.step_with(|first, items| items.fill([first; 8])) {}
        let source = Source::Fast(builder.complete().expect("a complete dataset"));
        let mut word = 3_u64;
        for _ in 0..100 {
            let mut program = Program::EMPTY;
            for bytes in program.0.as_chunks_mut().0 {
                word = word
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(11);
                *bytes = (word ^ word >> 31).to_le_bytes();
            }
            let [new, old] = [true, false].map(|bmi2| {
                let mut code = ProgramCode::<1>::new(&memory).expect("memory");
                code.bmi2 = bmi2;
                let pad = memory.lend(Purpose::Scratchpad, SCRATCHPAD_BYTES);
                let mut scratchpad = pad.expect("memory");
                let configuration = program.configuration::<Small>();
                let mut state = State {
                    configuration,
                    ..State::default()
                };
                let job = Job {
                    program: &program,
                    scratchpad: &mut scratchpad,
                    state: &mut state,
                };
                code.run(source, 64, [job]);
                (state.registers, state.rounding)
            });
            assert_eq!(new, old);
        }
    }
}
