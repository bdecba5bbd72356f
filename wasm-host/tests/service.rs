//! Services beyond what the recorded scenarios show: budgets, transactions, native functions,
//! statistics.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use basalt_wasm_host::{
    Budget, CallParameters, Error, Limits, ModuleConfig, ModuleStore, Service, ServiceConfig, Vfs,
    Volume,
    engine::BudgetKind,
    host::{Host, HttpRequest, HttpResponse},
    logger::Level,
    mounted::program,
    service::OnError,
    vfs::{Effect, Journal, JournalError, Quota, Tree},
};
use serde_json::{Value, json};

/// Time that passes only when asked, and a network of canned answers that remembers the questions.
#[derive(Clone, Default)]
struct Scripted {
    ticks: u64,
    requests: Arc<Mutex<Vec<HttpRequest>>>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Host for Scripted {
    fn now(&mut self) -> u64 {
        1_700_000_000_000_000_000
    }

    fn monotonic(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    fn random(&mut self, buffer: &mut [u8]) {
        buffer.fill(4);
    }

    fn sleep(&mut self, _: u64) {}

    fn log(&mut self, module: &str, level: Level, message: &str) {
        self.lines
            .lock()
            .unwrap()
            .push(format!("{module} {level} {message}"));
    }

    fn output(&mut self, _: &str, _: u32, _: &[u8]) {}

    fn http(&mut self, request: &HttpRequest, _: Option<u64>) -> Result<HttpResponse, String> {
        self.requests.lock().unwrap().push(request.clone());
        let body: &[u8] = match request.url.as_str() {
            url if url.contains("/api/v0/add") => b"{\"Name\":\"f\",\"Hash\":\"bafyfile\"}\n",
            url if url.contains("/api/v0/cat") => b"contents",
            url if url.contains("/api/v0/id") => b"{\"ID\":\"12D3KooWpeer\"}",
            "http://there/" => b"page",
            _ => return Err("no route".to_string()),
        };
        Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: body.to_vec(),
        })
    }
}

fn guest(name: &str) -> Vec<u8> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/wasm");
    std::fs::read(dir.join(format!("{name}.wasm"))).unwrap()
}

fn scratch() -> Vfs {
    Vfs::new(Volume::scratch(1, Quota::default()))
}

fn single(
    module: ModuleConfig,
    wasm: &[u8],
    config: ServiceConfig,
    vfs: Vfs,
    host: Scripted,
) -> Result<Service, Error> {
    let mut store = ModuleStore::default();
    let loaded = store.load(&module.name, &module.name, wasm).unwrap();
    Service::new(
        store.engine(),
        config,
        &[(module, loaded)],
        vfs,
        Box::new(host),
    )
}

fn simple(name: &str) -> Service {
    single(
        ModuleConfig::new(name),
        &guest(name),
        ServiceConfig::default(),
        scratch(),
        Scripted::default(),
    )
    .unwrap()
}

fn call(service: &mut Service, function: &str, args: Value) -> Result<Value, Error> {
    service.call(
        function,
        &args,
        CallParameters::default(),
        Budget::UNLIMITED,
    )
}

#[test]
fn a_service_can_move_to_another_core() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&simple("bench_mod"));
}

#[test]
fn fuel_ends_a_call_and_leaves_the_service_usable() {
    let mut service = simple("bench_mod");
    let tight = Budget {
        fuel: 100_000,
        deadline: None,
    };
    let error = service
        .call("fib", &json!([30]), CallParameters::default(), tight)
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.budget()),
        ("EngineError", Some(BudgetKind::Fuel))
    );
    assert!(
        error
            .to_string()
            .ends_with("Trap occurred: the call's fuel budget is used up"),
        "{error}"
    );
    assert_eq!(call(&mut service, "fib", json!([10])).unwrap(), json!(55));
}

#[test]
fn a_deadline_ends_a_call() {
    let mut service = simple("bench_mod");
    let late = Budget {
        fuel: u64::MAX,
        deadline: Some(0),
    };
    let error = service
        .call("fib", &json!([35]), CallParameters::default(), late)
        .unwrap_err();
    assert_eq!(error.budget(), Some(BudgetKind::Time));
    assert_eq!(call(&mut service, "noop", json!([])).unwrap(), Value::Null);
}

