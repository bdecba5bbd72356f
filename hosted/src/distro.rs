//! The published services that come with the node.

use anyhow::{Context, Result};
use basalt_node::distro::{Distro, Package, SystemSpell};
use serde_json::{Value, json};

/// Seconds between runs of the spell that looks after the registry.
const REGISTRY_PERIOD: u32 = 3600;
/// Seconds after which the registry's records expire, are renewed, are replicated.
const REGISTRY_INTERVALS: (u32, u32, u32) = (86_400, 43_200, 3_600);

/// The spell service, the trust graph with the network's certificates, the registry.
///
/// # Errors
/// The published certificates cannot be read.
pub fn published() -> Result<Distro> {
    let certificates: Value = serde_json::from_str(trust_graph_distro::KRAS_CERTS_JSON)
        .context("the published certificates are no JSON")?;
    let mut calls = vec![(
        "set_root",
        json!([certificates["root_node"], certificates["max_chain_length"]]),
    )];
    for certificate in certificates["certs"].as_array().into_iter().flatten() {
        calls.push(("insert_cert", json!([certificate, "$now"])));
    }
    let trust_graph = Package {
        name: "trust-graph",
        version: trust_graph_distro::VERSION,
        modules: vec![
            ("sqlite3", trust_graph_distro::SQLITE_WASM),
            ("trust-graph", trust_graph_distro::TRUST_GRAPH_WASM),
        ],
        calls,
        spell: None,
    };
    let (expired, renew, replicate) = REGISTRY_INTERVALS;
    let registry = Package {
        name: "registry",
        version: registry_distro::VERSION,
        modules: vec![
            ("sqlite3", registry_distro::SQLITE_WASM),
            ("registry", registry_distro::REGISTRY_WASM),
        ],
        calls: Vec::new(),
        spell: Some(SystemSpell {
            name: "registry-spell",
            script: registry_distro::REGISTRY_SPELL,
            data: json!({
                "config": {
                    "expired_interval": expired,
                    "renew_interval": renew,
                    "replicate_interval": replicate,
                },
            }),
            period: REGISTRY_PERIOD,
        }),
    };
    let spell = Package {
        name: "spell",
        version: fluence_spell_distro::VERSION,
        modules: vec![
            ("sqlite3", fluence_spell_distro::SQLITE_WASM),
            ("spell", fluence_spell_distro::SPELL_WASM),
        ],
        calls: Vec::new(),
        spell: None,
    };
    Ok(Distro {
        spell,
        system: vec![trust_graph, registry],
    })
}
