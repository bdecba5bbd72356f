//! Inputs that spend much of one kind of work.

use std::fmt::Write;

use basalt_air::data::{CallResult as CallState, CanonResult, Cid, Data, State, ValueRef};
use basalt_air::{
    Air, CallResult, CallResults, Input, Interpreter, Outcome, Results, VerifiedSignatures,
};

use crate::support::single::{params, run};

/// One step.
#[derive(Default)]
pub(crate) struct Form {
    air: String,
    prev: Vec<u8>,
    current: Vec<u8>,
    results: CallResults,
}

impl Form {
    pub(crate) fn run(&self) -> Outcome {
        let params = params();
        let input = Input {
            air: Air::Text(&self.air),
            prev_data: &self.prev,
            current_data: &self.current,
            params: &params,
            call_results: Results::Typed(&self.results),
        };
        Interpreter::default().run(input, &mut VerifiedSignatures::new(0))
    }
}

/// A script alone.
fn of_script(air: impl Into<String>) -> Form {
    Form {
        air: air.into(),
        ..Form::default()
    }
}

/// Data that a stranger has sent.
fn of_data(data: &Data<'_>) -> Form {
    Form {
        air: "(null)".into(),
        prev: run("(null)").data,
        current: data.encode(0),
        ..Form::default()
    }
}

/// `body` behind a call whose result is `x`.
fn with_result(result: &str, body: &str) -> Form {
    let air = format!("(seq (call %init_peer_id% (\"a\" \"b\") [] x) {body})");
    let asked = run(&air);
    let answer = CallResult {
        ret_code: 0,
        result: result.into(),
    };
    let results = asked.call_requests.iter();
    let results = results.map(|(id, _)| (*id, answer.clone())).collect();
    Form {
        air,
        prev: asked.data,
        results,
        ..Form::default()
    }
}

/// `body` for each of `count` elements.
fn many(count: usize, body: &str) -> Form {
    let list = format!("[{}0]", "1,".repeat(count - 1));
    with_result(&list, &format!("(fold x i (seq {body} (next i)))"))
}

/// A script's second step: all its calls are answered with what they were given.
fn answered(first: Form) -> Form {
    let outcome = first.run();
    let results = outcome.call_requests.iter().map(|(id, request)| {
        let result = request.arguments().to_owned();
        let ret_code = 0;
        (*id, CallResult { ret_code, result })
    });
    Form {
        prev: outcome.data,
        results: results.collect(),
        ..first
    }
}

/// What a form leaves, met again as current data, beside the same or nothing.
fn merged(first: Form, with_previous: bool) -> Form {
    let outcome = first.run();
    let prev = match with_previous {
        true => outcome.data.clone(),
        false => Vec::new(),
    };
    Form {
        air: first.air,
        prev,
        current: outcome.data,
        results: CallResults::new(),
    }
}

fn nested(open: &str, count: usize, last: &str) -> String {
    let close = ")".repeat(open.matches('(').count() * count - open.matches(')').count() * count);
    format!("{}{last}{close}", open.repeat(count))
}

fn long_script(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::from("(null)"), |script, number| {
        format!("(par {} {script})", each(number))
    })
}

fn joined(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(",")
}

