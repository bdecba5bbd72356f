//! What those who write services get wrong, and how the error reads: the table of
//! `docs/services.md`.

use basalt_node::limits::ServiceLimits;
use serde_json::{Value, json};

use super::bench::{MANAGEMENT, STRANGER};
use super::house::*;

/// What is done with the modules.
enum Step {
    /// The last one is uploaded.
    Upload,
    /// A service is made of them.
    Create,
    /// A function of the service is called.
    Call(&'static str, Value),
}
use Step::{Call, Create, Upload};

/// A mistake: its name in the page, the modules, what is done, how the error begins and what else
/// stands in it.
struct Row {
    name: &'static str,
    modules: Vec<(&'static str, Vec<u8>)>,
    step: Step,
    error: &'static str,
    also: &'static str,
}

fn row(
    name: &'static str,
    modules: Vec<(&'static str, Vec<u8>)>,
    step: Step,
    error: &'static str,
    also: &'static str,
) -> Row {
    Row {
        name,
        modules,
        step,
        error,
        also,
    }
}

/// A number in LEB128 and where it ends.
fn number(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let (mut value, mut shift) = (0, 0);
    loop {
        value |= usize::from(bytes[at] & 0x7f) << shift;
        shift += 7;
        at += 1;
        if bytes[at - 1] < 0x80 {
            return (value, at);
        }
    }
}

fn write_number(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A module with its sections changed; those that become `None` go.
fn edited(wasm: &[u8], change: impl Fn(u8, &str, &[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut out = wasm[..8].to_vec();
    let mut at = 8;
    while at < wasm.len() {
        let id = wasm[at];
        let (len, start) = number(wasm, at + 1);
        let body = &wasm[start..start + len];
        let name = match id {
            0 => {
                let (len, start) = number(body, 0);
                core::str::from_utf8(&body[start..start + len]).unwrap()
            }
            _ => "",
        };
        if let Some(body) = change(id, name, body) {
            out.push(id);
            out.extend(write_number(body.len()));
            out.extend(body);
        }
        at = start + len;
    }
    out
}

fn without(wasm: &[u8], section: &str) -> Vec<u8> {
    edited(wasm, |_, name, body| {
        (name != section).then(|| body.to_vec())
    })
}

/// A text of a section replaced by another of its length.
fn replaced(wasm: &[u8], section: &str, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    edited(wasm, |id, name, body| {
        let mut body = body.to_vec();
        let wanted = match section {
            "imports" => id == 2,
            "exports" => id == 7,
            _ => id == 0 && name == section,
        };
        let found = body
            .windows(old.len())
            .position(|text| text == old.as_bytes());
        if let (true, Some(at)) = (wanted, found) {
            body[at..][..new.len()].copy_from_slice(new.as_bytes());
        }
        Some(body)
    })
}

/// A module with a start section that executes one of its exports.
fn started_by(wasm: &[u8], export: &str) -> Vec<u8> {
    const EXPORTS: u8 = 7;
    let index = std::cell::Cell::new(0);
    edited(wasm, |id, _, body| {
        if id == EXPORTS {
            let mut at = number(body, 0).1;
            while at < body.len() {
                let (len, start) = number(body, at);
                let (function, end) = number(body, start + len + 1);
                if &body[start..start + len] == export.as_bytes() {
                    index.set(function);
                }
                at = end;
            }
        }
        Some(body.to_vec())
    });
    let start = write_number(index.get());
    // After the exports, before the elements.
    let mut out = wasm[..8].to_vec();
    let mut at = 8;
    let mut done = false;
    while at < wasm.len() {
        let (len, start_of) = number(wasm, at + 1);
        if !done && wasm[at] > EXPORTS {
            out.push(8);
            out.extend(write_number(start.len()));
            out.extend(&start);
            done = true;
        }
        out.extend(&wasm[at..start_of + len]);
        at = start_of + len;
    }
    out
}

/// A module whose start function calls itself.
fn endless() -> Vec<u8> {
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    // A type, a function of it, a start section, and the code: call 0.
    out.extend([1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 8, 1, 0]);
    out.extend([10, 6, 1, 4, 0, 0x10, 0, 0x0b]);
    for (name, content) in [
        ("__fluence_sdk_version", "0.14.0"),
        ("interface-types", "\x05\x060.28.0"),
    ] {
        let mut body = write_number(name.len());
        body.extend(name.bytes().chain(content.bytes()));
        out.push(0);
        out.extend(write_number(body.len()));
        out.extend(body);
    }
    out
}

fn rows() -> Vec<Row> {
    let faults = guest("faults");
    let chain_a = guest("chain_a");
    let chain_b = guest("chain_b");
    let one = |wasm: Vec<u8>| vec![("faults", wasm)];
    vec![
        row(
            "the file is no Wasm module",
            one(b"hello world".to_vec()),
            Upload,
            "Error: Wasm backend error: ",
            "magic header",
        ),
        row(
            "it is a component",
            one(b"\0asm\x0d\0\x01\0".to_vec()),
            Upload,
            "Error: Wasm backend error: ",
            "component",
        ),
        row(
            "it is cut off",
            one(faults[..faults.len() / 2].to_vec()),
            Upload,
            "Error: Wasm backend error: ",
            "unexpected end",
        ),
        row(
            "it was built without the SDK",
            one(without(&faults, "__fluence_sdk_version")),
            Upload,
            "Error: the module doesn't contain section with '__fluence_sdk_version', probably it's compiled with an old sdk version",
            "",
        ),
        row(
            "the SDK's version is none",
            one(replaced(
                &faults,
                "__fluence_sdk_version",
                "0.14.0",
                "0.05.0",
            )),
            Upload,
            "Error: __fluence_sdk_version is no version: 0.05.0",
            "",
        ),
        row(
            "the SDK is older than 0.6",
            one(replaced(
                &faults,
                "__fluence_sdk_version",
                "0.14.0",
                "0.5.10",
            )),
            Upload,
            "Error: module with name 'faults' compiled with 0.5.10 sdk version, but at least 0.6.0 required",
            "",
        ),
        row(
            "the interface is missing",
            one(without(&faults, "interface-types")),
            Upload,
            "Error: the module doesn't contain IT section",
            "",
        ),
        row(
            "the interface's format is older than 0.20",
            one(replaced(&faults, "interface-types", "0.28.0", "0.19.0")),
            Upload,
            "Error: module with name 'faults' compiled with 0.19.0 IT version, but at least 0.20.0 required",
            "",
        ),
        row(
            "the interface is damaged",
            one(replaced(&faults, "interface-types", "0.28.0", "x.28.0")),
            Upload,
            "Error: IT section is corrupted: ",
            "version",
        ),
        row(
            "the interface names a function that is not exported",
            one(replaced(&faults, "exports", "fault_panic", "fault_paniq")),
            Create,
            "Error: engine error: Wasm backend error: export not found: fault_panic",
            "",
        ),
        row(
            "a WASI function that there is not",
            one(replaced(&faults, "imports", "fd_write", "fd_wrote")),
            Create,
            "Error: engine error: Wasm backend error: unknown import: `wasi_snapshot_preview1::fd_wrote` has not been defined",
            "",
        ),
        row(
            "an import of nobody",
            one(replaced(
                &faults,
                "imports",
                "wasi_snapshot_preview1",
                "wasi_snapshot_preview9",
            )),
            Create,
            "Error: engine error: Wasm backend error: unknown import: `wasi_snapshot_preview9::",
            "",
        ),
        row(
            "a module that another imports is missing",
            vec![("chain_b", chain_b.clone())],
            Create,
            "Error: engine error: module with name 'chain_a' isn't loaded into Marine",
            "",
        ),
        row(
            "it stands after the one that imports it",
            vec![("chain_b", chain_b.clone()), ("chain_a", chain_a.clone())],
            Create,
            "Error: engine error: module with name 'chain_a' isn't loaded into Marine",
            "",
        ),
        row(
            "it has another name",
            vec![("chain_x", chain_a.clone()), ("chain_b", chain_b.clone())],
            Create,
            "Error: engine error: module with name 'chain_a' isn't loaded into Marine",
            "",
        ),
        row(
            "two modules have one name",
            vec![("twice", chain_a.clone()), ("twice", faults.clone())],
            Create,
            "Error: module with name twice is specified in config, but not found in provided modules",
            "",
        ),
        row(
            "it lacks the function",
            vec![("chain_a", faults.clone()), ("chain_b", chain_b.clone())],
            Create,
            "Error: engine error: module with name 'chain_b' doesn't have function with name mark",
            "",
        ),
        row(
            "a program of the host that it may not use",
            vec![("runner", guest("runner"))],
            Create,
            "Error: Config error: requested module effector runner with CID ",
            "is forbidden on this host",
        ),
        row(
            "a trap in the start function",
            one(started_by(&faults, "fault_abort")),
            Create,
            "Error: engine error: Wasm backend error: Trap occurred: wasm `unreachable` instruction executed",
            "",
        ),
        row(
            "endless recursion",
            vec![("endless", endless())],
            Create,
            "Error: engine error: Wasm backend error: Trap occurred: ",
            "stack",
        ),
        row(
            "no function of this name",
            one(faults.clone()),
            Call("fault_panik", json!(["x"])),
            "Error: function with name `fault_panik` is missing",
            "",
        ),
        row(
            "too few arguments",
            one(faults.clone()),
            Call("fault_divide", json!([1])),
            "Error: arguments from json deserialization error in module \"faults\", function \"fault_divide\": ",
            "",
        ),
        row(
            "too many arguments",
            one(faults.clone()),
            Call("fault_divide", json!([1, 2, 3])),
            "Error: arguments from json deserialization error in module \"faults\", function \"fault_divide\": ",
            "",
        ),
        row(
            "an argument of another type",
            one(faults.clone()),
            Call("fault_panic", json!([5])),
            "Error: arguments from json deserialization error in module \"faults\", function \"fault_panic\": ",
            "",
        ),
        row(
            "a panic",
            one(faults.clone()),
            Call("fault_panic", json!(["the reason"])),
            "Error: engine error: Execution error: ",
            "panicked at 'the reason', ",
        ),
        row(
            "an index out of bounds",
            one(faults.clone()),
            Call("fault_index", json!([[1, 2], 7])),
            "Error: engine error: Execution error: ",
            "index out of bounds: the len is 2 but the index is 7",
        ),
        row(
            "unreachable code",
            one(faults.clone()),
            Call("fault_unreachable", json!([])),
            "Error: engine error: Execution error: `call-core ",
            "Trap occurred: wasm `unreachable` instruction executed",
        ),
        row(
            "exit",
            one(faults.clone()),
            Call("fault_exit", json!([3])),
            "Error: engine error: Execution error: `call-core ",
            "exit",
        ),
        row(
            "a text that is not UTF-8",
            one(faults.clone()),
            Call("fault_utf8", json!([[255, 254]])),
            "Error: engine error: Execution error: `string.lift_memory` ",
            "",
        ),
        row(
            "more memory than the limit",
            vec![("limits", guest("limits"))],
            Call("hold_bytes", json!([64 << 20])),
            "Error: Engine error when OOM suspected (",
            "failed allocations), original error: ",
        ),
        row(
            "a call that takes too long",
            vec![("bench_mod", guest("bench_mod"))],
            Call("sha256_blocks", json!([2_000_000_000])),
            "Error: engine error: Execution error: `call-core ",
            "the call's time budget is used up",
        ),
    ]
}

/// The whole error of a step that fails.
fn failure(house: &mut House, row: &Row) -> String {
    let fail = |house: &mut House, author, service: &str, function: &str, arguments| {
        let begun = house.begin(author, super::bench::HOST, service, function, arguments);
        let (ret_code, text) = house.end(begun);
        assert_eq!(ret_code, 1, "{}: {text}", row.name);
        serde_json::from_str::<String>(&text).unwrap()
    };
    let text = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let mut cids = Vec::new();
    for (name, bytes) in &row.modules {
        let arguments = json!([text(bytes), {"name": name}]);
        if let Upload = row.step {
            return fail(house, MANAGEMENT, "dist", "add_module", arguments);
        }
        cids.push(house.ask(MANAGEMENT, "dist", "add_module", arguments));
    }
    let blueprint = house.ask(
        MANAGEMENT,
        "dist",
        "make_blueprint",
        json!([row.name, cids]),
    );
    let blueprint = house.ask(MANAGEMENT, "dist", "add_blueprint", json!([blueprint]));
    let Call(function, arguments) = &row.step else {
        return fail(house, MANAGEMENT, "srv", "create", json!([blueprint]));
    };
    let id = house.ask(MANAGEMENT, "srv", "create", json!([blueprint]));
    let id = id.as_str().unwrap();
    fail(house, STRANGER, id, function, arguments.clone())
}

#[test]
fn each_mistake_has_an_error_that_says_what_and_where() {
    let limits = ServiceLimits {
        service_memory: 16 << 20,
        // The clock goes on by one at each look, which a guest's loop makes it do.
        max_call_ms: 60,
        ..ServiceLimits::default()
    };
    let page = include_str!("../../../docs/services.md");
    let mut wrong = String::new();
    for row in rows() {
        // Each in a house of its own: a module keeps the name that it was given first.
        let mut house = House::with(limits.clone(), disk(64 << 20));
        let error = failure(&mut house, &row);
        if !error.starts_with(row.error) || !error.contains(row.also) {
            wrong += &format!("{}:\n    {error}\n", row.name);
        }
        if !page.contains(&format!("| {} |", row.name)) {
            wrong += &format!("{} is not in docs/services.md\n", row.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
