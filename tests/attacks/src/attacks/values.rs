//! Values that grow, or are copied.

use anyhow::Result;

use super::text::{call, doubling, in_two_folds, with_canon};
use crate::attack::Attack;
use crate::author::{in_parallel, in_sequence};
use crate::stage::Stage;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "canons-of-canons",
        "canons, each of a stream that holds the one before twice",
        [40, 60],
        canons_of_canons,
    )
    .counted(&["run_budget"]),
    Attack::new(
        "escapes",
        "calls of debug.stringify, each of the one before",
        [40, 60],
        |stage| stage.script(&chain(&stage.peer(), "debug.stringify", "s", stage.size)),
    ),
    Attack::new(
        "big-argument",
        "calls with one literal of 100 KB each",
        [500, 10_000],
        |stage| {
            let peer = stage.peer();
            let set = format!("(ap \"{}\" big)", "b".repeat(100_000));
            let calls: Vec<String> = (0..stage.size)
                .map(|_| call(&peer, "op.identity", "big", ""))
                .collect();
            stage.script(&format!("(seq {set} {})", in_parallel(&calls)))
        },
    ),
    Attack::new(
        "many-arguments",
        "times the same text of 100 KB as arguments of one call",
        [2_000, 50_000],
        |stage| {
            let peer = stage.peer();
            let set = format!("(ap \"{}\" big)", "b".repeat(100_000));
            let concat = call(&peer, "op.concat_strings", &"big ".repeat(stage.size), "x");
            stage.script(&format!("(seq {set} {concat})"))
        },
    )
    .counted(&["run_budget"]),
    Attack::new(
        "long-origins",
        "arguments from a call whose names have 100 KB",
        [500, 10_000],
        |stage| {
            let peer = stage.peer();
            let long = "o".repeat(100_000);
            let get = format!(
                "(xor {} (ap 1 x))",
                call(&peer, &format!("{long}.{long}"), "", "y")
            );
            let wide: String = (0..stage.size).map(|_| "$s ".to_owned()).collect();
            let wide = wide.replace("$s", ":error:.$.message");
            let calls = call(&peer, "op.array", &wide, "z");
            stage.script(&format!("(seq {get} {calls})"))
        },
    ),
    Attack::new(
        "maps",
        "entries of a map under one key, made a scalar of each time",
        [300, 4_000],
        |stage| {
            let peer = stage.peer();
            let steps: Vec<String> = (0..stage.size)
                .map(|number| {
                    format!(
                        "(seq (ap (\"key{number}\" \"{}\") %map) (canon \"{peer}\" %map #%c{number}))",
                        "v".repeat(100)
                    )
                })
                .collect();
            stage.script(&in_sequence(&steps))
        },
    ),
    Attack::new(
        "lens-in-array",
        "reads of the end of an array of 10,000 in two folds",
        [100, 300],
        |stage| {
            let peer = stage.peer();
            let list = format!("\"[{}0]\"", "0,".repeat(10_000));
            let parse = call(&peer, "json.parse", &list, "list");
            let body = in_two_folds("(new $n (ap list.$.[9999] $n))");
            stage.script(&format!(
                "(seq {parse} {})",
                with_canon(&peer, stage.size, &body)
            ))
        },
    ),
    Attack::new(
        "deep-value",
        "arrays in each other, as text, through json.parse",
        [20_000, 1_000_000],
        |stage| {
            let peer = stage.peer();
            let deep = format!("\"{}{}\"", "[".repeat(stage.size), "]".repeat(stage.size));
            let parse = call(&peer, "json.parse", &deep, "x");
            let grow = format!("(seq (ap 1 s0) {})", wrap(&peer, 200));
            stage.scripts([format!("(seq {parse} (ap x.$.[0].[0] y))"), grow])
        },
    ),
    Attack::new(
        "objects",
        "calls of json.puts on the object of the one before, with keys of 10 KB",
        [60, 600],
        |stage| {
            let peer = stage.peer();
            let begin = call(&peer, "json.obj", "", "o0");
            let steps: Vec<String> = (0..stage.size)
                .map(|n| {
                    let key = format!("o{n} \"{n}{}\" o{n}", "k".repeat(10_000));
                    call(&peer, "json.put", &key, &format!("o{}", n + 1))
                })
                .collect();
            stage.script(&format!("(seq {begin} {})", in_sequence(&steps)))
        },
    )
    .counted(&["run_budget"]),
    Attack::new(
        "concat",
        "calls of op.concat_strings, each of the one before twice",
        [40, 60],
        |stage| stage.script(&doubling(&stage.peer(), "op.concat_strings", stage.size)),
    )
    .counted(&["run_budget"]),
];

/// Calls of a function, each with the result of the one before.
fn chain(node: &str, function: &str, name: &str, count: usize) -> String {
    let mut steps = vec![format!("(ap \"\\\\\" {name}0)").replace("\\\\", "a")];
    for number in 0..count {
        let next = format!("{name}{}", number + 1);
        let argument = format!("{name}{number} {name}{number}");
        steps.push(call(node, function, &argument, &next));
    }
    in_sequence(&steps)
}

/// An array in an array, so many times.
fn wrap(node: &str, count: usize) -> String {
    let steps: Vec<String> = (0..count)
        .map(|n| call(node, "op.array", &format!("s{n}"), &format!("s{}", n + 1)))
        .collect();
    in_sequence(&steps)
}

fn canons_of_canons(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let mut steps = vec!["(ap \"0123456789\" $s0)".to_owned()];
    for n in 0..stage.size {
        let next = n + 1;
        steps.push(format!(
            "(seq (canon \"{peer}\" $s{n} #c{n}) (seq (ap #c{n} $s{next}) (ap #c{n} $s{next})))"
        ));
    }
    stage.script(&in_sequence(&steps))
}
