//! Numbers through the built-ins: the table of numbers that the interpreter is held against, with
//! the texts that the reference writes for them.

use serde_json::{Value, json};

use super::bench::{STRANGER, answer, call};

/// What a function makes of the arguments: code and result.
fn told(service: &str, function: &str, arguments: Vec<Value>) -> (i32, Value) {
    let (code, result) = answer(call(STRANGER, service, function, arguments, Vec::new()));
    (code, serde_json::from_str(&result).unwrap())
}

fn texts() -> Vec<(String, Value)> {
    let table = include_str!("../../../air/tests/vectors/numbers.json");
    let table: Value = serde_json::from_str(table).unwrap();
    let rows = table["texts"].as_array().unwrap().iter();
    rows.map(|row| {
        let text = row[1].as_str().unwrap().to_string();
        let value = serde_json::from_str(&text).unwrap();
        (text, value)
    })
    .collect()
}

/// Equal, to the sign of a zero.
fn same(one: &Value, other: &Value) -> bool {
    let [one, other] = [one, other].map(Value::to_string);
    one == other
}

#[test]
fn numbers_pass_as_they_are() {
    let texts = texts();
    assert!(texts.len() > 390);
    for (text, value) in &texts {
        let pair = json!([value, value]);
        for (service, function, arguments, expected) in [
            ("op", "identity", vec![value.clone()], value.clone()),
            (
                "op",
                "array",
                vec![value.clone(), value.clone()],
                pair.clone(),
            ),
            (
                "op",
                "concat",
                vec![json!([value]), json!([value])],
                pair.clone(),
            ),
            (
                "array",
                "slice",
                vec![pair.clone(), json!(1), json!(2)],
                json!([value]),
            ),
            (
                "json",
                "obj",
                vec![json!("k"), value.clone()],
                json!({ "k": value }),
            ),
            (
                "json",
                "put",
                vec![json!({}), json!("k"), value.clone()],
                json!({ "k": value }),
            ),
            (
                "json",
                "obj_pairs",
                vec![json!([["k", value]])],
                json!({ "k": value }),
            ),
            ("json", "parse", vec![json!(text)], value.clone()),
            (
                "json",
                "parse",
                vec![json!(format!("[{text}, {text}]"))],
                pair.clone(),
            ),
            ("json", "stringify", vec![value.clone()], json!(text)),
            (
                "json",
                "stringify",
                vec![json!({ "e+": pair })],
                json!(format!("{{\"e+\":[{text},{text}]}}")),
            ),
            ("debug", "stringify", vec![value.clone()], json!(text)),
            (
                "debug",
                "stringify",
                vec![value.clone(), json!("1e+21")],
                json!(format!("[{text},\"1e+21\"]")),
            ),
        ] {
            let (code, result) = told(service, function, arguments);
            assert!(
                code == 0 && same(&result, &expected),
                "{service}.{function} {text}: {code} {result}"
            );
        }
    }
}

#[test]
fn errors_quote_numbers_as_the_network_does() {
    for (text, value) in texts() {
        for (service, function, arguments, start) in [
            (
                "json",
                "parse",
                vec![value.clone()],
                format!("Error: Error deserializing field 'json': expected string, got {text}\n"),
            ),
            (
                "array",
                "slice",
                vec![value.clone(), json!(0), json!(1)],
                format!("first argument must be an array, was {text}"),
            ),
            (
                "json",
                "obj",
                vec![value.clone(), value.clone()],
                format!(
                    "All keys must be of type string. Key of the following pair is of invalid type: ({text}, {text})"
                ),
            ),
            (
                "json",
                "obj",
                vec![value.clone()],
                format!("Expected odd number of arguments, got even. No value for key '{text}'"),
            ),
            (
                "json",
                "puts",
                vec![value.clone()],
                format!("expected json object, got {text}"),
            ),
            (
                "json",
                "obj_pairs",
                vec![json!([[value]])],
                format!("Expected array of 2 elements: string key and value, got [{text}]"),
            ),
        ] {
            let (code, result) = told(service, function, arguments);
            let result = result.as_str().unwrap();
            assert!(
                code == 1 && result.starts_with(&start),
                "{service}.{function} {text}: {code} {result}"
            );
        }
    }
}

#[test]
fn only_whole_numbers_of_64_bits_are_counted_with() {
    for (text, value) in texts() {
        let arguments = vec![value.clone(), json!(0)];
        let refused = format!("Error: Error deserializing field 'x': expected i64, got {text}\n");
        let expected = value.as_i64().filter(|_| !text.contains('.'));
        for (service, function, result) in [
            ("math", "add", expected.map(Value::from)),
            ("math", "sub", expected.map(Value::from)),
            ("math", "mul", expected.map(|_| json!(0))),
            ("cmp", "gt", expected.map(|x| json!(x > 0))),
            ("cmp", "cmp", expected.map(|x| json!(x.signum()))),
        ] {
            let (code, told) = told(service, function, arguments.clone());
            match result {
                Some(result) => {
                    assert_eq!((code, told), (0, result), "{service}.{function} {text}")
                }
                None => {
                    let told = told.as_str().unwrap();
                    assert!(
                        code == 1 && told.starts_with(&refused),
                        "{service}.{function} {text}: {told}"
                    );
                }
            }
        }
        let (code, product) = told("math", "fmul", vec![value.clone(), json!(1)]);
        let floor = value.as_f64().unwrap().floor() as i64;
        assert_eq!((code, product), (0, json!(floor)), "math.fmul {text}");
    }
}
