//! Modules, blueprints, services, vaults, statistics.

use basalt_net::particle::Authored;
use basalt_node::limits::ServiceLimits;
use basalt_node::refusal::Refusal;
use basalt_node::state::Namespace;
use serde_json::{Value, json};

use super::bench::{HOST, MANAGEMENT, STRANGER, peer};
use super::house::*;

/// What is tested here rather than in the table of cases.
pub(crate) const TESTED: &[(&str, &str)] = &[
    ("srv", "list"),
    ("srv", "create"),
    ("srv", "remove"),
    ("srv", "get_interface"),
    ("srv", "resolve_alias"),
    ("srv", "resolve_alias_opt"),
    ("srv", "add_alias"),
    ("srv", "info"),
    ("dist", "add_module"),
    ("dist", "add_module_from_vault"),
    ("dist", "add_module_bytes_from_vault"),
    ("dist", "add_blueprint"),
    ("dist", "load_module_config"),
    ("dist", "load_blueprint"),
    ("dist", "list_modules"),
    ("dist", "get_module_interface"),
    ("dist", "list_blueprints"),
    ("dist", "get_blueprint"),
    ("stat", "service_memory"),
    ("stat", "service_stat"),
    ("vault", "put"),
    ("vault", "cat"),
];

const GUARD: &str = "This function is only available to the host or worker spells";
/// As the network's tools compute them.
const FILES: &str = "bafkreidqm4ycwosn245dol5h7ofwampull4fn53abjvslknw6hi4uwnz2q";
const CHAIN_A: &str = "bafkreiaaxick6o3bdx3ogsedgaoppa4e7qkdkq2jewb7g6kbmxsno3dqom";

fn missing(field: &str) -> String {
    format!("Error: Field '{field}' is missing from args to call_service")
}

#[test]
fn protected_functions_read_their_arguments_then_refuse_strangers() {
    let mut house = House::new();
    for (service, function, arguments, first) in [
        ("srv", "create", json!(["id"]), "blueprint_id"),
        ("srv", "remove", json!(["id"]), "service_id_or_alias"),
        ("srv", "add_alias", json!(["alias", "id"]), "alias"),
        (
            "dist",
            "add_module",
            json!(["", {"name": "x"}]),
            "module_bytes",
        ),
        (
            "dist",
            "add_module_from_vault",
            json!(["a", {"name": "x"}]),
            "module_path",
        ),
        (
            "dist",
            "add_module_bytes_from_vault",
            json!(["x", "a"]),
            "module_name",
        ),
        ("dist", "add_blueprint", json!(["{}"]), "blueprint"),
    ] {
        assert_eq!(
            house.fail(STRANGER, service, function, json!([])),
            missing(first),
            "{service}.{function}"
        );
        let wrong = house.fail(STRANGER, service, function, json!([5]));
        assert_eq!(
            wrong,
            format!("Error: Error deserializing field '{first}': expected string, got 5")
        );
        assert_eq!(house.fail(STRANGER, service, function, arguments), GUARD);
    }
}

