//! Makes a module's inner state reachable: exports for its mutable globals and its memory, so that
//! an instance can be taken apart and made again.
//!
//! Guests and callers cannot see the added exports: a module is imported by its interface's names
//! only. A module that keeps state elsewhere (changed tables, dropped segments, a start
//! section, imports other than functions) stays as it is and is never parked.

use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

use wasmparser::{
    DataKind, ElementKind, ExternalKind, Operator, Parser, Payload, TypeRef, ValType,
};

use crate::sections;

/// Id of the export section.
const EXPORTS: u8 = 7;
/// Id of custom sections, which the engine ignores.
const CUSTOM: u8 = 0;
const HEADER: usize = 8;

/// Under which names a module's state is exported, and what its memory is at the start.
#[derive(Debug, Default)]
pub(super) struct Exposed {
    pub(super) memory: Option<Box<str>>,
    pub(super) globals: Box<[Box<str>]>,
    /// Offset and bytes of the data that instantiation writes, in order.
    data: Box<[(u32, Box<[u8]>)]>,
}

impl Exposed {
    /// A memory of `len` bytes as it was at the start and after growth.
    pub(super) fn initial(&self, len: usize) -> Vec<u8> {
        let mut memory = vec![0; len];
        for (offset, bytes) in &self.data {
            let start = *offset as usize;
            // A segment that does not fit makes instantiation fail, so there is no instance to
            // compare.
            if let Some(target) = memory.get_mut(start..start + bytes.len()) {
                target.copy_from_slice(bytes);
            }
        }
        memory
    }
}

/// The module with the added exports. `None` when its state cannot be reached in full, or the bytes
/// are not a module.
pub(super) fn expose(wasm: &[u8]) -> Option<(Vec<u8>, Exposed)> {
    let state = find(wasm)?;
    let mut added = Vec::new();
    let mut add = |kind: u8, index: u32| -> Box<str> {
        // The module may have an export of this name. The engine then refuses the duplicate, and
        // the module is loaded without the added exports.
        let name: String = format!("basalt:state:{kind}:{index}");
        leb(&mut added, name.len() as u32);
        added.extend_from_slice(name.as_bytes());
        added.push(kind);
        leb(&mut added, index);
        name.into()
    };
    let exposed = Exposed {
        memory: state.memory.then(|| add(ExternalKind::Memory as u8, 0)),
        globals: state
            .globals
            .iter()
            .map(|index| add(ExternalKind::Global as u8, *index))
            .collect(),
        data: state.data.into(),
    };
    let count = u32::from(state.memory) + state.globals.len() as u32;
    let mut out = Vec::with_capacity(wasm.len() + added.len() + 16);
    out.extend_from_slice(wasm.get(..HEADER)?);
    let mut found = false;
    for (id, body) in sections::all(wasm) {
        match id {
            // The engine ignores them, and the host has read what it needs from the original.
            CUSTOM => {}
            EXPORTS => {
                let (old, entries) = sections::leb_u32(body)?;
                let mut exports = Vec::with_capacity(body.len() + added.len() + 5);
                leb(&mut exports, old.checked_add(count)?);
                exports.extend_from_slice(entries);
                exports.extend_from_slice(&added);
                section(&mut out, id, &exports);
                found = true;
            }
            _ => section(&mut out, id, body),
        }
    }
    found.then_some((out, exposed))
}

struct Hidden {
    memory: bool,
    globals: Vec<u32>,
    data: Vec<(u32, Box<[u8]>)>,
}

/// The module's state, if all of it is in globals of numbers and one memory.
fn find(wasm: &[u8]) -> Option<Hidden> {
    let mut state = Hidden {
        memory: false,
        globals: Vec::new(),
        data: Vec::new(),
    };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            // It would run again at each wake.
            Payload::StartSection { .. } => return None,
            Payload::ImportSection(imports) => {
                for import in imports {
                    // An imported memory or table belongs to somebody else.
                    let TypeRef::Func(_) = import.ok()?.ty else {
                        return None;
                    };
                }
            }
            Payload::MemorySection(memories) => match memories.count() {
                0 => {}
                1 => state.memory = true,
                _ => return None,
            },
            Payload::GlobalSection(globals) => {
                for (index, global) in globals.into_iter().enumerate() {
                    let ty = global.ok()?.ty;
                    if ty.mutable {
                        // A reference cannot be kept as bytes.
                        if matches!(ty.content_type, ValType::Ref(_)) {
                            return None;
                        }
                        state.globals.push(index as u32);
                    }
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    // A passive segment may be dropped, and nothing tells whether it was.
                    let ElementKind::Active { .. } = element.ok()?.kind else {
                        return None;
                    };
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.ok()?;
                    let DataKind::Active { offset_expr, .. } = segment.kind else {
                        return None;
                    };
                    let mut offset = offset_expr.get_operators_reader();
                    // Any other offset depends on globals, whose initial values are not known at
                    // rest.
                    let (Operator::I32Const { value }, Operator::End) =
                        (offset.read().ok()?, offset.read().ok()?)
                    else {
                        return None;
                    };
                    state.data.push((value as u32, segment.data.into()));
                }
            }
            Payload::CodeSectionEntry(body) => {
                // Tables are not exported: a changed one could not be found again.
                for operator in body.get_operators_reader().ok()? {
                    if let Operator::TableSet { .. }
                    | Operator::TableGrow { .. }
                    | Operator::TableFill { .. }
                    | Operator::TableCopy { .. }
                    | Operator::TableInit { .. } = operator.ok()?
                    {
                        return None;
                    }
                }
            }
            _ => {}
        }
    }
    Some(state)
}

fn section(out: &mut Vec<u8>, id: u8, body: &[u8]) {
    out.push(id);
    leb(out, body.len() as u32);
    out.extend_from_slice(body);
}

fn leb(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(text: &str) -> Option<Exposed> {
        let wasm = wat::parse_str(text).expect("module");
        expose(&wasm).map(|(wasm, exposed)| {
            wasmi::Module::new(&wasmi::Engine::default(), &wasm).expect("still a module");
            exposed
        })
    }

    #[test]
    fn memory_and_mutable_globals_are_exported() {
        let exposed = exposed(
            r#"(module (import "a" "b" (func)) (memory 1) (global i32 (i32.const 1)) (global (mut i64) (i64.const 2)) (func (export "f")))"#,
        )
        .expect("reachable");
        assert!(exposed.memory.is_some());
        assert_eq!(exposed.globals.len(), 1);
        assert_eq!(&*exposed.globals[0], "basalt:state:3:1");
    }

    #[test]
    fn modules_with_state_elsewhere_stay_as_they_are() {
        for text in [
            r#"(module (func $f (export "f")) (start $f))"#,
            r#"(module (import "a" "b" (memory 1)) (func (export "f")))"#,
            r#"(module (table 1 funcref) (func (export "f") (table.set (i32.const 0) (ref.null func))))"#,
            r#"(module (memory 1) (data "passive") (func (export "f")))"#,
            r#"(module (memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "x") (func (export "f")))"#,
            r#"(module (memory 1) (global i32 (i32.const 0)) (data (global.get 0) "x") (func (export "f")))"#,
            r#"(module (table 1 funcref) (elem func $f) (func $f (export "f")))"#,
            r#"(module (global (mut funcref) (ref.null func)) (func (export "f")))"#,
            "(module (memory 1))",
        ] {
            assert!(exposed(text).is_none(), "{text}");
        }
    }
}
