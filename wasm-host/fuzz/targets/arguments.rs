//! Any JSON as arguments of a function with types of every kind: what is accepted has the types
//! asked for and prints back consistently.

use basalt_wasm_host::{
    interface::{arguments, output},
    module::it::{
        Interface, Type,
        ast::{Field, FunctionType, RecordType, TypeDef},
        parse,
    },
};
use serde_json::Value;

pub fn check(data: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let interface = interface();
    let all = [
        Type::Boolean,
        Type::S8,
        Type::S16,
        Type::S32,
        Type::S64,
        Type::U8,
        Type::U16,
        Type::U32,
        Type::U64,
        Type::F32,
        Type::F64,
        Type::I32,
        Type::I64,
        Type::String,
        Type::ByteArray,
        Type::Record(1),
        Type::Array(Type::U8.into()),
        Type::Array(Type::String.into()),
        Type::Array(Type::Array(Type::Record(1).into()).into()),
    ];
    for ty in all {
        one(&json, &[ty], &interface);
    }
    one(&json, &[], &interface);
    one(&json, &[Type::S32, Type::String], &interface);
}

fn one(json: &Value, types: &[Type], interface: &Interface) {
    let names = ["a", "b"];
    let arguments = types.iter().zip(names).map(|(ty, name)| Field {
        name: name.to_string(),
        ty: ty.clone(),
    });
    let function = FunctionType {
        arguments: arguments.collect(),
        outputs: Vec::new(),
    };
    match arguments::values(json, &function, interface) {
        Err(reason) => assert!(reason.len() < 10_000, "quotes too much"),
        Ok(values) => {
            assert!(values.len() == types.len());
            for (value, ty) in values.iter().zip(types) {
                assert!(value.fits(ty, interface), "{value:?} is no {ty:?}");
                let (values, types) = (core::slice::from_ref(value), core::slice::from_ref(ty));
                let text = output::text(values, types, interface).expect("prints");
                let json = output::json(values, types, interface).expect("prints");
                assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), json);
            }
        }
    }
}

/// Record 1 has a field of each simple kind and one of record 0.
fn interface() -> Interface {
    let mut interface = parse(b"\x05\x060.28.0").expect("empty interface");
    let record = |fields: &[(&str, Type)]| {
        TypeDef::Record(RecordType {
            name: "R".to_string(),
            fields: fields
                .iter()
                .map(|(name, ty)| Field {
                    name: name.to_string(),
                    ty: ty.clone(),
                })
                .collect(),
        })
    };
    interface
        .types
        .push(record(&[("x", Type::U32), ("y", Type::F32)]));
    interface.types.push(record(&[
        ("a", Type::String),
        ("b", Type::Record(0)),
        ("c", Type::ByteArray),
    ]));
    interface
}