#[test]
fn a_module_becomes_a_service_that_answers() {
    let mut house = House::new();
    assert_eq!(house.add_module("files", &guest("files")), FILES);
    let modules = house.ask(STRANGER, "dist", "list_modules", json!([]));
    let listed = json!({"name": "files", "hash": FILES, "config": {"name": "files"}});
    assert!(modules.as_array().unwrap().contains(&listed), "{modules}");
    let text = house.ask(
        STRANGER,
        "dist",
        "make_blueprint",
        json!(["one module", [CHAIN_A]]),
    );
    let id = house.ask(MANAGEMENT, "dist", "add_blueprint", json!([text]));
    let blueprint = json!({"name": "one module", "id": id, "dependencies": [CHAIN_A]});
    assert_eq!(
        house.ask(STRANGER, "dist", "get_blueprint", json!([id])),
        blueprint
    );
    let listed = house.ask(STRANGER, "dist", "list_blueprints", json!([]));
    assert!(listed.as_array().unwrap().contains(&blueprint), "{listed}");
    assert_eq!(
        house.fail(HOST, "srv", "create", json!([id])),
        format!("Error: Module with CID '{CHAIN_A}' wasn't found")
    );
    assert_eq!(house.ask(STRANGER, "srv", "list", json!([])), json!([]));

    let service = house.deploy(&["files"]);
    let info = house.ask(STRANGER, "srv", "info", json!([service]));
    assert_eq!(
        info,
        json!({
            "id": service,
            "blueprint_id": info["blueprint_id"],
            "service_type": "service",
            "owner_id": peer(MANAGEMENT).to_string(),
            "aliases": [],
            "worker_id": peer(HOST).to_string(),
        })
    );
    assert_eq!(house.ask(STRANGER, "srv", "list", json!([])), json!([info]));
    let interface = house.ask(STRANGER, "srv", "get_interface", json!([service]));
    assert_eq!(
        interface,
        house.ask(STRANGER, "dist", "get_module_interface", json!([FILES]))
    );
    assert_eq!(
        interface["record_types"][0]["fields"][0],
        json!({"name": "found", "ty": "bool"})
    );
    let note = json!({"found": true, "text": "", "problem": ""});
    let saved = house.ask(
        STRANGER,
        &service,
        "save_note",
        json!(["/storage/a", "text"]),
    );
    assert_eq!(saved, note);
    let begun = house.begin(STRANGER, HOST, &service, "load_note", json!(["/storage/a"]));
    let text = r#"{"found":true,"text":"text","problem":""}"#;
    assert_eq!(house.end(begun), (0, text.into()), "fields in their order");
    assert_eq!(
        house.fail(STRANGER, &service, "nothing", json!([])),
        "Error: function with name `nothing` is missing"
    );
    assert_eq!(
        house.fail(STRANGER, &service, "load_note", json!([])),
        "Error: arguments from json deserialization error in module \"files\", function \"load_note\": function requires 1 arguments, 0 provided"
    );
    assert_eq!(
        house.fail(STRANGER, "nobody", "load_note", json!([])),
        "Service with id 'nobody' not found (function load_note)"
    );
}

#[test]
fn blueprints_and_modules_that_are_none_are_refused() {
    let mut house = House::new();
    for (text, why) in [
        (
            "",
            "Error: Error deserializing blueprint from IPLD: EOF while parsing a value at line 1 column 0",
        ),
        (
            "{\"dependencies\":[]}",
            "Error: Error deserializing blueprint from IPLD: missing field `name`",
        ),
        (
            "{\"name\":\"x\"}",
            "Error: Error deserializing blueprint from IPLD: missing field `dependencies`",
        ),
        (
            "{\"name\":\"x\",\"dependencies\":[\"a\"]}",
            "Error: Error deserializing blueprint from IPLD: a dependency is no link",
        ),
        (
            "{\"name\":\"x\",\"dependencies\":[]}",
            "Error: Blueprint 'x' has empty list of dependencies",
        ),
    ] {
        assert_eq!(
            house.fail(HOST, "dist", "add_blueprint", json!([text])),
            why
        );
    }
    let wanting = "Error: Blueprint 'x' wasn't found";
    assert_eq!(house.fail(HOST, "srv", "create", json!(["x"])), wanting);
    assert_eq!(
        house.fail(HOST, "dist", "get_blueprint", json!(["x"])),
        wanting
    );
    let unknown = house.fail(HOST, "dist", "get_module_interface", json!(["x"]));
    assert_eq!(unknown, "Error: Module with CID 'x' wasn't found");
    let config = json!({"name": "x"});
    let base64 = house.fail(HOST, "dist", "add_module", json!(["?", config]));
    assert!(base64.starts_with("error decoding base64"), "{base64}");
    let nameless = house.fail(HOST, "dist", "add_module", json!(["AAAA", {}]));
    assert_eq!(nameless, "the module config has no name");
    let broken = house.fail(HOST, "dist", "add_module", json!(["AAAA", config]));
    assert!(broken.starts_with("Error: Wasm backend error"), "{broken}");
    let left = house.ask(HOST, "dist", "list_modules", json!([]));
    // The spell service's own two.
    assert_eq!(left.as_array().unwrap().len(), 2);
    assert_eq!(house.fail(HOST, "srv", "info", json!(["x"])), {
        format!("Error: Service with id 'x' not found on {}", peer(HOST))
    });
}

