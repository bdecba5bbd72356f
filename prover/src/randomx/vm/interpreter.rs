//! The machine by the book: what the compiled one is compared with.

use crate::randomx::params::{MASK_LINE, PROGRAM_SIZE, Params};
use crate::randomx::program::{
    BranchTargets, Configuration, E_KEEP, FSCAL_MASK, Instruction, Op, Program, Registers,
};
use crate::randomx::reciprocal::reciprocal;
use crate::randomx::simd::float::{self, Pair, Rounding};
use crate::randomx::state::{Source, State};

/// Runs `program` for `iterations` iterations (RandomX specification section 4.6.2).
pub(super) fn run<P: Params>(
    program: &Program,
    source: Source<'_, P>,
    iterations: usize,
    pad: &mut [u64],
    state: &mut State,
) {
    let Configuration {
        a,
        mut ma,
        mut mx,
        read_registers,
        dataset_offset,
        e_mask,
    } = state.configuration;
    let mut machine = Machine {
        registers: Registers {
            a,
            ..Registers::default()
        },
        rounding: state.rounding,
        e_mask,
        pad,
        instructions: core::array::from_fn(|i| program.instruction(i)),
        targets: targets(program),
    };
    let (mut address_0, mut address_1) = (mx, ma);
    for _ in 0..iterations {
        let r = &machine.registers.r;
        let mix = r[read_registers[0]] ^ r[read_registers[1]];
        address_0 = (address_0 ^ mix as u32) & MASK_LINE;
        address_1 = (address_1 ^ (mix >> 32) as u32) & MASK_LINE;
        let (line_0, line_1) = (address_0 as usize / 8, address_1 as usize / 8);
        for i in 0..8 {
            machine.registers.r[i] ^= machine.pad[line_0 + i];
        }
        for i in 0..4 {
            machine.registers.f[i] = convert(machine.pad[line_1 + i]);
            machine.registers.e[i] = machine.convert_e(machine.pad[line_1 + 4 + i]);
        }
        machine.iterate();
        let r = &mut machine.registers.r;
        mx = (mx ^ r[read_registers[2]] as u32 ^ r[read_registers[3]] as u32) & P::DATASET_MASK;
        let item = source.item((dataset_offset + u64::from(ma)) / 64);
        for (register, word) in r.iter_mut().zip(item) {
            *register ^= word;
        }
        (ma, mx) = (mx, ma);
        let Registers { r, f, e, .. } = &mut machine.registers;
        machine.pad[line_1..line_1 + 8].copy_from_slice(r);
        for (i, (f, e)) in f.iter_mut().zip(e).enumerate() {
            *f = [f[0] ^ e[0], f[1] ^ e[1]];
            machine.pad[line_0 + 2 * i..][..2].copy_from_slice(f);
        }
        (address_0, address_1) = (0, 0);
    }
    state.registers = machine.registers;
    state.rounding = machine.rounding;
}

fn targets(program: &Program) -> [u16; PROGRAM_SIZE] {
    let mut targets = BranchTargets::default();
    core::array::from_fn(|i| {
        let instruction = program.instruction(i);
        let target = targets.of(instruction.dst());
        targets.pass(i, instruction);
        target as u16
    })
}

/// Two signed 32-bit numbers as doubles.
fn convert(word: u64) -> Pair {
    [
        f64::from(word as i32).to_bits(),
        f64::from((word >> 32) as i32).to_bits(),
    ]
}

struct Machine<'a> {
    registers: Registers,
    rounding: Rounding,
    e_mask: Pair,
    pad: &'a mut [u64],
    instructions: [Instruction; PROGRAM_SIZE],
    targets: [u16; PROGRAM_SIZE],
}

