//! Workers and spells.

use serde_json::{Value, json};

use super::bench::{FRIEND, HOST, MANAGEMENT, STRANGER, peer};
use super::house::*;

/// What is tested here rather than in the table of cases.
pub(crate) const TESTED: &[(&str, &str)] = &[
    ("worker", "create"),
    ("worker", "get_worker_id"),
    ("worker", "remove"),
    ("worker", "list"),
    ("worker", "activate"),
    ("worker", "deactivate"),
    ("worker", "is_active"),
    ("spell", "install"),
    ("spell", "remove"),
    ("spell", "list"),
    ("spell", "update_trigger_config"),
    ("getDataSrv", "spell_id"),
    ("getDataSrv", "*"),
    ("errorHandlingSrv", "error"),
    ("callbackSrv", "response"),
];

fn deal(digit: &str) -> String {
    digit.repeat(40)
}

fn unit(digit: &str) -> Value {
    json!([digit.repeat(64)])
}

fn config(start: u32, period: u32) -> Value {
    json!({
        "clock": {"start_sec": start, "end_sec": 0, "period_sec": period},
        "connections": {"connect": false, "disconnect": false},
        "blockchain": {"start_block": 0, "end_block": 0},
    })
}

#[test]
fn a_deal_has_one_worker() {
    let mut house = House::new();
    let create = json!([format!("0x{}", deal("A")), unit("1")]);
    assert_eq!(
        house.fail(STRANGER, "worker", "create", create.clone()),
        "Error: Only management or host peer can create worker"
    );
    let id = house.ask(HOST, "worker", "create", create.clone());
    assert_eq!(
        house.fail(HOST, "worker", "create", create),
        format!("Error: Worker for 0x{} already exists", deal("A"))
    );
    assert_eq!(
        house.ask(STRANGER, "worker", "get_worker_id", json!([deal("a")])),
        json!([id])
    );
    assert_eq!(
        house.ask(STRANGER, "worker", "get_worker_id", json!([deal("b")])),
        json!([])
    );
    assert_eq!(
        house.ask(STRANGER, "worker", "list", json!([])),
        json!([id])
    );
    for (arguments, why) in [
        (json!(["xyz", []]), "Error: Invalid deal id 'xyz'"),
        (
            json!([deal("c"), ["xyz"]]),
            "Error: Invalid compute unit id 'xyz'",
        ),
        (
            json!([]),
            "Error: Field 'deal_id' is missing from args to call_service",
        ),
        (
            json!([deal("c")]),
            "Error: Field 'cu_ids' is missing from args to call_service",
        ),
    ] {
        assert_eq!(house.fail(HOST, "worker", "create", arguments), why);
    }
    let unknown = peer(FRIEND).to_string();
    for name in ["nobody", unknown.as_str()] {
        assert_eq!(
            house.fail(HOST, "worker", "remove", json!([name])),
            format!("Error: Worker {name} not found")
        );
    }
    let refused = house.fail(STRANGER, "worker", "remove", json!([id]));
    assert!(refused.contains("only by worker creator"), "{refused}");
    assert_eq!(house.ask(MANAGEMENT, "worker", "remove", json!([id])), "");
    assert_eq!(house.ask(STRANGER, "worker", "list", json!([])), json!([]));
}

#[test]
fn activity_changes_when_it_changes() {
    let mut house = House::new();
    let a = deal("a");
    house.ask(HOST, "worker", "create", json!([a, unit("1")]));
    let is_active = |house: &mut House| house.ask(STRANGER, "worker", "is_active", json!([a]));
    assert_eq!(is_active(&mut house), true);
    assert_eq!(
        house.fail(HOST, "worker", "activate", json!([a])),
        "Error: Deal has already been activated"
    );
    assert_eq!(
        house.fail(STRANGER, "worker", "deactivate", json!([a])),
        "Error: Only management or host peer can deactivate worker"
    );
    assert_eq!(house.ask(HOST, "worker", "deactivate", json!([a])), "");
    assert_eq!(is_active(&mut house), false);
    assert_eq!(
        house.fail(MANAGEMENT, "worker", "deactivate", json!([a])),
        "Error: Deal has already been deactivated"
    );
    let mut house = house.rebooted();
    assert_eq!(is_active(&mut house), false);
    assert_eq!(
        house.fail(STRANGER, "worker", "activate", json!([a])),
        "Error: Only management or host peer can activate worker"
    );
    assert_eq!(house.ask(MANAGEMENT, "worker", "activate", json!([a])), "");
    assert_eq!(is_active(&mut house), true);
    for function in ["activate", "deactivate", "is_active"] {
        assert_eq!(
            house.fail(HOST, "worker", function, json!([deal("b")])),
            format!("Error: Worker for deal_id {} not found", deal("b"))
        );
    }
}