#[test]
fn aliases_name_services_and_move() {
    let mut house = House::new();
    let (a, b) = (house.deploy(&["files"]), house.deploy(&["files"]));
    assert_ne!(a, b);
    let name = |house: &mut House, alias: &str, id: &str| {
        house.ask(MANAGEMENT, "srv", "add_alias", json!([alias, id]))
    };
    assert_eq!(name(&mut house, "notes", &a), "");
    assert_eq!(name(&mut house, "notes", &a), "");
    assert_eq!(
        house.ask(STRANGER, "srv", "resolve_alias", json!(["notes"])),
        json!(a)
    );
    assert_eq!(
        house.ask(STRANGER, "srv", "resolve_alias_opt", json!(["notes"])),
        json!([a])
    );
    assert_eq!(
        house.ask(STRANGER, "srv", "resolve_alias_opt", json!(["none"])),
        json!([])
    );
    assert_eq!(
        house.fail(STRANGER, "srv", "resolve_alias", json!(["none"])),
        format!(
            "Error: Service with alias 'none' is not found on worker '{}'",
            peer(HOST)
        )
    );
    house.ask(
        STRANGER,
        "notes",
        "save_note",
        json!(["/storage/x", "in a"]),
    );
    name(&mut house, "notes", &b);
    let lost = house.ask(STRANGER, "notes", "load_note", json!(["/storage/x"]));
    assert_eq!(lost["found"], false);
    let info = |house: &mut House, id: &str| house.ask(STRANGER, "srv", "info", json!([id]));
    assert_eq!(info(&mut house, &a)["aliases"], json!([]));
    assert_eq!(info(&mut house, "notes")["aliases"], json!(["notes"]));

    for (alias, why) in [
        (
            "spell",
            "Error: Cannot add alias 'spell' because it is reserved".to_string(),
        ),
        (
            "self",
            "Error: Cannot add alias 'self' because it is reserved".to_string(),
        ),
        (
            a.as_str(),
            format!("Error: Cannot add alias '{a}' because there is a service with that id"),
        ),
    ] {
        let refused = house.fail(MANAGEMENT, "srv", "add_alias", json!([alias, b]));
        assert_eq!(refused, why);
    }
    let unknown = house.fail(MANAGEMENT, "srv", "add_alias", json!(["x", "y"]));
    assert_eq!(
        unknown,
        format!("Error: Service with id 'y' not found on {}", peer(HOST))
    );
}

#[test]
fn who_made_a_service_can_remove_it() {
    let mut house = House::new();
    let id = house.deploy(&["files"]);
    house.ask(MANAGEMENT, "srv", "add_alias", json!(["notes", id]));
    assert_eq!(house.ask(MANAGEMENT, "srv", "remove", json!(["notes"])), "");
    assert_eq!(
        house.fail(MANAGEMENT, "srv", "remove", json!([id])),
        format!("Error: Service with id '{id}' not found on {}", peer(HOST))
    );
    assert_eq!(
        house.ask(STRANGER, "srv", "resolve_alias_opt", json!(["notes"])),
        json!([])
    );
    assert_eq!(house.ask(STRANGER, "srv", "list", json!([])), json!([]));
}

