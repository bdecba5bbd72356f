//! The binary form of the interface-types section (Marine specification, section 1.3).

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::ast::{
    Adapter, Export, Field, FunctionType, Implementation, Import, Instruction, Int, Interface,
    RecordType, Type, TypeDef,
};

/// Longest section read. The largest known is 20 kB; the bound keeps a hostile module from making
/// the host hold a tree many times its size.
pub const MAX_SECTION: usize = 1 << 20;
/// Deepest nesting of array types; bounds the recursion over a type.
pub const MAX_ARRAY_DEPTH: usize = 32;
/// Longest list: the format gives counts of lists one byte and its encoder writes them as LEB128,
/// so 127 is the last unambiguous one.
const MAX_LIST: u8 = 127;
/// Longest LEB128 number in bytes.
const MAX_ULEB: usize = 9;

/// Why a section is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The section ends inside an item that starts at this offset.
    Truncated(usize),
    /// A number at this offset is longer than nine bytes.
    Number(usize),
    /// A name at this offset is not UTF-8.
    Utf8(usize),
    /// A list at this offset has more than 127 items.
    List(usize),
    /// An unknown code at this offset: sub-section, type kind, type or instruction.
    Code(usize),
    /// A record at this offset has no fields.
    EmptyRecord(usize),
    /// Array types are nested too deeply at this offset.
    Nesting(usize),
    /// No version, several versions, or one that is not semantic versioning.
    Version,
    /// The section is larger than [`MAX_SECTION`].
    TooLong,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(at) => write!(f, "unexpected end at byte {at}"),
            Self::Number(at) => write!(f, "number too long at byte {at}"),
            Self::Utf8(at) => write!(f, "name is not UTF-8 at byte {at}"),
            Self::List(at) => write!(f, "list too long at byte {at}"),
            Self::Code(at) => write!(f, "unknown code at byte {at}"),
            Self::EmptyRecord(at) => write!(f, "record without fields at byte {at}"),
            Self::Nesting(at) => write!(f, "array types nested too deeply at byte {at}"),
            Self::Version => f.write_str("exactly one version is needed"),
            Self::TooLong => f.write_str("section too long"),
        }
    }
}

impl core::error::Error for ParseError {}

