//! Every operator of the language, in bodies of loops. Each leaves the guest's stack as it was.

use std::format;
use std::string::String;
use std::vec::Vec;

/// Repetitions of what may be refused or calls helpers of the engine.
pub(crate) const MANY: u32 = 1_000_000;
/// Limits of memory and tables that leave the refusal to the host, or to the module.
pub(crate) const OPEN: &str = "1";
pub(crate) const CLOSED: &str = "1 1";

/// Bodies to be repeated, each of which leaves the stack as it was.
pub(crate) fn many() -> Vec<String> {
    let mut bodies = Vec::new();
    for delta in ["0", "1", "-1", "65536"] {
        bodies.push(format!("(drop (memory.grow (i32.const {delta})))"));
        for (table, null) in [("$funcs", "func"), ("$externs", "extern")] {
            bodies.push(format!(
                "(drop (table.grow {table} (ref.null {null}) (i32.const {delta})))"
            ));
        }
    }
    let others = [
        "(drop (memory.size))",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 9))",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.const 9))",
        "(memory.init $passive (i32.const 0) (i32.const 0) (i32.const 0))",
        "(data.drop $passive)",
        "(drop (table.size $funcs))",
        "(drop (table.get $funcs (i32.const 0)))",
        "(table.set $funcs (i32.const 0) (ref.func $nothing))",
        "(table.fill $funcs (i32.const 0) (ref.null func) (i32.const 0))",
        "(table.copy $funcs $funcs (i32.const 0) (i32.const 0) (i32.const 1))",
        "(table.init $funcs $segment (i32.const 0) (i32.const 0) (i32.const 0))",
        "(elem.drop $segment)",
        "(drop (ref.is_null (ref.func $nothing)))",
        "(drop (ref.is_null (ref.null extern)))",
        "(call $nothing)",
        "(call $host)",
        "(call_indirect $calls (type $unit) (i32.const 0))",
        "(call_indirect $calls (type $unit) (i32.const 1))",
        "(drop (call $one (i32.const 1)))",
        "(nop)",
        "(block (br 0))",
        "(block (br_if 0 (i32.const 1)))",
        "(block (block (br_table 0 1 (local.get $i))))",
        "(drop (block (result i32) (block (result i32) (br_table 0 1 (i32.const 7) (local.get $i)))))",
        "(drop (block (result v128) (br_table 0 0 (v128.const i64x2 1 2) (local.get $i))))",
        "(drop (drop (block (result i32 f64) (br_table 0 (i32.const 1) (f64.const 2) (local.get $i)))))",
        "(drop (i32.const 1) (loop (param i32) (result i32)
            (block (param i32) (result i32) (br_table 0 0 (local.get $i)))))",
        "(drop (ref.is_null (block (result externref) (br_table 0 0 (ref.null extern) (local.get $i)))))",
        "(if (local.get $i) (then) (else (nop)))",
        "(loop)",
        "(drop (select (i32.const 1) (i64.eqz (i64.const 1)) (local.get $i)))",
        "(drop (select (f32.const 1) (f32.const 2) (local.get $i)))",
        "(drop (select (result f64) (f64.const 1) (f64.const 2) (local.get $i)))",
        "(drop (select (result externref) (ref.null extern) (ref.null extern) (local.get $i)))",
        "(local.set $x (local.tee $x (local.get $i)))",
        "(global.set $g (i64.add (global.get $g) (i64.const 1)))",
        "(block (result i32) (local.get $i) (br 0)) (drop)",
    ];
    bodies.extend(others.map(String::from));
    bodies
}

/// Those of them that grow something.
pub(crate) fn growths() -> Vec<String> {
    let growths = many().into_iter();
    growths.filter(|body| body.contains(".grow")).collect()
}