#[test]
fn a_reboot_brings_services_back_with_names_and_files() {
    let mut house = House::new();
    let id = house.deploy(&["files"]);
    let gone = house.deploy(&["files"]);
    house.ask(MANAGEMENT, "srv", "add_alias", json!(["notes", id]));
    house.ask(
        STRANGER,
        "notes",
        "save_note",
        json!(["/storage/x", "kept"]),
    );
    house.ask(STRANGER, "notes", "save_note", json!(["/tmp/x", "scratch"]));
    house.ask(STRANGER, &gone, "save_note", json!(["/storage/x", "x"]));
    house.ask(MANAGEMENT, "srv", "remove", json!([gone]));
    let info = house.ask(STRANGER, "srv", "info", json!([id]));
    let modules = house.ask(STRANGER, "dist", "list_modules", json!([]));
    let blueprints = house.ask(STRANGER, "dist", "list_blueprints", json!([]));
    let interface = house.ask(STRANGER, "srv", "get_interface", json!([id]));

    let mut house = house.rebooted();
    assert_eq!(house.ask(STRANGER, "srv", "list", json!([])), json!([info]));
    assert_eq!(
        house.ask(STRANGER, "dist", "list_modules", json!([])),
        modules
    );
    assert_eq!(
        house.ask(STRANGER, "dist", "list_blueprints", json!([])),
        blueprints
    );
    let again = house.ask(STRANGER, "srv", "get_interface", json!(["notes"]));
    assert_eq!(again, interface);
    let load =
        |house: &mut House, path: &str| house.ask(STRANGER, "notes", "load_note", json!([path]));
    assert_eq!(load(&mut house, "/storage/x")["text"], "kept");
    assert_eq!(load(&mut house, "/tmp/x")["found"], false);
    house.ask(STRANGER, "notes", "extend_note", json!(["/storage/x", "!"]));
    let mut house = house.rebooted();
    assert_eq!(load(&mut house, "/storage/x")["text"], "kept!");
}

#[test]
fn a_reboot_keeps_links_and_times() {
    let mut house = House::new();
    let id = house.deploy(&["std"]);
    let ask = |house: &mut House, function: &str, path: &str| {
        let told = house.ask(STRANGER, &id, function, json!([path]));
        told.as_str().unwrap().to_string()
    };
    let left = ask(&mut house, "leave", "/storage");
    for part in [
        "/storage/second 14 bytes [11000000000, 22000000000, ",
        "/storage/tree/deep/file 14 bytes [11000000000, 22000000000, ",
        "/storage/soft tree/deep [",
        "/storage/dangling nowhere [",
        "/storage/sparse 10000 bytes [",
        "/storage/over 7 bytes [",
    ] {
        assert!(left.contains(part), "{part} in {left}");
    }
    let mut house = house.rebooted();
    assert_eq!(ask(&mut house, "look", "/storage"), left);
    // Names of one node are so still, and a link leads to what it did.
    for (path, text) in [
        ("/storage/tree/deep/file", "contents, more"),
        ("/storage/second", "contents, more"),
        ("/storage/soft/file", "contents, more"),
        ("/storage/over", "renamed"),
        ("/storage/is too", "renamed"),
        ("/storage/is", "NotFound"),
        ("/storage/gone", "NotFound"),
        ("/storage/dangling", "NotFound"),
    ] {
        assert_eq!(ask(&mut house, "contents", path), text, "{path}");
    }
    ask(&mut house, "extend", "/storage/second");
    let mut house = house.rebooted();
    let file = ask(&mut house, "contents", "/storage/tree/deep/file");
    assert_eq!(file, "contents, more!");
    // So often that its records are written anew, from the tree as it is.
    let before = ask(&mut house, "look", "/storage");
    for round in 0..40 {
        let path = format!("/storage/round {}", round % 2);
        ask(&mut house, "rounds", &path);
    }
    let records = |house: &mut House| {
        let state = house.rooms.state_mut().unwrap();
        state.keys(Namespace::Files, id.as_bytes()).len()
    };
    assert!(records(&mut house) < 40, "{} records", records(&mut house));
    let mut house = house.rebooted();
    assert_eq!(ask(&mut house, "look", "/storage"), before);
}

