//! Rust's standard library on this host: the guest `std` uses `std::fs`, `std::io` and `std::time`
//! and panics when something is not as on Linux; each test looks at what it says at the end.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use basalt_wasm_host::{
    Budget, CallParameters, ModuleConfig, ModuleStore, Service, ServiceConfig, Vfs, Volume,
    host::{Host, HttpRequest, HttpResponse},
    logger::Level,
    vfs::Quota,
};
use serde_json::{Value, json};

/// What was written, and to which stream.
type Output = Arc<Mutex<Vec<(u32, Vec<u8>)>>>;

/// A millisecond passes with each look at a clock, and a sleep takes as long as it says.
#[derive(Clone, Default)]
struct Ticking {
    ns: u64,
    output: Output,
}

const WALL: u64 = 1_700_000_000_000_000_000;

impl Host for Ticking {
    fn now(&mut self) -> u64 {
        WALL + self.monotonic()
    }

    fn monotonic(&mut self) -> u64 {
        self.ns += 1_000_000;
        self.ns
    }

    fn random(&mut self, buffer: &mut [u8]) {
        buffer.fill(4);
    }

    fn sleep(&mut self, ns: u64) {
        self.ns += ns;
    }

    fn log(&mut self, _: &str, _: Level, _: &str) {}

    fn output(&mut self, _: &str, stream: u32, bytes: &[u8]) {
        self.output.lock().unwrap().push((stream, bytes.to_vec()));
    }

    fn http(&mut self, _: &HttpRequest, _: Option<u64>) -> Result<HttpResponse, String> {
        Err("no network".to_string())
    }
}

struct Guest {
    service: Service,
    output: Output,
}

impl Guest {
    fn new() -> Self {
        let host = Ticking::default();
        let output = host.output.clone();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/wasm");
        let wasm = std::fs::read(folder.join("std.wasm")).unwrap();
        let mut store = ModuleStore::default();
        let module = store.load("std", "std", &wasm).unwrap();
        let mut config = ModuleConfig::new("std");
        config
            .mapped_dirs
            .insert("/storage".into(), "storage".into());
        let service = Service::new(
            store.engine(),
            ServiceConfig::default(),
            &[(config, module)],
            Vfs::new(Volume::scratch(1, Quota::default())),
            Box::new(host),
        );
        Self {
            service: service.unwrap(),
            output,
        }
    }

    /// What a function gives, or what it wrote to standard error.
    fn call(&mut self, function: &str, arguments: Value) -> Result<Value, String> {
        let result = self.service.call(
            function,
            &arguments,
            CallParameters::default(),
            Budget::UNLIMITED,
        );
        result.map_err(|error| format!("{error}\n{}", self.said(2)))
    }

    fn on_files(&mut self, function: &str) -> Value {
        let told = self.call(function, json!(["/storage"]));
        told.unwrap_or_else(|error| panic!("{function}: {error}"))
    }

    fn said(&self, stream: u32) -> String {
        let output = self.output.lock().unwrap();
        let bytes: Vec<u8> = output
            .iter()
            .filter(|(to, _)| *to == stream)
            .flat_map(|(_, bytes)| bytes.clone())
            .collect();
        String::from_utf8(bytes).unwrap()
    }
}

#[test]
fn files_are_written_read_and_moved() {
    assert_eq!(Guest::new().on_files("fs_files"), "a");
}

#[test]
fn files_open_in_all_ways() {
    assert_eq!(Guest::new().on_files("fs_open"), "opened");
}

#[test]
fn files_have_metadata_and_times() {
    assert_eq!(Guest::new().on_files("fs_metadata"), "timed");
}

#[test]
fn files_have_links() {
    let left = Guest::new().on_files("fs_links");
    assert_eq!(left, "dangling@ outside@ round@ same soft@");
}

#[test]
fn directories_are_made_read_moved_and_removed() {
    assert_eq!(Guest::new().on_files("fs_directories"), "");
}

#[test]
fn streams_and_buffers_work() {
    let mut guest = Guest::new();
    assert_eq!(guest.on_files("io_streams"), "abcd");
    assert_eq!(guest.said(1), "to stdout, a line\n");
    assert_eq!(guest.said(2), "to stderr, bytes\n");
}

#[test]
fn time_passes_as_long_as_one_sleeps() {
    let mut guest = Guest::new();
    let passed = guest.call("time_passes", json!([250])).unwrap();
    for clock in passed.as_array().unwrap() {
        let ms = clock.as_u64().unwrap();
        // Each look at a clock takes a millisecond more.
        assert!((250..270).contains(&ms), "{passed}");
    }
}

#[test]
fn what_a_panic_says_is_on_standard_error() {
    let mut guest = Guest::new();
    let error = guest.call("look", json!(["/nowhere"])).unwrap_err();
    assert!(error.contains("a directory"), "{error}");
}
