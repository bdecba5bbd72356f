//! Two authors: what one of them uploads or names changes nothing for the other, before and after a
//! reboot.

use std::sync::Arc;

use basalt_net::particle::Authored;
use basalt_node::limits::ServiceLimits;
use basalt_node::state::{Namespace, State};
use serde_json::{Value, json};

use super::bench::{FRIEND, HOST, MANAGEMENT, STRANGER, peer};
use super::house::*;

/// A guest that imports another module by a name of the same length.
fn importing(guest_name: &str, before: &str, after: &str) -> Vec<u8> {
    assert_eq!(before.len(), after.len());
    let mut bytes = guest(guest_name);
    let places: Vec<usize> = bytes
        .windows(before.len())
        .enumerate()
        .filter(|(_, window)| *window == before.as_bytes())
        .map(|(place, _)| place)
        .collect();
    for place in places {
        bytes[place..][..after.len()].copy_from_slice(after.as_bytes());
    }
    bytes
}

fn blueprint(house: &mut House, author: u8, name: &str, modules: &[Value]) -> Value {
    let text = house.ask(author, "dist", "make_blueprint", json!([name, modules]));
    house.ask(author, "dist", "add_blueprint", json!([text]))
}

fn service(house: &mut House, author: u8, blueprint: &Value) -> String {
    let id = house.ask(author, "srv", "create", json!([blueprint]));
    id.as_str().unwrap().into()
}

fn walks(house: &mut House, service: &str) {
    let trail = house.ask(STRANGER, service, "walk", json!(["x", 1]));
    assert_eq!(trail, json!({"steps": ["x", "<x>"], "total": 3}));
}

fn install(house: &mut House, alias: &str) -> Value {
    let never = json!({
        "clock": {"start_sec": 0, "end_sec": 0, "period_sec": 0},
        "connections": {"connect": false, "disconnect": false},
        "blockchain": {"start_block": 0, "end_block": 0},
    });
    let arguments = json!(["(null)", {}, never, alias]);
    house.ask(MANAGEMENT, "spell", "install", arguments)
}

fn script(house: &mut House, spell: &str) {
    let script = house.ask(STRANGER, spell, "get_script", json!([]));
    assert_eq!(script["value"], "(null)");
}

/// CID and bytes of a module of the spell service.
fn module_of_node(house: &mut House, name: &str) -> (String, Vec<u8>) {
    let modules = house.ask(STRANGER, "dist", "list_modules", json!([]));
    let mut modules = modules.as_array().unwrap().iter();
    let module = modules.find(|module| module["name"] == name).unwrap();
    let spell = basalt_distro::published::distro().unwrap().spell;
    let (_, file) = spell.modules.into_iter().find(|(n, _)| n == name).unwrap();
    let cid = module["hash"].as_str().unwrap();
    assert_eq!(cid, file.cid());
    (cid.into(), file.read().unwrap().to_vec())
}

#[test]
fn known_bytes_under_another_name_rename_nothing() {
    let mut house = House::new();
    install(&mut house, "one");
    let (cid, sqlite) = module_of_node(&mut house, "sqlite3");
    assert_eq!(house.add_module_as(MANAGEMENT, "db", &sqlite), cid.as_str());
    install(&mut house, "two");
    script(&mut house, "one");
    let mut house = house.rebooted();
    install(&mut house, "three");
    for spell in ["one", "two", "three"] {
        script(&mut house, spell);
    }
    module_of_node(&mut house, "sqlite3");
}

#[test]
fn both_names_of_a_module_work_whoever_gave_them_first() {
    for order in [["chain_a", "chain_x"], ["chain_x", "chain_a"]] {
        for authors in [
            [HOST, MANAGEMENT],
            [MANAGEMENT, HOST],
            [MANAGEMENT, MANAGEMENT],
        ] {
            let mut house = House::new();
            let bytes = guest("chain_a");
            let mut services = Vec::new();
            let mut cid = Value::Null;
            for (author, name) in authors.into_iter().zip(order) {
                cid = house.add_module_as(author, name, &bytes);
            }
            for (author, name) in authors.into_iter().zip(order) {
                let facade = importing("chain_b", "chain_a", name);
                let facade = house.add_module_as(author, "chain_b", &facade);
                let blueprint = blueprint(&mut house, author, name, &[cid.clone(), facade]);
                services.push(service(&mut house, author, &blueprint));
            }
            for _ in 0..2 {
                for service in &services {
                    walks(&mut house, service);
                }
                house = house.rebooted();
            }
        }
    }
}

