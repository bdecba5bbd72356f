//! `dist`: modules and blueprints of the node.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::args::Args;
use super::row::{Access, Builtin, on_rooms, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;
use crate::services::{Blueprint, dag_json};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row(
        "dist",
        "make_module_config",
        "name: string, mem_pages_count: ?u32, max_heap_size: ?string, logger_enabled: ?bool, \
         preopened_files: ?[]string, envs: ?[][2]string, mapped_dirs: ?[][2]string, \
         mounted_binaries: ?[][2]string, logging_mask: ?i32",
        "module config object",
        "mem_pages_count, max_heap_size and preopened_files are read and ignored",
        make_module_config,
    ),
    row(
        "dist",
        "default_module_config",
        "module_name: string",
        "{name}",
        "",
        default_module_config,
    ),
    row(
        "dist",
        "make_blueprint",
        "name: string, dependencies: []CID",
        "DAG-JSON string",
        "",
        make_blueprint,
    ),
    on_rooms(
        "dist",
        "add_module",
        "module_bytes: base64 string, config: object",
        "CID",
        "of the configuration only `name` is used, for the author's own blueprints; the module is checked as when it is started",
        add_module,
    )
    .open_to(Access::Protected),
    on_rooms(
        "dist",
        "add_module_from_vault",
        "module_path: string, config: object",
        "CID",
        "as `add_module`",
        add_module_from_vault,
    )
    .open_to(Access::Protected),
    on_rooms(
        "dist",
        "add_module_bytes_from_vault",
        "module_name: string, module_path: string",
        "CID",
        "as `add_module`",
        add_module_bytes_from_vault,
    )
    .open_to(Access::Protected),
    on_rooms(
        "dist",
        "add_blueprint",
        "blueprint: DAG-JSON string",
        "blueprint id (CID)",
        "`Error deserializing blueprint from IPLD: ..`, `Blueprint '<name>' has empty list of dependencies`; the modules need not be \
         there yet",
        add_blueprint,
    )
    .open_to(Access::Protected),
    on_rooms(
        "dist",
        "load_module_config",
        "config_path: string in the vault",
        "module config object",
        "the file's JSON",
        load_module_config,
    ),
    on_rooms(
        "dist",
        "load_blueprint",
        "blueprint_path: string in the vault",
        "DAG-JSON string",
        "",
        load_blueprint,
    ),
    on_rooms(
        "dist",
        "list_modules",
        "",
        "[]{name, hash, config}",
        "of the whole node",
        list_modules,
    ),
    on_rooms(
        "dist",
        "get_module_interface",
        "hash: CID",
        "interface object",
        "as `srv.get_interface`; `Module with CID '<cid>' wasn't found`",
        get_module_interface,
    ),
    on_rooms(
        "dist",
        "list_blueprints",
        "",
        "[]{name, id, dependencies: []CID}",
        "of the whole node",
        list_blueprints,
    ),
    on_rooms(
        "dist",
        "get_blueprint",
        "blueprint_id: string",
        "{name, id, dependencies: []CID}",
        "`Blueprint '<id>' wasn't found`",
        get_blueprint,
    ),
];

/// The next argument, `[[key, value], ...]`, as an object.
fn pairs(
    args: &mut Args<'_>,
    field: &'static str,
) -> Result<Option<Map<String, Value>>, CallError> {
    let Some(pairs) = args.optional::<Vec<Vec<String>>>(field)? else {
        return Ok(None);
    };
    let mut object = Map::new();
    for pair in pairs {
        let pair: [String; 2] = pair.try_into().map_err(|pair: Vec<String>| {
            CallError::text(alloc::format!(
                "Error deserializing field '{field}': expected pairs of strings, got one of {}",
                pair.len()
            ))
        })?;
        let [key, value] = pair;
        object.insert(key, value.into());
    }
    Ok(Some(object))
}

