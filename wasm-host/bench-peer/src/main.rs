//! Runs one row of the benchmark on the reference host: `bench-peer WASM_DIR ROW_JSON` prints nanoseconds or bytes.
//!
//! Rows, repetitions and the median are those of the project's `bench` example.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use marine::{
    CallParameters, Marine, MarineConfig, MarineModuleConfig, MarineWASIConfig, ModuleDescriptor,
    WasmBackend,
};
use marine_wasm_backend_traits::WasmBackend as _;
use serde_json::{json, Value};

const SPAN: Duration = Duration::from_millis(500);
const RESIDENT: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let dir = PathBuf::from(words.next().expect("folder"));
    let row: Value = serde_json::from_str(&words.next().expect("row")).expect("row");
    println!("{}", measure(&dir, &row).await);
}

async fn create(backend: &WasmBackend, dir: &Path, row: &Value) -> Marine {
    let mut modules = HashMap::new();
    let mut modules_config = Vec::new();
    let scratch = std::env::temp_dir().join(format!("basalt-bench-peer-{}", std::process::id()));
    for name in row["modules"]
        .as_array()
        .expect("modules")
        .iter()
        .filter_map(Value::as_str)
    {
        let mut mapped_dirs = HashMap::new();
        for alias in ["tmp", "storage"] {
            let path = scratch.join(alias);
            std::fs::create_dir_all(&path).expect("folder");
            mapped_dirs.insert(format!("/{alias}"), path);
        }
        modules.insert(
            name.to_string(),
            std::fs::read(dir.join(format!("{name}.wasm"))).expect("module"),
        );
        modules_config.push(ModuleDescriptor {
            load_from: None,
            file_name: format!("{name}.wasm"),
            import_name: name.to_string(),
            config: MarineModuleConfig {
                logger_enabled: true,
                host_imports: HashMap::new(),
                wasi: Some(MarineWASIConfig {
                    envs: HashMap::new(),
                    mapped_dirs,
                }),
                logging_mask: i32::MAX,
            },
        });
    }
    let config = MarineConfig {
        modules_dir: None,
        total_memory_limit: None,
        modules_config,
        default_modules_config: None,
    };
    Marine::with_modules(backend.clone(), modules, config)
        .await
        .expect("service")
}

async fn measure(dir: &Path, row: &Value) -> f64 {
    let backend = WasmBackend::new_async().expect("backend");
    let facade = row["modules"]
        .as_array()
        .and_then(|modules| modules.last())
        .and_then(Value::as_str)
        .expect("module");
    match row["kind"].as_str() {
        Some("creation") => {
            let mut times = Vec::new();
            let start = Instant::now();
            while start.elapsed() < SPAN || times.len() < 3 {
                let begin = Instant::now();
                let service = create(&backend, dir, row).await;
                times.push(begin.elapsed().as_nanos() as f64);
                drop(service);
            }
            median(times)
        }
        Some("resident") => {
            let first = create(&backend, dir, row).await;
            let before = resident();
            let mut services = Vec::new();
            for _ in 0..RESIDENT {
                services.push(create(&backend, dir, row).await);
            }
            let grown = resident() - before;
            drop((first, services));
            grown / RESIDENT as f64
        }
        _ => {
            let mut service = create(&backend, dir, row).await;
            let mut results = HashMap::new();
            for call in row["once"].as_array().into_iter().flatten() {
                let args = resolve(&call[1], &results);
                let result = service
                    .call_with_json_async(
                        facade,
                        call[0].as_str().expect("function"),
                        args,
                        CallParameters::default(),
                    )
                    .await
                    .expect("call");
                if let Value::Object(fields) = result {
                    results.extend(fields);
                }
            }
            let calls: Vec<(String, Value)> = row["calls"]
                .as_array()
                .expect("calls")
                .iter()
                .map(|call| {
                    (
                        call[0].as_str().expect("function").to_string(),
                        resolve(&call[1], &results),
                    )
                })
                .collect();
            let mut times = Vec::new();
            let mut start = Instant::now();
            while start.elapsed() < SPAN || times.len() < 7 {
                // The call takes its arguments by value; making them is not part of it.
                let owned: Vec<_> = calls
                    .iter()
                    .map(|(function, args)| (function, args.clone()))
                    .collect();
                let begin = Instant::now();
                for (function, args) in owned {
                    service
                        .call_with_json_async(facade, function, args, CallParameters::default())
                        .await
                        .expect("call");
                }
                times.push(begin.elapsed().as_nanos() as f64);
                if times.len() == 2 {
                    start = Instant::now();
                }
            }
            times.drain(..2);
            median(times)
        }
    }
}

fn resolve(args: &Value, results: &HashMap<String, Value>) -> Value {
    match args {
        Value::Object(map) if map.contains_key("$ref") => {
            results[map["$ref"].as_str().expect("field")].clone()
        }
        Value::Object(map) if map.contains_key("$bytes") => {
            (0..map["$bytes"].as_u64().expect("count"))
                .map(|byte| json!(byte % 251))
                .collect()
        }
        Value::Object(map) if map.contains_key("$strings") => {
            (0..map["$strings"].as_u64().expect("count"))
                .map(|n| json!(format!("string number {n}")))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| resolve(item, results)).collect(),
        other => other.clone(),
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0");
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<f64>().ok())
        .unwrap_or(0.0)
        * 1024.0
}