#[test]
fn a_long_history_of_files_is_written_anew() {
    let mut house = House::new();
    let id = house.deploy(&["files"]);
    let long = "x".repeat(100_000);
    for round in 0..40 {
        let text = format!("{round} {long}");
        house.ask(STRANGER, &id, "save_note", json!(["/storage/x", text]));
    }
    let mut house = house.rebooted();
    let note = house.ask(STRANGER, &id, "load_note", json!(["/storage/x"]));
    assert_eq!(note["text"], format!("39 {long}"));
    let state = house.rooms.state_mut().unwrap();
    let records = state.keys(Namespace::Files, id.as_bytes()).len();
    assert!(records < 15, "{records} records of 100 kB");
}

#[test]
fn a_call_that_the_disk_has_no_room_for_fails_and_leaves_no_trace() {
    let mut house = House::with(ServiceLimits::default(), disk(6 << 20));
    let id = house.deploy(&["files"]);
    house.ask(STRANGER, &id, "save_note", json!(["/storage/x", "small"]));
    let large = "x".repeat(6 << 20);
    let refused = house.fail(STRANGER, &id, "save_note", json!(["/storage/x", large]));
    assert!(refused.starts_with("Error: the disk is full"), "{refused}");
    let note = house.ask(STRANGER, &id, "load_note", json!(["/storage/x"]));
    assert_eq!(note["text"], "small");
}

#[test]
fn calls_of_one_service_wait_for_each_other() {
    let limits = ServiceLimits {
        max_service_queue: 2,
        ..ServiceLimits::default()
    };
    let mut house = House::with(limits, disk(64 << 20));
    let id = house.deploy(&["files"]);
    house.ask(STRANGER, &id, "save_note", json!(["/storage/x", ""]));
    let mut extend = |text: &str| {
        let arguments = json!(["/storage/x", text]);
        house.begin(STRANGER, HOST, &id, "extend_note", arguments)
    };
    let begun = [extend("a"), extend("b"), extend("c")];
    let refused = extend("d");
    let text = house.end(refused).1;
    assert!(text.contains("too busy"), "{text}");
    for answer in begun.into_iter().rev() {
        // The last one waits for the others, whose answers are there then: nobody asks for them.
        if house.rooms.waiting_jobs() > 0 {
            assert_eq!(house.end(answer).0, 0);
        }
    }
    let note = house.ask(STRANGER, &id, "load_note", json!(["/storage/x"]));
    assert_eq!(note["text"], "abc");
}

#[test]
fn services_are_bounded_in_number_memory_and_time() {
    let limits = ServiceLimits {
        max_services: 1,
        service_memory: 1 << 20,
        max_call_ms: 50,
        ..ServiceLimits::default()
    };
    let mut house = House::with(limits, disk(64 << 20));
    let blueprint = {
        let cid = house.add_module("faults", &guest("faults"));
        let text = house.ask(HOST, "dist", "make_blueprint", json!(["f", [cid]]));
        house.ask(HOST, "dist", "add_blueprint", json!([text]))
    };
    let small = house.fail(HOST, "srv", "create", json!([blueprint]));
    assert!(
        small.contains("memory minimum size of 17 pages exceeds memory limits"),
        "{small}"
    );
    let limits = ServiceLimits {
        max_services: 1,
        max_call_ms: 50,
        ..ServiceLimits::default()
    };
    let mut house = House::with(limits, disk(64 << 20));
    house.deploy(&["files"]);
    let list = house.ask(HOST, "dist", "list_blueprints", json!([]));
    let full = house.fail(HOST, "srv", "create", json!([list[0]["id"]]));
    assert_eq!(
        full,
        "Error: this peer is too busy: there are too many services"
    );
}

