//! The packages as their authors published them.

use alloc::vec;
use alloc::vec::Vec;

use decider_distro::DeciderConfig;
use registry_distro::RegistryConfig;
use serde_json::{Map, Value, json};

use crate::{Distro, File, NOW, Package, Spell};

/// Seconds between the particles of the registry's spell.
const REGISTRY_PERIOD: u32 = 3600;
/// Seconds after which records of the registry expire, are renewed and are replicated.
const REGISTRY: RegistryConfig = RegistryConfig {
    expired_interval: 86_400,
    renew_interval: 43_200,
    replicate_interval: 3_600,
};
/// Seconds between the particles of the decider.
const DECIDER_PERIOD: u32 = 120;
/// Seconds between the particles of a deal's spell.
const WORKER_PERIOD: u32 = 900;
/// The IPFS node that has the definitions of deals: the network's public one.
const IPFS: &str = "/dns4/ipfs.fluence.dev/tcp/5001";

/// The spell service, the trust graph with the network's certificates, the registry, the decider.
///
/// # Errors
/// The published certificates cannot be read.
pub fn distro() -> Result<Distro, serde_json::Error> {
    let certificates: Value = serde_json::from_str(trust_graph_distro::KRAS_CERTS_JSON)?;
    let mut calls = vec![(
        "set_root".into(),
        json!([certificates["root_node"], certificates["max_chain_length"]]),
    )];
    for certificate in certificates["certs"].as_array().into_iter().flatten() {
        calls.push(("insert_cert".into(), json!([certificate, NOW])));
    }
    let trust_graph = Package {
        name: "trust-graph".into(),
        version: trust_graph_distro::VERSION.into(),
        modules: modules(&[
            ("sqlite3", trust_graph_distro::SQLITE_WASM),
            ("trust-graph", trust_graph_distro::TRUST_GRAPH_WASM),
        ]),
        calls,
        spell: None,
    };
    let spell = registry_distro::registry_spell(REGISTRY);
    let registry = Package {
        name: "registry".into(),
        version: registry_distro::VERSION.into(),
        modules: modules(&[
            ("sqlite3", registry_distro::SQLITE_WASM),
            ("registry", registry_distro::REGISTRY_WASM),
        ]),
        calls: Vec::new(),
        spell: Some(Spell {
            name: "registry-spell".into(),
            script: File::new(spell.air.as_bytes()),
            data: object(spell.init_data),
            period: REGISTRY_PERIOD,
        }),
    };
    let spell = decider_distro::decider_spell(DeciderConfig {
        worker_ipfs_multiaddr: IPFS.into(),
        worker_period_sec: WORKER_PERIOD,
    });
    let decider = Package {
        name: "decider".into(),
        version: decider_distro::VERSION.into(),
        modules: Vec::new(),
        calls: Vec::new(),
        spell: Some(Spell {
            name: "decider".into(),
            script: File::new(spell.air.as_bytes()),
            data: object(spell.kv),
            period: DECIDER_PERIOD,
        }),
    };
    let spell = Package {
        name: "spell".into(),
        version: fluence_spell_distro::VERSION.into(),
        modules: modules(&[
            ("sqlite3", fluence_spell_distro::SQLITE_WASM),
            ("spell", fluence_spell_distro::SPELL_WASM),
        ]),
        calls: Vec::new(),
        spell: None,
    };
    Ok(Distro {
        spell,
        system: vec![trust_graph, registry, decider],
    })
}

fn modules(modules: &[(&str, &'static [u8])]) -> Vec<(alloc::string::String, File)> {
    let modules = modules.iter();
    modules
        .map(|(name, bytes)| ((*name).into(), File::new(bytes)))
        .collect()
}

/// The records as an object, sorted by key: a hash map's order changes from run to run, and the
/// image has to be the same each time.
fn object(records: std::collections::HashMap<&str, Value>) -> Value {
    let mut records: Vec<_> = records.into_iter().collect();
    records.sort_by_key(|(key, _)| *key);
    let records = records.into_iter().map(|(key, value)| (key.into(), value));
    Value::Object(records.collect::<Map<_, _>>())
}
