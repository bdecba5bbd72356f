//! The table of cases, on a host that is asked directly.

use serde_json::Value;

use super::bench::{STRANGER, answer, call};
use super::cases::Expected::{Fails, Is, Starts};
use super::cases::cases;

/// `{n}` stands for the id of peer n.
fn with_peers(text: &str) -> String {
    let mut text = text.to_string();
    for n in 1..=4 {
        text = text.replace(&format!("{{{n}}}"), &super::bench::peer(n).to_string());
    }
    text
}

#[test]
fn each_call_has_its_exact_result() {
    let mut wrong = Vec::new();
    for (service, function, arguments, expected) in cases() {
        let parsed: Vec<Value> = serde_json::from_str(&with_peers(arguments)).unwrap();
        let (code, result) = answer(call(STRANGER, service, function, parsed, Vec::new()));
        let good = match expected {
            Is(text) => (code, result.clone()) == (0, with_peers(text)),
            Fails(text) => (code, result.clone()) == (1, Value::from(*text).to_string()),
            Starts(text) => {
                let result: String = serde_json::from_str(&result).unwrap();
                code == 1 && result.starts_with(text)
            }
        };
        if !good {
            wrong.push(format!("{service}.{function}{arguments}: {code} {result}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn base58_of_long_values_is_refused() {
    let refused = Err("base58 is for 4096 bytes at most, these are 4097".to_string());
    for (len, refused) in [(4096, Ok(())), (4097, refused)] {
        for (service, function, argument) in [
            ("op", "string_to_b58", Value::from("x".repeat(len))),
            ("op", "bytes_to_b58", vec![7; len].into()),
            ("op", "string_from_b58", Value::from("1".repeat(len))),
            ("op", "bytes_from_b58", Value::from("1".repeat(len))),
        ] {
            let told = call(STRANGER, service, function, vec![argument], Vec::new());
            let told = told.map(drop).map_err(|error| error.message().to_string());
            assert_eq!(told, refused, "{function}");
        }
    }
    let key = vec![Value::from("1".repeat(4097))];
    let told = call(STRANGER, "kad", "neighborhood", key, Vec::new());
    assert!(told.unwrap_err().message().starts_with("base58 is for"));
}
