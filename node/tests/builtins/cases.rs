//! The table: service, function, arguments as a JSON array, result. A result in `Is` is exact JSON text,
//! in `Fails` the exact error text, in `Starts` its beginning up to the debug form.

use serde_json::Value;

use super::bench::{STRANGER, answer, call};

pub(crate) enum Expected {
    Is(&'static str),
    Fails(&'static str),
    Starts(&'static str),
}
use Expected::*;

type Case = (&'static str, &'static str, &'static str, Expected);

pub(crate) const CASES: &[Case] = &[
    // Nobody answers.
    (
        "op",
        "nothing",
        "[]",
        Fails("Service with id 'op' not found (function nothing)"),
    ),
    (
        "script",
        "add",
        "[]",
        Fails("Service with id 'script' not found (function add)"),
    ),
    // Without a chain these are not there; with one see the deals of the hosted node.
    (
        "connector",
        "get_deals",
        "[]",
        Fails("Service with id 'connector' not found (function get_deals)"),
    ),
    (
        "connector",
        "register_worker",
        r#"["", "", []]"#,
        Fails("Service with id 'connector' not found (function register_worker)"),
    ),
    (
        "connector",
        "get_tx_receipts",
        "[[]]",
        Fails("Service with id 'connector' not found (function get_tx_receipts)"),
    ),
    (
        "subnet",
        "resolve",
        r#"[""]"#,
        Fails("Service with id 'subnet' not found (function resolve)"),
    ),
    // peer
    (
        "peer",
        "identify",
        "[1, 2]",
        Is(
            r#"{"air_version":"0.64.1","allowed_binaries":[],"external_addresses":["/ip4/192.0.2.1/tcp/977"],"node_version":"0.1.0","spell_version":"","vm_info":null}"#,
        ),
    ),
    ("peer", "timestamp_ms", "[]", Is("1700000001234")),
    ("peer", "timestamp_sec", "[]", Is("1700000001")),
    ("peer", "is_connected", r#"["{3}"]"#, Is("true")),
    ("peer", "is_connected", r#"["{4}"]"#, Is("false")),
    ("peer", "is_connected", r#"["nobody"]"#, Starts("Error: ")),
    (
        "peer",
        "is_connected",
        "[]",
        Starts("Error: Field 'peer_id' is missing from args to call_service\n"),
    ),
    (
        "peer",
        "is_connected",
        "[17]",
        Starts("Error: Error deserializing field 'peer_id': expected string, got 17\n"),
    ),
    (
        "peer",
        "get_contact",
        r#"["{3}"]"#,
        Is(r#"{"addresses":["/ip4/192.0.2.3/tcp/977"],"peer_id":"{3}"}"#),
    ),
    ("peer", "get_contact", r#"["{4}"]"#, Is("\"\"")),
    (
        "peer",
        "timeout",
        "[]",
        Starts("Error: Field 'duration_ms' is missing from args to call_service\n"),
    ),
    (
        "peer",
        "timeout",
        r#"["soon"]"#,
        Starts("Error: Error deserializing field 'duration_ms': expected "),
    ),
    (
        "peer",
        "timeout",
        r#"[1, ["a", "b"]]"#,
        Starts(
            "Error: Option's array must contain at most 1 element, 'message' was of 2 elements\n",
        ),
    ),
    // kad
    (
        "kad",
        "neighborhood",
        r#"["{3}", true, 1]"#,
        Is(r#"["{3}"]"#),
    ),
    (
        "kad",
        "neighborhood",
        r#"["0OIl"]"#,
        Starts("Error: key '0OIl' is not a base58: "),
    ),
    (
        "kad",
        "neighborhood",
        r#"["2NEpo7TZRRrLZSi2U", true]"#,
        Starts("Error: Invalid multihash"),
    ),
    ("kad", "neighborhood", r#"["{3}", null, 0]"#, Is("[]")),
    (
        "kad",
        "neighborhood",
        "[]",
        Starts("Error: Field 'key' is missing from args to call_service\n"),
    ),
    (
        "kad",
        "neigh_with_addrs",
        r#"["{3}", [true], [1]]"#,
        Is(r#"[{"addresses":["/ip4/192.0.2.3/tcp/977"],"peer_id":"{3}"}]"#),
    ),
    (
        "kad",
        "merge",
        r#"["{3}", ["{4}", "{3}"], ["{3}", "{4}"], 5]"#,
        Is(r#"["{3}","{4}"]"#),
    ),
    (
        "kad",
        "merge",
        r#"["{4}", ["{4}", "{3}"], [], [1]]"#,
        Is(r#"["{4}"]"#),
    ),
    (
        "kad",
        "merge",
        r#"["{4}", ["{4}"]]"#,
        Starts("Error: Field 'right' is missing"),
    ),
    (
        "kad",
        "merge",
        r#"["{4}", ["?"], []]"#,
        Starts("Error: key '?' is not a base58"),
    ),
    // dist
    (
        "dist",
        "make_module_config",
        r#"["m", 100, "4 MiB", [true], null, [[["K", "v"]]], [], [["curl", "/usr/bin/curl"]], 3]"#,
        Is(
            r#"{"logger_enabled":true,"logging_mask":3,"mounted_binaries":{"curl":"/usr/bin/curl"},"name":"m","wasi":{"envs":{"K":"v"},"mapped_dirs":null}}"#,
        ),
    ),
    (
        "dist",
        "make_module_config",
        r#"["m"]"#,
        Is(r#"{"name":"m"}"#),
    ),
    (
        "dist",
        "make_module_config",
        "[]",
        Starts("Error: Field 'name' is missing"),
    ),
    (
        "dist",
        "default_module_config",
        r#"["m"]"#,
        Is(r#"{"name":"m"}"#),
    ),
    (
        "dist",
        "make_blueprint",
        r#"["trust-graph", ["bafybeiey4i2vtj7uu7tlvdoc2o52uuuwxa4ahcx5g4lpqzk4qtd5klniuq"]]"#,
        Is(
            r#""{\"dependencies\":[{\"/\":\"bafybeiey4i2vtj7uu7tlvdoc2o52uuuwxa4ahcx5g4lpqzk4qtd5klniuq\"}],\"name\":\"trust-graph\"}""#,
        ),
    ),
    // op
    ("op", "noop", "[1, 2, 3]", Is("\"\"")),
    (
        "op",
        "array",
        r#"[1, "a", [], {"b": null}]"#,
        Is(r#"[1,"a",[],{"b":null}]"#),
    ),
    ("op", "array", "[]", Is("[]")),
    ("op", "array_length", "[[1, 2, 3]]", Is("3")),
    ("op", "array_length", "[[]]", Is("0")),
    (
        "op",
        "array_length",
        r#"["abc"]"#,
        Fails("op array_length's argument must be an array"),
    ),
    (
        "op",
        "array_length",
        "[]",
        Fails("op array_length accepts exactly 1 argument: 0 found"),
    ),
    (
        "op",
        "array_length",
        "[[], []]",
        Fails("op array_length accepts exactly 1 argument: 2 found"),
    ),
    ("op", "concat", "[[1], [], [2, [3]]]", Is("[1,2,[3]]")),
    ("op", "concat", "[]", Is("[]")),
    (
        "op",
        "concat",
        "[[1], 2]",
        Fails("all arguments of 'concat' must be arrays: argument #1 is not"),
    ),
    ("op", "concat_strings", r#"["a", "", "bc"]"#, Is(r#""abc""#)),
    ("op", "concat_strings", "[]", Is("\"\"")),
    (
        "op",
        "concat_strings",
        r#"[1, "a"]"#,
        Fails("all arguments of 'concat_strings' must be strings: argument #0 is not"),
    ),
    ("op", "string_to_b58", r#"["hello"]"#, Is(r#""Cn8eVZg""#)),
    ("op", "string_to_b58", r#"[""]"#, Is("\"\"")),
    (
        "op",
        "string_to_b58",
        "[[1]]",
        Starts("Error: Error deserializing field 'string': expected string, got [1]\n"),
    ),
    ("op", "string_from_b58", r#"["Cn8eVZg"]"#, Is(r#""hello""#)),
    ("op", "string_from_b58", r#"["0"]"#, Starts("Error: ")),
    (
        "op",
        "string_from_b58",
        r#"["5Q"]"#,
        Starts("Error: invalid utf-8 sequence"),
    ),
    (
        "op",
        "bytes_from_b58",
        r#"["Cn8eVZg"]"#,
        Is("[104,101,108,108,111]"),
    ),
    (
        "op",
        "bytes_to_b58",
        "[[104, 101, 108, 108, 111]]",
        Is(r#""Cn8eVZg""#),
    ),
    (
        "op",
        "bytes_to_b58",
        "[[256]]",
        Starts("Error: Error deserializing field 'bytes': expected []u8, got [256]\n"),
    ),
    (
        "op",
        "sha256_string",
        r#"["hi", false, true]"#,
        Is("[18,2,104,105]"),
    ),
    (
        "op",
        "sha256_string",
        r#"["hi", true, [true]]"#,
        Is("[104,105]"),
    ),
    ("op", "sha256_string", r#"["hi"]"#, Is(r#""Thayv""#)),
    ("op", "sha256_string", r#"["hi", true]"#, Is(r#""8wr""#)),
    (
        "op",
        "sha256_string",
        r#"["12345678901234567890123456789012345678901234567890123456789012345"]"#,
        Starts("Error: Invalid multihash size 65."),
    ),
    ("op", "identity", r#"[{"a": [1]}]"#, Is(r#"{"a":[1]}"#)),
    ("op", "identity", "[]", Is("\"\"")),
    (
        "op",
        "identity",
        "[1, 2]",
        Fails("identity accepts up to 1 arguments, received 2 arguments"),
    ),
    // debug
    (
        "debug",
        "stringify",
        "[]",
        Is(r#""\"<empty argument list>\"""#),
    ),
    (
        "debug",
        "stringify",
        r#"[{"a": 1.5}]"#,
        Is(r#""{\"a\":1.5}""#),
    ),
    ("debug", "stringify", r#"["a"]"#, Is(r#""\"a\"""#)),
    ("debug", "stringify", r#"[1, "b"]"#, Is(r#""[1,\"b\"]""#)),
    // math
    ("math", "add", "[2, -3]", Is("-1")),
    (
        "math",
        "add",
        "[9223372036854775807, 1]",
        Fails("i64 add overflow"),
    ),
    ("math", "add", "[1]", Fails("expected 2 arguments, got 1")),
    (
        "math",
        "add",
        "[1, 2, 3]",
        Fails("expected 2 arguments, got 3"),
    ),
    (
        "math",
        "add",
        "[1, 1.5]",
        Starts("Error: Error deserializing field 'y': expected i64, got 1.5\n"),
    ),
    ("math", "sub", "[2, -3]", Is("5")),
    (
        "math",
        "sub",
        "[0, -9223372036854775808]",
        Fails("i64 neg overflow"),
    ),
    (
        "math",
        "sub",
        "[-2, 9223372036854775807]",
        Fails("i64 add overflow"),
    ),
    ("math", "mul", "[-4, 5]", Is("-20")),
    (
        "math",
        "mul",
        "[4611686018427387904, 2]",
        Fails("i64 mul overflow"),
    ),
    ("math", "fmul", "[2.5, 3]", Is("7")),
    ("math", "fmul", "[-2.5, 3]", Is("-8")),
    ("math", "fmul", "[1e300, 1e300]", Is("9223372036854775807")),
    ("math", "fmul", "[-1e300, 10]", Is("-9223372036854775808")),
    ("math", "div", "[-7, 2]", Is("-3")),
    ("math", "div", "[1, 0]", Fails("i64 div overflow")),
    (
        "math",
        "div",
        "[-9223372036854775808, -1]",
        Fails("i64 div overflow"),
    ),
    ("math", "rem", "[-7, 2]", Is("-1")),
    ("math", "rem", "[1, 0]", Fails("i64 rem overflow")),
    ("math", "pow", "[-2, 3]", Is("-8")),
    ("math", "pow", "[2, 63]", Fails("i64 pow overflow")),
    (
        "math",
        "pow",
        "[2, -1]",
        Starts("Error: Error deserializing field 'y': expected u32, got -1\n"),
    ),
    ("math", "log", "[2, 9]", Is("3")),
    ("math", "log", "[1, 9]", Fails("i64 log overflow")),
    ("math", "log", "[2, 0]", Fails("i64 log overflow")),
    // cmp
    ("cmp", "gt", "[2, 1]", Is("true")),
    ("cmp", "gt", "[1, 1]", Is("false")),
    ("cmp", "gte", "[1, 1]", Is("true")),
    ("cmp", "lt", "[1, 1]", Is("false")),
    ("cmp", "lte", "[1, 1]", Is("true")),
    ("cmp", "cmp", "[1, 2]", Is("-1")),
    ("cmp", "cmp", "[2, 2]", Is("0")),
    ("cmp", "cmp", "[3, 2]", Is("1")),
    ("cmp", "cmp", "[]", Fails("expected 2 arguments, got 0")),
    (
        "cmp",
        "cmp",
        r#"["a", 2]"#,
        Starts("Error: Error deserializing field 'x': expected i64, got \"a\"\n"),
    ),
    // array
    ("array", "sum", "[[1, 2, -4]]", Is("-1")),
    ("array", "sum", "[[]]", Is("0")),
    (
        "array",
        "sum",
        "[[9223372036854775807, 1]]",
        Fails("i64 add overflow"),
    ),
    ("array", "sum", "[]", Fails("expected 1 arguments, got 0")),
    ("array", "dedup", r#"[["b", "a", "b"]]"#, Is(r#"["b","a"]"#)),
    (
        "array",
        "dedup",
        "[[1]]",
        Starts("Error: Error deserializing field 'xs': expected []string, got [1]\n"),
    ),
    (
        "array",
        "intersect",
        r#"[["b", "a", "b"], ["b", "c"]]"#,
        Is(r#"["b"]"#),
    ),
    (
        "array",
        "intersect",
        r#"[["b"]]"#,
        Fails("expected 2 arguments, got 1"),
    ),
    (
        "array",
        "diff",
        r#"[["b", "a", "b"], ["b", "c"]]"#,
        Is(r#"["a"]"#),
    ),
    (
        "array",
        "sdiff",
        r#"[["b", "a", "b"], ["b", "c"]]"#,
        Is(r#"["a","c"]"#),
    ),
    ("array", "slice", "[[1, 2, 3], 1, 3]", Is("[2,3]")),
    ("array", "slice", "[[1, 2, 3], 1, 1]", Is("[]")),
    ("array", "slice", "[[], 5, 2]", Is("[]")),
    (
        "array",
        "slice",
        "[[1, 2, 3], 1, 4]",
        Fails("slice indexes out of bounds. start index: 1, end index: 4, array length: 3"),
    ),
    (
        "array",
        "slice",
        "[[1, 2, 3], 2, 1]",
        Fails("slice indexes out of bounds. start index: 2, end index: 1, array length: 3"),
    ),
    (
        "array",
        "slice",
        "[[1]]",
        Fails("invalid number of parameters. need array, start index and end index"),
    ),
    (
        "array",
        "slice",
        "[1, 2, 3]",
        Fails("first argument must be an array, was 1"),
    ),
    (
        "array",
        "slice",
        "[[1], -2, 3]",
        Fails("second argument (start index) must be an unsigned integer, was -2"),
    ),
    (
        "array",
        "slice",
        r#"[[1], 0, "3"]"#,
        Fails("third argument (end index) must be an unsigned integer, was \"3\""),
    ),
    ("array", "length", "[[1, 2]]", Is("2")),
    (
        "array",
        "length",
        "[{}]",
        Fails("op array_length's argument must be an array"),
    ),
    // json
    (
        "json",
        "obj",
        r#"["b", 1, "a", [2]]"#,
        Is(r#"{"b":1,"a":[2]}"#),
    ),
    ("json", "obj", "[]", Is("{}")),
    ("json", "obj", r#"["b", 1, "b", 2]"#, Is(r#"{"b":2}"#)),
    (
        "json",
        "obj",
        r#"["b", 1, "a"]"#,
        Fails("Expected odd number of arguments, got even. No value for key '\"a\"'"),
    ),
    (
        "json",
        "obj",
        "[1, 2]",
        Fails(
            "All keys must be of type string. Key of the following pair is of invalid type: (1, 2)",
        ),
    ),
    (
        "json",
        "put",
        r#"[{"b": 1}, "a", null]"#,
        Is(r#"{"b":1,"a":null}"#),
    ),
    ("json", "put", r#"[{"b": 1}, "b", 2]"#, Is(r#"{"b":2}"#)),
    (
        "json",
        "put",
        r#"[[], "b", 2]"#,
        Fails("expected json object, got []"),
    ),
    (
        "json",
        "put",
        r#"[{}, "b"]"#,
        Starts("Error: Field 'value' is missing"),
    ),
    (
        "json",
        "puts",
        r#"[{"z": 0}, "b", 1, "a", 2]"#,
        Is(r#"{"z":0,"b":1,"a":2}"#),
    ),
    (
        "json",
        "puts",
        r#"[{}, "b"]"#,
        Fails("Expected odd number of arguments, got even. No value for key '\"b\"'"),
    ),
    (
        "json",
        "parse",
        r#"["{\"b\": 1, \"a\": {\"z\": 1.0, \"y\": [true, null]}, \"b\": 3}"]"#,
        Is(r#"{"b":3,"a":{"z":1.0,"y":[true,null]}}"#),
    ),
    ("json", "parse", r#"["7"]"#, Is("7")),
    (
        "json",
        "parse",
        r#"["{"]"#,
        Starts("Error: error parsing json EOF while parsing an object"),
    ),
    ("json", "parse", "[]", Fails("expected 1 arguments, got 0")),
    (
        "json",
        "stringify",
        r#"[{"a": [1, "x"]}]"#,
        Is(r#""{\"a\":[1,\"x\"]}""#),
    ),
    (
        "json",
        "stringify",
        "[1, 2]",
        Fails("expected 1 arguments, got 2"),
    ),
    (
        "json",
        "obj_pairs",
        r#"[[["b", 1], ["a", 2]]]"#,
        Is(r#"{"b":1,"a":2}"#),
    ),
    (
        "json",
        "obj_pairs",
        r#"[[["b"]]]"#,
        Starts("Expected array of 2 elements"),
    ),
    (
        "json",
        "puts_pairs",
        r#"[{"c": 0}, [["b", 1], ["a", 2]]]"#,
        Is(r#"{"c":0,"b":1,"a":2}"#),
    ),
    (
        "json",
        "puts_pairs",
        r#"[3, []]"#,
        Fails("expected json object, got 3"),
    ),
    // sig
    ("sig", "get_peer_id", "[]", Is(r#""{1}""#)),
    ("sig", "verify", "[[1, 2], [3]]", Is("false")),
    (
        "sig",
        "verify",
        "[]",
        Starts("Error: Field 'signature' is missing"),
    ),
    // getDataSrv
    ("getDataSrv", "-relay-", "[]", Is(r#""{1}""#)),
];

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
    for (service, function, arguments, expected) in CASES {
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