#[test]
fn a_call_ends_with_its_time_or_its_particle() {
    let limits = ServiceLimits {
        max_call_ms: 20,
        ..ServiceLimits::default()
    };
    let mut house = House::with(limits, disk(64 << 20));
    let id = house.deploy(&["limits"]);
    // Pieces of nothing without end: each takes longer than the one before.
    let endless = json!([0, u32::MAX >> 1]);
    let late = house.fail(STRANGER, &id, "hold_pieces", endless.clone());
    assert!(late.contains("time"), "{late}");
    assert_eq!(house.rooms.refusals().of(Refusal::CallTime), 1);
    assert_eq!(house.rooms.calls().failed, 1);
    // The service is there for others; a particle that dies sooner ends its call sooner.
    let pages = house.ask(STRANGER, &id, "page_count", json!([]));
    assert!(pages.as_u64() >= Some(17), "{pages}");
    house.pass(10_000);
    house.ttl = house.now() + 5;
    let late = house.fail(STRANGER, &id, "hold_pieces", endless);
    assert!(late.contains("time"), "{late}");
    assert!(house.now() < house.ttl + 15, "{}", house.now());
    // What waited until its particle was gone is not begun.
    let late = house.fail(STRANGER, &id, "page_count", json!([]));
    assert_eq!(late, "Error: the time for the call is over");
    assert_eq!(house.rooms.refusals().of(Refusal::CallTime), 3);
}

#[test]
fn a_service_rests_between_calls_and_comes_back_as_it_was() {
    let limits = ServiceLimits {
        rest_after_ms: 60_000,
        ..ServiceLimits::default()
    };
    let mut house = House::with(limits, disk(64 << 20));
    let id = house.deploy(&["faults"]);
    assert_eq!(house.ask(STRANGER, &id, "tick", json!([])), 11);
    let awake = house.rooms.memory().used();
    let told = house.ask(STRANGER, "stat", "service_memory", json!([id]));
    assert!(
        told[0]["memory_size_bytes"].as_u64() >= Some(1 << 20),
        "{told}"
    );
    house.pass(30_000);
    assert_eq!(
        (
            house.rooms.services().resting(),
            house.rooms.memory().used()
        ),
        (0, awake)
    );
    house.pass(31_000);
    assert_eq!(house.rooms.services().resting(), 1);
    assert!(house.rooms.memory().used() < awake / 10);
    assert_eq!(
        house.ask(STRANGER, "stat", "service_memory", json!([id])),
        told
    );
    // Its memory and its directories are what they were.
    assert_eq!(house.ask(STRANGER, &id, "tick", json!([])), 12);
    assert_eq!(
        (
            house.rooms.services().resting(),
            house.rooms.memory().used()
        ),
        (0, awake)
    );
    house.pass(61_000);
    house.ask(MANAGEMENT, "srv", "remove", json!([id]));
    assert_eq!(house.rooms.services().resting(), 0);
    // The particle's directory in the vault is left.
    assert!(house.rooms.memory().used() < 1000);
}

#[test]
fn all_services_share_the_memory_and_who_is_idle_makes_room() {
    let limits = ServiceLimits {
        services_memory: 4 << 20,
        ..ServiceLimits::default()
    };
    let mut house = House::with(limits, disk(64 << 20));
    let first = house.deploy(&["limits"]);
    // 60 pages more are more than all may have together, though fewer than one may.
    assert_eq!(house.ask(STRANGER, &first, "add_pages", json!([60])), -1);
    assert_eq!(house.ask(STRANGER, &first, "add_pages", json!([40])), 17);
    let blueprints = house.ask(STRANGER, "dist", "list_blueprints", json!([]));
    let made = |blueprint: &&Value| blueprint["name"] == "made";
    let blueprint = blueprints.as_array().unwrap().iter().find(made).unwrap();
    let blueprint = blueprint["id"].clone();
    let full = "Error: this peer is too busy: the memory for services is used up";
    assert_eq!(house.fail(HOST, "srv", "create", json!([blueprint])), full);
    assert_eq!(house.rooms.refusals().of(Refusal::ServicesMemory), 1);
    // Memory is scarce: a second without a call is enough.
    house.pass(2_000);
    assert_eq!(house.rooms.services().resting(), 1);
    let second = house.ask(HOST, "srv", "create", json!([blueprint]));
    let second = second.as_str().unwrap();
    assert_eq!(house.ask(STRANGER, second, "add_pages", json!([40])), 17);
    // Now the first has no room to come back to, until the second rests in turn.
    assert_eq!(house.fail(STRANGER, &first, "page_count", json!([])), full);
    assert_eq!(house.rooms.refusals().of(Refusal::ServicesMemory), 2);
    house.pass(2_000);
    assert_eq!(house.ask(STRANGER, &first, "page_count", json!([])), 57);
}

