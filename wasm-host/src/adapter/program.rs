//! Adapters compiled: the instructions with every index resolved at load. They belong to the module
//! and are shared by its services; only what `call-core` stands for is a service's own.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use crate::{
    engine::{FuncId, Signature},
    it::{
        Instruction, Interface, Type,
        ast::{Adapter, FunctionType, Int},
    },
};

/// What a `call-core` index stands for.
#[derive(Clone, Debug)]
pub(crate) enum Callee {
    /// An export of the module itself, called with core values.
    Export {
        name: String,
        func: FuncId,
        signature: Signature,
    },
    /// A function of another module, called through that module's adapter.
    Import {
        name: String,
        ty: FunctionType,
        /// Position of the module in its service.
        module: usize,
        /// Position of the function in that module.
        function: usize,
    },
}

impl Callee {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Export { name, .. } | Self::Import { name, .. } => name,
        }
    }
}

/// One step of an adapter. Numbers are positions in the module's or the program's tables, checked
/// at load; an index that leads nowhere is kept as such, for it is an error only when it is
/// reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Argument(u32),
    Call(u32),
    Convert {
        from: Int,
        to: Int,
    },
    StringLift,
    StringLower,
    StringSize,
    BytesLift,
    BytesLower,
    BytesSize,
    ArrayLift(u32),
    ArrayLower(u32),
    RecordLift(u32),
    RecordLower(u32),
    BoolFromI32,
    I32FromBool,
    Dup,
    Swap2,
    I32(i32),
    I64(i64),
    /// `call-core` or `arg.get` beyond 32 bits.
    Nowhere,
}

/// A compiled adapter.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) ops: Box<[Op]>,
    /// Element types of array operations.
    pub(crate) types: Box<[Type]>,
    /// The instructions, for error texts: one per operation.
    pub(crate) source: Box<[Instruction]>,
}

impl Program {
    pub(crate) fn compile(adapter: &Adapter) -> Self {
        let mut types = Vec::new();
        let mut element = |ty: &Type| {
            types.push(ty.clone());
            types.len() as u32 - 1
        };
        // No table has so many entries; such an index fails when it is reached, as any other does.
        let small = |index: u64| u32::try_from(index).ok();
        let ops = adapter
            .instructions
            .iter()
            .map(|instruction| match instruction {
                Instruction::ArgumentGet(index) => small(*index).map_or(Op::Nowhere, Op::Argument),
                Instruction::CallCore(index) => small(*index).map_or(Op::Nowhere, Op::Call),
                Instruction::Convert { from, to } => Op::Convert {
                    from: *from,
                    to: *to,
                },
                Instruction::StringLift => Op::StringLift,
                Instruction::StringLower => Op::StringLower,
                Instruction::StringSize => Op::StringSize,
                Instruction::ByteArrayLift => Op::BytesLift,
                Instruction::ByteArrayLower => Op::BytesLower,
                Instruction::ByteArraySize => Op::BytesSize,
                Instruction::ArrayLift(ty) => Op::ArrayLift(element(ty)),
                Instruction::ArrayLower(ty) => Op::ArrayLower(element(ty)),
                // Record ids were checked against the type list, which has fewer than 2^32 entries.
                Instruction::RecordLift(id) => Op::RecordLift(*id as u32),
                Instruction::RecordLower(id) => Op::RecordLower(*id as u32),
                Instruction::BoolFromI32 => Op::BoolFromI32,
                Instruction::I32FromBool => Op::I32FromBool,
                Instruction::Dup => Op::Dup,
                Instruction::Swap2 => Op::Swap2,
                Instruction::PushI32(value) => Op::I32(*value),
                Instruction::PushI64(value) => Op::I64(*value),
            })
            .collect();
        Self {
            ops,
            types: types.into(),
            // Kept for errors only, which quote the instruction that failed.
            source: adapter.instructions.as_slice().into(),
        }
    }
}

/// A function that callers can name.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) ty: FunctionType,
    pub(crate) program: Program,
}

/// The adapter of an import from another module.
pub(crate) struct ImportAdapter {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) program: Program,
}

/// All adapters of a module.
pub(crate) struct Adapters {
    pub(crate) functions: Vec<Function>,
    pub(crate) by_name: BTreeMap<String, usize>,
    pub(crate) imports: Vec<ImportAdapter>,
}

impl Adapters {
    pub(crate) fn compile(interface: &Interface) -> Self {
        let functions: Vec<Function> = interface
            .service_functions()
            .map(|(export, ty, adapter)| Function {
                name: export.name.clone(),
                ty: ty.clone(),
                program: Program::compile(adapter),
            })
            .collect();
        Self {
            by_name: functions
                .iter()
                .enumerate()
                .map(|(index, function)| (function.name.clone(), index))
                .collect(),
            functions,
            imports: interface
                .linked_imports()
                .map(|(import, _, adapter)| ImportAdapter {
                    namespace: import.namespace.clone(),
                    name: import.name.clone(),
                    program: Program::compile(adapter),
                })
                .collect(),
        }
    }
}
