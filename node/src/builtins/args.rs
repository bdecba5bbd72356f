//! Reading the arguments of a call by position, with the error texts of the protocol.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::{Map, Value};

use super::ordered::text_of;
use crate::reply::CallError;

/// A type that an argument can be read as.
pub trait Argument: Sized {
    /// The type's name in error texts.
    const TYPE: &'static str;

    /// Reads a value; `None` if it is of another type.
    fn read(value: &Value) -> Option<Self>;
}

/// Why an argument could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ArgsError {
    MissingField(&'static str),
    InvalidFormat {
        field: &'static str,
        expected: &'static str,
        got: String,
    },
    TooManyInOption {
        field: &'static str,
        elements: usize,
    },
}

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingField(field) => {
                write!(f, "Field '{field}' is missing from args to call_service")
            }
            Self::InvalidFormat {
                field,
                expected,
                got,
            } => {
                write!(
                    f,
                    "Error deserializing field '{field}': expected {expected}, got {got}"
                )
            }
            Self::TooManyInOption { field, elements } => write!(
                f,
                "Option's array must contain at most 1 element, '{field}' was of {elements} elements"
            ),
        }
    }
}

/// The arguments that are not read yet.
pub struct Args<'a> {
    values: &'a [Value],
    count: usize,
}

impl<'a> Args<'a> {
    /// The arguments of one call.
    pub fn new(values: &'a [Value]) -> Args<'a> {
        Args {
            values,
            count: values.len(),
        }
    }

    /// The next argument, which must be there.
    ///
    /// # Errors
    /// It is missing or of another type.
    pub fn next<T: Argument>(&mut self, field: &'static str) -> Result<T, CallError> {
        let value = self
            .take()
            .ok_or_else(|| CallError::from_error(ArgsError::MissingField(field)))?;
        read(value, field)
    }

    /// The next argument if it is there: absent, `null` and `[]` are `None`, `[x]` and `x` are `x`.
    ///
    /// # Errors
    /// It is of another type or an array of several.
    pub fn optional<T: Argument>(&mut self, field: &'static str) -> Result<Option<T>, CallError> {
        let value = match self.take() {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        if let Value::Array(elements) = value
            && let Some(mut read) = elements.iter().map(T::read).collect::<Option<Vec<T>>>()
        {
            return match read.len() {
                0 | 1 => Ok(read.pop()),
                elements => Err(CallError::from_error(ArgsError::TooManyInOption {
                    field,
                    elements,
                })),
            };
        }
        read(value, field).map(Some)
    }

    /// The next argument as it is.
    pub fn take(&mut self) -> Option<&'a Value> {
        let (first, rest) = self.values.split_first()?;
        self.values = rest;
        Some(first)
    }

    /// All arguments that are not read yet.
    pub fn rest(&mut self) -> &'a [Value] {
        core::mem::take(&mut self.values)
    }

    /// Checks that the call has exactly `expected` arguments.
    ///
    /// # Errors
    /// It has more or less.
    pub fn exactly(&self, expected: usize) -> Result<(), CallError> {
        match self.count == expected {
            true => Ok(()),
            false => Err(CallError::text(format!(
                "expected {expected} arguments, got {}",
                self.count
            ))),
        }
    }

    /// How many arguments the call has.
    pub fn count(&self) -> usize {
        self.count
    }
}

fn read<T: Argument>(value: &Value, field: &'static str) -> Result<T, CallError> {
    T::read(value).ok_or_else(|| {
        CallError::from_error(ArgsError::InvalidFormat {
            field,
            expected: T::TYPE,
            got: text_of(value),
        })
    })
}

impl Argument for String {
    const TYPE: &'static str = "string";
    fn read(value: &Value) -> Option<String> {
        value.as_str().map(String::from)
    }
}

impl Argument for bool {
    const TYPE: &'static str = "bool";
    fn read(value: &Value) -> Option<bool> {
        value.as_bool()
    }
}

impl Argument for i64 {
    const TYPE: &'static str = "i64";
    fn read(value: &Value) -> Option<i64> {
        value.as_i64()
    }
}

impl Argument for u64 {
    const TYPE: &'static str = "u64";
    fn read(value: &Value) -> Option<u64> {
        value.as_u64()
    }
}

impl Argument for u32 {
    const TYPE: &'static str = "u32";
    fn read(value: &Value) -> Option<u32> {
        value.as_u64().and_then(|number| u32::try_from(number).ok())
    }
}

impl Argument for i32 {
    const TYPE: &'static str = "i32";
    fn read(value: &Value) -> Option<i32> {
        value.as_i64().and_then(|number| i32::try_from(number).ok())
    }
}

impl Argument for u8 {
    const TYPE: &'static str = "u8";
    fn read(value: &Value) -> Option<u8> {
        value.as_u64().and_then(|number| u8::try_from(number).ok())
    }
}

impl Argument for usize {
    const TYPE: &'static str = "usize";
    fn read(value: &Value) -> Option<usize> {
        value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
    }
}

impl Argument for f64 {
    const TYPE: &'static str = "f64";
    fn read(value: &Value) -> Option<f64> {
        value.as_f64()
    }
}

impl Argument for Map<String, Value> {
    const TYPE: &'static str = "object";
    fn read(value: &Value) -> Option<Map<String, Value>> {
        value.as_object().cloned()
    }
}

impl Argument for Value {
    const TYPE: &'static str = "any";
    fn read(value: &Value) -> Option<Value> {
        Some(value.clone())
    }
}

macro_rules! array_argument {
    ($element:ty, $name:literal) => {
        impl Argument for Vec<$element> {
            const TYPE: &'static str = $name;
            fn read(value: &Value) -> Option<Vec<$element>> {
                value.as_array()?.iter().map(<$element>::read).collect()
            }
        }
    };
}

array_argument!(String, "[]string");
array_argument!(i64, "[]i64");
array_argument!(u8, "[]u8");
array_argument!(Value, "array");
array_argument!(Vec<String>, "[][]string");
