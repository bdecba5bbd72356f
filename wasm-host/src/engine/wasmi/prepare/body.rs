//! Bodies of functions, with the operators replaced that would leave frames on the native stack.
//!
//! `memory.grow` and `table.grow` become calls through the hidden table. A `br_table` to labels
//! that take values keeps the values in locals of its own, branches without them to a block for
//! each label, and from there with them:
//!
//! ```text
//! local.set $i  local.set $v...
//! block  block  local.get $i  br_table 0 1 ...  end
//!     local.get $v...  br L0
//! end
//! local.get $v...  br L1
//! ```

use alloc::vec::Vec;

use wasmparser::{BlockType, BrTable, FuncType, FunctionBody, Operator, RefType, ValType};

use crate::sections::{leb, leb_u32};

/// What a module grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growing {
    Memory,
    Table(u32),
}

/// The code section as it is rewritten.
#[derive(Default)]
pub(super) struct Code {
    pub(super) functions: usize,
    /// All bodies, with their lengths.
    pub(super) bytes: Vec<u8>,
    /// What the elements of the hidden table grow.
    pub(super) growing: Vec<Growing>,
    /// Some table may change.
    pub(super) changes_tables: bool,
    /// A `br_table` was replaced.
    pub(super) branches: bool,
    /// Bytes that the replacements of branches took.
    replaced: usize,
}

/// Bytes that the replacements of all `br_table`s may take beside the module's own length.
/// Compilers write none with values, and each grows with its values times its labels.
const ROOM: usize = 64 << 10;

/// The function types of growth, one for memories and one for each kind of table.
pub(super) fn growth_types() -> Vec<u8> {
    const FUNC: u8 = 0x60;
    let i32 = byte(ValType::I32);
    let mut out = Vec::from([FUNC, 1, i32, 1, i32]);
    for element in [RefType::FUNCREF, RefType::EXTERNREF] {
        out.extend_from_slice(&[FUNC, 2, byte(element.into()), i32, 1, i32]);
    }
    out
}

/// A value type as it is encoded.
pub(super) fn byte(ty: ValType) -> u8 {
    match ty {
        ValType::I32 => 0x7f,
        ValType::I64 => 0x7e,
        ValType::F32 => 0x7d,
        ValType::F64 => 0x7c,
        ValType::V128 => 0x7b,
        ValType::Ref(ty) if ty == RefType::EXTERNREF => 0x6f,
        // There is no other kind: the engine refuses them.
        ValType::Ref(_) => 0x70,
    }
}

impl Code {
    /// Adds the next function. `None` when it names a type or table that the module does not have,
    /// or takes too much room.
    pub(super) fn add(
        &mut self,
        wasm: &[u8],
        body: &FunctionBody<'_>,
        ty: &FuncType,
        types: &[FuncType],
        tables: &[RefType],
    ) -> Option<()> {
        self.functions += 1;
        let range = body.range();
        let mut operators = body.get_operators_reader().ok()?;
        let first = operators.original_position();
        let mut function = Function {
            code: self,
            types,
            out: Vec::new(),
            locals: None,
            labels: Vec::from([ty.results()]),
            limit: wasm.len() + ROOM,
        };
        let mut copied = first;
        while !operators.eof() {
            let start = operators.original_position();
            let operator = operators.read().ok()?;
            let end = operators.original_position();
            let before = |function: &mut Function<'_>, copied: &mut usize| {
                function.out.extend_from_slice(wasm.get(*copied..start)?);
                *copied = end;
                Some(())
            };
            match operator {
                Operator::Block { blockty } | Operator::If { blockty } => {
                    let (_, results) = function.block(&blockty)?;
                    function.labels.push(results);
                }
                Operator::Loop { blockty } => {
                    let (params, _) = function.block(&blockty)?;
                    function.labels.push(params);
                }
                Operator::End => {
                    function.labels.pop()?;
                }
                Operator::BrTable { targets } if !function.label(targets.default())?.is_empty() => {
                    before(&mut function, &mut copied)?;
                    function.branch(&targets, body, ty)?;
                }
                Operator::MemoryGrow { .. } => {
                    // Any other way to write it is no operator of the language without several
                    // memories.
                    if wasm.get(start..end)? != [0x40, 0] {
                        return None;
                    }
                    before(&mut function, &mut copied)?;
                    function.grow(Growing::Memory, types.len(), tables.len());
                }
                Operator::TableGrow { table } => {
                    function.code.changes_tables = true;
                    let is_extern = *tables.get(table as usize)? == RefType::EXTERNREF;
                    before(&mut function, &mut copied)?;
                    let ty = types.len() + 1 + usize::from(is_extern);
                    function.grow(Growing::Table(table), ty, tables.len());
                }
                Operator::CallIndirect {
                    type_index,
                    table_index: table,
                } => {
                    types.get(type_index as usize)?;
                    tables.get(table as usize)?;
                }
                Operator::TableSet { table }
                | Operator::TableFill { table }
                | Operator::TableInit { table, .. } => {
                    function.code.changes_tables = true;
                    tables.get(table as usize)?;
                }
                Operator::TableCopy {
                    dst_table,
                    src_table,
                } => {
                    function.code.changes_tables = true;
                    tables.get(dst_table as usize)?;
                    tables.get(src_table as usize)?;
                }
                Operator::TableGet { table } | Operator::TableSize { table } => {
                    tables.get(table as usize)?;
                }
                _ => {}
            }
        }
        let Function {
            mut out, locals, ..
        } = function;
        if copied == first {
            // As it was, like most.
            let body = wasm.get(range)?;
            leb(&mut self.bytes, body.len() as u32);
            self.bytes.extend_from_slice(body);
            return Some(());
        }
        out.extend_from_slice(wasm.get(copied..range.end)?);
        let old = wasm.get(range.start..first)?;
        let declared = match locals {
            Some(locals) => locals.declare(old)?,
            None => old.to_vec(),
        };
        leb(&mut self.bytes, (declared.len() + out.len()) as u32);
        self.bytes.extend_from_slice(&declared);
        self.bytes.extend_from_slice(&out);
        Some(())
    }
}

