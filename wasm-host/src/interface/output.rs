//! Values to JSON (Marine specification, section 5).

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt::Write;

use basalt_terms::layout;
use serde_json::Value as Json;

use crate::{
    adapter::Value,
    it::{Interface, Type},
};

/// The results of a function as one JSON value: none is `null`, one is itself.
///
/// # Errors
/// The reason when values and types differ.
pub fn json(values: &[Value], outputs: &[Type], interface: &Interface) -> Result<Json, String> {
    match only(values, outputs)? {
        None => Ok(Json::Null),
        Some((value, ty)) => to_json(value, ty, interface),
    }
}

/// The results of a function as JSON text, fields of records in their order.
///
/// # Errors
/// The reason when values and types differ.
pub fn text(values: &[Value], outputs: &[Type], interface: &Interface) -> Result<String, String> {
    let mut text = String::new();
    match only(values, outputs)? {
        None => text.push_str("null"),
        Some((value, ty)) => write_text(&mut text, value, ty, interface)?,
    }
    Ok(text)
}

fn only<'a>(
    values: &'a [Value],
    outputs: &'a [Type],
) -> Result<Option<(&'a Value, &'a Type)>, String> {
    match (values, outputs) {
        ([], []) => Ok(None),
        ([value], [ty]) => Ok(Some((value, ty))),
        _ => Err(format!(
            "{} resulted values and function signature {outputs:?} aren't compatible",
            values.len()
        )),
    }
}

fn incompatible(ty: &Type) -> String {
    format!("the value is incompatible to type {ty:?}")
}

fn to_json(value: &Value, ty: &Type, interface: &Interface) -> Result<Json, String> {
    Ok(match (value, ty) {
        (Value::Boolean(value), Type::Boolean) => Json::from(*value),
        (Value::S8(value), Type::S8) => Json::from(*value),
        (Value::S16(value), Type::S16) => Json::from(*value),
        (Value::S32(value), Type::S32) | (Value::I32(value), Type::I32) => Json::from(*value),
        (Value::S64(value), Type::S64) | (Value::I64(value), Type::I64) => Json::from(*value),
        (Value::U8(value), Type::U8) => Json::from(*value),
        (Value::U16(value), Type::U16) => Json::from(*value),
        (Value::U32(value), Type::U32) => Json::from(*value),
        (Value::U64(value), Type::U64) => Json::from(*value),
        // Widened first, so that digits of the double appear; what is not finite becomes `null`.
        (Value::F32(value), Type::F32) => Json::from(f64::from(*value)),
        (Value::F64(value), Type::F64) => Json::from(*value),
        (Value::String(value), Type::String) => Json::from(value.as_str()),
        (Value::ByteArray(bytes), Type::ByteArray) => Json::from(bytes.as_slice()),
        (Value::ByteArray(bytes), Type::Array(element)) if **element == Type::U8 => {
            Json::from(bytes.as_slice())
        }
        (Value::Array(values), Type::ByteArray) => Json::Array(
            values
                .iter()
                .map(|value| to_json(value, &Type::U8, interface))
                .collect::<Result<_, _>>()?,
        ),
        (Value::Array(values), Type::Array(element)) => Json::Array(
            values
                .iter()
                .map(|value| to_json(value, element, interface))
                .collect::<Result<_, _>>()?,
        ),
        (Value::Record(values), Type::Record(id)) => {
            let record = interface
                .record(*id)
                .filter(|record| record.fields.len() == values.len());
            let record = record.ok_or_else(|| incompatible(ty))?;
            let fields = record.fields.iter().zip(values);
            let fields = fields.map(|(field, value)| {
                Ok((field.name.clone(), to_json(value, &field.ty, interface)?))
            });
            Json::Object(fields.collect::<Result<_, String>>()?)
        }
        _ => return Err(incompatible(ty)),
    })
}

fn write_text(
    out: &mut String,
    value: &Value,
    ty: &Type,
    interface: &Interface,
) -> Result<(), String> {
    match (value, ty) {
        (Value::ByteArray(bytes), _)
            if matches!(ty, Type::ByteArray) || *ty == Type::Array(Type::U8.into()) =>
        {
            list(out, bytes, |out, byte| {
                write!(out, "{byte}").map_err(|error| error.to_string())
            })
        }
        (Value::Array(values), Type::Array(element)) => list(out, values, |out, value| {
            write_text(out, value, element, interface)
        }),
        (Value::Record(values), Type::Record(id)) => {
            let record = interface
                .record(*id)
                .filter(|record| record.fields.len() == values.len());
            let record = record.ok_or_else(|| incompatible(ty))?;
            out.push('{');
            for (index, (field, value)) in record.fields.iter().zip(values).enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Json::from(field.name.as_str()).to_string());
                out.push(':');
                // Not by way of a JSON value: its maps would sort the fields by name.
                write_text(out, value, &field.ty, interface)?;
            }
            out.push('}');
            Ok(())
        }
        _ => {
            let text = to_json(value, ty, interface)?.to_string();
            let is_float = matches!(value, Value::F32(_) | Value::F64(_));
            out.push_str(&if is_float {
                layout::network(text)
            } else {
                text
            });
            Ok(())
        }
    }
}

fn list<T>(
    out: &mut String,
    items: &[T],
    mut each: impl FnMut(&mut String, &T) -> Result<(), String>,
) -> Result<(), String> {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(out, item)?;
    }
    out.push(']');
    Ok(())
}
