//! The scenario format and its checks; the tests use the same file.
//!
//! It needs of `std` only what `alloc` has: `basalt-vectors` has it on bare metal too.

use std::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use basalt_wasm_host::{
    Budget, CallParameters, Error, ModuleConfig, ModuleStore, ParticleParameters,
    SecurityTetraplet, Service, ServiceConfig, Vfs, Volume,
    error::EngineError,
    host::{Host, HttpRequest, HttpResponse},
    logger::Level,
    mounted::{Environment, Mounted, Output, program},
    vfs::Quota,
};
use serde_json::{Value, json};

/// The host that scenarios run on: a clock that only they move, a small generator, no network;
/// output goes nowhere.
struct Desk {
    nanoseconds: u64,
    generator: Generator,
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Generator(u64);

impl Default for Generator {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Generator {
    /// Fills the buffer.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// When scenarios begin, in nanoseconds since 1970.
const BEGIN: u64 = 1_700_000_000_000_000_000;

impl Host for Desk {
    fn now(&mut self) -> u64 {
        BEGIN + self.monotonic()
    }

    fn monotonic(&mut self) -> u64 {
        self.nanoseconds += 1_000;
        self.nanoseconds
    }

    fn random(&mut self, buffer: &mut [u8]) {
        self.generator.fill(buffer);
    }

    fn sleep(&mut self, nanoseconds: u64) {
        self.nanoseconds = self.nanoseconds.saturating_add(nanoseconds);
    }

    fn log(&mut self, _: &str, _: Level, _: &str) {}

    fn output(&mut self, _: &str, _: u32, _: &[u8]) {}

    fn http(&mut self, _: &HttpRequest, _: Option<u64>) -> Result<HttpResponse, String> {
        Err("no network here".to_string())
    }
}

/// The programs that scenarios mount: `echo` joins its arguments, `cat` copies its empty input.
struct Coreutil {
    echoes: bool,
}

impl Mounted for Coreutil {
    fn run(&self, arguments: &[String], _: &mut Environment<'_>) -> Output {
        Output::success(if self.echoes {
            (arguments.join(" ") + "\n").into_bytes()
        } else {
            Vec::new()
        })
    }
}

/// Gives a module's file by its name.
pub(crate) type Lookup = Box<dyn Fn(&str) -> Result<Vec<u8>, String>>;

/// Runs scenarios and counts what held.
pub(crate) struct Runner {
    wasm: Lookup,
    store: ModuleStore,
    /// Put services to rest and wake them before each call.
    pub(crate) rest: bool,
    /// Checks that held.
    pub(crate) passed: usize,
    /// A line for each that did not.
    pub(crate) failures: Vec<String>,
}

impl Runner {
    /// A runner with these binaries.
    pub(crate) fn new(wasm: Lookup) -> Self {
        Self {
            wasm,
            store: ModuleStore::default(),
            rest: false,
            passed: 0,
            failures: Vec::new(),
        }
    }

    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if holds {
            self.passed += 1;
        } else {
            self.failures.push(otherwise());
        }
    }

    /// Compares a module's interface in the form that nodes print.
    pub(crate) fn interface(&mut self, name: &str, expected: &Value) {
        let wasm = (self.wasm)(&format!("{name}.wasm")).expect("module file");
        let module = self.store.load(name, name, &wasm).expect("module loads");
        let actual = basalt_wasm_host::interface::Description::of(module.interface());
        self.check(actual.to_json() == *expected, || {
            format!("{name}: interface {}", actual.to_text())
        });
    }

