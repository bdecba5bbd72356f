//! The `interface-types` section: what a module's functions take and return, and the adapters
//! between those values and core WebAssembly.
//!
//! [`ast`] is the section as plain data, [`mod@parse`] reads it from bytes, [`shape`] checks what
//! the format itself leaves open: indices and nesting.

pub mod ast;
pub mod parse;
pub mod shape;

pub use ast::{Instruction, Interface, RecordType, Type};
pub use parse::{ParseError, parse};