#[test]
fn a_worker_has_services_names_and_a_key_of_its_own() {
    let mut house = House::new();
    let worker = house.ask(HOST, "worker", "create", json!([deal("a"), unit("1")]));
    let on_host = house.deploy(&["files"]);
    let blueprints = house.ask(HOST, "dist", "list_blueprints", json!([]));
    let blueprint = blueprints
        .as_array()
        .unwrap()
        .iter()
        .find(|blueprint| blueprint["name"] == "made")
        .unwrap()["id"]
        .clone();
    let id = house
        .ask_in(HOST, &worker, "srv", "create", json!([blueprint]))
        .unwrap();
    house
        .ask_in(HOST, &worker, "srv", "add_alias", json!(["notes", id]))
        .unwrap();
    let info = house
        .ask_in(STRANGER, &worker, "srv", "info", json!(["notes"]))
        .unwrap();
    assert_eq!(info["worker_id"], worker);
    assert_eq!(
        house.ask_in(STRANGER, &worker, "sig", "get_peer_id", json!([])),
        Ok(worker.clone())
    );
    house
        .ask_in(
            STRANGER,
            &worker,
            "notes",
            "save_note",
            json!(["/storage/x", "its"]),
        )
        .unwrap();
    // Scopes do not see each other's services.
    assert_eq!(
        house.ask_in(STRANGER, &worker, "srv", "info", json!([on_host])),
        Err(format!(
            "Error: Service with id '{on_host}' not found on {}",
            worker.as_str().unwrap()
        ))
    );
    house.fail(STRANGER, "srv", "info", json!([id]));

    let mut house = house.rebooted();
    assert_eq!(
        house.ask(STRANGER, "worker", "get_worker_id", json!([deal("a")])),
        json!([worker])
    );
    let note = house.ask_in(
        STRANGER,
        &worker,
        "notes",
        "load_note",
        json!(["/storage/x"]),
    );
    assert_eq!(note.unwrap()["text"], "its");
    house.ask(HOST, "worker", "remove", json!([worker]));
    let mut house = house.rebooted();
    let left = house.ask(STRANGER, "srv", "list", json!([]));
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[test]
fn a_spell_is_a_service_with_data() {
    let mut house = House::new();
    let arguments = json!(["(null)", {"key": {"a": 1}}, config(0, 0), "named"]);
    assert_eq!(
        house.fail(HOST, "spell", "install", arguments.clone()),
        "Error: Failed to install spell in the root scope, only management peer id can install top-level spells"
    );
    let id = house.ask(MANAGEMENT, "spell", "install", arguments);
    assert_eq!(house.ask(STRANGER, "spell", "list", json!([])), json!([id]));
    let info = house.ask(STRANGER, "srv", "info", json!(["named"]));
    assert_eq!(
        (&info["id"], &info["service_type"], &info["owner_id"]),
        (&id, &json!("spell"), &json!(peer(HOST).to_string()))
    );
    let script = house.ask(STRANGER, "named", "get_script", json!([]));
    assert_eq!(script["value"], "(null)");
    let value = house.ask(STRANGER, "named", "get_string", json!(["key"]));
    assert_eq!(value["value"], r#"{"a":1}"#);
    let stored = house.ask(STRANGER, "named", "get_trigger_config", json!([]));
    assert_eq!(stored["config"], config(0, 0));
    assert_eq!(
        house.fail(MANAGEMENT, "srv", "remove", json!(["named"])),
        format!(
            "Error: Forbidden. User id '{}' cannot call function 'remove_service': cannot remove a spell",
            peer(MANAGEMENT)
        )
    );

    let mut house = house.rebooted();
    assert_eq!(house.ask(STRANGER, "spell", "list", json!([])), json!([id]));
    let value = house.ask(STRANGER, "named", "get_string", json!(["key"]));
    assert_eq!(value["value"], r#"{"a":1}"#);
    let refused = house.fail(STRANGER, "spell", "remove", json!(["named"]));
    assert!(refused.contains("may not change the spell"), "{refused}");
    assert_eq!(house.ask(HOST, "spell", "remove", json!(["named"])), "");
    assert_eq!(house.ask(STRANGER, "spell", "list", json!([])), json!([]));
    let service = house.deploy(&["files"]);
    assert_eq!(
        house.fail(HOST, "spell", "remove", json!([service])),
        format!("Error: Service {service} is not a spell")
    );
}

#[test]
fn configurations_of_spells_are_checked() {
    let mut house = House::new();
    for (config, why) in [
        (
            config(1, 3_153_600_001),
            "Error: invalid config: period is too big. Max period is 3153600000 seconds (or approx 100 years)",
        ),
        (
            {
                let mut ended = config(1, 1);
                ended["clock"]["end_sec"] = json!(2);
                ended
            },
            "Error: invalid config: end_sec is less than start_sec or in the past",
        ),
        (
            json!({}),
            "Error: invalid config: `start_sec` is missing or of another type",
        ),
    ] {
        let arguments = json!(["(null)", {}, config]);
        assert_eq!(house.fail(MANAGEMENT, "spell", "install", arguments), why);
    }
    let reserved = json!(["(null)", {}, config(0, 0), "self"]);
    assert_eq!(
        house.fail(MANAGEMENT, "spell", "install", reserved),
        "Error: Cannot add alias 'self' because it is reserved"
    );
    assert_eq!(house.ask(STRANGER, "spell", "list", json!([])), json!([]));
    let id = house.ask(
        MANAGEMENT,
        "spell",
        "install",
        json!(["(null)", {}, config(0, 0)]),
    );
    let update = json!([id, config(7, 8)]);
    house.fail(STRANGER, "spell", "update_trigger_config", update.clone());
    assert_eq!(
        house.ask(HOST, "spell", "update_trigger_config", update),
        ""
    );
    let name = id.as_str().unwrap();
    let stored = house.ask(STRANGER, name, "get_trigger_config", json!([]));
    assert_eq!(stored["config"], config(7, 8));
}

#[test]
fn a_deactivated_workers_spells_lose_their_configuration() {
    let mut house = House::new();
    let worker = house.ask(HOST, "worker", "create", json!([deal("a"), unit("1")]));
    let arguments = json!(["(null)", {}, config(9, 9), "worker-spell"]);
    assert_eq!(
        house
            .ask_in(STRANGER, &worker, "spell", "install", arguments.clone())
            .unwrap_err()
            .split(", spell")
            .next(),
        Some(
            format!(
                "Error: Failed to install spell on {}",
                worker.as_str().unwrap()
            )
            .as_str()
        )
    );
    let id = house
        .ask_in(HOST, &worker, "spell", "install", arguments)
        .unwrap();
    let stored = |house: &mut House| {
        house.settle();
        house
            .ask_in(
                STRANGER,
                &worker,
                id.as_str().unwrap(),
                "get_trigger_config",
                json!([]),
            )
            .unwrap()["config"]
            .clone()
    };
    assert_eq!(stored(&mut house), config(9, 9));
    house.ask(HOST, "worker", "deactivate", json!([deal("a")]));
    assert_eq!(stored(&mut house), config(0, 0));
    house.ask(HOST, "worker", "activate", json!([deal("a")]));
    assert_eq!(stored(&mut house), config(1, 900));
}

#[test]
fn scripts_of_spells_read_and_write_their_spell() {
    let mut house = House::new();
    let id = house.ask(
        MANAGEMENT,
        "spell",
        "install",
        json!(["(null)", {"key": {"a": [1, "x"]}}, config(0, 0)]),
    );
    let not_a_spell = "Invalid particle id: expected 'spell_{SPELL_ID}_{COUNTER}', got particle";
    for (service, function, arguments) in [
        ("getDataSrv", "spell_id", json!([])),
        ("getDataSrv", "key", json!([])),
        ("errorHandlingSrv", "error", json!([{}, 0])),
        ("callbackSrv", "response", json!([{}])),
    ] {
        let error = house.fail(HOST, service, function, arguments);
        assert_eq!(error, not_a_spell);
    }
    house.particle = format!("spell_{}_7", id.as_str().unwrap());
    assert_eq!(house.ask(HOST, "getDataSrv", "spell_id", json!([])), id);
    assert_eq!(
        house.ask(HOST, "getDataSrv", "-relay-", json!([])),
        peer(HOST).to_string()
    );
    assert_eq!(
        house.ask(HOST, "getDataSrv", "key", json!([])),
        json!({"a": [1, "x"]})
    );
    assert_eq!(
        house.fail(HOST, "getDataSrv", "none", json!([])),
        "Error: Failed to get argument none: value not found"
    );
    for alias in ["spell", "self"] {
        assert_eq!(house.ask(HOST, "srv", "resolve_alias", json!([alias])), id);
        let script = house.ask(HOST, alias, "get_script", json!([]));
        assert_eq!(script["value"], "(null)");
    }
    assert_eq!(house.ask(HOST, "callbackSrv", "response", json!([])), "");
    assert_eq!(
        house.ask(HOST, "callbackSrv", "response", json!([{"out": 5}])),
        ""
    );
    assert_eq!(house.ask(HOST, "getDataSrv", "out", json!([])), 5);
    // A stranger's particle with such an id has no rights of the spell.
    let refused = house.fail(STRANGER, "callbackSrv", "response", json!([{"out": 6}]));
    assert!(refused.contains("forbidden"), "{refused}");
    let error = json!({"error_code": 3, "instruction": "i", "message": "m", "peer_id": "p"});
    assert_eq!(
        house.ask(HOST, "errorHandlingSrv", "error", json!([error, 2])),
        ""
    );
    let errors = house.ask(HOST, "self", "get_all_errors", json!([]));
    assert_eq!(
        errors["particle_errors"][0]["errors"][0],
        json!({"last_error": error, "error_idx": 2})
    );
}