    /// Runs a scenario: loading, interface, calls.
    pub(crate) fn scenario(&mut self, stem: &str, scenario: &Value) {
        let name = scenario["name"].as_str().unwrap_or(stem).to_string();
        let mut service = match (self.create(scenario), scenario.get("create_error")) {
            (Ok(service), None) => service,
            (Err(error), Some(expected)) => {
                let difference = error_difference(&error, expected);
                self.check(difference.is_none(), || {
                    format!("{name}: {}", difference.unwrap_or_default())
                });
                return;
            }
            (Ok(_), Some(expected)) => {
                self.failures
                    .push(format!("{name}: loads, but should fail with {expected}"));
                return;
            }
            (Err(error), None) => {
                self.failures
                    .push(format!("{name}: does not load: {error}"));
                return;
            }
        };
        if let Some(expected) = scenario.get("memory_after_load") {
            let memory = memory(&service);
            self.check(memory == *expected, || {
                format!("{name}: memory after load {memory}")
            });
        }
        if let Some(expected) = scenario.get("interface") {
            let text = service.interface().to_library_text();
            let actual: Value = serde_json::from_str(&text).expect("interface is JSON");
            self.check(actual == *expected, || format!("{name}: interface {text}"));
        }
        let mut results = Vec::new();
        let calls = scenario["calls"].as_array().into_iter().flatten();
        for (index, call) in calls.enumerate() {
            if self.rest {
                service = rested(service);
            }
            let outcome = self.call(&name, index, &mut service, call, &results);
            results.push(outcome);
        }
    }

    fn create(&mut self, scenario: &Value) -> Result<Service, Error> {
        let mut modules = Vec::new();
        for module in scenario["modules"].as_array().expect("modules") {
            let name = module["name"].as_str().expect("name");
            let file = module["wasm"].as_str().expect("wasm");
            let mut config = ModuleConfig::new(name);
            config.logger_enabled = module
                .get("logger_enabled")
                .is_none_or(|on| on == &json!(true));
            if let Some(mask) = module.get("logging_mask").and_then(Value::as_i64) {
                config.logging_mask = mask as i32;
            }
            config.envs = strings(module.get("envs"));
            config.mapped_dirs = strings(module.get("mapped_dirs"));
            for (import, path) in strings(module.get("mounted_binaries")) {
                let mounted: Arc<dyn Mounted> = match path.rsplit('/').next() {
                    Some("echo") => Arc::new(Coreutil { echoes: true }),
                    Some("cat") => Arc::new(Coreutil { echoes: false }),
                    _ => program(&path),
                };
                config.mounted_binaries.insert(import, mounted);
            }
            let wasm = (self.wasm)(file).map_err(Error::Io)?;
            let module = self.store.load(&format!("{name}/{file}"), name, &wasm);
            let module = module.map_err(|error| Error::Engine(EngineError::Module(error)))?;
            modules.push((config, module));
        }
        let mut config = ServiceConfig {
            service_id: scenario
                .get("service_id")
                .and_then(Value::as_str)
                .map(str::to_string),
            envs: strings(scenario.get("service_envs")),
            ..ServiceConfig::default()
        };
        if let Some(limit) = scenario.get("total_memory_limit").and_then(Value::as_u64) {
            config.limits.memory = limit;
        }
        let vfs = Vfs::new(Volume::scratch(1, Quota::default()));
        for (path, text) in strings(scenario.get("files")) {
            let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
            vfs.make_dirs(dir, 0).expect("directory");
            vfs.write(&path, text.as_bytes(), 0).expect("file");
        }
        Service::new(
            self.store.engine(),
            config,
            &modules,
            vfs,
            Box::new(Desk {
                nanoseconds: 0,
                generator: Generator::default(),
            }),
        )
    }

