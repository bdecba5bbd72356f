//! What the binary format leaves open: do indices point at types of the right kind, and do types
//! end?
//!
//! Values are converted by recursion over their type, so that a type of bounded depth bounds the
//! stack for every value of it.

use alloc::{vec, vec::Vec};
use core::fmt;

use super::ast::{Instruction, Interface, Type, TypeDef};

/// Deepest nesting of records and arrays in one type.
pub const MAX_DEPTH: u32 = 64;

/// Why the types of a section are refused; the texts are the reference's where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeError {
    /// A record type is needed at this index.
    NoRecord(u64),
    /// A function type is needed at this index.
    NoFunction(u64),
    /// Records contain themselves or nest too deeply.
    Recursion,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord(id) => write!(f, "record type with type id {id} not found"),
            Self::NoFunction(id) => write!(f, "type with idx = {id} isn't a function type"),
            Self::Recursion => f.write_str(
                "mailformed module: a record contains more recursion level then allowed",
            ),
        }
    }
}

impl core::error::Error for ShapeError {}

/// Checks all types and instructions.
///
/// # Errors
/// [`ShapeError`] for the first thing that does not hold.
pub fn check(interface: &Interface) -> Result<(), ShapeError> {
    let mut depths = Depths {
        interface,
        records: vec![Mark::Unseen; interface.types.len()],
    };
    for def in &interface.types {
        match def {
            TypeDef::Function(function) => {
                let arguments = function.arguments.iter().map(|field| &field.ty);
                for ty in arguments.chain(&function.outputs) {
                    depths.of(ty, 0)?;
                }
            }
            TypeDef::Record(record) => {
                for field in &record.fields {
                    depths.of(&field.ty, 0)?;
                }
            }
        }
    }
    for instruction in interface
        .adapters
        .iter()
        .flat_map(|adapter| &adapter.instructions)
    {
        match instruction {
            Instruction::ArrayLift(ty) | Instruction::ArrayLower(ty) => {
                depths.of(ty, 0)?;
            }
            Instruction::RecordLift(id) | Instruction::RecordLower(id) => {
                depths.of(&Type::Record(*id), 0)?;
            }
            _ => {}
        }
    }
    for (export, ..) in interface.service_functions() {
        interface
            .function(export.function_type)
            .ok_or(ShapeError::NoFunction(export.function_type))?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Mark {
    Unseen,
    Open,
    Depth(u32),
}

struct Depths<'a> {
    interface: &'a Interface,
    records: Vec<Mark>,
}

impl Depths<'_> {
    /// Depth of a type; `level` bounds the recursion of the check itself.
    fn of(&mut self, ty: &Type, level: u32) -> Result<u32, ShapeError> {
        // Bounds this function itself. The depth that it returns is known only on the way back.
        if level > MAX_DEPTH {
            return Err(ShapeError::Recursion);
        }
        let inner = match ty {
            Type::Array(element) => self.of(element, level + 1)?,
            Type::Record(id) => self.of_record(*id, level)?,
            _ => return Ok(0),
        };
        if inner >= MAX_DEPTH {
            return Err(ShapeError::Recursion);
        }
        Ok(inner + 1)
    }

    fn of_record(&mut self, id: u64, level: u32) -> Result<u32, ShapeError> {
        let record = self.interface.record(id).ok_or(ShapeError::NoRecord(id))?;
        let index = id as usize;
        match self.records[index] {
            // Each record is measured once: otherwise a few types that name each other twice would
            // take exponential time.
            Mark::Depth(depth) => return Ok(depth),
            Mark::Open => return Err(ShapeError::Recursion),
            Mark::Unseen => {}
        }
        // A record that is met again while it is open contains itself.
        self.records[index] = Mark::Open;
        let mut depth = 0;
        for field in &record.fields {
            depth = depth.max(self.of(&field.ty, level + 1)?);
        }
        self.records[index] = Mark::Depth(depth);
        Ok(depth)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{boxed::Box, string::ToString};

    use super::*;
    use crate::it::ast::{Field, RecordType};

    fn record(ty: Type) -> TypeDef {
        TypeDef::Record(RecordType {
            name: "R".to_string(),
            fields: vec![Field {
                name: "f".to_string(),
                ty,
            }],
        })
    }

    fn interface(types: Vec<TypeDef>) -> Interface {
        Interface {
            version: semver::Version::new(1, 0, 0),
            types,
            imports: Vec::new(),
            adapters: Vec::new(),
            exports: Vec::new(),
            implementations: Vec::new(),
        }
    }

    #[test]
    fn refuses_records_that_contain_themselves() {
        let through_array = record(Type::Array(Box::new(Type::Record(1))));
        assert_eq!(
            check(&interface(vec![through_array, record(Type::Record(0))])),
            Err(ShapeError::Recursion)
        );
        assert_eq!(
            check(&interface(vec![record(Type::Record(9))])),
            Err(ShapeError::NoRecord(9))
        );
    }

    #[test]
    fn refuses_deep_chains_and_accepts_shallow_ones() {
        let chain = |len: u64| {
            let links = (1..=len).map(|next| {
                record(if next == len {
                    Type::U8
                } else {
                    Type::Record(next)
                })
            });
            interface(links.collect())
        };
        assert_eq!(check(&chain(40)), Ok(()));
        assert_eq!(check(&chain(400)), Err(ShapeError::Recursion));
    }
}
