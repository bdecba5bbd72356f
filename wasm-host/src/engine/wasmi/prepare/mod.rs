//! Rewrites a module before the engine gets it, for two reasons.
//!
//! **State.** Mutable globals and the memory get exports, so that an instance can be taken apart
//! and made again. A module that keeps state elsewhere (changed tables, dropped segments, imports
//! other than functions) is never parked.
//!
//! **Operators.** The engine's handlers pass control on by calls in tail position. Where the
//! compiler makes no jump of one, each execution leaves a frame on the native stack, and a loop in
//! a guest ends the process. It is so for `memory.grow`, `table.grow` and `br_table` with values.
//! The first two become calls of host functions through a table of their own, which also meters
//! them right: the engine asks for the same growth twice when the fuel ends in it. The third
//! becomes one without values ([`body`]). A start section becomes an export that the host calls,
//! since only calls are resumed with more fuel.
//!
//! Guests and callers cannot see what is added: a module is imported by its interface's names only,
//! and an index beyond the module's own is refused here.

mod body;
mod scan;

use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

use wasmparser::{ExternalKind, RefType};

use crate::sections::{self, leb};
use scan::Scan;

/// Ids of sections, in the order of a module but for [`DATA_COUNT`].
const CUSTOM: u8 = 0;
const TYPES: u8 = 1;
const TABLES: u8 = 4;
const EXPORTS: u8 = 7;
const START: u8 = 8;
const CODE: u8 = 10;
const DATA_COUNT: u8 = 12;

const HEADER: usize = 8;

/// A module for the engine.
pub(super) struct Prepared {
    pub(super) wasm: Vec<u8>,
    /// Where its instances' state is found; none when it cannot be reached in full.
    pub(super) exposed: Option<Exposed>,
    pub(super) hidden: Hidden,
    /// The rewriting may have made valid what was not: the original has to be checked too.
    pub(super) check_original: bool,
}

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

/// What the host does in the place of the engine, by the names of the exports that it needs.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    pub(super) start: Option<Box<str>>,
    pub(super) growth: Option<Growth>,
}

/// The table through which a module asks the host for growth.
#[derive(Debug)]
pub(super) struct Growth {
    pub(super) table: Box<str>,
    /// What its elements grow, in order.
    pub(super) targets: Box<[Target]>,
}

/// A memory or table that grows, by the name of its export.
#[derive(Debug)]
pub(super) enum Target {
    Memory(Box<str>),
    Table(Box<str>),
}

/// The rewritten module. `None` when the bytes are not a module, or one whose rewriting would take
/// more than a small multiple of its size.
pub(super) fn prepare(wasm: &[u8]) -> Option<Prepared> {
    let scan = scan::scan(wasm)?;
    let mut exports = Added::new(scan.underscores);
    let exposed = scan.state.as_ref().map(|state| Exposed {
        memory: state
            .memory
            .then(|| exports.name(ExternalKind::Memory as u8, 0)),
        globals: state
            .globals
            .iter()
            .map(|index| exports.name(ExternalKind::Global as u8, *index))
            .collect(),
        data: state.data.clone().into(),
    });
    let start = scan
        .start
        .map(|index| exports.name(ExternalKind::Func as u8, index));
    let targets: Box<[Target]> = scan
        .code
        .growing
        .iter()
        .map(|growing| match growing {
            body::Growing::Memory => Target::Memory(exports.name(ExternalKind::Memory as u8, 0)),
            body::Growing::Table(index) => {
                Target::Table(exports.name(ExternalKind::Table as u8, *index))
            }
        })
        .collect();
    let growth = (!targets.is_empty()).then(|| Growth {
        table: exports.name(ExternalKind::Table as u8, scan.tables.len() as u32),
        targets,
    });
    Some(Prepared {
        wasm: write(wasm, &scan, growth.as_ref(), &exports)?,
        exposed,
        hidden: Hidden { start, growth },
        // An exported start function counts as declared, so that references to it become valid.
        check_original: scan.code.branches || scan.start.is_some(),
    })
}

