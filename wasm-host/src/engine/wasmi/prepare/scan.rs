//! What the sections of a module tell before it is rewritten.

use alloc::{boxed::Box, vec::Vec};

use wasmparser::{
    DataKind, ElementKind, ExternalKind, FuncType, Operator, Parser, Payload, RefType, TypeRef,
    ValType,
};

use super::body::Code;

/// What the names of added exports begin with, after as many underscores as none of the module's
/// own has.
pub(super) const PREFIX: &str = "basalt:state";

/// Entries that a section may have: the engine's own bound for types, imports and functions, which
/// it looks at only later. An entry of a few bytes takes many times as much here.
const MAX_ENTRIES: u32 = 1_000_000;

#[derive(Default)]
pub(super) struct Scan {
    /// None when it cannot be reached in full.
    pub(super) state: Option<State>,
    pub(super) start: Option<u32>,
    pub(super) underscores: usize,
    pub(super) types: Vec<FuncType>,
    /// Types of all functions, the imported ones first.
    functions: Vec<u32>,
    imported_functions: usize,
    /// Element types of all tables, the imported ones first.
    pub(super) tables: Vec<RefType>,
    pub(super) code: Code,
}

/// A module's state, if all of it is in globals of numbers and one memory.
#[derive(Default)]
pub(super) struct State {
    pub(super) memory: bool,
    pub(super) globals: Vec<u32>,
    pub(super) data: Vec<(u32, Box<[u8]>)>,
}

/// `None` when the bytes are not a module or name what is not there: the engine has the words for
/// it.
pub(super) fn scan(wasm: &[u8]) -> Option<Scan> {
    let mut scan = Scan::default();
    let mut state = Some(State::default());
    let mut exports = false;
    // Sections in another order, or twice, are no module.
    let mut last = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.ok()?;
        if let Some(place) = place(&payload) {
            if place <= last {
                return None;
            }
            last = place;
        }
        if entries(&payload) > MAX_ENTRIES {
            return None;
        }
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    scan.types.push(ty.ok()?);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports {
                    match import.ok()?.ty {
                        TypeRef::Func(ty) => scan.function(ty)?,
                        // An imported memory or table belongs to somebody else.
                        TypeRef::Table(ty) => {
                            scan.add_table(ty.element_type)?;
                            state = None;
                        }
                        _ => state = None,
                    }
                }
                scan.imported_functions = scan.functions.len();
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    scan.function(ty.ok()?)?;
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    scan.add_table(table.ok()?.ty.element_type)?;
                }
            }
            Payload::MemorySection(memories) => match memories.count() {
                0 => {}
                1 => state
                    .iter_mut()
                    .for_each(|state: &mut State| state.memory = true),
                _ => state = None,
            },
            Payload::GlobalSection(globals) => {
                for (index, global) in globals.into_iter().enumerate() {
                    let ty = global.ok()?.ty;
                    if ty.mutable {
                        // A reference cannot be kept as bytes.
                        if matches!(ty.content_type, ValType::Ref(_)) {
                            state = None;
                        }
                        if let Some(state) = &mut state {
                            state.globals.push(index as u32);
                        }
                    }
                }
            }
            Payload::ExportSection(list) => {
                exports = true;
                for export in list {
                    let export = export.ok()?;
                    if export.kind == ExternalKind::Table {
                        scan.table(export.index)?;
                    }
                    if let Some(rest) = export.name.strip_prefix(PREFIX) {
                        let own = rest.bytes().take_while(|byte| *byte == b'_').count();
                        scan.underscores = scan.underscores.max(own + 1);
                    }
                }
            }
            Payload::StartSection { func, .. } => {
                let ty = *scan.functions.get(func as usize)?;
                let ty = scan.types.get(ty as usize)?;
                if !ty.params().is_empty() || !ty.results().is_empty() {
                    return None;
                }
                scan.start = Some(func);
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    match element.ok()?.kind {
                        ElementKind::Active { table_index, .. } => {
                            scan.table(table_index.unwrap_or(0))?;
                        }
                        // A passive segment may be dropped, and nothing tells whether it was.
                        _ => state = None,
                    }
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.ok()?;
                    match (fixed(&segment.kind), &mut state) {
                        (Some(offset), Some(state)) => {
                            state.data.push((offset, segment.data.into()));
                        }
                        _ => state = None,
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let defined = scan.imported_functions + scan.code.functions;
                let ty = *scan.functions.get(defined)?;
                let ty = scan.types.get(ty as usize)?;
                scan.code.add(wasm, &body, ty, &scan.types, &scan.tables)?;
            }
            _ => {}
        }
    }
    // Tables are not exported: a changed one could not be found again.
    let reachable = exports && !scan.code.changes_tables;
    scan.state = state.filter(|_| reachable);
    Some(scan)
}

/// Tables that the engine's parser takes.
const MAX_TABLES: usize = 100;

impl Scan {
    fn function(&mut self, ty: u32) -> Option<()> {
        self.types.get(ty as usize)?;
        self.functions.push(ty);
        Some(())
    }

    /// More tables than the engine takes are not looked at: their number is squared elsewhere.
    fn add_table(&mut self, ty: RefType) -> Option<()> {
        self.tables.push(ty);
        (self.tables.len() <= MAX_TABLES).then_some(())
    }

    /// The rewritten module has a table more, which nobody may name.
    fn table(&self, index: u32) -> Option<()> {
        self.tables.get(index as usize).map(|_| ())
    }
}

/// The offset of an active segment. Any that depends on globals is not known at rest.
fn fixed(kind: &DataKind<'_>) -> Option<u32> {
    let DataKind::Active { offset_expr, .. } = kind else {
        return None;
    };
    let mut offset = offset_expr.get_operators_reader();
    match (offset.read().ok()?, offset.read().ok()?) {
        (Operator::I32Const { value }, Operator::End) => Some(value as u32),
        _ => None,
    }
}

fn entries(payload: &Payload<'_>) -> u32 {
    match payload {
        Payload::TypeSection(section) => section.count(),
        Payload::ImportSection(section) => section.count(),
        Payload::FunctionSection(section) => section.count(),
        Payload::TableSection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        _ => 0,
    }
}

/// Where a section stands among the others.
fn place(payload: &Payload<'_>) -> Option<u8> {
    Some(match payload {
        Payload::TypeSection(_) => 1,
        Payload::ImportSection(_) => 2,
        Payload::FunctionSection(_) => 3,
        Payload::TableSection(_) => 4,
        Payload::MemorySection(_) => 5,
        Payload::GlobalSection(_) => 6,
        Payload::ExportSection(_) => 7,
        Payload::StartSection { .. } => 8,
        Payload::ElementSection(_) => 9,
        Payload::DataCountSection { .. } => 10,
        Payload::CodeSectionStart { .. } => 11,
        Payload::DataSection(_) => 12,
        _ => return None,
    })
}