fn scripts(forms: &mut Vec<(&'static str, Form)>) {
    let mut add = |name, air: String| forms.push((name, of_script(air)));
    add(
        "nested instructions",
        nested("(seq (null) ", 50_000, "(null)"),
    );
    add("nested news", nested("(new $s ", 20_000, "(null)"));
    add("nested news of other names", {
        let mut script = String::new();
        (0..20_000).for_each(|number| write!(script, "(new $s{number} ").unwrap());
        script + "(null)" + &")".repeat(20_000)
    });
    add(
        "operands",
        format!("(call \"p\" (\"a\" \"b\") [{}])", "1 ".repeat(200_000)),
    );
    let names = |number: usize| format!("(ap 1 n{number})");
    add(
        "names",
        (0..2_000).fold("(null)".into(), |script, number| {
            format!("(seq {} {script})", names(number))
        }),
    );
    add(
        "streams",
        (0..2_000).fold("(null)".into(), |script, number| {
            format!("(seq (ap 1 $n{number}) {script})")
        }),
    );
    add(
        "lenses",
        format!(
            "(seq (ap 1 x) (xor (call \"p\" (\"a\" \"b\") [{}]) (null)))",
            "x.$.a.b.c.[0].[1] ".repeat(20_000)
        ),
    );
    add("a script with a mistake", "(seq ".repeat(60_000));
    add("comments", ";\n".repeat(200_000) + "(null)");
    add("a literal", format!("(ap \"{}\" x)", "a".repeat(2_000_000)));
    add(
        "calls elsewhere",
        long_script(1_500, |number| {
            format!("(call \"p{number}\" (\"a\" \"b\") [{number}] x{number})")
        }),
    );
    add(
        "errors",
        long_script(1_000, |_| "(xor (fail 7 \"text\") (null))".into()),
    );
}

fn values(forms: &mut Vec<(&'static str, Form)>) {
    let mut add = |name, text: String| forms.push((name, with_result(&text, "(ap x.$.[0] y)")));
    add(
        "an array of digits",
        format!("[{}]", joined(200_000, |_| "0".into())),
    );
    add(
        "floats",
        format!("[{}]", joined(50_000, |n| format!("{n}.1e-{}", n % 300))),
    );
    add(
        "long floats",
        format!(
            "[{}]",
            joined(20_000, |n| format!("0.12379999458789825{n}"))
        ),
    );
    add(
        "large exponents",
        format!("[{}]", joined(100_000, |_| "0e-999999999".into())),
    );
    add(
        "texts",
        format!("[{}]", joined(100_000, |n| format!("\"{n}\""))),
    );
    add("escapes", format!("[\"{}\"]", "\\u00e9\\n".repeat(100_000)));
    add(
        "objects",
        format!("[{}]", joined(40_000, |n| format!("{{\"b\":{n},\"a\":1}}"))),
    );
    let key = "k".repeat(2_000);
    let keys = joined(800, |n| format!("\"{key}{:04}\":1", (n * 7919) % 800));
    add("long keys out of order", format!("[{{{keys}}}]"));
    add(
        "deep values",
        format!(
            "[{}]",
            joined(1_000, |_| { "[".repeat(100) + &"]".repeat(100) })
        ),
    );
    add("blanks", format!("[{}1]", " ".repeat(1_000_000)));
    add("not JSON", format!("[{}", joined(200_000, |_| "0".into())));
    add("one text", format!("[\"{}\"]", "a".repeat(2_000_000)));
}

fn folds(forms: &mut Vec<(&'static str, Form)>) {
    let me = "%init_peer_id%";
    let mut add = |name, form: Form| forms.push((name, form));
    let request = format!("(par (call {me} (\"a\" \"b\") [i]) (null))");
    add("requests", many(5_000, &request));
    add(
        "results",
        answered(many(
            3_000,
            &format!("(par (call {me} (\"a\" \"b\") [i] y) (null))"),
        )),
    );
    add(
        "merged results",
        merged(
            answered(many(
                3_000,
                &format!("(par (call {me} (\"a\" \"b\") [i] y) (null))"),
            )),
            true,
        ),
    );
    add(
        "new results",
        merged(
            answered(many(
                3_000,
                &format!("(par (call {me} (\"a\" \"b\") [i] y) (null))"),
            )),
            false,
        ),
    );
    add("values of a stream", many(1_000, "(ap i $s)"));
    add(
        "a canon of a stream",
        with_result(
            &format!("[{}]", joined(1_000, |n| format!("\"{n}\""))),
            &format!("(seq (fold x i (seq (ap i $s) (next i))) (canon {me} $s #c))"),
        ),
    );
    add(
        "canons in a fold",
        many(30, &format!("(seq (ap i $s) (new #c (canon {me} $s #c)))")),
    );
    let filled = |body: &str| {
        with_result(
            &format!("[{}]", joined(300, |n| format!("\"{n}\""))),
            &format!(
                "(seq (fold x i (seq (ap (i i) %m) (next i)))
            (seq (canon {me} %m #%c) (fold x j (seq {body} (next j)))))"
            ),
        )
    };
    add("keys of a map", filled("(ap #%c.$.[j] y)"));
    add(
        "whole maps",
        filled("(par (call \"p\" (\"a\" \"b\") [#%c]) (null))"),
    );
    add("maps in folds", filled("(fold #%c k (null))"));
    let canon = |body: &str| {
        with_result(
            &format!("[{}]", joined(300, |n| format!("\"{n}\""))),
            &format!(
                "(seq (fold x i (seq (ap i $s) (next i)))
            (seq (canon {me} $s #c) (fold x j (seq {body} (next j)))))"
            ),
        )
    };
    add("whole canons", canon("(ap #c y)"));
    add("matched canons", canon("(xor (match #c #c (null)) (null))"));
    add("folds in folds", canon("(fold #c k (seq (null) (next k)))"));
    add(
        "streams in folds",
        canon("(fold $s k (seq (null) (next k)))"),
    );
    add(
        "lenses in folds",
        many(3_000, "(xor (ap :error:.$.a.b y) (null))"),
    );
    add("elements", many(20_000, "(null)"));
    add(
        "errors in folds",
        many(3_000, "(xor (match i 2 (null)) (null))"),
    );
    add(
        "failures in folds",
        many(3_000, "(xor (fail 1 \"a\") (null))"),
    );
    let long = "k".repeat(3_000);
    add(
        "long names in folds",
        many(
            1_000,
            &format!(
                "(seq (par (call \"p\" (\"\" \"\") [] {long}) (null)) (par (ap {long} y) (null)))"
            ),
        ),
    );
    add("news in folds", many(5_000, "(new $t (ap 1 $t))"));
    add("variables in folds", many(5_000, "(seq (ap i y) (ap y z))"));
    let next_peers = format!("[{}]", joined(3_000, |n| format!("\"peer {n}\"")));
    add(
        "next peers",
        with_result(
            &next_peers,
            "(fold x i (par (call i (\"a\" \"b\") []) (next i)))",
        ),
    );
    let long_list = format!("[{}]", joined(1_000, |n| n.to_string()));
    add(
        "a long error",
        with_result(
            &long_list,
            "(fold x i (seq (xor (ap x.$.a y) (null)) (next i)))",
        ),
    );
}

fn data(forms: &mut Vec<(&'static str, Form)>) {
    let mut add = |name, data: &Data<'_>| forms.push((name, of_data(data)));
    let texts: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let cids: Vec<String> = (0..20_000_u32).map(made_up).collect();
    let cids: Vec<&str> = cids.iter().map(String::as_str).collect();
    let entries = |texts: &'_ [String]| -> Vec<(Cid, &'static str)> {
        let leak = |text: &String| -> &'static str { Box::leak(text.clone().into_boxed_str()) };
        (0_u32..).map(Cid).zip(texts.iter().map(leak)).collect()
    };
    add(
        "values with wrong CIDs",
        &Data {
            values: entries(&texts),
            cids: cids.clone(),
            ..Data::default()
        },
    );
    add(
        "CIDs that nothing has",
        &Data {
            trace: (0..20_000)
                .map(|number| State::Call(CallState::Executed(ValueRef::Unused(Cid(number)))))
                .collect(),
            cids: cids.clone(),
            ..Data::default()
        },
    );
    let elements: Vec<Cid> = (0..20_000).map(Cid).collect();
    add(
        "a long canon",
        &Data {
            canon_results: vec![(
                Cid(0),
                CanonResult {
                    tetraplet: Cid(1),
                    values: &elements,
                },
            )],
            cids: cids.clone(),
            ..Data::default()
        },
    );
    add(
        "states",
        &Data {
            trace: vec![State::Par { left: 0, right: 0 }; 100_000],
            ..Data::default()
        },
    );
    add(
        "generations",
        &Data {
            trace: vec![
                State::Ap {
                    generations: &[1, 2, 3, 4]
                };
                50_000
            ],
            ..Data::default()
        },
    );
}

/// A CID of nothing.
fn made_up(number: u32) -> String {
    const ONE: &str = "bagaaihra2y55tkbgv6i4d7vdoglfuzhbd3ra6e7ennpvfrmzaejwmbntusdq";
    let letter = |shift: u32| b"abcdefghijklmnopqrstuvwxyz234567"[(number >> shift & 31) as usize];
    let letters = [15, 10, 5, 0].map(|shift| letter(shift) as char);
    format!("{}{}", &ONE[..57], String::from_iter(letters))
}

/// All of them with their names.
pub(crate) fn all() -> Vec<(String, Form)> {
    let mut forms = Vec::new();
    scripts(&mut forms);
    values(&mut forms);
    folds(&mut forms);
    data(&mut forms);
    forms
        .into_iter()
        .map(|(name, form)| (name.into(), form))
        .collect()
}
