//! JSON arguments to values, with the reference's rules and texts (Marine specification, section
//! 5).

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use serde_json::Value as Json;

use crate::{
    adapter::Value,
    it::{
        Interface, Type,
        ast::{Field, FunctionType},
    },
    text::quote,
};

/// Values for a function out of a caller's JSON: a list by position, an object by name, `null` for
/// nothing, anything else as the only argument.
///
/// # Errors
/// The reason, in the reference's words.
pub fn values(
    json: &Json,
    function: &FunctionType,
    interface: &Interface,
) -> Result<Vec<Value>, String> {
    let fields = &function.arguments;
    match json {
        Json::Object(map) => by_name(map, fields, interface),
        Json::Array(items) => by_position(items, fields, interface),
        Json::Null if fields.is_empty() => Ok(Vec::new()),
        Json::Null => Err(format!(
            "the called function has the following signature: {:?}, but no arguments is provided",
            signature(fields)
        )),
        only => match fields.as_slice() {
            [field] => Ok([value(only, &field.ty, interface)?].into()),
            _ => Err(format!(
                "called function has the following signature: '{:?}', and it isn't suitable for an argument '{}' provided",
                signature(fields),
                quote(only)
            )),
        },
    }
}

fn signature(fields: &[Field]) -> Vec<(&String, &Type)> {
    fields
        .iter()
        .map(|field| (&field.name, &field.ty))
        .collect()
}

fn by_name(
    map: &serde_json::Map<String, Json>,
    fields: &[Field],
    interface: &Interface,
) -> Result<Vec<Value>, String> {
    // Names may repeat in a signature; each takes its value away, as in the reference.
    let mut left: BTreeMap<&str, &Json> = map
        .iter()
        .map(|(name, json)| (name.as_str(), json))
        .collect();
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        let json = left.remove(field.name.as_str());
        let json = json.ok_or_else(|| format!("missing argument with name {}", field.name))?;
        values.push(value(json, &field.ty, interface)?);
    }
    // A name too many is an error, as in the reference.
    if !left.is_empty() {
        return Err(count(values.len(), values.len() + left.len()));
    }
    Ok(values)
}

fn by_position(
    items: &[Json],
    fields: &[Field],
    interface: &Interface,
) -> Result<Vec<Value>, String> {
    if items.len() != fields.len() {
        return Err(count(fields.len(), items.len()));
    }
    items
        .iter()
        .zip(fields)
        .map(|(json, field)| value(json, &field.ty, interface))
        .collect()
}

fn count(required: usize, provided: usize) -> String {
    format!("function requires {required} arguments, {provided} provided")
}

/// Recursion follows the type, whose depth was checked at load.
fn value(json: &Json, ty: &Type, interface: &Interface) -> Result<Value, String> {
    Ok(match ty {
        Type::Boolean => Value::Boolean(scalar(json)?),
        Type::S8 => Value::S8(scalar(json)?),
        Type::S16 => Value::S16(scalar(json)?),
        Type::S32 => Value::S32(scalar(json)?),
        Type::S64 => Value::S64(scalar(json)?),
        Type::U8 => Value::U8(scalar(json)?),
        Type::U16 => Value::U16(scalar(json)?),
        Type::U32 => Value::U32(scalar(json)?),
        Type::U64 => Value::U64(scalar(json)?),
        Type::F32 => Value::F32(scalar(json)?),
        Type::F64 => Value::F64(scalar(json)?),
        Type::I32 => Value::I32(scalar(json)?),
        Type::I64 => Value::I64(scalar(json)?),
        Type::String => Value::String(scalar(json)?),
        Type::ByteArray => match json {
            Json::Array(items) => Value::ByteArray(bytes(items)?),
            _ => return Err(format!("expected bytearray, got {}", quote(json))),
        },
        Type::Array(element) => match json {
            Json::Array(items) if **element == Type::U8 => Value::ByteArray(bytes(items)?),
            Json::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|json| value(json, element, interface))
                    .collect::<Result<_, _>>()?,
            ),
            _ => {
                return Err(format!(
                    "expected array of {element:?} types, got {}",
                    quote(json)
                ));
            }
        },
        Type::Record(id) => {
            let record = interface
                .record(*id)
                .ok_or_else(|| format!("record with type id `{id}` wasn't found"))?;
            Value::Record(match json {
                Json::Object(map) => by_name(map, &record.fields, interface)?,
                Json::Array(items) => by_position(items, &record.fields, interface)?,
                _ => {
                    return Err(format!(
                        "record with type id `{id}` should be encoded as array or map of fields"
                    ));
                }
            })
        }
    })
}

/// Bytes of a list of numbers.
fn bytes(items: &[Json]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(items.len());
    for item in items {
        bytes.push(match item.as_u64().map(u8::try_from) {
            // The common case, without the general path's cost for each byte.
            Some(Ok(byte)) => byte,
            // The general path tells what is wrong, or takes an array of one for its element.
            _ => scalar(item)?,
        });
    }
    Ok(bytes)
}

/// A scalar or a text. An array of one element stands for the element: results of paths come as
/// lists.
fn scalar<'j, T: serde::Deserialize<'j>>(json: &'j Json) -> Result<T, String> {
    let json = match json {
        Json::Array(items) if items.len() == 1 => &items[0],
        other => other,
    };
    T::deserialize(json).map_err(|error| {
        let mut text = format!("error {error:?} occurred while deserializing function arguments");
        // The error of another value has texts of callers in it.
        if json.is_number() {
            text = text.replace("e+", "e");
        }
        text
    })
}
