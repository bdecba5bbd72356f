//! Functions of the node that are dear, or that many are asked of at once.

use anyhow::Result;

use super::text::call;
use crate::attack::Attack;
use crate::author::{in_parallel, in_sequence};
use crate::stage::Stage;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "base58",
        "calls of op.bytes_to_b58 and back, of 4 KB, in one run",
        [300, 1_000],
        base58,
    ),
    Attack::new(
        "vault-cat",
        "calls of vault.cat of one megabyte",
        [300, 6_000],
        vault_cat,
    )
    .counted(&["answers_full"]),
    Attack::new(
        "vault-put",
        "calls of vault.put in one run",
        [10_000, 100_000],
        |stage| {
            let peer = stage.peer();
            stage.script(&beside(stage.size, |n| {
                call(&peer, "vault.put", &format!("\"{n}\""), "")
            }))?;
            let put = call(&peer, "vault.put", "\"honest\"", "path");
            let cat = call(&peer, "vault.cat", "path", "text");
            stage.newcomer(&[put, cat], stage.time * 2)
        },
    ),
    Attack::new(
        "vault-bytes",
        "megabytes put in the vault of one particle",
        [300, 4_000],
        |stage| {
            let peer = stage.peer();
            let set = format!("(ap \"{}\" big)", "b".repeat(1 << 20));
            let puts = beside(stage.size, |_| call(&peer, "vault.put", "big", ""));
            stage.script(&format!("(seq {set} {puts})"))
        },
    )
    .budget(512),
    Attack::new(
        "lists",
        "calls of functions that list what there is",
        [4_000, 100_000],
        |stage| {
            let peer = stage.peer();
            let functions = [
                "srv.list",
                "dist.list_modules",
                "dist.list_blueprints",
                "peer.identify",
                "worker.list",
                "spell.list",
            ];
            stage.script(&beside(stage.size, |n| {
                call(&peer, functions[n % functions.len()], "", "")
            }))
        },
    ),
    Attack::new(
        "kad-merge",
        "calls of kad.merge with a hundred long keys",
        [50, 400],
        kad_merge,
    ),
    Attack::new(
        "neighborhood",
        "calls of kad.neighborhood without a bound",
        [2_000, 50_000],
        |stage| {
            let peer = stage.peer();
            stage.script(&beside(stage.size, |_| {
                call(
                    &peer,
                    "kad.neigh_with_addrs",
                    &format!("\"{peer}\" true 1000000"),
                    "",
                )
            }))
        },
    ),
    Attack::new(
        "array-sets",
        "calls of array functions with 2,000 texts",
        [200, 2_000],
        array_sets,
    ),
    Attack::new(
        "identities",
        "calls of op.identity in one run",
        [20_000, 100_000],
        |stage| {
            let peer = stage.peer();
            stage.script(&beside(stage.size, |n| {
                call(&peer, "op.identity", &n.to_string(), "")
            }))
        },
    ),
    Attack::new(
        "unknown-services",
        "calls of services that are not there, with long names",
        [500, 5_000],
        |stage| {
            let peer = stage.peer();
            let long = "u".repeat(10_000);
            stage.script(&beside(stage.size, |n| {
                format!(
                    "(xor {} (null))",
                    call(&peer, &format!("{long}{n}.f"), "", "")
                )
            }))
        },
    )
    .budget(256),
    Attack::new(
        "long-numbers",
        "digits of numbers in json.parse and in a script",
        [200_000, 4_000_000],
        |stage| {
            let peer = stage.peer();
            let digits = "7".repeat(stage.size);
            let texts = [
                digits.clone(),
                format!("0.{digits}"),
                format!("{digits}e-{}", stage.size),
                format!("1e{digits}"),
            ];
            let parses: Vec<String> = texts
                .iter()
                .map(|text| {
                    let parse = call(&peer, "json.parse", &format!("\"{text}\""), "");
                    format!("(xor {parse} (null))")
                })
                .collect();
            let fraction = format!("(ap 0.{digits} x)");
            stage.scripts([in_sequence(&parses), format!("(ap {digits} x)"), fraction])
        },
    ),
    Attack::new(
        "verifications",
        "calls of sig.verify over 100 KB",
        [200, 5_000],
        |stage| {
            let peer = stage.peer();
            let data = format!("\"[{}0]\"", "200,".repeat(25_000));
            let parse = call(&peer, "json.parse", &data, "data");
            let signature = format!("\"[{}0]\"", "9,".repeat(63));
            let other = call(&peer, "json.parse", &signature, "signature");
            let calls = beside(stage.size, |_| {
                let verify = call(&peer, "sig.verify", "signature data", "");
                format!("(xor {verify} (null))")
            });
            stage.script(&in_sequence(&[parse, other, calls]))
        },
    ),
    Attack::new(
        "bad-json",
        "calls of json.parse of a megabyte that is no JSON, told in the error",
        [50, 1_000],
        |stage| {
            let peer = stage.peer();
            let set = format!("(ap \"{}\" big)", "x".repeat(1 << 20));
            let calls = beside(stage.size, |_| {
                format!("(xor {} (null))", call(&peer, "json.parse", "big", ""))
            });
            stage.script(&format!("(seq {set} {calls})"))
        },
    ),
];

/// Calls beside each other.
fn beside(count: usize, step: impl Fn(usize) -> String) -> String {
    let steps: Vec<String> = (0..count).map(step).collect();
    in_parallel(&steps)
}

fn base58(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let set = format!("(ap \"{}\" long)", "~".repeat(4096));
    let to = beside(stage.size, |_| call(&peer, "op.string_to_b58", "long", ""));
    let back = format!("(ap \"{}\" digits)", "z".repeat(4096));
    let from = beside(stage.size, |_| {
        format!(
            "(xor {} (null))",
            call(&peer, "op.bytes_from_b58", "digits", "")
        )
    });
    stage.scripts([format!("(seq {set} {to})"), format!("(seq {back} {from})")])
}

fn vault_cat(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let put = call(
        &peer,
        "vault.put",
        &format!("\"{}\"", "c".repeat(1 << 20)),
        "path",
    );
    let cats = beside(stage.size, |_| call(&peer, "vault.cat", "path", ""));
    stage.script(&format!("(seq {put} {cats})"))
}

fn kad_merge(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let key = bs58::encode([0xff; 2900]).into_string();
    let keys = call(
        &peer,
        "op.array",
        &format!("\"{key}\" ").repeat(100),
        "keys",
    );
    let merges = beside(stage.size, |_| {
        call(
            &peer,
            "kad.merge",
            &format!("\"{peer}\" keys keys 1000"),
            "",
        )
    });
    stage.script(&format!("(seq {keys} {merges})"))
}

fn array_sets(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let texts: String = (0..2_000).map(|n| format!("\"text {n}\" ")).collect();
    let list = call(&peer, "op.array", &texts, "list");
    let functions = ["array.diff", "array.intersect", "array.sdiff", "op.concat"];
    let steps: Vec<String> = (0..stage.size)
        .map(|n| call(&peer, functions[n % functions.len()], "list list", ""))
        .collect();
    let dedup = call(&peer, "array.dedup", "list", "");
    stage.script(&in_sequence(&[list, dedup, in_parallel(&steps)]))
}
