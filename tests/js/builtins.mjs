// The relay's pure built-in services, called one by one: [service, function, arguments, exact result].

const BIG = "9007199254740991";

export const CALLS = [
  ["op", "noop", [], ""],
  ["op", "identity", ["hello"], "hello"],
  ["op", "identity", [{ deep: [1, { er: null }], "ключ": "значение" }], { deep: [1, { er: null }], "ключ": "значение" }],
  ["op", "identity", [], ""],
  ["op", "array", [1, "two", [3], null], [1, "two", [3], null]],
  ["op", "array_length", [["a", "b", "c"]], 3],
  ["op", "concat", [[1, 2], [], [3]], [1, 2, 3]],
  ["op", "concat_strings", ["Hello, ", "", "world"], "Hello, world"],
  ["op", "string_to_b58", ["hello"], "Cn8eVZg"],
  ["op", "string_from_b58", ["Cn8eVZg"], "hello"],
  ["op", "bytes_to_b58", [[104, 101, 108, 108, 111]], "Cn8eVZg"],
  ["op", "bytes_from_b58", ["Cn8eVZg"], [104, 101, 108, 108, 111]],
  ["op", "sha256_string", ["hello", true, true], [104, 101, 108, 108, 111]],
  ["math", "add", [2, 40], 42],
  ["math", "sub", [2, 40], -38],
  ["math", "mul", [-6, 7], -42],
  ["math", "fmul", [10, 0.66], 6],
  ["math", "div", [-7, 2], -3],
  ["math", "rem", [-7, 2], -1],
  ["math", "pow", [2, 40], 1099511627776],
  ["math", "log", [2, 1000], 9],
  ["cmp", "gt", [2, 1], true],
  ["cmp", "gte", [2, 2], true],
  ["cmp", "lt", [2, 1], false],
  ["cmp", "lte", [1, 2], true],
  ["cmp", "cmp", [1, 2], -1],
  ["array", "sum", [[1, 2, 3, -10]], -4],
  ["array", "dedup", [["b", "a", "b", "a", "c"]], ["b", "a", "c"]],
  ["array", "slice", [[0, 1, 2, 3, 4], 1, 3], [1, 2]],
  ["array", "length", [[[], []]], 2],
  ["json", "obj", ["name", "x", "n", 1], { name: "x", n: 1 }],
  ["json", "put", [{ a: 1 }, "b", [2]], { a: 1, b: [2] }],
  ["json", "puts", [{ a: 1 }, "b", 2, "a", 3], { a: 3, b: 2 }],
  ["json", "parse", ['{"a":[1,true,null]}'], { a: [1, true, null] }],
  ["json", "stringify", [{ a: [BIG], z: 1 }], `{"a":["${BIG}"],"z":1}`],
  ["json", "obj_pairs", [[["a", 1], ["b", "2"]]], { a: 1, b: "2" }],
  ["json", "puts_pairs", [{ a: 0 }, [["a", 1], ["b", 2]]], { a: 1, b: 2 }],
  ["debug", "stringify", [{ a: "b" }], '{"a":"b"}'],
  ["debug", "stringify", [1, "x"], '[1,"x"]'],
  ["debug", "stringify", [], '"<empty argument list>"'],
];

/** Sets come back in any order. */
export const SETS = [
  ["array", "intersect", [["a", "b", "c"], ["c", "x", "a"]], ["a", "c"]],
  ["array", "diff", [["a", "b", "c"], ["c", "x", "a"]], ["b"]],
  ["array", "sdiff", [["a", "b", "c"], ["c", "x", "a"]], ["b", "x"]],
];

/** Failures arrive as the script's last error, which carries the service's own words. */
export const FAILURES = [
  ["math", "div", [1, 0], "i64 div overflow"],
  ["math", "add", ["9", 1], "Error deserializing field"],
  ["cmp", "gt", [1], "expected 2 arguments, got 1"],
  ["array", "slice", [[1], 0, 5], "slice indexes out of bounds. start index: 0, end index: 5, array length: 1"],
  ["json", "parse", ["{"], "error parsing json"],
  ["nobody", "home", [], "Service with id 'nobody' not found (function home)"],
];