/// A function as its operators are read.
struct Function<'a> {
    code: &'a mut Code,
    types: &'a [FuncType],
    out: Vec<u8>,
    locals: Option<Locals>,
    /// What a branch to each open label takes, the outermost first.
    labels: Vec<&'a [ValType]>,
    /// Bytes for the replacements of all branches.
    limit: usize,
}

impl<'a> Function<'a> {
    /// Parameters and results of a block.
    fn block(&self, ty: &BlockType) -> Option<(&'a [ValType], &'a [ValType])> {
        Some(match ty {
            BlockType::Empty => (&[], &[]),
            BlockType::Type(ty) => (&[], single(*ty)),
            BlockType::FuncType(index) => {
                let ty = self.types.get(*index as usize)?;
                (ty.params(), ty.results())
            }
        })
    }

    fn label(&self, depth: u32) -> Option<&'a [ValType]> {
        let index = self.labels.len().checked_sub(depth as usize + 1)?;
        Some(self.labels[index])
    }

    fn grow(&mut self, growing: Growing, ty: usize, table: usize) {
        let list = &mut self.code.growing;
        let slot = list.iter().position(|other| *other == growing);
        let slot = slot.unwrap_or_else(|| {
            list.push(growing);
            list.len() - 1
        });
        // Signed LEB128 ends with a clear sixth bit.
        const I32_CONST: u8 = 0x41;
        const CALL_INDIRECT: u8 = 0x11;
        self.out.push(I32_CONST);
        let mut rest = slot;
        while rest > 0x3f {
            self.out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
        self.out.push(CALL_INDIRECT);
        leb(&mut self.out, ty as u32);
        leb(&mut self.out, table as u32);
    }

    fn branch(
        &mut self,
        table: &BrTable<'_>,
        body: &FunctionBody<'_>,
        ty: &FuncType,
    ) -> Option<()> {
        const LOCAL_GET: u8 = 0x20;
        const LOCAL_SET: u8 = 0x21;
        const BLOCK: u8 = 0x02;
        const NO_VALUES: u8 = 0x40;
        const BR_TABLE: u8 = 0x0e;
        const BR: u8 = 0x0c;
        const END: u8 = 0x0b;
        const UNREACHABLE: u8 = 0x00;

        let values = self.label(table.default())?;
        let mut targets = Vec::with_capacity(table.len() as usize + 1);
        for target in table.targets() {
            targets.push(target.ok()?);
        }
        targets.push(table.default());
        let mut labels = targets.clone();
        labels.sort_unstable();
        labels.dedup();
        // An operator with a number takes six bytes at most.
        let room = (labels.len() + 1) * (values.len() + 2) + targets.len();
        self.code.replaced = self.code.replaced.checked_add(room.checked_mul(6)?)?;
        if self.code.replaced > self.limit {
            return None;
        }
        self.code.branches = true;
        let locals = match &mut self.locals {
            Some(locals) => locals,
            None => self.locals.insert(Locals::new(body, ty)?),
        };
        let (kept, index) = locals.take(values)?;
        let out = &mut self.out;
        let mut operator = |operator: u8, number: u32| {
            out.push(operator);
            leb(out, number);
        };
        operator(LOCAL_SET, index);
        for local in kept.iter().rev() {
            operator(LOCAL_SET, *local);
        }
        for _ in &labels {
            operator(BLOCK, u32::from(NO_VALUES));
        }
        operator(LOCAL_GET, index);
        operator(BR_TABLE, table.len());
        for target in &targets {
            let place = labels.binary_search(target).ok()?;
            leb(&mut self.out, place as u32);
        }
        for (place, label) in labels.iter().enumerate() {
            self.out.push(END);
            // Types differ in dead code only, where anything fits.
            if self.label(*label)? != values {
                self.out.push(UNREACHABLE);
                continue;
            }
            for local in &kept {
                self.out.push(LOCAL_GET);
                leb(&mut self.out, *local);
            }
            let open = labels.len() - 1 - place;
            self.out.push(BR);
            leb(&mut self.out, label.checked_add(open as u32)?);
        }
        Some(())
    }
}