/// Reads a section.
///
/// # Errors
/// [`ParseError`] with the offset of the item that is wrong.
pub fn parse(bytes: &[u8]) -> Result<Interface, ParseError> {
    // First of all: everything below allocates in proportion.
    if bytes.len() > MAX_SECTION {
        return Err(ParseError::TooLong);
    }
    let mut reader = Reader { bytes, at: 0 };
    let mut version = None;
    let mut interface = Interface {
        version: semver::Version::new(0, 0, 0),
        types: Vec::new(),
        imports: Vec::new(),
        adapters: Vec::new(),
        exports: Vec::new(),
        implementations: Vec::new(),
    };
    while reader.at < bytes.len() {
        let start = reader.at;
        match reader.byte()? {
            0x00 => reader.repeat(&mut interface.types, Reader::type_def)?,
            0x01 => reader.repeat(&mut interface.imports, |r| {
                Ok(Import {
                    namespace: r.string()?,
                    name: r.string()?,
                    function_type: r.uleb()?,
                })
            })?,
            0x02 => reader.repeat(&mut interface.adapters, |r| {
                Ok(Adapter {
                    function_type: r.uleb()?,
                    instructions: r.list(Reader::instruction)?,
                })
            })?,
            0x03 => reader.repeat(&mut interface.exports, |r| {
                Ok(Export {
                    name: r.string()?,
                    function_type: r.uleb()?,
                })
            })?,
            0x04 => reader.repeat(&mut interface.implementations, |r| {
                Ok(Implementation {
                    core_function_type: r.uleb()?,
                    adapter_function_type: r.uleb()?,
                })
            })?,
            0x05 => {
                let text = reader.string()?;
                let parsed = semver::Version::parse(&text).map_err(|_| ParseError::Version)?;
                // The encoder writes one; two would leave open which of them counts.
                if version.replace(parsed).is_some() {
                    return Err(ParseError::Version);
                }
            }
            _ => return Err(ParseError::Code(start)),
        }
    }
    interface.version = version.ok_or(ParseError::Version)?;
    Ok(interface)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, ParseError> {
        let byte = *self
            .bytes
            .get(self.at)
            .ok_or(ParseError::Truncated(self.at))?;
        self.at += 1;
        Ok(byte)
    }

    fn uleb(&mut self) -> Result<u64, ParseError> {
        let start = self.at;
        let mut value = 0_u64;
        for index in 0..MAX_ULEB {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ParseError::Number(start))
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        let len = usize::from(self.byte()?);
        let bytes = self
            .bytes
            .get(self.at..self.at + len)
            .ok_or(ParseError::Truncated(start))?;
        self.at += len;
        Ok(core::str::from_utf8(bytes)
            .map_err(|_| ParseError::Utf8(start))?
            .to_string())
    }

    /// A list with its count in one byte.
    fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        let start = self.at;
        let count = self.byte()?;
        if count > MAX_LIST {
            return Err(ParseError::List(start));
        }
        (0..count).map(|_| item(self)).collect()
    }

    /// A list with its count as LEB128; every item takes bytes, so that a lying count ends at the
    /// section's end.
    fn repeat<T>(
        &mut self,
        into: &mut Vec<T>,
        item: impl Fn(&mut Self) -> Result<T, ParseError>,
    ) -> Result<(), ParseError> {
        for _ in 0..self.uleb()? {
            let value = item(self)?;
            into.push(value);
        }
        Ok(())
    }

    fn field(&mut self) -> Result<Field, ParseError> {
        Ok(Field {
            name: self.string()?,
            ty: self.ty(MAX_ARRAY_DEPTH)?,
        })
    }

    fn type_def(&mut self) -> Result<TypeDef, ParseError> {
        let start = self.at;
        match self.byte()? {
            0x00 => Ok(TypeDef::Function(FunctionType {
                arguments: self.list(Self::field)?,
                outputs: self.list(|r| r.ty(MAX_ARRAY_DEPTH))?,
            })),
            0x01 => {
                let name = self.string()?;
                let fields = self.list(Self::field)?;
                // An array of such records could have any length without taking memory.
                if fields.is_empty() {
                    return Err(ParseError::EmptyRecord(start));
                }
                Ok(TypeDef::Record(RecordType { name, fields }))
            }
            _ => Err(ParseError::Code(start)),
        }
    }

    fn ty(&mut self, depth: usize) -> Result<Type, ParseError> {
        let start = self.at;
        Ok(match self.byte()? {
            0x00 => Type::S8,
            0x01 => Type::S16,
            0x02 => Type::S32,
            0x03 => Type::S64,
            0x04 => Type::U8,
            0x05 => Type::U16,
            0x06 => Type::U32,
            0x07 => Type::U64,
            0x08 => Type::F32,
            0x09 => Type::F64,
            0x0a => Type::String,
            0x0b => Type::Boolean,
            0x0c => Type::I32,
            0x0d => Type::I64,
            0x0e => Type::Record(self.uleb()?),
            0x36 => {
                // Each level of arrays counts: otherwise a run of these bytes would exhaust the
                // stack.
                let depth = depth.checked_sub(1).ok_or(ParseError::Nesting(start))?;
                Type::Array(Box::new(self.ty(depth)?))
            }
            0x3c => Type::ByteArray,
            _ => return Err(ParseError::Code(start)),
        })
    }

    fn instruction(&mut self) -> Result<Instruction, ParseError> {
        use Int::{I32, I64, S8, S16, S32, S64, U8, U16, U32, U64};
        const SIGNED: [Int; 4] = [S8, S16, S32, S64];
        const UNSIGNED: [Int; 4] = [U8, U16, U32, U64];
        const CORE: [Int; 2] = [I32, I64];
        let start = self.at;
        let code = self.byte()?;
        Ok(match code {
            0x00 => Instruction::ArgumentGet(self.uleb()?),
            0x01 => Instruction::CallCore(self.uleb()?),
            // Four blocks of eight: small from core, two sources per target; core from small, four
            // sources per target.
            0x02..=0x09 => convert(&CORE, &SIGNED, code - 0x02),
            0x0a..=0x11 => convert(&SIGNED, &CORE, code - 0x0a),
            0x12..=0x19 => convert(&CORE, &UNSIGNED, code - 0x12),
            0x1a..=0x21 => convert(&UNSIGNED, &CORE, code - 0x1a),
            0x22 => Instruction::StringLift,
            0x23 => Instruction::StringLower,
            0x24 => Instruction::StringSize,
            0x34 => Instruction::Dup,
            0x35 => Instruction::Swap2,
            0x37 => Instruction::ArrayLift(self.ty(MAX_ARRAY_DEPTH)?),
            0x38 => Instruction::ArrayLower(self.ty(MAX_ARRAY_DEPTH)?),
            0x3a => Instruction::RecordLift(self.uleb()?),
            0x3b => Instruction::RecordLower(self.uleb()?),
            0x3e => Instruction::BoolFromI32,
            0x3f => Instruction::I32FromBool,
            0x40 => Instruction::PushI32(self.uleb()? as i32),
            0x41 => Instruction::PushI64(self.uleb()? as i64),
            0x43 => Instruction::ByteArrayLift,
            0x44 => Instruction::ByteArrayLower,
            0x45 => Instruction::ByteArraySize,
            _ => return Err(ParseError::Code(start)),
        })
    }
}