impl Machine<'_> {
    /// The conversion of the E group: small positive numbers only.
    fn convert_e(&self, word: u64) -> Pair {
        let pair = convert(word);
        [
            pair[0] & E_KEEP | self.e_mask[0],
            pair[1] & E_KEEP | self.e_mask[1],
        ]
    }

    /// The word at `register + imm` in the level of `mask`.
    fn load(&self, i: Instruction, register: usize) -> u64 {
        let address = (self.registers.r[register] as u32).wrapping_add(i.imm()) & i.read_mask();
        self.pad[address as usize / 8]
    }

    /// The memory operand of an integer instruction.
    fn operand(&self, i: Instruction) -> u64 {
        if i.src() == i.dst() {
            self.pad[i.fixed_address() as usize / 8]
        } else {
            self.load(i, i.src())
        }
    }

    /// The register operand of an integer instruction that takes its constant instead of itself.
    fn operand_or_imm(&self, i: Instruction) -> u64 {
        if i.src() == i.dst() {
            i.imm64()
        } else {
            self.registers.r[i.src()]
        }
    }

    /// One pass through the instructions.
    fn iterate(&mut self) {
        let mut at = 0;
        while at < PROGRAM_SIZE {
            let i = self.instructions[at];
            at = if self.step(i) {
                usize::from(self.targets[at])
            } else {
                at + 1
            };
        }
    }

    /// Executes an instruction; true if it is a branch that is taken.
    fn step(&mut self, i: Instruction) -> bool {
        let (dst, src) = (i.dst(), i.src());
        let (float_dst, float_src) = (dst % 4, src % 4);
        let source = self.registers.r[src];
        let old = self.registers.r[dst];
        let mode = self.rounding;
        let new = match i.op() {
            Op::AddShifted => {
                let imm = if dst == 5 { i.imm64() } else { 0 };
                old.wrapping_add(source << i.shift()).wrapping_add(imm)
            }
            Op::AddMemory => old.wrapping_add(self.operand(i)),
            Op::Sub => old.wrapping_sub(self.operand_or_imm(i)),
            Op::SubMemory => old.wrapping_sub(self.operand(i)),
            Op::Mul => old.wrapping_mul(self.operand_or_imm(i)),
            Op::MulMemory => old.wrapping_mul(self.operand(i)),
            Op::MulHigh => multiply_high(old, source),
            Op::MulHighMemory => multiply_high(old, self.operand(i)),
            Op::MulHighSigned => multiply_high_signed(old, source),
            Op::MulHighSignedMemory => multiply_high_signed(old, self.operand(i)),
            Op::MulReciprocal => old.wrapping_mul(reciprocal(i.imm()).unwrap_or(1)),
            Op::Negate => old.wrapping_neg(),
            Op::Xor => old ^ self.operand_or_imm(i),
            Op::XorMemory => old ^ self.operand(i),
            Op::RotateRight => old.rotate_right(self.operand_or_imm(i) as u32 & 63),
            Op::RotateLeft => old.rotate_left(self.operand_or_imm(i) as u32 & 63),
            Op::Swap => {
                self.registers.r.swap(dst, src);
                return false;
            }
            Op::Branch => {
                let new = old.wrapping_add(i.branch_addend());
                self.registers.r[dst] = new;
                return new as u32 & i.branch_mask() == 0;
            }
            Op::Round => {
                self.rounding = Rounding::from_bits(source.rotate_right(i.imm() & 63));
                return false;
            }
            Op::Store => {
                let address = (old as u32).wrapping_add(i.imm()) & i.store_mask();
                self.pad[address as usize / 8] = source;
                return false;
            }
            Op::FloatSwap => {
                let Registers { f, e, .. } = &mut self.registers;
                if dst < 4 {
                    &mut f[dst]
                } else {
                    &mut e[dst - 4]
                }
                .reverse();
                return false;
            }
            op => {
                let memory = || self.load(i, src);
                let Registers { f, e, a, .. } = &self.registers;
                let (f, e, a) = (f[float_dst], e[float_dst], a[float_src]);
                let result = match op {
                    Op::FloatAdd => float::add(f, a, mode),
                    Op::FloatAddMemory => float::add(f, convert(memory()), mode),
                    Op::FloatSub => float::sub(f, a, mode),
                    Op::FloatSubMemory => float::sub(f, convert(memory()), mode),
                    Op::FloatScale => f.map(|bits| bits ^ FSCAL_MASK),
                    Op::FloatMul => float::mul(e, a, mode),
                    Op::FloatDivMemory => float::div(e, self.convert_e(memory()), mode),
                    _ => float::sqrt(e, e, mode),
                };
                let multiplicative =
                    matches!(op, Op::FloatMul | Op::FloatDivMemory | Op::FloatSqrt);
                let Registers { f, e, .. } = &mut self.registers;
                *if multiplicative {
                    &mut e[float_dst]
                } else {
                    &mut f[float_dst]
                } = result;
                return false;
            }
        };
        self.registers.r[dst] = new;
        false
    }
}

fn multiply_high(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

fn multiply_high_signed(a: u64, b: u64) -> u64 {
    ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64
}
