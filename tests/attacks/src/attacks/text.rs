//! What scripts of attacks are made of.

/// A call of a function of the node.
pub(super) fn call(node: &str, function: &str, arguments: &str, output: &str) -> String {
    let (service, function) = function.split_once('.').unwrap_or(("op", function));
    format!("(call \"{node}\" (\"{service}\" \"{function}\") [{arguments}] {output})")
}

/// A script that fills a canon with `count` numbers, then runs `body`.
pub(super) fn with_canon(node: &str, count: usize, body: &str) -> String {
    let fill = (1..count).fold("(ap 1 $s)".to_owned(), |fill, _| {
        format!("(seq {fill} (ap 1 $s))")
    });
    format!("(seq (seq {fill} (canon \"{node}\" $s #c)) {body})")
}

/// `body` in two folds over that canon.
pub(super) fn in_two_folds(body: &str) -> String {
    format!("(fold #c i (seq (fold #c j (seq {body} (next j))) (next i)))")
}

/// Starts with a text that doubles with each of `levels` calls.
pub(super) fn doubling(node: &str, function: &str, levels: usize) -> String {
    let mut script = String::from("(ap \"0123456789\\\\\" s0)").replace("\\\\", "");
    for level in 0..levels {
        let next = call(
            node,
            function,
            &format!("s{level} s{level}"),
            &format!("s{}", level + 1),
        );
        script = format!("(seq {script} {next})");
    }
    script
}
