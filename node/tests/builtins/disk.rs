//! A disk that takes ten seconds for a commit, on virtual time: only those wait for it who have to.

use serde_json::json;

use super::bench::{HOST, STRANGER};
use super::house::*;

/// Milliseconds until the disk has kept something.
const COMMIT: u64 = 10_000;

#[test]
fn a_slow_disk_holds_nobody_but_who_waits_for_it() {
    let mut house = House::new();
    let (writer, reader) = (house.deploy(&["files"]), house.deploy(&["files"]));
    house.settle();
    let mut state = house.rooms.take_state().unwrap();
    assert!(house.rooms.take_state().is_none());

    let note = json!(["/storage/note", "kept"]);
    let saved = house.begin(STRANGER, HOST, &writer, "save_note", note);
    let load = json!(["/storage/note"]);
    let loaded = house.begin(STRANGER, HOST, &writer, "load_note", load.clone());
    house.settle();
    assert_eq!(house.held.len(), 1, "the commit of the first call");
    let begin = house.now();
    while house.now() < begin + COMMIT {
        house.pass(1_000);
        let asked = house.now();
        // Built-ins, and services that change no files.
        house.ask(STRANGER, "peer", "timestamp_ms", json!([]));
        house.ask(STRANGER, "srv", "list", json!([]));
        house.ask(STRANGER, &reader, "load_note", load.clone());
        assert!(house.now() - asked < 1_000, "they waited for the disk");
        assert!(!house.is_answered(&saved) && !house.is_answered(&loaded));
    }
    house.disk_done(&mut state);
    assert!(house.is_answered(&saved) && house.is_answered(&loaded));
    assert_eq!(house.end(saved).0, 0);
    let (_, text) = house.end(loaded);
    assert!(text.contains("kept"), "{text}");
}

#[test]
fn changes_are_seen_when_they_are_kept_and_follow_each_other() {
    let mut house = House::new();
    house.settle();
    let mut state = house.rooms.take_state().unwrap();
    let create = json!(["ab".repeat(20), ["cd".repeat(32)]]);
    let first = house.begin(HOST, HOST, "worker", "create", create.clone());
    let second = house.begin(HOST, HOST, "worker", "create", create);
    house.settle();
    house.pass(COMMIT);
    assert!(!house.is_answered(&first) && !house.is_answered(&second));
    assert_eq!(house.held.len(), 1);
    let workers = house.ask(STRANGER, "worker", "list", json!([]));
    assert_eq!(workers, json!([]));
    house.disk_done(&mut state);
    let (ret_code, id) = house.end(first);
    assert_eq!(ret_code, 0, "{id}");
    let (ret_code, text) = house.end(second);
    assert_eq!(ret_code, 1);
    assert!(text.contains("already exists"), "{text}");
    let workers = house.ask(STRANGER, "worker", "list", json!([]));
    assert_eq!(workers.to_string(), format!("[{id}]"));
}

#[test]
fn a_cold_service_is_read_while_others_are_served() {
    let mut house = House::new();
    let cold = house.deploy(&["files"]);
    house.ask(
        STRANGER,
        &cold,
        "save_note",
        json!(["/storage/note", "kept"]),
    );
    let mut house = house.rebooted();
    let mut state = house.rooms.take_state().unwrap();
    let load = json!(["/storage/note"]);
    let loaded = house.begin(STRANGER, HOST, &cold, "load_note", load);
    house.settle();
    house.pass(COMMIT);
    assert!(!house.is_answered(&loaded));
    assert_eq!(house.held.len(), 1, "the read of module and files");
    house.ask(STRANGER, "peer", "timestamp_ms", json!([]));
    house.disk_done(&mut state);
    let (_, text) = house.end(loaded);
    assert!(text.contains("kept"), "{text}");
}