fn single(ty: ValType) -> &'static [ValType] {
    match ty {
        ValType::I32 => &[ValType::I32],
        ValType::I64 => &[ValType::I64],
        ValType::F32 => &[ValType::F32],
        ValType::F64 => &[ValType::F64],
        ValType::V128 => &[ValType::V128],
        ValType::Ref(ty) if ty == RefType::EXTERNREF => &[ValType::EXTERNREF],
        ValType::Ref(_) => &[ValType::FUNCREF],
    }
}

/// Locals that a function gets for the values of its branches, which share them.
struct Locals {
    /// Parameters and locals of its own.
    own: u32,
    added: Vec<ValType>,
    /// The added ones by type.
    pools: Vec<(ValType, Vec<u32>)>,
}

impl Locals {
    fn new(body: &FunctionBody<'_>, ty: &FuncType) -> Option<Self> {
        let mut own = ty.params().len() as u32;
        for group in body.get_locals_reader().ok()? {
            let (count, _) = group.ok()?;
            own = own.checked_add(count)?;
        }
        Some(Self {
            own,
            added: Vec::new(),
            pools: Vec::new(),
        })
    }

    /// A local for each of the values, and one for the index.
    fn take(&mut self, values: &[ValType]) -> Option<(Vec<u32>, u32)> {
        // As many types as there are, hence short.
        let mut used: Vec<(ValType, usize)> = Vec::new();
        let mut one = |ty: ValType| {
            let at = match used.iter().position(|(other, _)| *other == ty) {
                Some(at) => at,
                None => {
                    used.push((ty, 0));
                    used.len() - 1
                }
            };
            let pool = match self.pools.iter().position(|(other, _)| *other == ty) {
                Some(pool) => pool,
                None => {
                    self.pools.push((ty, Vec::new()));
                    self.pools.len() - 1
                }
            };
            let (pool, next) = (&mut self.pools[pool].1, &mut used[at].1);
            if *next == pool.len() {
                pool.push(self.own.checked_add(self.added.len() as u32)?);
                self.added.push(ty);
            }
            *next += 1;
            Some(pool[*next - 1])
        };
        let kept = values.iter().map(|ty| one(*ty)).collect::<Option<_>>()?;
        Some((kept, one(ValType::I32)?))
    }

    /// The declarations, with those of the added locals.
    fn declare(&self, old: &[u8]) -> Option<Vec<u8>> {
        let (groups, declared) = leb_u32(old)?;
        let mut out = Vec::with_capacity(old.len() + self.added.len() * 2 + 5);
        leb(&mut out, groups.checked_add(self.added.len() as u32)?);
        out.extend_from_slice(declared);
        for ty in &self.added {
            out.extend_from_slice(&[1, byte(*ty)]);
        }
        Some(out)
    }
}