#[test]
fn a_budget_reaches_through_modules() {
    let mut store = ModuleStore::default();
    let modules = ["arrays", "arrays_proxy"].map(|name| {
        (
            ModuleConfig::new(name),
            store.load(name, name, &guest(name)).unwrap(),
        )
    });
    let mut service = Service::new(
        store.engine(),
        ServiceConfig::default(),
        &modules,
        scratch(),
        Box::new(Scripted::default()),
    )
    .unwrap();
    let tight = Budget {
        fuel: 40_000,
        deadline: None,
    };
    let error = service
        .call(
            "ramp_sum",
            &json!([100_000]),
            CallParameters::default(),
            tight,
        )
        .unwrap_err();
    assert_eq!(error.budget(), Some(BudgetKind::Fuel));
    assert_eq!(
        call(&mut service, "ramp_sum", json!([3])).unwrap(),
        json!(5_u64 * 0x1_0000_0001)
    );
}

#[test]
fn large_values_are_refused_on_their_way_out() {
    let config = ServiceConfig {
        limits: Limits {
            value_bytes: 10_000,
            ..Limits::default()
        },
        ..ServiceConfig::default()
    };
    let module = ModuleConfig::new("bench_mod");
    let mut service = single(
        module,
        &guest("bench_mod"),
        config,
        scratch(),
        Scripted::default(),
    )
    .unwrap();
    let error = call(&mut service, "echo", json!(["x".repeat(20_000)])).unwrap_err();
    assert!(error.to_string().contains("more host memory"), "{error}");
    assert_eq!(
        call(&mut service, "echo", json!(["x"])).unwrap(),
        json!("x")
    );
}

#[test]
fn statistics_count_calls_and_failures() {
    let mut service = simple("faults");
    call(&mut service, "fault_divide", json!([6, 3])).unwrap();
    call(&mut service, "fault_divide", json!([6, 0])).unwrap_err();
    let stats: Vec<_> = service
        .stats()
        .map(|(module, function, stats)| (module, function, stats.clone()))
        .collect();
    let [("faults", "fault_divide", stats)] = stats.as_slice() else {
        panic!("{stats:?}");
    };
    assert_eq!((stats.calls, stats.failures), (2, 1));
    assert!(stats.fuel > 0 && stats.time > 0 && stats.longest <= stats.time);
}

/// Rebuilds the tree from what it is given, unless it refuses.
struct Replica {
    tree: Arc<Mutex<Tree>>,
    refuse: Arc<Mutex<bool>>,
}