/// Operators of numbers and vectors, with the types of their operands and their result.
fn numeric() -> Vec<(String, Vec<&'static str>)> {
    let mut all = Vec::new();
    let mut add = |ty: &str, names: &str, operands: &[&'static str]| {
        for name in names.split_whitespace() {
            all.push((format!("{ty}.{name}"), operands.to_vec()));
        }
    };
    for ty in ["i32", "i64"] {
        add(ty, "clz ctz popcnt eqz extend8_s extend16_s", &[ty]);
        add(
            ty,
            "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr eq ne lt_s \
             lt_u gt_s gt_u le_s le_u ge_s ge_u",
            &[ty, ty],
        );
        for float in ["f32", "f64"] {
            let names =
                format!("trunc_{float}_s trunc_{float}_u trunc_sat_{float}_s trunc_sat_{float}_u");
            add(ty, &names, &[float]);
            let names = format!("convert_{ty}_s convert_{ty}_u");
            add(float, &names, &[ty]);
        }
    }
    for ty in ["f32", "f64"] {
        add(ty, "abs neg ceil floor trunc nearest sqrt", &[ty]);
        add(
            ty,
            "add sub mul div min max copysign eq ne lt gt le ge",
            &[ty, ty],
        );
    }
    add("i32", "wrap_i64", &["i64"]);
    add("i64", "extend_i32_s extend_i32_u", &["i32"]);
    add("i64", "extend32_s", &["i64"]);
    add("f32", "demote_f64", &["f64"]);
    add("f64", "promote_f32", &["f32"]);
    add("i32", "reinterpret_f32", &["f32"]);
    add("i64", "reinterpret_f64", &["f64"]);
    add("f32", "reinterpret_i32", &["i32"]);
    add("f64", "reinterpret_i64", &["i64"]);
    add("v128", "not any_true", &["v128"]);
    add("v128", "and andnot or xor", &["v128", "v128"]);
    for (shape, lane) in [
        ("i8x16", "i32"),
        ("i16x8", "i32"),
        ("i32x4", "i32"),
        ("i64x2", "i64"),
        ("f32x4", "f32"),
        ("f64x2", "f64"),
    ] {
        add(shape, "splat", &[lane]);
        add(shape, "abs neg", &["v128"]);
        add(shape, "add sub eq ne", &["v128", "v128"]);
        if shape.starts_with('f') {
            add(shape, "ceil floor trunc nearest sqrt", &["v128"]);
            let names = "mul div min max pmin pmax lt gt le ge";
            add(shape, names, &["v128", "v128"]);
            continue;
        }
        add(shape, "all_true bitmask", &["v128"]);
        add(shape, "shl shr_s shr_u", &["v128", "i32"]);
        add(shape, "lt_s gt_s le_s ge_s", &["v128", "v128"]);
        if shape != "i64x2" {
            let names = "lt_u gt_u le_u ge_u min_s min_u max_s max_u";
            add(shape, names, &["v128", "v128"]);
        }
        if shape != "i8x16" {
            add(shape, "mul", &["v128", "v128"]);
        }
    }
    let saturating = "add_sat_s add_sat_u sub_sat_s sub_sat_u avgr_u";
    for (wide, narrow) in [("i16x8", "i8x16"), ("i32x4", "i16x8"), ("i64x2", "i32x4")] {
        for half in ["low", "high"] {
            for sign in ["s", "u"] {
                add(wide, &format!("extend_{half}_{narrow}_{sign}"), &["v128"]);
                let name = format!("extmul_{half}_{narrow}_{sign}");
                add(wide, &name, &["v128", "v128"]);
            }
        }
        if wide != "i64x2" {
            for sign in ["s", "u"] {
                add(wide, &format!("extadd_pairwise_{narrow}_{sign}"), &["v128"]);
                add(narrow, &format!("narrow_{wide}_{sign}"), &["v128", "v128"]);
            }
            add(narrow, saturating, &["v128", "v128"]);
        }
    }
    add("i8x16", "popcnt", &["v128"]);
    add("i8x16", "swizzle", &["v128", "v128"]);
    add("i16x8", "q15mulr_sat_s", &["v128", "v128"]);
    add("i32x4", "dot_i16x8_s", &["v128", "v128"]);
    add(
        "i32x4",
        "trunc_sat_f32x4_s trunc_sat_f32x4_u trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero",
        &["v128"],
    );
    add(
        "f32x4",
        "convert_i32x4_s convert_i32x4_u demote_f64x2_zero",
        &["v128"],
    );
    add(
        "f64x2",
        "convert_low_i32x4_s convert_low_i32x4_u promote_low_f32x4",
        &["v128"],
    );
    all
}