fn make_module_config(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("name")?;
    args.optional::<u32>("mem_pages_count")?;
    args.optional::<String>("max_heap_size")?;
    let logger_enabled: Option<bool> = args.optional("logger_enabled")?;
    args.optional::<Vec<String>>("preopened_files")?;
    let envs = pairs(args, "envs")?;
    let mapped_dirs = pairs(args, "mapped_dirs")?;
    let mounted_binaries = pairs(args, "mounted_binaries")?;
    let logging_mask: Option<i32> = args.optional("logging_mask")?;

    let mut config = Map::new();
    config.insert("name".into(), name.into());
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(key.into(), value);
        }
    };
    put("logger_enabled", logger_enabled.map(Value::from));
    if envs.is_some() || mapped_dirs.is_some() {
        let mut wasi = Map::new();
        wasi.insert("envs".into(), envs.map_or(Value::Null, Value::from));
        wasi.insert(
            "mapped_dirs".into(),
            mapped_dirs.map_or(Value::Null, Value::from),
        );
        put("wasi", Some(wasi.into()));
    }
    put("mounted_binaries", mounted_binaries.map(Value::from));
    put("logging_mask", logging_mask.map(Value::from));
    Ok(Value::Object(config).into())
}

fn default_module_config(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("module_name")?;
    Ok(json!({ "name": name }).into())
}

fn make_blueprint(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("name")?;
    let dependencies: Vec<String> = args.next("dependencies")?;
    Ok(dag_json(&name, &dependencies).into())
}

/// The `name` of the next argument, a module configuration.
fn config_name(args: &mut Args<'_>) -> Result<String, CallError> {
    let config: Map<String, Value> = args.next("config")?;
    let name = config.get("name").and_then(Value::as_str);
    name.map(String::from)
        .ok_or_else(|| CallError::text("the module config has no name"))
}

fn add_module(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let text: String = args.next("module_bytes")?;
    let name = config_name(args)?;
    call.guard()?;
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|error| CallError::text(alloc::format!("error decoding base64: {error}")))?;
    rooms.add_module(call.particle.init_peer_id, name, bytes)
}

fn add_module_from_vault(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let path: String = args.next("module_path")?;
    let name = config_name(args)?;
    call.guard()?;
    let bytes = rooms.vault_file(call, &path)?;
    rooms.add_module(call.particle.init_peer_id, name, bytes)
}

fn add_module_bytes_from_vault(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let name: String = args.next("module_name")?;
    let path: String = args.next("module_path")?;
    call.guard()?;
    let bytes = rooms.vault_file(call, &path)?;
    rooms.add_module(call.particle.init_peer_id, name, bytes)
}

fn add_blueprint(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let text: String = args.next("blueprint")?;
    call.guard()?;
    let blueprint = Blueprint::parse(&text)?;
    rooms.add_blueprint(call.clock, call.particle.init_peer_id, blueprint)
}

/// The JSON in a file of the vault.
fn vault_json(rooms: &mut Rooms, call: &Call<'_>, path: &str) -> Result<Value, CallError> {
    let bytes = rooms.vault_file(call, path)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        CallError::text(alloc::format!("Error parsing vault file `{path}`: {error}"))
    })
}

fn load_module_config(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let path: String = args.next("config_path")?;
    Ok(vault_json(rooms, call, &path)?.into())
}

fn load_blueprint(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let path: String = args.next("blueprint_path")?;
    let text = vault_json(rooms, call, &path)?.to_string();
    Ok(Blueprint::parse(&text)?.text().into())
}

fn list_modules(rooms: &mut Rooms, _: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(rooms.services.modules.list().into())
}

fn get_module_interface(
    rooms: &mut Rooms,
    _: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let cid: String = args.next("hash")?;
    rooms.module_interface(&cid)
}

fn list_blueprints(rooms: &mut Rooms, _: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(rooms.services.modules.list_blueprints().into())
}

fn get_blueprint(rooms: &mut Rooms, _: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let id: String = args.next("blueprint_id")?;
    Ok(rooms.services.modules.blueprint(&id)?.value().into())
}
