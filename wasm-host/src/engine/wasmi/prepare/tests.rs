use super::*;

fn exposed(text: &str) -> Option<Exposed> {
    let wasm = wat::parse_str(text).expect("module");
    let prepared = prepare(&wasm).expect("a module");
    prepared.exposed.inspect(|_| {
        wasmi::Module::new(&wasmi::Engine::default(), &prepared.wasm).expect("still a module");
    })
}

#[test]
fn memory_and_mutable_globals_are_exported() {
    let exposed = exposed(
        r#"(module (import "a" "b" (func)) (memory 1) (global i32 (i32.const 1)) (global (mut i64) (i64.const 2)) (func (export "f")))"#,
    )
    .expect("reachable");
    assert!(exposed.memory.is_some());
    assert_eq!(exposed.globals.len(), 1);
    assert_eq!(&*exposed.globals[0], "basalt:state:3:1");
}

#[test]
fn modules_with_state_elsewhere_stay_as_they_are() {
    for text in [
        r#"(module (import "a" "b" (memory 1)) (func (export "f")))"#,
        r#"(module (table 1 funcref) (func (export "f") (table.set (i32.const 0) (ref.null func))))"#,
        r#"(module (memory 1) (data "passive") (func (export "f")))"#,
        r#"(module (memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "x") (func (export "f")))"#,
        r#"(module (memory 1) (global i32 (i32.const 0)) (data (global.get 0) "x") (func (export "f")))"#,
        r#"(module (table 1 funcref) (elem func $f) (func $f (export "f")))"#,
        r#"(module (global (mut funcref) (ref.null func)) (func (export "f")))"#,
        "(module (memory 1))",
    ] {
        assert!(exposed(text).is_none(), "{text}");
    }
}

/// The prepared form of a module, which the engine takes.
fn prepared(text: &str) -> Option<Prepared> {
    let wasm = wat::parse_str(text).expect("module");
    let prepared = prepare(&wasm)?;
    wasmi::Module::new(&wasmi::Engine::default(), &prepared.wasm).expect("still a module");
    Some(prepared)
}

/// Whether a module still has an operator.
fn has(prepared: &Prepared, wanted: fn(&wasmparser::Operator<'_>) -> bool) -> bool {
    let payloads = wasmparser::Parser::new(0).parse_all(&prepared.wasm);
    let mut bodies = payloads.filter_map(|payload| match payload.expect("a module") {
        wasmparser::Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    bodies.any(|body| {
        let mut operators = body.get_operators_reader().expect("operators").into_iter();
        operators.any(|operator| wanted(&operator.expect("an operator")))
    })
}

#[test]
fn growth_goes_through_the_host() {
    use wasmparser::Operator::{MemoryGrow, TableGrow};
    let prepared = prepared(
        r#"(module (memory 1) (table $a 1 funcref) (table $b 1 externref)
            (func (export "f") (result i32)
                (drop (table.grow $b (ref.null extern) (i32.const 1)))
                (drop (table.grow $a (ref.null func) (i32.const 1)))
                (drop (memory.grow (i32.const 1)))
                (memory.grow (i32.const 1))))"#,
    )
    .expect("a module");
    assert!(!has(&prepared, |op| matches!(
        op,
        MemoryGrow { .. } | TableGrow { .. }
    )));
    let growth = prepared.hidden.growth.expect("growth");
    assert_eq!(growth.targets.len(), 3);
    assert!(matches!(&growth.targets[2], Target::Memory(name) if &**name == "basalt:state:2:0"));
    assert!(prepared.exposed.is_none() && !prepared.check_original);
}

#[test]
fn branches_with_values_become_branches_without() {
    let text = |count: usize| {
        let values = "i64 ".repeat(count);
        let pushed = "(i64.const 1) ".repeat(count);
        let dropped = "(drop) ".repeat(count);
        format!(
            r#"(module (func (export "f") (param i32) (local f32)
                block (result {values}) {pushed} (local.get 0) br_table 0 0 end {dropped}))"#
        )
    };
    let few = prepared(&text(3)).expect("a module");
    assert!(few.check_original);
    // A branch for each of a thousand values, many times, would multiply the file.
    let wasm = wat::parse_str(text(900)).expect("module");
    let many = wasm.len() + (64 << 10);
    assert!(prepare(&wasm).expect("a module").wasm.len() < 2 * many);
}

#[test]
fn replacements_do_not_multiply_a_file() {
    let values = "i64 ".repeat(500);
    let branch = format!("(block (result {values}) unreachable (i32.const 0) br_table 0 0 0)");
    let dropped = "(drop) ".repeat(500);
    let body = format!("{branch} {dropped}").repeat(60);
    let wasm = wat::parse_str(format!(r#"(module (func (export "f") {body}))"#)).expect("module");
    assert!(prepare(&wasm).is_none(), "{}", wasm.len());
}

#[test]
fn what_is_added_has_names_and_numbers_of_its_own() {
    // The module's own exports have the names, or begin like them.
    let prepared = prepared(
        r#"(module (memory 1) (func (export "basalt:state:2:0")) (func (export "basalt:state__x"))
            (func (export "f") (result i32) (memory.grow (i32.const 1))))"#,
    )
    .expect("a module");
    let growth = prepared.hidden.growth.expect("growth");
    assert_eq!(&*growth.table, "basalt:state___:1:0");
    // The hidden table and its types are nobody's.
    for body in [
        "(drop (table.size 0))",
        "(table.set 0 (i32.const 0) (ref.null func))",
    ] {
        let text =
            format!(r#"(module (memory 1) (func (drop (memory.grow (i32.const 1))) {body}))"#);
        let wasm = wat::parse_str(text).expect("text");
        assert!(prepare(&wasm).is_none(), "{body}");
    }
}

#[test]
fn modules_with_many_tables_are_left_to_the_engine() {
    let tables = |count: usize| {
        let tables = "(table 0 funcref)".repeat(count);
        let grow = |table| format!("(drop (table.grow {table} (ref.null func) (i32.const 1)))");
        let grows: String = (0..count).map(grow).collect();
        format!("(module {tables} (func {grows}))")
    };
    assert!(prepared(&tables(99)).is_some());
    let wasm = wat::parse_str(tables(20_000)).expect("a text");
    assert!(prepare(&wasm).is_none());
}
