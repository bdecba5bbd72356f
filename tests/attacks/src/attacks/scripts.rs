//! Scripts that say little and mean much.

use anyhow::Result;

use super::text::{call, doubling, in_two_folds, with_canon};
use crate::attack::Attack;
use crate::author::{in_parallel, in_sequence};
use crate::stage::Stage;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "doubling",
        "calls of op.array [s s], one over the other",
        [40, 60],
        |stage| stage.script(&doubling(&stage.peer(), "array", stage.size)),
    )
    .counted(&["run_budget", "call_arguments"]),
    Attack::new(
        "missing-argument",
        "arguments of a call in two folds, of which the last is not there",
        [1_000, 4_000],
        missing_argument,
    )
    .counted(&["run_budget"]),
    Attack::new(
        "long-names",
        "bytes of a name in two folds",
        [20_000, 400_000],
        |stage| {
            let long = "k".repeat(stage.size);
            let wait = in_two_folds(&format!("(par (ap {long} x) (null))"));
            let away = format!("(par (call \"away\" (\"\" \"\") [] {long}) {wait})");
            stage.script(&with_canon(&stage.peer(), 150, &away))
        },
    ),
    Attack::new(
        "long-lenses",
        "bytes of a lens in two folds",
        [20_000, 400_000],
        |stage| {
            let long = "k".repeat(stage.size);
            let lens = in_two_folds(&format!("(xor (ap :error:.$.{long} x) (null))"));
            stage.script(&with_canon(&stage.peer(), 150, &lens))
        },
    ),
    Attack::new(
        "nested-news",
        "streams that are open at once while one is used as often",
        [4_000, 60_000],
        nested_news,
    ),
    Attack::new(
        "open-streams",
        "streams that a fold leaves open behind each other",
        [1_000, 8_000],
        open_streams,
    ),
    Attack::new(
        "big-scripts",
        "KiB of each of four scripts, all different",
        [2_000, 16_000],
        big_scripts,
    )
    .budget(512),
    Attack::new(
        "deep-script",
        "instructions nested in each other",
        [20_000, 400_000],
        deep_script,
    ),
    Attack::new(
        "wrong-scripts",
        "KiB of a script whose last word is wrong, sent ten times",
        [1_000, 8_000],
        wrong_scripts,
    )
    .budget(512),
    Attack::new(
        "endless-stream",
        "folds over a stream that each iteration adds to",
        [4, 40],
        |stage| {
            let fold = "(seq (ap 1 $s) (fold $s i (seq (ap i $s) (next i))))";
            stage.scripts((0..stage.size).map(|_| fold.to_owned()))
        },
    ),
    Attack::new(
        "errors-of-errors",
        "errors, each told in the next",
        [2_000, 20_000],
        errors_of_errors,
    ),
    Attack::new(
        "big-comparisons",
        "comparisons of two equal texts of 100 KB in two folds",
        [100, 300],
        big_comparisons,
    ),
    Attack::new(
        "busy-actor",
        "calls one after the other, each of which costs a whole run",
        [60, 400],
        busy_actor,
    ),
];

fn missing_argument(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let arguments = "1 ".repeat(stage.size);
    let call = call(&peer, "a.b", &format!("{arguments} missing"), "");
    let body = in_two_folds(&format!("(par {call} (null))"));
    let away = format!("(par (call \"away\" (\"\" \"\") [] missing) {body})");
    stage.script(&with_canon(&peer, 200, &away))
}

fn nested_news(stage: &mut Stage<'_>) -> Result<()> {
    let count = stage.size;
    let open: String = (0..count)
        .map(|number| format!("(new $s{number} "))
        .collect();
    let used: Vec<String> = (0..count).map(|_| "(ap 1 $t)".into()).collect();
    let script = format!("{open}{}{}", in_parallel(&used), ")".repeat(count));
    stage.script(&script)?;
    // The same name each time.
    let open = "(new $s (par (ap 1 $s) ".repeat(count);
    stage.script(&format!("{open}(null){}", "))".repeat(count)))
}

fn open_streams(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let fold = "(fold #c i (seq (ap 1 $t) (new $t (next i))))";
    stage.script(&with_canon(&peer, stage.size, fold))
}

fn big_scripts(stage: &mut Stage<'_>) -> Result<()> {
    let size = stage.size;
    let script = |number: usize| {
        let piece = format!("(par (ap {number} $s) ");
        let count = (size << 10) / (piece.len() + 1);
        let count = count.min(90_000);
        // What nesting does not allow stands in texts.
        let left = (size << 10) - count * (piece.len() + 1);
        format!(
            "{}(ap \"{}\" $s){}",
            piece.repeat(count),
            "t".repeat(left),
            ")".repeat(count)
        )
    };
    stage.scripts((0..4).map(script))
}

fn deep_script(stage: &mut Stage<'_>) -> Result<()> {
    let scripts = ["seq", "par", "xor"].map(|word| {
        format!(
            "{}(null){}",
            format!("({word} (null) ").repeat(stage.size),
            ")".repeat(stage.size)
        )
    });
    stage.scripts(scripts)?;
    let open = "(".repeat(stage.size * 10);
    stage.scripts([open])
}

fn wrong_scripts(stage: &mut Stage<'_>) -> Result<()> {
    let piece = "(par (ap 1 $s) ";
    let count = ((stage.size << 10) / (piece.len() + 1)).min(90_000);
    let script = format!("{}(nul){}", piece.repeat(count), ")".repeat(count));
    let long = format!("(ap \"{}\" wrong wrong)", "e".repeat(stage.size << 10));
    stage.scripts((0..5).flat_map(|_| [script.clone(), long.clone()]))
}

fn errors_of_errors(stage: &mut Stage<'_>) -> Result<()> {
    let steps: Vec<String> = (0..stage.size)
        .map(|_| "(xor (fail :error:) (ap :error: $e))".to_owned())
        .collect();
    let peer = stage.peer();
    let bad = call(&peer, &format!("{}.none", "s".repeat(100_000)), "", "");
    let again = format!(
        "(xor {bad} {})",
        call(&peer, "op.none", ":error:.$.message", "")
    );
    let again = format!("(xor {again} {})", in_sequence(&steps));
    stage.scripts([again])
}

fn big_comparisons(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let text = "c".repeat(100_000);
    let set = format!("(seq (ap \"{text}\" a) (ap \"{text}\" b))");
    let body = in_two_folds("(match a b (null))");
    stage.script(&with_canon(
        &peer,
        stage.size,
        &format!("(seq {set} {body})"),
    ))
}

fn busy_actor(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let work = in_two_folds("(ap i x)").replace("(ap i x)", "(new $n (ap i $n))");
    let calls: Vec<String> = (0..stage.size)
        .map(|_| format!("(seq {work} {})", call(&peer, "op.noop", "", "")))
        .collect();
    stage.script(&with_canon(&peer, 60, &in_sequence(&calls)))
}