#[test]
fn a_blueprint_means_what_each_who_added_it_meant() {
    let mut house = House::new();
    let bytes = guest("chain_a");
    let evil = house.add_module_as(HOST, "evil", &bytes);
    let facade = house.add_module_as(HOST, "chain_b", &guest("chain_b"));
    let modules = [evil, facade];
    // Before the other author has it, under a name with which it cannot start.
    let early = blueprint(&mut house, HOST, "made", &modules);
    house.add_module_as(MANAGEMENT, "chain_a", &bytes);
    let made = blueprint(&mut house, MANAGEMENT, "made", &modules);
    assert_eq!(made, early);
    let service = service(&mut house, MANAGEMENT, &made);
    house.add_module_as(HOST, "later", &bytes);
    blueprint(&mut house, HOST, "made", &modules);
    walks(&mut house, &service);
    let mut house = house.rebooted();
    walks(&mut house, &service);
    assert_eq!(
        house.fail(HOST, "srv", "create", json!([made])),
        "Error: engine error: module with name 'chain_a' isn't loaded into Marine"
    );
}

#[test]
fn files_stay_where_they_are_whatever_their_module_is_called_later() {
    let mut house = House::new();
    let id = house.deploy(&["files"]);
    house.ask(
        STRANGER,
        &id,
        "save_note",
        json!(["/storage/module/x", "kept"]),
    );
    for author in [HOST, MANAGEMENT] {
        house.add_module_as(author, "other", &guest("files"));
    }
    let mut house = house.rebooted();
    let note = house.ask(STRANGER, &id, "load_note", json!(["/storage/module/x"]));
    assert_eq!(note["text"], "kept");
}

#[test]
fn a_state_that_was_damaged_heals_at_the_start() {
    let mut house = House::new();
    install(&mut house, "one");
    let made = house.deploy(&["chain_a", "chain_b"]);
    let (sqlite, _) = module_of_node(&mut house, "sqlite3");
    let modules = house.ask(STRANGER, "dist", "list_modules", json!([]));
    let mut modules = modules.as_array().unwrap().iter();
    let chain = modules.find(|module| module["name"] == "chain_a").unwrap();
    let chain = chain["hash"].as_str().unwrap().to_string();
    // As versions wrote it that knew a name only: the last one.
    let damage = |state: &mut State| {
        for cid in [&sqlite, &chain] {
            let cid = cid.as_bytes();
            state.put(Namespace::ModuleFacts, cid, "db").unwrap();
        }
        for namespace in [Namespace::ModuleNames, Namespace::BlueprintNames] {
            for key in state.keys(namespace, b"") {
                state.delete(namespace, &key).unwrap();
            }
        }
    };
    let mut house = house.rebooted_with(damage);
    for _ in 0..2 {
        script(&mut house, "one");
        walks(&mut house, &made);
        module_of_node(&mut house, "sqlite3");
        house = house.rebooted();
    }
    install(&mut house, "two");
    script(&mut house, "two");
}

#[test]
fn aliases_and_spells_of_two_workers_are_apart() {
    let mut house = House::new();
    let files = house.add_module_as(MANAGEMENT, "files", &guest("files"));
    let made = blueprint(&mut house, MANAGEMENT, "made", &[files]);
    let mut workers = Vec::new();
    for n in ["aa", "bb"] {
        let arguments = json!([n.repeat(20), [n.repeat(32)]]);
        let worker = house.ask(MANAGEMENT, "worker", "create", arguments);
        let ask = |house: &mut House, function: &str, arguments: Value| {
            let scope = &worker;
            house.ask_in(MANAGEMENT, scope, "srv", function, arguments)
        };
        let id = ask(&mut house, "create", json!([made])).unwrap();
        ask(&mut house, "add_alias", json!(["notes", id])).unwrap();
        workers.push((worker, id));
    }
    let mut house = house.rebooted();
    for (worker, id) in &workers {
        let resolved = house.ask_in(STRANGER, worker, "srv", "resolve_alias", json!(["notes"]));
        assert_eq!(resolved.as_ref(), Ok(id));
    }
    assert_eq!(
        house.fail(STRANGER, "srv", "resolve_alias", json!(["notes"])),
        format!(
            "Error: Service with alias 'notes' is not found on worker '{}'",
            peer(HOST)
        )
    );
}

/// Two particles of two authors with the same id.
fn particles_of_one_id(house: &House) -> Vec<Arc<Authored>> {
    let particles = [(FRIEND, 5), (STRANGER, 6)].into_iter();
    let particles = particles.map(|(author, mark)| {
        let mut particle = Authored::clone(&house.header(author));
        particle.signature = vec![mark; 64];
        Arc::new(particle)
    });
    particles.collect()
}

#[test]
fn particles_of_one_id_have_vaults_of_their_own() {
    let mut house = House::new();
    let particles = particles_of_one_id(&house);
    let ask = |house: &mut House, of: usize, function: &str, argument: &str| {
        let arguments = json!([argument]);
        let begun = house.begin_by(
            &particles[of],
            false,
            peer(HOST),
            "vault",
            function,
            arguments,
        );
        let (ret_code, text) = house.end(begun);
        let text: String = serde_json::from_str(&text).unwrap();
        (ret_code, text)
    };
    let (ret_code, path) = ask(&mut house, 0, "put", "of the friend");
    assert_eq!(ret_code, 0, "{path}");
    let (ret_code, other) = ask(&mut house, 1, "put", "of the stranger");
    assert_eq!(ret_code, 0, "{other}");
    assert_ne!(path, other);
    let (ret_code, refused) = ask(&mut house, 1, "cat", &path);
    assert!(
        ret_code == 1 && refused.contains("Incorrect vault path"),
        "{refused}"
    );
    for (of, path, text) in [(0, path, "of the friend"), (1, other, "of the stranger")] {
        assert_eq!(ask(&mut house, of, "cat", &path), (0, text.to_string()));
    }
}

