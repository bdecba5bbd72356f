//! `json`.

use super::Case;
use super::Expected::{Fails, Is, Starts};

pub(super) const CASES: &[Case] = &[
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
    (
        "json",
        "put",
        r#"[{"a": 1}, "b"]"#,
        Starts("Error: Field 'value' is missing from args to call_service\n"),
    ),
    (
        "json",
        "put",
        r#"[{"a": 1}, "a", null]"#,
        Is(r#"{"a":null}"#),
    ),
    ("json", "puts", r#"[{"a": 1}]"#, Is(r#"{"a":1}"#)),
    (
        "json",
        "puts",
        r#"[[], "b", 2]"#,
        Fails("expected json object, got []"),
    ),
    (
        "json",
        "puts",
        r#"[{"a": 1}, 2, 3]"#,
        Fails(
            "All keys must be of type string. Key of the following pair is of invalid type: (2, 3)",
        ),
    ),
    (
        "json",
        "puts",
        "[]",
        Starts("Error: Field 'object' is missing from args to call_service\n"),
    ),
    ("json", "parse", "[]", Fails("expected 1 arguments, got 0")),
    (
        "json",
        "parse",
        "[7]",
        Starts("Error: Error deserializing field 'json': expected string, got 7\n"),
    ),
    ("json", "parse", r#"[" null "]"#, Is("null")),
    ("json", "stringify", "[null]", Is(r#""null""#)),
    // Floats are laid out as the interpreter does it.
    (
        "json",
        "stringify",
        r#"[[1e21, -1.5E+300, 1e-7, -0.0, 1.0, 0.12379999458789824]]"#,
        Is(r#""[1e21,-1.5e300,1e-7,-0.0,1.0,0.12379999458789824]""#),
    ),
    (
        "json",
        "stringify",
        r#"[["\"e+", "\\", 1e22, "1e+22"]]"#,
        Is(r#""[\"\\\"e+\",\"\\\\\",1e22,\"1e+22\"]""#),
    ),
    (
        "json",
        "parse",
        r#"["-9223372036854775809"]"#,
        Is("-9.223372036854776e18"),
    ),
    ("debug", "stringify", "[1e21]", Is(r#""1e21""#)),
    ("op", "identity", "[1e-300]", Is("1e-300")),
    (
        "json",
        "stringify",
        "[1, 2]",
        Fails("expected 1 arguments, got 2"),
    ),
    (
        "json",
        "obj_pairs",
        "[]",
        Fails("expected 1 arguments, got 0"),
    ),
    ("json", "obj_pairs", "[[]]", Is("{}")),
    (
        "json",
        "obj_pairs",
        r#"[[["a"]]]"#,
        Fails(r#"Expected array of 2 elements: string key and value, got ["a"]"#),
    ),
    (
        "json",
        "obj_pairs",
        "[[[1, 2]]]",
        Fails(
            "All keys must be of type string. Key of the following pair is of invalid type: (1, 2)",
        ),
    ),
    (
        "json",
        "obj_pairs",
        r#"[[["a", 1], ["a", 2]]]"#,
        Is(r#"{"a":2}"#),
    ),
    (
        "json",
        "puts_pairs",
        r#"[{"a": 1}]"#,
        Fails("expected 2 arguments, got 1"),
    ),
    ("json", "puts_pairs", r#"[{"a": 1}, []]"#, Is(r#"{"a":1}"#)),
    (
        "json",
        "puts_pairs",
        r#"[{"a": 1}, [["b"]]]"#,
        Fails(r#"Expected array of 2 elements: string key and value, got ["b"]"#),
    ),
];