impl Journal for Replica {
    fn commit(&mut self, effects: &[Effect<'_>]) -> Result<(), JournalError> {
        if *self.refuse.lock().unwrap() {
            return Err(JournalError("disk full".to_string()));
        }
        let mut tree = self.tree.lock().unwrap();
        effects
            .iter()
            .for_each(|effect| tree.apply(effect).unwrap());
        Ok(())
    }
}

struct Durable {
    replica: Arc<Mutex<Tree>>,
    refuse: Arc<Mutex<bool>>,
    service: Service,
}

fn durable(on_error: OnError) -> Durable {
    let replica = Arc::new(Mutex::new(Tree::new(Quota::default())));
    let refuse = Arc::new(Mutex::new(false));
    let journal = Replica {
        tree: replica.clone(),
        refuse: refuse.clone(),
    };
    let vfs = Vfs::new(Volume::durable(
        1,
        Tree::new(Quota::default()),
        Box::new(journal),
    ));
    let mut module = ModuleConfig::new("files");
    module.mapped_dirs.insert("/box".into(), "deep/box".into());
    let config = ServiceConfig {
        on_error,
        ..ServiceConfig::default()
    };
    Durable {
        replica,
        refuse,
        service: single(module, &guest("files"), config, vfs, Scripted::default()).unwrap(),
    }
}

fn kept(replica: &Mutex<Tree>, path: &str) -> Option<Vec<u8>> {
    let tree = replica.lock().unwrap();
    let ino = tree.lookup(Tree::ROOT, path).ok()?;
    Some(tree.bytes(ino).unwrap().to_vec())
}

#[test]
fn a_calls_files_are_journalled_when_it_ends() {
    let mut durable = durable(OnError::Keep);
    call(&mut durable.service, "save_note", json!(["/box/n", "one"])).unwrap();
    assert_eq!(kept(&durable.replica, "deep/box/n"), Some(b"one".to_vec()));
    call(
        &mut durable.service,
        "extend_note",
        json!(["/box/n", "two"]),
    )
    .unwrap();
    call(
        &mut durable.service,
        "move_note",
        json!(["/box/n", "/box/m"]),
    )
    .unwrap();
    assert_eq!(
        kept(&durable.replica, "deep/box/m"),
        Some(b"onetwo".to_vec())
    );
    assert_eq!(kept(&durable.replica, "deep/box/n"), None);
}

#[test]
fn a_refusing_journal_undoes_the_call_and_stops_the_service() {
    let mut durable = durable(OnError::Keep);
    call(&mut durable.service, "save_note", json!(["/box/n", "one"])).unwrap();
    *durable.refuse.lock().unwrap() = true;
    let error = call(&mut durable.service, "save_note", json!(["/box/n", "two"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "IOError: file changes could not be stored: disk full"
    );
    assert_eq!(durable.service.vfs().read("deep/box/n").unwrap(), b"one");
    *durable.refuse.lock().unwrap() = false;
    assert!(matches!(
        call(&mut durable.service, "load_note", json!(["/box/n"])),
        Err(Error::Broken(_))
    ));
}

/// Fuel of the last call of `save_note`.
fn fuel(service: &Service) -> u64 {
    service
        .stats()
        .find(|(_, function, _)| *function == "save_note")
        .unwrap()
        .2
        .fuel
}

#[test]
fn files_of_a_failing_call_stay_or_go_as_configured() {
    for (on_error, stays) in [(OnError::Keep, true), (OnError::RollBack, false)] {
        let mut durable = durable(on_error);
        let service = &mut durable.service;
        for name in ["a", "b", "c"] {
            call(
                service,
                "save_note",
                json!([format!("/box/{name}"), "text"]),
            )
            .unwrap();
        }
        let before = fuel(service);
        call(service, "save_note", json!(["/box/d", "text"])).unwrap();
        // One unit short: the file is written, the call fails on its last steps.
        let short = Budget {
            fuel: fuel(service) - before - 1,
            deadline: None,
        };
        let error = service.call(
            "save_note",
            &json!(["/box/e", "text"]),
            CallParameters::default(),
            short,
        );
        assert_eq!(error.unwrap_err().budget(), Some(BudgetKind::Fuel));
        assert_eq!(durable.service.vfs().read("deep/box/e").is_ok(), stays);
        assert_eq!(kept(&durable.replica, "deep/box/e").is_some(), stays);
    }
}

#[test]
fn curl_is_native_and_other_programs_are_missing() {
    let host = Scripted::default();
    let mut module = ModuleConfig::new("runner");
    module
        .mounted_binaries
        .insert("curl".into(), program("/usr/bin/curl"));
    module
        .mounted_binaries
        .insert("tool".into(), program("/usr/bin/tool"));
    let mut service = single(
        module,
        &guest("runner"),
        ServiceConfig::default(),
        scratch(),
        host.clone(),
    )
    .unwrap();
    let answer = call(&mut service, "fetch_raw", json!(["http://there/"])).unwrap();
    assert_eq!(
        answer,
        json!({"ret_code": 0, "error": "", "stdout": b"page", "stderr": []})
    );
    let words = json!([[
        "-X",
        "put",
        "--data-binary",
        "a=1",
        "-H",
        "X-Key: v",
        "http://there/"
    ]]);
    assert_eq!(call(&mut service, "fetch_len", words).unwrap(), json!(4));
    let request = host.requests.lock().unwrap()[1].clone();
    assert_eq!(
        (request.method.as_str(), request.body.as_slice()),
        ("PUT", b"a=1".as_slice())
    );
    assert!(
        request
            .headers
            .contains(&("X-Key".to_string(), "v".to_string()))
    );
    // As the published effectors ask.
    let words = "http://there/ -X GET -H X-A:b --connect-timeout 5 --no-progress-meter --retry 0";
    let words: Vec<&str> = words.split(' ').collect();
    assert_eq!(
        call(&mut service, "fetch_len", json!([words])).unwrap(),
        json!(4)
    );
    assert_eq!(
        call(&mut service, "fetch_len", json!([["--teleport", "x"]])).unwrap(),
        json!(-2)
    );
    assert_eq!(
        call(&mut service, "fetch_len", json!([["http://nowhere/"]])).unwrap(),
        json!(-7)
    );
    let answer = call(&mut service, "use_tool", json!([[]])).unwrap();
    assert_eq!(answer["ret_code"], 100_001);
    assert_eq!(answer["error"], "No such file or directory (os error 2)");
}

#[test]
fn the_published_ipfs_effector_works_over_http() {
    let host = Scripted::default();
    let mut module = ModuleConfig::new("ipfs_effector");
    module
        .mounted_binaries
        .insert("ipfs".into(), program("/usr/bin/ipfs"));
    module
        .mapped_dirs
        .insert("/tmp/vault".into(), "vault".into());
    let vfs = scratch();
    let mut service = single(
        module,
        aqua_ipfs_distro::IPFS_EFFECTOR,
        ServiceConfig::default(),
        vfs.clone(),
        host.clone(),
    )
    .unwrap();
    vfs.write("vault/in", b"some bytes", 0).unwrap();
    let api = "/ip4/127.0.0.1/tcp/5001";
    let put = call(&mut service, "put", json!(["/tmp/vault/in", api, 5])).unwrap();
    assert_eq!(
        put,
        json!({"success": true, "error": "", "hash": "bafyfile"})
    );
    let get = call(
        &mut service,
        "get",
        json!(["bafyfile", "/tmp/vault/out", api, 5]),
    )
    .unwrap();
    assert_eq!(get, json!({"success": true, "error": ""}));
    assert_eq!(vfs.read("vault/out").unwrap(), b"contents");
    let cat = call(&mut service, "cat", json!(["bafyfile", api, 5])).unwrap();
    assert_eq!(cat["contents"], "contents");
    let id = call(&mut service, "get_peer_id", json!([api, 5])).unwrap();
    assert_eq!(
        (id["success"].clone(), id["peer_id"].clone()),
        (json!(true), json!("12D3KooWpeer"))
    );
    let requests = host.requests.lock().unwrap();
    assert!(
        requests
            .iter()
            .all(|request| request.url.starts_with("http://127.0.0.1:5001/api/v0/"))
    );
    assert!(
        requests[0]
            .body
            .windows(10)
            .any(|window| window == b"some bytes")
    );
}

#[test]
fn log_lines_pass_masks_and_levels() {
    let host = Scripted::default();
    let mut module = ModuleConfig::new("wasi_probe");
    module.envs.insert("WASM_LOG".into(), "info".into());
    let mut service = single(
        module,
        &guest("wasi_probe"),
        ServiceConfig::default(),
        scratch(),
        host.clone(),
    )
    .unwrap();
    call(&mut service, "log_all", json!(["hello"])).unwrap();
    let lines = host.lines.lock().unwrap();
    assert_eq!(
        *lines,
        [
            "wasi_probe error hello",
            "wasi_probe warn hello",
            "wasi_probe info hello"
        ]
    );
}

#[test]
fn text_results_keep_the_order_of_fields() {
    let mut service = simple("records");
    let text = service.call_text(
        "new_ticket",
        &json!([7, "n"]),
        CallParameters::default(),
        Budget::UNLIMITED,
    );
    assert_eq!(text.unwrap(), r#"{"id":7,"note":"n"}"#);
}

#[test]
fn a_rest_keeps_memory_files_and_limits_and_takes_little() {
    let mut store = ModuleStore::default();
    let module = store
        .load("sqlite3", "sqlite3", fluence_spell_distro::SQLITE_WASM)
        .unwrap();
    let vfs = scratch();
    let mut config = ModuleConfig::new("sqlite3");
    config.mapped_dirs.insert("/tmp".into(), "tmp".into());
    let mut service_config = ServiceConfig::default();
    service_config.limits.memory = 16 << 20;
    let mut service = Service::new(
        store.engine(),
        service_config,
        &[(config, module)],
        vfs,
        Box::new(Scripted::default()),
    )
    .unwrap();
    let call = |service: &mut Service, function: &str, args: Value| {
        service
            .call(
                function,
                &args,
                CallParameters::default(),
                Budget::UNLIMITED,
            )
            .unwrap()
    };
    let db =
        call(&mut service, "sqlite3_open_v2", json!(["/tmp/a.db", 6, ""]))["db_handle"].clone();
    let run = |service: &mut Service, sql: &str| {
        call(service, "sqlite3_exec", json!([db, sql, 0, 0]))["ret_code"].clone()
    };
    assert_eq!(
        run(
            &mut service,
            "create table t(x); begin; insert into t values (1)"
        ),
        0
    );
    let memory = service.memory_stats();
    let awake: u64 = memory.iter().map(|module| module.bytes).sum();
    let parked = service.park().ok().unwrap();
    assert!(parked.bytes() * 3 < awake, "{} of {awake}", parked.bytes());
    assert!(parked.vfs().read("tmp/a.db").is_ok());
    let mut service = parked.wake().ok().unwrap();
    assert_eq!(service.memory_stats(), memory);
    // The handle, the open descriptor and the transaction are as before.
    assert_eq!(run(&mut service, "insert into t values (2); commit"), 0);
    assert_eq!(run(&mut service, "select nothing from t"), 1);
    assert_eq!(service.memory_rejects(), 0);
    // What was granted before the rest counts on: the limit is of the service's life.
    assert_eq!(
        run(&mut service, "select length(hex(zeroblob(10000000)))"),
        7
    );
}