#[test]
fn programs_of_the_host_go_by_the_file_whoever_calls_it_what() {
    let runner = guest("runner");
    let cid = basalt_distro::cid::of_file(&runner);
    let limits = ServiceLimits {
        binaries: [(cid.clone(), vec!["curl".into(), "tool".into()])].into(),
        ..ServiceLimits::default()
    };
    let mut house = House::with(limits, disk(64 << 20));
    for (author, name) in [(MANAGEMENT, "runner"), (HOST, "other")] {
        assert_eq!(house.add_module_as(author, name, &runner), cid.as_str());
        let made = blueprint(&mut house, author, name, &[json!(cid)]);
        service(&mut house, author, &made);
    }
    // Another file gets none under the name of one that may.
    let mut changed = runner;
    changed.extend([0, 2, 1, b'x']);
    let changed = house.add_module_as(HOST, "runner", &changed);
    let made = blueprint(&mut house, HOST, "runner", &[changed]);
    let refused = house.fail(HOST, "srv", "create", json!([made]));
    assert!(refused.contains("is forbidden on this host"), "{refused}");
}

#[test]
fn links_in_a_vault_lead_to_no_other_particle() {
    let mut house = House::new();
    let id = house.deploy(&["std"]);
    let particles = particles_of_one_id(&house);
    let ask = |house: &mut House, of: usize, service: &str, function: &str, arguments: Value| {
        let particle = &particles[of];
        let begun = house.begin_by(particle, false, peer(HOST), service, function, arguments);
        let (ret_code, text) = house.end(begun);
        (ret_code, serde_json::from_str::<Value>(&text).unwrap())
    };
    let put = |house: &mut House, of: usize| {
        let (ret_code, path) = ask(house, of, "vault", "put", json!(["a secret"]));
        assert_eq!(ret_code, 0, "{path}");
        path.as_str().unwrap().to_string()
    };
    let (theirs, own) = (put(&mut house, 0), put(&mut house, 1));
    let folder = |path: &str| path.rsplit_once('/').unwrap().0.to_string();
    let name = |path: &str| path.rsplit('/').next().unwrap().to_string();
    let link = format!("{}/link", folder(&own));
    // The stranger knows the friend's names, of which the token is a secret, and has a service that
    // makes links: of a file, of the folder, and in the place of its own folder.
    let other = name(&folder(&theirs));
    for (target, at, read) in [
        (format!("../{other}/{}", name(&theirs)), &link, link.clone()),
        (
            format!("../{other}"),
            &link,
            format!("{link}/{}", name(&theirs)),
        ),
        (
            other.clone(),
            &folder(&own),
            format!("{}/{}", folder(&own), name(&theirs)),
        ),
    ] {
        let (ret_code, told) = ask(&mut house, 1, &id, "tie", json!([target, at]));
        assert_eq!(ret_code, 0, "{told}");
        for path in [&read, &theirs] {
            let (ret_code, told) = ask(&mut house, 1, "vault", "cat", json!([path]));
            assert!(
                ret_code == 1 && !told.to_string().contains("secret"),
                "{told}"
            );
        }
    }
    let (ret_code, told) = ask(&mut house, 0, "vault", "cat", json!([theirs]));
    assert_eq!((ret_code, told), (0, json!("a secret")));
}

#[test]
fn spells_of_one_name_are_two_spells() {
    let mut house = House::new();
    let first = install(&mut house, "one");
    let second = install(&mut house, "one");
    assert_ne!(first, second);
    for _ in 0..2 {
        let named = house.ask(STRANGER, "srv", "resolve_alias", json!(["one"]));
        assert_eq!(named, second, "the name is the last one's");
        for spell in [&first, &second] {
            script(&mut house, spell.as_str().unwrap());
        }
        house = house.rebooted();
    }
    // Who may install none takes no name either, and removes none.
    let refused = [
        ("srv", "add_alias", json!(["one", first])),
        ("srv", "remove", json!(["one"])),
        ("spell", "remove", json!(["one"])),
    ];
    for (service, function, arguments) in refused {
        house.fail(STRANGER, service, function, arguments);
    }
    house.ask(MANAGEMENT, "spell", "remove", json!([second]));
    script(&mut house, first.as_str().unwrap());
    let named = house.ask(STRANGER, "srv", "resolve_alias_opt", json!(["one"]));
    assert_eq!(named, json!([]));
}