/// Exports that the rewriting adds.
struct Added {
    /// What the names begin with, so that none is one of the module's own.
    prefix: String,
    count: u32,
    entries: Vec<u8>,
    names: Vec<(u8, u32)>,
}

impl Added {
    fn new(underscores: usize) -> Self {
        Self {
            prefix: format!("{}{}", scan::PREFIX, "_".repeat(underscores)),
            count: 0,
            entries: Vec::new(),
            names: Vec::new(),
        }
    }

    /// The name under which something is exported, once.
    fn name(&mut self, kind: u8, index: u32) -> Box<str> {
        let name = format!("{}:{kind}:{index}", self.prefix);
        // Only memories and tables are asked for twice, and those are few.
        let shared = kind == ExternalKind::Memory as u8 || kind == ExternalKind::Table as u8;
        if !shared || !self.names.contains(&(kind, index)) {
            if shared {
                self.names.push((kind, index));
            }
            self.count += 1;
            leb(&mut self.entries, name.len() as u32);
            self.entries.extend_from_slice(name.as_bytes());
            self.entries.push(kind);
            leb(&mut self.entries, index);
        }
        name.into()
    }
}

fn write(wasm: &[u8], scan: &Scan, growth: Option<&Growth>, exports: &Added) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(wasm.len() + exports.entries.len() + scan.code.bytes.len());
    out.extend_from_slice(wasm.get(..HEADER)?);
    let mut table = growth.map(|growth| hidden_table(growth.targets.len() as u32));
    let mut added = (exports.count > 0).then_some(exports.entries.as_slice());
    for (id, body) in sections::all(wasm) {
        // The data count stands before the code.
        let place = if id == DATA_COUNT { CODE - 1 } else { id };
        if place > TABLES
            && let Some(entry) = table.take()
        {
            section(&mut out, TABLES, &[&[1], &entry]);
        }
        if place > EXPORTS
            && let Some(entries) = added.take()
        {
            let mut count = Vec::new();
            leb(&mut count, exports.count);
            section(&mut out, EXPORTS, &[&count, entries]);
        }
        match id {
            // The engine ignores them, and the host has read what it needs from the original.
            CUSTOM | START => {}
            TYPES if table.is_some() => section_with(&mut out, id, body, 3, &body::growth_types())?,
            TABLES if table.is_some() => {
                section_with(&mut out, id, body, 1, &table.take()?)?;
            }
            EXPORTS if added.is_some() => {
                section_with(&mut out, id, body, exports.count, added.take()?)?;
            }
            CODE => {
                let (_, bodies) = sections::leb_u32(body)?;
                let count = &body[..body.len() - bodies.len()];
                section(&mut out, id, &[count, &scan.code.bytes]);
            }
            _ => section(&mut out, id, &[body]),
        }
    }
    // A module without code has no operators either; its exports may stand last.
    if let Some(entries) = added {
        let mut count = Vec::new();
        leb(&mut count, exports.count);
        section(&mut out, EXPORTS, &[&count, entries]);
    }
    Some(out)
}

/// A table of functions, of a fixed size.
fn hidden_table(len: u32) -> Vec<u8> {
    const WITH_MAXIMUM: u8 = 1;
    let mut entry = vec![body::byte(RefType::FUNCREF.into()), WITH_MAXIMUM];
    leb(&mut entry, len);
    leb(&mut entry, len);
    entry
}

/// A section with more entries than it had.
fn section_with(out: &mut Vec<u8>, id: u8, body: &[u8], more: u32, added: &[u8]) -> Option<()> {
    let (old, entries) = sections::leb_u32(body)?;
    let mut count = Vec::new();
    leb(&mut count, old.checked_add(more)?);
    section(out, id, &[&count, entries, added]);
    Some(())
}

fn section(out: &mut Vec<u8>, id: u8, parts: &[&[u8]]) {
    out.push(id);
    leb(out, parts.iter().map(|part| part.len() as u32).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests;
