//! Superscalar programs: random integer code that keeps a model of a 2010s CPU busy for 170 cycles
//! (RandomX specification section 6). A cache has one per cache access; they make dataset items.

use super::blake::BlakeGenerator;
use super::params::{SUPERSCALAR_LATENCY, SUPERSCALAR_MAX};
use super::reciprocal::reciprocal;
use alloc::vec::Vec;

mod model;
pub use model::Op;
use model::{Kind, Ports};

/// An instruction. `src` equals `dst` where it is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    kind: Kind,
    /// Register written, 0 to 7.
    pub dst: u8,
    /// Register read, 0 to 7.
    pub src: u8,
    mode: u8,
    /// The constant.
    pub imm: u32,
    /// The constant as it enters the operation: sign-extended, or its reciprocal.
    pub operand: u64,
}

impl Instruction {
    /// What it does.
    pub fn op(&self) -> Op {
        self.kind.op()
    }

    /// The shift of [`Op::AddShifted`], 0 to 3.
    pub fn shift(&self) -> u32 {
        u32::from(self.mode >> 2 & 3)
    }

    /// The form in which programs are recorded: opcode, dst, src, mode, constant.
    pub fn to_bytes(&self) -> [u8; 8] {
        let [a, b, c, d] = self.imm.to_le_bytes();
        [self.kind as u8, self.dst, self.src, self.mode, a, b, c, d]
    }
}

/// A generated program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its instructions, at most 512.
    pub code: Vec<Instruction>,
    /// The register that selects the next cache line: the last one to be ready on an ideal machine.
    pub address_register: usize,
}

impl Program {
    /// Generates the next program of `random`.
    pub fn generate(random: &mut BlakeGenerator) -> Self {
        Generator::new(random).run()
    }

    /// Runs the program on `registers`.
    pub fn execute(&self, registers: &mut [u64; 8]) {
        for i in &self.code {
            let source = registers[usize::from(i.src)];
            let target = &mut registers[usize::from(i.dst)];
            *target = match i.op() {
                Op::Sub => target.wrapping_sub(source),
                Op::Xor => *target ^ source,
                Op::AddShifted => target.wrapping_add(source << i.shift()),
                Op::Mul => target.wrapping_mul(source),
                Op::RotateConst => target.rotate_right(i.imm),
                Op::AddConst => target.wrapping_add(i.operand),
                Op::XorConst => *target ^ i.operand,
                Op::MulHigh => ((u128::from(*target) * u128::from(source)) >> 64) as u64,
                Op::MulHighSigned => {
                    ((i128::from(*target as i64) * i128::from(source as i64)) >> 64) as u64
                }
                Op::MulReciprocal => target.wrapping_mul(i.operand),
            };
        }
    }
}

/// What the generator knows about a register.
#[derive(Clone, Copy)]
struct Register {
    /// Cycle in which its value is ready.
    ready: usize,
    /// Tag and parameter of the instruction that wrote it last.
    last: Option<(Kind, Option<u32>)>,
}

/// The instruction being placed.
#[derive(Clone, Copy)]
struct Current {
    kind: Kind,
    mode: u8,
    imm: u32,
    src: Option<usize>,
    dst: usize,
    /// What makes two writes to one register different enough: the source or a random number.
    parameter: Option<u32>,
}

struct Generator<'a> {
    random: &'a mut BlakeGenerator,
    ports: Ports,
    registers: [Register; 8],
    code: Vec<Instruction>,
    current: Option<Current>,
    /// Macro-operations of `current` already issued.
    issued: usize,
    cycle: usize,
    ready: usize,
    multiplications: usize,
    thrown_away: usize,
    saturated: bool,
}

/// Cycles to look ahead for a register that fits.
const LOOK_AHEAD: usize = 4;
/// Instructions in a row that may be given up for want of a register.
const THROW_AWAY: usize = 256;

/// What became of a macro-operation.
enum Issue {
    /// It has a place.
    Placed,
    /// No register fits: try another instruction in the same slot.
    Again,
    /// The decode group ends here.
    GroupEnds,
}

impl<'a> Generator<'a> {
    fn new(random: &'a mut BlakeGenerator) -> Self {
        Self {
            random,
            ports: Ports::default(),
            registers: [Register {
                ready: 0,
                last: None,
            }; 8],
            code: Vec::with_capacity(SUPERSCALAR_MAX),
            current: None,
            issued: 0,
            cycle: 0,
            ready: 0,
            multiplications: 0,
            thrown_away: 0,
            saturated: false,
        }
    }

