//! The interface-types section as data.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// Type of an interface value. `Debug` prints the names that error texts of the reference carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Boolean.
    Boolean,
    /// Signed 8 bits.
    S8,
    /// Signed 16 bits.
    S16,
    /// Signed 32 bits.
    S32,
    /// Signed 64 bits.
    S64,
    /// Unsigned 8 bits.
    U8,
    /// Unsigned 16 bits.
    U16,
    /// Unsigned 32 bits.
    U32,
    /// Unsigned 64 bits.
    U64,
    /// 32-bit float, also core.
    F32,
    /// 64-bit float, also core.
    F64,
    /// UTF-8 text.
    String,
    /// Bytes.
    ByteArray,
    /// Elements of one type.
    Array(Box<Type>),
    /// Core 32-bit integer.
    I32,
    /// Core 64-bit integer.
    I64,
    /// The record at this index of the section's type list.
    Record(u64),
}

impl Type {
    /// The name in the text form of interface types, which error texts carry.
    pub fn text(&self) -> String {
        use alloc::format;
        match self {
            Self::Boolean => "bool".into(),
            Self::S8 => "s8".into(),
            Self::S16 => "s16".into(),
            Self::S32 => "s32".into(),
            Self::S64 => "s64".into(),
            Self::U8 => "u8".into(),
            Self::U16 => "u16".into(),
            Self::U32 => "u32".into(),
            Self::U64 => "u64".into(),
            Self::F32 => "f32".into(),
            Self::F64 => "f64".into(),
            Self::String => "string".into(),
            Self::ByteArray => "byte_array".into(),
            Self::Array(element) => format!("array ({})", element.text()),
            Self::I32 => "i32".into(),
            Self::I64 => "i64".into(),
            Self::Record(id) => format!("record {id}"),
        }
    }

    /// Is the value held in guest memory and handed over by pointer?
    pub fn is_indirect(&self) -> bool {
        matches!(
            self,
            Self::String | Self::ByteArray | Self::Array(_) | Self::Record(_)
        )
    }
}

/// A name with its type: an argument or a record's field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, for JSON.
    pub name: String,
    /// Type.
    pub ty: Type,
}

/// A function's arguments and results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionType {
    /// Arguments in order.
    pub arguments: Vec<Field>,
    /// Results; the build tool writes none or one.
    pub outputs: Vec<Type>,
}

/// A record: named fields, laid out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordType {
    /// Name, for the interface description.
    pub name: String,
    /// At least one field.
    pub fields: Vec<Field>,
}

/// An entry of the type list; functions and records share one index space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeDef {
    /// Function type.
    Function(FunctionType),
    /// Record type.
    Record(RecordType),
}

/// An import as interface types see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Module the function comes from.
    pub namespace: String,
    /// Function.
    pub name: String,
    /// Its type, an index into the type list.
    pub function_type: u64,
}

/// An adapter: a straight-line program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Its type, an index into the type list; implementations refer to it.
    pub function_type: u64,
    /// The program.
    pub instructions: Vec<Instruction>,
}

/// An exported core function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Name of the core export.
    pub name: String,
    /// Its type, an index into the type list.
    pub function_type: u64,
}

/// Says which adapter stands before which core function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Implementation {
    /// Type index of the export or import.
    pub core_function_type: u64,
    /// Type index of the adapter.
    pub adapter_function_type: u64,
}

/// One of the scalar types that conversions know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Int {
    /// Signed 8 bits.
    S8,
    /// Signed 16 bits.
    S16,
    /// Signed 32 bits.
    S32,
    /// Signed 64 bits.
    S64,
    /// Unsigned 8 bits.
    U8,
    /// Unsigned 16 bits.
    U16,
    /// Unsigned 32 bits.
    U32,
    /// Unsigned 64 bits.
    U64,
    /// Core 32 bits.
    I32,
    /// Core 64 bits.
    I64,
}

impl Int {
    /// Name in the text form.
    pub fn text(self) -> &'static str {
        match self {
            Self::S8 => "s8",
            Self::S16 => "s16",
            Self::S32 => "s32",
            Self::S64 => "s64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::I32 => "i32",
            Self::I64 => "i64",
        }
    }

    /// The value type.
    pub fn ty(self) -> Type {
        match self {
            Self::S8 => Type::S8,
            Self::S16 => Type::S16,
            Self::S32 => Type::S32,
            Self::S64 => Type::S64,
            Self::U8 => Type::U8,
            Self::U16 => Type::U16,
            Self::U32 => Type::U32,
            Self::U64 => Type::U64,
            Self::I32 => Type::I32,
            Self::I64 => Type::I64,
        }
    }
}

