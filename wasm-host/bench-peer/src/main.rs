//! Runs one row of the benchmark on the reference host:
//! `basalt-wasm-host-bench-peer WASM_DIR ROW_JSON` prints nanoseconds or bytes.

#[path = "../../benches/services/measure.rs"]
mod measure;

use std::{collections::HashMap, path::Path};

use marine::{
    CallParameters, Marine, MarineConfig, MarineModuleConfig, MarineWASIConfig, ModuleDescriptor,
    WasmBackend,
};
use marine_wasm_backend_traits::WasmBackend as _;
use measure::Subject;
use serde_json::Value;
use tokio::runtime::Runtime;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [dir, row] = words.as_slice() else {
        eprintln!("usage: basalt-wasm-host-bench-peer WASM_DIR ROW_JSON");
        std::process::exit(2);
    };
    let row: Value = serde_json::from_str(row).expect("row");
    if row["peer"] == "none" {
        return;
    }
    println!("{}", measure::measure(&mut Peer::new(Path::new(dir), &row), &row));
}

/// The reference host over the modules of one row. It compiles a service's modules for each
/// service.
struct Peer {
    runtime: Runtime,
    backend: WasmBackend,
    files: Vec<(String, Vec<u8>)>,
}

impl Peer {
    fn new(dir: &Path, row: &Value) -> Self {
        let names = row["modules"].as_array().expect("modules");
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("runtime"),
            backend: WasmBackend::new_async().expect("backend"),
            files: names
                .iter()
                .filter_map(Value::as_str)
                .map(|name| {
                    let wasm = std::fs::read(dir.join(format!("{name}.wasm"))).expect("module");
                    (name.to_string(), wasm)
                })
                .collect(),
        }
    }
}

impl Subject for Peer {
    type Service = Marine;
    type Idle = Marine;

    fn create(&mut self) -> Marine {
        let scratch = std::env::temp_dir().join(format!("basalt-bench-peer-{}", std::process::id()));
        let mut modules = HashMap::new();
        let mut modules_config = Vec::new();
        for (name, wasm) in &self.files {
            let mut mapped_dirs = HashMap::new();
            for alias in ["tmp", "storage"] {
                let path = scratch.join(alias);
                std::fs::create_dir_all(&path).expect("folder");
                mapped_dirs.insert(format!("/{alias}"), path);
            }
            modules.insert(name.clone(), wasm.clone());
            modules_config.push(ModuleDescriptor {
                load_from: None,
                file_name: format!("{name}.wasm"),
                import_name: name.clone(),
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
        self.runtime
            .block_on(Marine::with_modules(self.backend.clone(), modules, config))
            .expect("service")
    }

    fn forget(&mut self) {}

    fn idle(&self, service: Marine) -> Marine {
        service
    }

    fn resume(&self, idle: Marine) -> Marine {
        idle
    }

    fn call(&mut self, service: &mut Marine, function: &str, args: Value) -> Value {
        let (facade, _) = self.files.last().expect("module");
        let call = service.call_with_json_async(facade, function, args, CallParameters::default());
        self.runtime.block_on(call).expect("call")
    }
}