    fn run(mut self) -> Program {
        let mut decode_cycle = 0;
        while decode_cycle < SUPERSCALAR_LATENCY
            && !self.saturated
            && self.code.len() < SUPERSCALAR_MAX
        {
            let group = self.group(decode_cycle);
            let mut slot = 0;
            while slot < group.len() {
                match self.issue(group, slot) {
                    Issue::Placed => slot += 1,
                    Issue::Again => {}
                    Issue::GroupEnds => break,
                }
            }
            self.cycle += 1;
            decode_cycle += 1;
        }
        Program {
            address_register: address_register(&self.code),
            code: self.code,
        }
    }

    /// The slot sizes of the next decode group, in bytes.
    fn group(&mut self, decode_cycle: usize) -> &'static [u8] {
        const GROUPS: [&[u8]; 4] = [&[4, 8, 4], &[7, 3, 3, 3], &[3, 7, 3, 3], &[4, 9, 3]];
        match self.current.map(|c| c.kind) {
            Some(Kind::MulHigh | Kind::MulHighSigned) => &[3, 3, 10],
            _ if self.multiplications < decode_cycle + 1 => &[4, 4, 4, 4],
            Some(Kind::MulReciprocal) => GROUPS[if self.random.byte() & 1 == 1 { 0 } else { 3 }],
            _ => GROUPS[usize::from(self.random.byte() & 3)],
        }
    }

    /// Places the next macro-operation into slot `slot` of `group`.
    fn issue(&mut self, group: &[u8], slot: usize) -> Issue {
        let top = self.cycle;
        let pending = self
            .current
            .filter(|c| self.issued < c.kind.operations().len());
        let mut current = match pending {
            Some(current) => current,
            None if self.saturated || self.code.len() >= SUPERSCALAR_MAX => {
                return Issue::GroupEnds;
            }
            None => {
                self.issued = 0;
                self.create(group, slot)
            }
        };
        let kind = current.kind;
        let operation = kind.operations()[self.issued];
        let earliest = |cycle: usize, ready: usize| {
            if operation.dependent {
                cycle.max(ready)
            } else {
                cycle
            }
        };
        self.current = Some(current);
        let found = self
            .ports
            .find(&operation, earliest(self.cycle, self.ready));
        let Some((mut scheduled, _)) = found else {
            self.saturated = true;
            return Issue::GroupEnds;
        };
        if self.issued == kind.source_operation() {
            let Some(src) = self.look_ahead(&mut scheduled, |g, at| g.source(kind, at)) else {
                return self.give_up();
            };
            current.src = Some(src);
            if kind.parameter_is_source() {
                current.parameter = Some(src as u32);
            }
        }
        if self.issued == kind.target_operation() {
            let picked = self.look_ahead(&mut scheduled, |g, at| g.target(&current, at));
            let Some(dst) = picked else {
                self.current = Some(current);
                return self.give_up();
            };
            current.dst = dst;
        }
        self.current = Some(current);
        self.thrown_away = 0;
        let found = self.ports.find(&operation, earliest(scheduled, scheduled));
        let Some((reserved, places)) = found else {
            self.saturated = true;
            return Issue::GroupEnds;
        };
        self.ports.reserve(reserved, places);
        self.ready = reserved + operation.latency;
        if self.issued == kind.result_operation() {
            let last = Some((kind.tag(), current.parameter));
            self.registers[current.dst] = Register {
                ready: self.ready,
                last,
            };
        }
        self.issued += 1;
        if reserved >= SUPERSCALAR_LATENCY {
            self.saturated = true;
        }
        self.cycle = top;
        if self.issued == kind.operations().len() {
            self.code.push(Instruction {
                kind,
                dst: current.dst as u8,
                src: current.src.unwrap_or(current.dst) as u8,
                mode: current.mode,
                imm: current.imm,
                operand: match kind {
                    Kind::MulReciprocal => reciprocal(current.imm).unwrap_or(1),
                    _ => current.imm as i32 as u64,
                },
            });
            self.multiplications += usize::from(kind.multiplies());
        }
        Issue::Placed
    }

    /// Drops the current instruction, or after too many of these the rest of the group.
    fn give_up(&mut self) -> Issue {
        if self.thrown_away < THROW_AWAY {
            self.thrown_away += 1;
            self.issued = usize::MAX;
            Issue::Again
        } else {
            self.current = None;
            Issue::GroupEnds
        }
    }

    /// Tries `pick` at `scheduled` and up to three cycles later.
    fn look_ahead(
        &mut self,
        scheduled: &mut usize,
        mut pick: impl FnMut(&mut Self, usize) -> Option<usize>,
    ) -> Option<usize> {
        for _ in 0..LOOK_AHEAD {
            if let Some(register) = pick(self, *scheduled) {
                return Some(register);
            }
            *scheduled += 1;
            self.cycle += 1;
        }
        None
    }

    /// A new instruction for a slot, with its random parts.
    fn create(&mut self, group: &[u8], slot: usize) -> Current {
        let last = slot + 1 == group.len();
        let kind = match group[slot] {
            3 if last => [Kind::Sub, Kind::Xor, Kind::MulHigh, Kind::MulHighSigned][self.draw(3)],
            3 => [Kind::Sub, Kind::Xor][self.draw(1)],
            4 if group.len() == 4 && !last => Kind::Mul,
            4 => [Kind::RotateConst, Kind::AddShifted][self.draw(1)],
            7 => [Kind::XorConst7, Kind::AddConst7][self.draw(1)],
            8 => [Kind::XorConst8, Kind::AddConst8][self.draw(1)],
            9 => [Kind::XorConst9, Kind::AddConst9][self.draw(1)],
            _ => Kind::MulReciprocal,
        };
        let mut current = Current {
            kind,
            mode: 0,
            imm: 0,
            src: None,
            dst: 0,
            parameter: None,
        };
        match kind.op() {
            Op::AddShifted => current.mode = self.random.byte(),
            Op::RotateConst => {
                while current.imm == 0 {
                    current.imm = u32::from(self.random.byte() & 63);
                }
            }
            Op::AddConst | Op::XorConst => current.imm = self.random.word(),
            Op::MulHigh | Op::MulHighSigned => current.parameter = Some(self.random.word()),
            Op::MulReciprocal => {
                while reciprocal(current.imm).is_none() {
                    current.imm = self.random.word();
                }
            }
            Op::Sub | Op::Xor | Op::Mul => {}
        }
        current
    }

    fn draw(&mut self, mask: u8) -> usize {
        usize::from(self.random.byte() & mask)
    }

    /// A register that can be read at `cycle`.
    fn source(&mut self, kind: Kind, cycle: usize) -> Option<usize> {
        let ready = self.pick(|_, register| register.ready <= cycle);
        // Register 5 cannot be the target of an addition: when it is one of two, it must be read.
        if kind == Kind::AddShifted && ready.len() == 2 && ready.contains(&5) {
            return Some(5);
        }
        self.choose(&ready)
    }

    /// A register that can be written at `cycle`.
    fn target(&mut self, current: &Current, cycle: usize) -> Option<usize> {
        let kind = current.kind;
        let thrown_away = self.thrown_away;
        let fitting = self.pick(|i, register| {
            let chained = kind == Kind::Mul
                && thrown_away == 0
                && register.last.is_some_and(|(tag, _)| tag == Kind::Mul);
            register.ready <= cycle
                && (kind.multiplies_high() || current.src != Some(i))
                && !chained
                && register.last != Some((kind.tag(), current.parameter))
                && !(kind == Kind::AddShifted && i == 5)
        });
        self.choose(&fitting)
    }

    fn pick(&self, fits: impl Fn(usize, &Register) -> bool) -> Vec<usize> {
        let numbered = self.registers.iter().enumerate();
        numbered
            .filter(|(i, register)| fits(*i, register))
            .map(|(i, _)| i)
            .collect()
    }

    fn choose(&mut self, candidates: &[usize]) -> Option<usize> {
        match candidates {
            [] => None,
            [only] => Some(*only),
            _ => Some(candidates[self.random.word() as usize % candidates.len()]),
        }
    }
}

/// The register with the longest chain of dependent instructions; the first of equals.
fn address_register(code: &[Instruction]) -> usize {
    let mut depth = [0_u32; 8];
    for i in code {
        let (dst, src) = (usize::from(i.dst), usize::from(i.src));
        let other = if src == dst { 0 } else { depth[src] + 1 };
        depth[dst] = (depth[dst] + 1).max(other);
    }
    (0..8).rev().max_by_key(|&i| depth[i]).unwrap_or(0)
}
