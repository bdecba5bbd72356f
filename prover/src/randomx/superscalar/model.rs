//! The model machine: which execution ports an instruction needs, and when they are free.

use crate::randomx::params::SUPERSCALAR_LATENCY;

/// An instruction's operation, in the numbering of the reference's recorded programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `dst -= src`
    Sub,
    /// `dst ^= src`
    Xor,
    /// `dst += src << shift`
    AddShifted,
    /// `dst *= src`
    Mul,
    /// `dst` rotated right by `imm`
    RotateConst,
    /// `dst += imm`, sign-extended
    AddConst,
    /// `dst ^= imm`, sign-extended
    XorConst,
    /// `dst` = high half of unsigned `dst * src`
    MulHigh,
    /// `dst` = high half of signed `dst * src`
    MulHighSigned,
    /// `dst *= reciprocal(imm)`
    MulReciprocal,
}

/// An instruction with its encoded size, which decides the slots it fits. The values are the
/// reference's opcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Sub = 0,
    Xor = 1,
    AddShifted = 2,
    Mul = 3,
    RotateConst = 4,
    AddConst7 = 5,
    XorConst7 = 6,
    AddConst8 = 7,
    XorConst8 = 8,
    AddConst9 = 9,
    XorConst9 = 10,
    MulHigh = 11,
    MulHighSigned = 12,
    MulReciprocal = 13,
}

/// A macro-operation: one or two micro-operations issued together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) latency: usize,
    /// Ports of each micro-operation; an empty set is a move that the renamer eliminates.
    pub(super) ports: [u8; 2],
    /// Whether it waits for the operation before.
    pub(super) dependent: bool,
}

const P0: u8 = 1;
const P1: u8 = 2;
const P5: u8 = 4;

const fn operation(latency: usize, first: u8, second: u8) -> Operation {
    Operation {
        latency,
        ports: [first, second],
        dependent: false,
    }
}

const MOVE: Operation = operation(0, 0, 0);
const LOAD: Operation = operation(1, P0 | P1 | P5, 0);
const SIMPLE: &[Operation] = &[LOAD];
const SHIFTED: &[Operation] = &[operation(1, P0 | P1, 0)];
const ROTATE: &[Operation] = &[operation(1, P0 | P5, 0)];
const MULTIPLY: &[Operation] = &[operation(3, P1, 0)];
const HIGH: &[Operation] = &[MOVE, operation(4, P1, P5), MOVE];
const RECIPROCAL: &[Operation] = &[
    LOAD,
    Operation {
        latency: 3,
        ports: [P1, 0],
        dependent: true,
    },
];

impl Kind {
    pub(super) fn op(self) -> Op {
        match self {
            Self::Sub => Op::Sub,
            Self::Xor => Op::Xor,
            Self::AddShifted => Op::AddShifted,
            Self::Mul => Op::Mul,
            Self::RotateConst => Op::RotateConst,
            Self::AddConst7 | Self::AddConst8 | Self::AddConst9 => Op::AddConst,
            Self::XorConst7 | Self::XorConst8 | Self::XorConst9 => Op::XorConst,
            Self::MulHigh => Op::MulHigh,
            Self::MulHighSigned => Op::MulHighSigned,
            Self::MulReciprocal => Op::MulReciprocal,
        }
    }

    pub(super) fn operations(self) -> &'static [Operation] {
        match self.op() {
            Op::Sub | Op::Xor | Op::AddConst | Op::XorConst => SIMPLE,
            Op::AddShifted => SHIFTED,
            Op::RotateConst => ROTATE,
            Op::Mul => MULTIPLY,
            Op::MulHigh | Op::MulHighSigned => HIGH,
            Op::MulReciprocal => RECIPROCAL,
        }
    }

    /// The operation that writes the register.
    pub(super) fn result_operation(self) -> usize {
        usize::from(self.operations().len() > 1)
    }

    /// The operation at which the target is chosen.
    pub(super) fn target_operation(self) -> usize {
        usize::from(self == Self::MulReciprocal)
    }

    /// The operation at which the source is chosen; none has that many if there is no source.
    pub(super) fn source_operation(self) -> usize {
        match self.op() {
            Op::Sub | Op::Xor | Op::AddShifted | Op::Mul => 0,
            Op::MulHigh | Op::MulHighSigned => 1,
            Op::RotateConst | Op::AddConst | Op::XorConst | Op::MulReciprocal => usize::MAX,
        }
    }

    pub(super) fn parameter_is_source(self) -> bool {
        matches!(self, Self::Sub | Self::Xor | Self::AddShifted | Self::Mul)
    }

    pub(super) fn multiplies_high(self) -> bool {
        matches!(self, Self::MulHigh | Self::MulHighSigned)
    }

    pub(super) fn multiplies(self) -> bool {
        self.multiplies_high() || matches!(self, Self::Mul | Self::MulReciprocal)
    }

    /// The group within which two writes to a register could cancel out.
    pub(super) fn tag(self) -> Self {
        match self.op() {
            Op::Sub => Self::AddShifted,
            Op::AddConst => Self::AddConst7,
            Op::XorConst => Self::XorConst7,
            _ => self,
        }
    }
}

/// Cycles the port table covers.
const CYCLES: usize = SUPERSCALAR_LATENCY + 4;

/// Which ports are taken in which cycle.
pub(super) struct Ports([u8; CYCLES]);

impl Default for Ports {
    fn default() -> Self {
        Self([0; CYCLES])
    }
}

impl Ports {
    /// The first cycle from `start` in which `operation` finds its ports, and those ports.
    pub(super) fn find(&self, operation: &Operation, start: usize) -> Option<(usize, u8)> {
        match operation.ports {
            [0, _] => Some((start, 0)),
            [first, 0] => (start..CYCLES).find_map(|c| Some((c, self.free(c, first)?))),
            [first, second] => (start..CYCLES)
                .find_map(|c| Some((c, self.free(c, first)? | self.free(c, second)?))),
        }
    }

    pub(super) fn reserve(&mut self, cycle: usize, ports: u8) {
        if ports != 0 {
            self.0[cycle] |= ports;
        }
    }

    /// The port to take among `allowed`: the rarest needed first.
    fn free(&self, cycle: usize, allowed: u8) -> Option<u8> {
        [P5, P0, P1]
            .into_iter()
            .find(|port| allowed & port != 0 && self.0[cycle] & port == 0)
    }
}