    fn call(
        &mut self,
        name: &str,
        index: usize,
        service: &mut Service,
        call: &Value,
        results: &[Value],
    ) -> Value {
        let function = call["function"].as_str().expect("function");
        let args = resolve(&call["args"], results);
        let parameters = parameters(call.get("call_parameters"));
        let outcome = match call.get("module").and_then(Value::as_str) {
            Some(module) => {
                service.call_module(module, function, &args, parameters, Budget::UNLIMITED)
            }
            None => service.call(function, &args, parameters, Budget::UNLIMITED),
        };
        let at = format!("{name}[{index}] {function}");
        let difference = match (&outcome, call.get("expected_error")) {
            _ if call
                .get("compare")
                .is_some_and(|mode| mode == "nondeterministic") =>
            {
                None
            }
            (Ok(value), None) => {
                let (mut actual, mut expected) = (value.clone(), call["expected"].clone());
                if call.get("compare").is_some_and(|mode| mode == "unordered") {
                    sort(&mut actual);
                    sort(&mut expected);
                }
                // As texts, for a zero has a sign.
                let [actual, expected] = [actual, expected].map(|value| value.to_string());
                (actual != expected).then(|| format!("{actual} instead of {expected}"))
            }
            (Err(error), Some(expected)) => error_difference(error, expected),
            (Ok(value), Some(expected)) => Some(format!("{value} instead of {expected}")),
            (Err(error), None) => Some(format!("fails: {error}")),
        };
        let memory = memory(service);
        let difference = difference.or_else(|| {
            let expected = call.get("expected_memory")?;
            (memory != *expected).then(|| format!("memory {memory} instead of {expected}"))
        });
        self.check(difference.is_none(), || {
            format!("{at}: {}", difference.unwrap_or_default())
        });
        outcome.unwrap_or_default()
    }
}

/// The service after a rest; all recorded modules can have one.
fn rested(service: Service) -> Service {
    let parked = service.park().ok().expect("the service can rest");
    match parked.wake() {
        Ok(service) => service,
        Err((_, error)) => panic!("the service does not wake: {error}"),
    }
}

fn strings(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_string()))
        .collect()
}

fn memory(service: &Service) -> Value {
    service
        .memory_stats()
        .into_iter()
        .map(|module| (module.name, json!(module.bytes)))
        .collect()
}

fn error_difference(error: &Error, expected: &Value) -> Option<String> {
    let text = error.to_string();
    let kind_fits = expected["kind"] == error.kind();
    let text_fits = match (expected.get("message"), expected.get("message_prefix")) {
        (Some(message), _) => *message == text.as_str(),
        (None, Some(prefix)) => text.starts_with(prefix.as_str().unwrap_or_default()),
        (None, None) => true,
    };
    (!kind_fits || !text_fits).then(|| format!("{}: {text} instead of {expected}", error.kind()))
}

/// Puts results of earlier calls in place of `{"$ref": [call, field...]}`.
fn resolve(args: &Value, results: &[Value]) -> Value {
    match args {
        Value::Object(map) => match map.get("$ref").and_then(Value::as_array) {
            Some(path) => {
                let first = path[0].as_u64().expect("index") as usize;
                path[1..]
                    .iter()
                    .fold(results[first].clone(), |value, step| match step {
                        Value::String(field) => value[field.as_str()].clone(),
                        step => value[step.as_u64().expect("step") as usize].clone(),
                    })
            }
            None => map
                .iter()
                .map(|(name, value)| (name.clone(), resolve(value, results)))
                .collect(),
        },
        Value::Array(items) => items.iter().map(|item| resolve(item, results)).collect(),
        other => other.clone(),
    }
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(ToString::to_string);
        }
        Value::Object(map) => map.values_mut().for_each(sort),
        _ => {}
    }
}

fn parameters(value: Option<&Value>) -> CallParameters {
    let Some(value) = value else {
        return CallParameters::default();
    };
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_string();
    let particle = &value["particle"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    CallParameters {
        particle: ParticleParameters {
            id: text(particle, "id"),
            init_peer_id: text(particle, "init_peer_id"),
            timestamp: particle["timestamp"].as_u64().unwrap_or(0),
            ttl: particle["ttl"].as_u64().unwrap_or(0) as u32,
            script: text(particle, "script"),
            signature: list(&particle["signature"])
                .iter()
                .filter_map(Value::as_u64)
                .map(|byte| byte as u8)
                .collect(),
            token: text(particle, "token"),
        },
        service_id: text(value, "service_id"),
        service_creator_peer_id: text(value, "service_creator_peer_id"),
        host_id: text(value, "host_id"),
        worker_id: text(value, "worker_id"),
        tetraplets: list(&value["tetraplets"])
            .iter()
            .map(|tetraplets| {
                list(tetraplets)
                    .iter()
                    .map(|tetraplet| SecurityTetraplet {
                        peer_pk: text(tetraplet, "peer_pk"),
                        service_id: text(tetraplet, "service_id"),
                        function_name: text(tetraplet, "function_name"),
                        lens: text(tetraplet, "lens"),
                    })
                    .collect()
            })
            .collect(),
    }
}