#[test]
fn a_service_learns_who_calls_and_from_where() {
    let mut house = House::new();
    let id = house.deploy(&["caller_sdk14"]);
    house.ask(MANAGEMENT, "srv", "add_alias", json!(["caller", id]));
    let token = house.rooms.host().token(&house.header(STRANGER));
    let lines = house.ask(STRANGER, "caller", "call_lines", json!([]));
    let host = peer(HOST).to_string();
    assert_eq!(lines[0], "particle");
    assert_eq!(lines[1], peer(STRANGER).to_string());
    assert_eq!(lines[2], "1700000000000");
    assert_eq!(lines[3], "3600000");
    assert_eq!(lines[4], "(null)");
    assert_eq!(lines[6], token);
    assert_eq!(lines[7], id, "the id, not the alias");
    assert_eq!(lines[8], peer(MANAGEMENT).to_string());
    assert_eq!((&lines[9], &lines[10]), (&json!(host), &json!(host)));
    let origins = house.ask(STRANGER, "caller", "arg_origins", json!(["x", 1]));
    assert_eq!(origins, json!([1, 1]));
}

#[test]
fn a_call_of_a_service_costs_no_signature() {
    let mut house = House::new();
    let id = house.deploy(&["caller_sdk14"]);
    let lent = house.rooms.host().keys_lent();
    for n in 0..10 {
        house.particle = format!("particle {n}");
        house.ask(STRANGER, &id, "call_lines", json!([]));
        house.ask(STRANGER, "vault", "put", json!(["x"]));
    }
    assert_eq!(house.rooms.host().keys_lent(), lent);
}

#[test]
fn a_token_is_known_to_its_particle_and_the_host_alone() {
    let house = House::new();
    let token = |house: &House, signature: u8| {
        let mut particle = Authored::clone(&house.header(STRANGER));
        particle.signature = vec![signature; 64];
        house.rooms.host().token(&particle)
    };
    let first = token(&house, 7);
    assert_eq!(bs58::decode(&first).into_vec().unwrap().len(), 64);
    assert_ne!(first, token(&house, 8));
    // It stays the same after a reboot.
    assert_eq!(first, token(&house.rebooted(), 7));
}

#[test]
fn statistics_count_calls() {
    let mut house = House::new();
    let id = house.deploy(&["files"]);
    for path in ["/storage/x"; 7] {
        house.ask(STRANGER, &id, "load_note", json!([path]));
    }
    house.fail(STRANGER, &id, "load_note", json!([]));
    house.fail(STRANGER, &id, "nothing", json!([]));
    let memory = house.ask(STRANGER, "stat", "service_memory", json!([id]));
    assert_eq!(memory[0]["name"], "files");
    assert!(memory[0]["memory_size_bytes"].as_u64().unwrap() >= 17 << 16);
    let stat = house.ask(STRANGER, "stat", "service_stat", json!([id]));
    assert_eq!(
        (&stat["status"], &stat["error"]),
        (&json!(true), &json!(""))
    );
    let total = &stat["result"][0]["total_stats"];
    assert_eq!(total["success_req_count"], 7);
    assert_eq!(total["failed_req_count"], 2);
    assert_eq!(total["timestamps"].as_array().unwrap().len(), 5);
    assert_eq!(
        total["call_time_sec"]["series"].as_array().unwrap().len(),
        5
    );
    let functions = stat["result"][0]["functions_stats"].as_array().unwrap();
    assert_eq!(functions.len(), 1);
    assert_eq!(functions[0]["name"], "load_note");
    assert_eq!(functions[0]["stats"]["failed_req_count"], 1);
    let none = house.ask(STRANGER, "stat", "service_stat", json!(["x"]));
    assert_eq!(
        none,
        json!({
            "status": false,
            "error": format!("Service with id 'x' not found on {}", peer(HOST)),
            "result": [],
        })
    );
    assert_eq!(
        house.fail(STRANGER, "stat", "service_memory", json!(["x"])),
        format!("Error: Service with id 'x' not found on {}", peer(HOST))
    );
}

