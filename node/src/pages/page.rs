//! What the pages say.

use alloc::string::ToString;

use serde_json::{Map, Value, json};

use super::metrics;
use super::report::Report;
use super::server::Page;
use crate::host::Versions;

/// The page at a path.
pub(crate) fn page(path: &str, report: &Report<'_>) -> Page {
    let json = |status, value: Value| Page {
        status,
        content_type: "application/json",
        body: value.to_string(),
    };
    match path {
        "/peer_id" => json(200, json!({ "peer_id": report.status.peer_id.to_string() })),
        "/versions" => json(200, versions(report.versions)),
        "/health" => {
            let (status, value) = health(report);
            json(status, value)
        }
        "/metrics" => Page {
            status: 200,
            content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
            body: metrics::text(report),
        },
        "/config" => Page::text(200, report.config),
        _ => Page::text(404, "No such endpoint"),
    }
}

fn versions(versions: &Versions) -> Value {
    let of = |name: &str| {
        let service = versions.services.iter().find(|(known, _)| known == name);
        service.map_or("", |(_, version)| version.as_str())
    };
    json!({
        "node": versions.node,
        "avm": versions.air,
        "spell": versions.spell,
        "aqua_ipfs": of("aqua-ipfs"),
        "trust_graph": of("trust-graph"),
        "registry": of("registry"),
        "decider": of("decider"),
    })
}

/// One key per check, as service registries read it: 200 when all is well, 429 when some is not,
/// 503 when nothing is.
fn health(report: &Report<'_>) -> (u16, Value) {
    let (configured, connected) = report.bootstrap;
    let joined = configured == 0 || connected;
    let checks = [
        ("bootstrap_nodes", joined),
        ("kademlia_bootstrap", joined),
        ("vm_pool", true),
        ("persisted_services", report.rooms.is_restored()),
    ];
    let good = checks.iter().filter(|(_, good)| *good).count();
    let status = match good {
        0 => 503,
        _ if good == checks.len() => 200,
        _ => 429,
    };
    let checks = checks.iter().map(|(name, good)| {
        let word = if *good { "Ok" } else { "Fail" };
        let check = (name.to_string(), word.into());
        Value::Object(Map::from_iter([check]))
    });
    (status, checks.collect())
}