/// An instruction of an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Push an argument.
    ArgumentGet(u64),
    /// Call an exported or imported function.
    CallCore(u64),
    /// `TO.from_FROM`: checked conversion.
    Convert {
        /// Type taken.
        from: Int,
        /// Type pushed.
        to: Int,
    },
    /// `string.lift_memory`.
    StringLift,
    /// `string.lower_memory`.
    StringLower,
    /// `string.size`.
    StringSize,
    /// `byte_array.lift_memory`.
    ByteArrayLift,
    /// `byte_array.lower_memory`.
    ByteArrayLower,
    /// `byte_array.size`.
    ByteArraySize,
    /// `array.lift_memory` of this element type.
    ArrayLift(Type),
    /// `array.lower_memory` of this element type.
    ArrayLower(Type),
    /// `record.lift_memory` of the record at this index.
    RecordLift(u64),
    /// `record.lower_memory` of the record at this index.
    RecordLower(u64),
    /// `bool.from_i32`.
    BoolFromI32,
    /// `i32.from_bool`.
    I32FromBool,
    /// `dup`.
    Dup,
    /// `swap2`.
    Swap2,
    /// `i32.push`.
    PushI32(i32),
    /// `i64.push`.
    PushI64(i64),
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArgumentGet(index) => write!(f, "arg.get {index}"),
            Self::CallCore(index) => write!(f, "call-core {index}"),
            Self::Convert { from, to } => write!(f, "{}.from_{}", to.text(), from.text()),
            Self::StringLift => f.write_str("string.lift_memory"),
            Self::StringLower => f.write_str("string.lower_memory"),
            Self::StringSize => f.write_str("string.size"),
            Self::ByteArrayLift => f.write_str("byte_array.lift_memory"),
            Self::ByteArrayLower => f.write_str("byte_array.lower_memory"),
            Self::ByteArraySize => f.write_str("byte_array.size"),
            Self::ArrayLift(ty) => write!(f, "array.lift_memory {}", ty.text()),
            Self::ArrayLower(ty) => write!(f, "array.lower_memory {}", ty.text()),
            Self::RecordLift(id) => write!(f, "record.lift_memory {id}"),
            Self::RecordLower(id) => write!(f, "record.lower_memory {id}"),
            Self::BoolFromI32 => f.write_str("bool.from_i32"),
            Self::I32FromBool => f.write_str("i32.from_bool"),
            Self::Dup => f.write_str("dup"),
            Self::Swap2 => f.write_str("swap2"),
            Self::PushI32(value) => write!(f, "i32.push {value}"),
            Self::PushI64(value) => write!(f, "i64.push {value}"),
        }
    }
}

/// A parsed section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Version of the format's toolchain.
    pub version: semver::Version,
    /// Function and record types.
    pub types: Vec<TypeDef>,
    /// Imports from other modules, two entries each.
    pub imports: Vec<Import>,
    /// Adapters.
    pub adapters: Vec<Adapter>,
    /// Exported core functions.
    pub exports: Vec<Export>,
    /// Which adapter belongs to which function.
    pub implementations: Vec<Implementation>,
}

impl Interface {
    /// The function type at an index.
    pub fn function(&self, index: u64) -> Option<&FunctionType> {
        match self.types.get(usize::try_from(index).ok()?)? {
            TypeDef::Function(function) => Some(function),
            TypeDef::Record(_) => None,
        }
    }

    /// The record type at an index.
    pub fn record(&self, index: u64) -> Option<&RecordType> {
        match self.types.get(usize::try_from(index).ok()?)? {
            TypeDef::Record(record) => Some(record),
            TypeDef::Function(_) => None,
        }
    }

    /// The adapter that stands before the function of this type, if it is the core side of an
    /// implementation.
    pub fn adapter_of(&self, core_function_type: u64) -> Option<&Adapter> {
        let implementation = self
            .implementations
            .iter()
            .find(|i| i.core_function_type == core_function_type)?;
        self.adapters
            .iter()
            .find(|adapter| adapter.function_type == implementation.adapter_function_type)
    }

    /// Exports that stand behind an adapter: the functions of the service.
    pub fn service_functions(&self) -> impl Iterator<Item = (&Export, &FunctionType, &Adapter)> {
        self.exports.iter().filter_map(|export| {
            let adapter = self.adapter_of(export.function_type)?;
            Some((export, self.function(adapter.function_type)?, adapter))
        })
    }

    /// Imports that stand behind an adapter, in the order in which `call-core` counts them, with
    /// the function type as callers see it.
    pub fn linked_imports(
        &self,
    ) -> impl Iterator<Item = (&Import, Option<&FunctionType>, &Adapter)> {
        self.imports.iter().filter_map(|import| {
            let adapter = self.adapter_of(import.function_type)?;
            let seen = import
                .function_type
                // The build tool writes two entries for each import; the function as callers see it
                // stands two types before.
                .checked_sub(2)
                .and_then(|index| self.function(index));
            Some((import, seen, adapter))
        })
    }
}