/// An operand that no operator refuses.
fn operand(ty: &str) -> String {
    match ty {
        // Not the same in each turn, so that nothing is computed beforehand.
        "i32" => "(i32.or (local.get $i) (i32.const 1))".into(),
        "i64" => "(i64.extend_i32_u (i32.or (local.get $i) (i32.const 1)))".into(),
        "f32" => "(f32.convert_i32_u (local.get $i))".into(),
        "f64" => "(f64.convert_i32_u (local.get $i))".into(),
        _ => "(i32x4.splat (local.get $i))".into(),
    }
}

/// Bodies that only compute.
pub(crate) fn some() -> Vec<String> {
    let mut bodies: Vec<String> = numeric()
        .into_iter()
        .map(|(name, operands)| {
            let operands: String = operands.into_iter().map(operand).collect();
            format!("(drop ({name} {operands}))")
        })
        .collect();
    let loads = [
        ("i32", "load load8_s load8_u load16_s load16_u"),
        (
            "i64",
            "load load8_s load8_u load16_s load16_u load32_s load32_u",
        ),
        ("f32", "load"),
        ("f64", "load"),
        (
            "v128",
            "load load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s load32x2_u load8_splat \
             load16_splat load32_splat load64_splat load32_zero load64_zero",
        ),
    ];
    let stores = [
        ("i32", "store store8 store16"),
        ("i64", "store store8 store16 store32"),
        ("f32", "store"),
        ("f64", "store"),
        ("v128", "store"),
    ];
    let address = "(i32.and (local.get $i) (i32.const 255))";
    for (ty, names) in loads {
        let names = names.split_whitespace();
        bodies.extend(names.map(|name| format!("(drop ({ty}.{name} offset=8 {address}))")));
    }
    for (ty, names) in stores {
        let value = operand(ty);
        let names = names.split_whitespace();
        bodies.extend(names.map(|name| format!("({ty}.{name} {address} {value})")));
    }
    let v = operand("v128");
    bodies.push(format!("(drop (v128.bitselect {v} {v} {v}))"));
    for (shape, lane, sign) in [
        ("i8x16", "i32", "_s"),
        ("i8x16", "i32", "_u"),
        ("i16x8", "i32", "_s"),
        ("i16x8", "i32", "_u"),
        ("i32x4", "i32", ""),
        ("i64x2", "i64", ""),
        ("f32x4", "f32", ""),
        ("f64x2", "f64", ""),
    ] {
        let value = operand(lane);
        bodies.push(format!("(drop ({shape}.extract_lane{sign} 1 {v}))"));
        bodies.push(format!("(drop ({shape}.replace_lane 1 {v} {value}))"));
    }
    bodies.push(format!(
        "(drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 {v} {v}))"
    ));
    for bits in [8, 16, 32, 64] {
        bodies.push(format!("(drop (v128.load{bits}_lane 1 {address} {v}))"));
        bodies.push(format!("(v128.store{bits}_lane 1 {address} {v})"));
    }
    bodies
}

/// A module that repeats a body as often as its argument says.
pub(crate) fn repeating(body: &str, memory: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (type $unit (func)) (import "host" "f" (func $host))
            (memory {memory})
            (table $funcs {memory} funcref) (table $externs {memory} externref)
            (table $calls 2 funcref) (global $g (mut i64) (i64.const 0))
            (data $passive "abc") (elem $segment func $nothing)
            (elem (table $calls) (i32.const 0) func $nothing $host)
            (func $nothing) (func $one (param i32) (result i32) (return (local.get 0)))
            (func (export "run") (param $i i32) (local $x i32)
                (loop $again
                    {body}
                    (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{body}: {error}"))
}
