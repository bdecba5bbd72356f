//! `dist`: the functions that only make descriptions of modules and blueprints.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use super::{Args, Builtin, Call, CallError, Reply, row};

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
    let links: Vec<Value> = dependencies
        .into_iter()
        .map(|cid| json!({ "/": cid }))
        .collect();
    // DAG-JSON sorts keys by length, then by bytes; these two come out as they are written here.
    let blueprint = alloc::format!(
        "{{\"dependencies\":{},\"name\":{}}}",
        Value::Array(links),
        Value::String(name)
    );
    Ok(blueprint.into())
}