fn convert(from: &[Int], to: &[Int], offset: u8) -> Instruction {
    let offset = usize::from(offset);
    Instruction::Convert {
        from: from[offset % from.len()],
        to: to[offset / from.len()],
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// The adapter of `mark(text: string) -> string`, as the Marine specification prints it.
    #[test]
    fn reads_the_worked_example() {
        let mut bytes = vec![5, 6];
        bytes.extend_from_slice(b"0.28.0");
        bytes.extend_from_slice(&[0, 1, 0, 1, 4]);
        bytes.extend_from_slice(b"text");
        bytes.extend_from_slice(&[0x0a, 1, 0x0a]);
        bytes.extend_from_slice(&[
            2, 1, 0, 11, 0, 0, 0x24, 0x40, 1, 1, 0, 0, 0, 0x23, 1, 6, 1, 3, 1, 2, 0x22, 1, 1,
        ]);
        bytes.extend_from_slice(&[4, 1, 7, 6]);
        let interface = parse(&bytes).unwrap();
        assert_eq!(interface.version, semver::Version::new(0, 28, 0));
        assert_eq!(interface.adapters[0].instructions.len(), 11);
        assert_eq!(
            interface.adapters[0].instructions[4],
            Instruction::ArgumentGet(0)
        );
        assert_eq!(
            interface.implementations[0],
            Implementation {
                core_function_type: 7,
                adapter_function_type: 6
            }
        );
    }

    #[test]
    fn conversion_codes_cover_all_pairs() {
        let text = |code| {
            let mut reader = Reader {
                bytes: &[code],
                at: 0,
            };
            reader.instruction().unwrap().to_string()
        };
        assert_eq!(text(0x02), "s8.from_i32");
        assert_eq!(text(0x09), "s64.from_i64");
        assert_eq!(text(0x0a), "i32.from_s8");
        assert_eq!(text(0x0e), "i64.from_s8");
        assert_eq!(text(0x16), "u32.from_i32");
        assert_eq!(text(0x21), "i64.from_u64");
    }

    #[test]
    fn refuses_what_the_format_cannot_say() {
        assert_eq!(parse(&[]), Err(ParseError::Version));
        assert_eq!(
            parse(&[5, 5, b'1', b'.', b'0', b'.', b'0', 9]),
            Err(ParseError::Code(7))
        );
        assert_eq!(parse(&[0, 1, 0, 128]), Err(ParseError::List(3)));
        assert_eq!(
            parse(&[0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            Err(ParseError::Truncated(6))
        );
        let mut nested = vec![0, 1, 0, 0, 1];
        nested.resize(60, 0x36);
        assert!(matches!(parse(&nested), Err(ParseError::Nesting(_))));
        assert_eq!(
            parse(&[0, 1, 1, 1, b'r', 0]),
            Err(ParseError::EmptyRecord(2))
        );
    }
}
