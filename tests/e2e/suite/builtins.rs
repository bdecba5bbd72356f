//! The built-in functions, by the table of cases that the node's own tests go through.

use anyhow::{Context as _, Result, ensure};
use libp2p::PeerId;
use serde_json::Value;

use crate::client::particle::Form;
use crate::client::peer::Peer;
use crate::client::question::Question;
use crate::target::Target;

#[path = "../../../node/tests/builtins/cases/mod.rs"]
mod table;
use table::Expected;

/// Functions that tell of the host or of the time.
const TELLING: [(&str, &str); 3] = [
    ("peer", "identify"),
    ("peer", "timestamp_ms"),
    ("peer", "timestamp_sec"),
];
/// Cases that have to be the same on any host.
const ENOUGH: usize = 240;

/// All cases that do not depend on the host, at once: AquaVM reads the same results and error texts
/// as the table says.
pub(crate) async fn cases(target: &Target) -> Result<()> {
    let peer = Peer::start(&[])?;
    peer.connect(&target.tcp).await?;
    let mut asked = Vec::new();
    for case in table::cases() {
        let (service, function, arguments, expected) = case;
        let (Expected::Is(text) | Expected::Fails(text) | Expected::Starts(text)) = expected;
        if TELLING.contains(&(*service, *function)) || names_peers(arguments) || names_peers(text) {
            continue;
        }
        let count = serde_json::from_str::<Vec<Value>>(arguments)?.len();
        let air = script(target.peer_id, (service, function), arguments, count);
        let question = Question::of(&peer, target.peer_id, &air);
        peer.send(target.peer_id, &question.particle, Form::Bin)
            .await?;
        asked.push((case, question));
    }
    ensure!(asked.len() >= ENOUGH, "only {} cases", asked.len());
    let mut wrong = Vec::new();
    for ((service, function, arguments, expected), question) in asked {
        let name = format!("{service}.{function}{arguments}");
        let got = question.answer(&peer).await.with_context(|| name.clone())?;
        let failed = |start: &str| {
            let message = got[1].as_str().unwrap_or_default();
            // The interpreter quotes what the function says, which is JSON text itself.
            got[0] == "failed" && message.contains(&format!("'{start}"))
        };
        let good = match expected {
            Expected::Is(text) => got[0] == "done" && same(&got[1], &serde_json::from_str(text)?),
            Expected::Fails(text) => failed(&format!("{}'", Value::from(*text))),
            Expected::Starts(text) => failed(Value::from(*text).to_string().trim_end_matches('"')),
        };
        if !good {
            wrong.push(format!("{name}: {got}"));
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// Whether two values are the same to a client that has one kind of number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let pairs = a.iter().zip(b);
            a.len() == b.len()
                && pairs
                    .into_iter()
                    .all(|((k, a), (l, b))| k == l && same(a, b))
        }
        (a, b) => a == b,
    }
}

/// Whether a text names peers of the node's own tests.
fn names_peers(text: &str) -> bool {
    (1..=4).any(|n| text.contains(&format!("{{{n}}}")))
}

/// Calls a function with arguments that AIR cannot write, and sets `x` to its result or to its
/// error's text.
fn script(node: PeerId, name: (&str, &str), arguments: &str, count: usize) -> String {
    let (service, function) = name;
    let arguments = bs58::encode(arguments).into_string();
    let places: String = (0..count).map(|i| format!("a.$.[{i}] ")).collect();
    let call = |service: &str, function: &str, arguments: &str, result: &str| {
        format!(r#"(call "{node}" ("{service}" "{function}") [{arguments}] {result})"#)
    };
    format!(
        "(seq (seq {} {}) (xor (seq {} {}) {}))",
        call("op", "string_from_b58", &format!("\"{arguments}\""), "text"),
        call("json", "parse", "text", "a"),
        call(service, function, places.trim_end(), "y"),
        call("op", "array", "\"done\" y", "x"),
        call("op", "array", "\"failed\" :error:.$.message", "x"),
    )
}