#[test]
fn a_vault_is_shared_by_script_and_services() {
    let mut house = House::new();
    let id = house.deploy(&["files"]);
    let path = house.ask(STRANGER, "vault", "put", json!(["from the script"]));
    let path = path.as_str().unwrap().to_string();
    let token = house.rooms.host().token(&house.header(STRANGER));
    let folder = format!("/tmp/vault/particle-{token}");
    assert!(path.starts_with(&format!("{folder}/")), "{path}");
    let note = house.ask(STRANGER, &id, "load_note", json!([path]));
    assert_eq!(note["text"], "from the script");
    assert_eq!(
        house.ask(STRANGER, "vault", "cat", json!([path])),
        "from the script"
    );
    let relative = path.rsplit('/').next().unwrap();
    assert_eq!(
        house.ask(STRANGER, "vault", "cat", json!([relative])),
        "from the script"
    );
    let own = format!("{folder}/own");
    house.ask(STRANGER, &id, "save_note", json!([own, "from the service"]));
    assert_eq!(
        house.ask(STRANGER, "vault", "cat", json!([own])),
        "from the service"
    );
    // Its services find a vault by its name only.
    let refused = house.fail(STRANGER, &id, "list_shelf", json!(["/tmp/vault"]));
    assert!(refused.contains("Trap occurred"), "{refused}");
    let listed = house.ask(STRANGER, &id, "list_shelf", json!([folder]));
    assert_eq!(listed, json!([relative, "own"]));

    for wrong in [
        "/tmp/vault/other/file",
        "/storage/x",
        "../x",
        "a/../../x",
        "",
    ] {
        assert_eq!(
            house.fail(STRANGER, "vault", "cat", json!([wrong])),
            format!("Error: Incorrect vault path `{wrong}`")
        );
    }
    assert_eq!(
        house.fail(STRANGER, "vault", "cat", json!(["none"])),
        "Error: Error reading vault file `none`: no such file or directory"
    );
    house.particle = "a/b".into();
    assert_eq!(
        house.fail(STRANGER, "vault", "put", json!(["x"])),
        "Error: the particle's id cannot name a vault directory"
    );
    assert_eq!(
        house.fail(STRANGER, "vault", "put", json!([])),
        missing("data")
    );
    assert_eq!(
        house.fail(STRANGER, "vault", "cat", json!([])),
        missing("path")
    );
}

#[test]
fn modules_configs_and_blueprints_come_from_the_vault() {
    let mut house = House::new();
    let id = house.deploy(&["files"]);
    let put = |house: &mut House, text: &str| -> Value {
        house.ask(MANAGEMENT, "vault", "put", json!([text]))
    };
    let config = put(&mut house, "{\"name\": \"x\"}");
    assert_eq!(
        house.ask(STRANGER, "dist", "load_module_config", json!([config])),
        json!({"name": "x"})
    );
    let text = format!("{{\"name\": \"b\", \"dependencies\": [{{\"/\": \"{FILES}\"}}]}}");
    let blueprint = put(&mut house, &text);
    assert_eq!(
        house.ask(STRANGER, "dist", "load_blueprint", json!([blueprint])),
        format!("{{\"dependencies\":[{{\"/\":\"{FILES}\"}}],\"name\":\"b\"}}")
    );
    // A module whose bytes are text: the smallest one is not, so a text that is none must do.
    let broken = put(&mut house, "no wasm");
    for (function, arguments) in [
        ("add_module_from_vault", json!([broken, {"name": "x"}])),
        ("add_module_bytes_from_vault", json!(["x", broken])),
    ] {
        let error = house.fail(MANAGEMENT, "dist", function, arguments);
        assert!(error.starts_with("Error: Wasm backend error"), "{error}");
    }
    house.ask(MANAGEMENT, "srv", "remove", json!([id]));
}
