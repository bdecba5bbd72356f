//! Any bytes as the interface-types section of an otherwise sound module: types and adapters of all
//! kinds run over a guest that answers anything.

use std::sync::OnceLock;

use basalt_wasm_host::{
    Budget, CallParameters, Module, ModuleConfig, Service, ServiceConfig, Vfs, Volume, Wasmi,
    module::it::{self, Type},
    vfs::Quota,
};
use serde_json::{Value, json};

#[path = "host.rs"]
mod host;

/// Exports the helpers and three functions, as raw as they come. The allocator wraps around within
/// memory.
const GUEST: &str = r#"(module
    (memory (export "memory") 1 2)
    (global $at (mut i32) (i32.const 1024))
    (global $pointer (mut i32) (i32.const 0))
    (global $size (mut i32) (i32.const 0))
    (func (export "allocate") (param i32 i32) (result i32)
        (global.get $at)
        (global.set $at (i32.and (i32.add (global.get $at) (local.get 0)) (i32.const 0x7fff))))
    (func (export "release_objects"))
    (func (export "get_result_ptr") (result i32) (global.get $pointer))
    (func (export "get_result_size") (result i32) (global.get $size))
    (func (export "set_result_ptr") (param i32) (global.set $pointer (local.get 0)))
    (func (export "set_result_size") (param i32) (global.set $size (local.get 0)))
    (func (export "keep") (param i32 i32)
        (global.set $pointer (local.get 0)) (global.set $size (local.get 1)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "wide") (param i64 f32 f64) (result i64) (local.get 0))
    (data (i32.const 64) "\20\00\00\00\04\00\00\00text\00\00\00\00\ff\ff\ff\ff"))"#;

pub fn check(data: &[u8]) {
    let _ = it::parse(data);
    static BINARY: OnceLock<Vec<u8>> = OnceLock::new();
    let mut wasm = BINARY
        .get_or_init(|| wat::parse_str(GUEST).expect("guest"))
        .clone();
    section(&mut wasm, "__fluence_sdk_version", b"0.14.0");
    section(&mut wasm, "interface-types", data);
    let engine = Wasmi::default();
    let Ok(module) = Module::load(&engine, "m", &wasm) else {
        return;
    };
    let interface = module.interface().clone();
    let mut config = ServiceConfig::default();
    config.limits.value_bytes = 1 << 20;
    let modules = [(ModuleConfig::new("m"), module)];
    let vfs = Vfs::new(Volume::scratch(1, Quota::default()));
    let Ok(mut service) = Service::new(
        &engine,
        config,
        &modules,
        vfs,
        Box::new(host::Quiet::default()),
    ) else {
        return;
    };
    let budget = Budget {
        fuel: 100_000,
        deadline: None,
    };
    for (export, ty, _) in interface.service_functions().take(16) {
        let mut room = 256;
        let args: Vec<Value> = ty
            .arguments
            .iter()
            .map(|field| sample(&field.ty, &interface, &mut room))
            .collect();
        let _ = service.call(
            &export.name,
            &Value::Array(args),
            CallParameters::default(),
            budget,
        );
    }
}

fn section(wasm: &mut Vec<u8>, name: &str, content: &[u8]) {
    wasm.push(0);
    let mut len = 1 + name.len() + content.len();
    while len > 0x7f {
        wasm.push(len as u8 | 0x80);
        len >>= 7;
    }
    wasm.push(len as u8);
    wasm.push(name.len() as u8);
    wasm.extend_from_slice(name.as_bytes());
    wasm.extend_from_slice(content);
}

/// A small value of a type; `room` bounds records of records.
fn sample(ty: &Type, interface: &it::Interface, room: &mut usize) -> Value {
    *room = room.saturating_sub(1);
    match ty {
        _ if *room == 0 => Value::Null,
        Type::Boolean => json!(true),
        Type::String => json!("text"),
        Type::ByteArray => json!([1, 2, 3]),
        Type::Array(element) => json!([
            sample(element, interface, room),
            sample(element, interface, room)
        ]),
        Type::Record(id) => {
            let fields = &interface.record(*id).expect("checked at load").fields;
            Value::Array(
                fields
                    .iter()
                    .map(|field| sample(&field.ty, interface, room))
                    .collect(),
            )
        }
        _ => json!(7),
    }
}
