//! The modules that scenarios run.

use std::path::Path;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// A module by its name, for the crate in `folder`. Distro modules come from their crates, the rest
/// from `tests/guests/wasm`; the broken ones are made from `chain_a`.
pub(crate) fn wasm(folder: &Path, file: &str) -> Result<Vec<u8>, String> {
    let guest = |file: &str| {
        let path = folder.join("tests/guests/wasm").join(file);
        std::fs::read(path).map_err(|error| error.to_string())
    };
    let chain_a = || guest("chain_a.wasm");
    match file {
        "sqlite3.wasm" => Ok(fluence_spell_distro::SQLITE_WASM.to_vec()),
        "spell.wasm" => Ok(fluence_spell_distro::SPELL_WASM.to_vec()),
        "registry.wasm" => Ok(registry_distro::REGISTRY_WASM.to_vec()),
        "trust-graph.wasm" => Ok(trust_graph_distro::TRUST_GRAPH_WASM.to_vec()),
        "broken_interface_none.wasm" => Ok(without_section(&chain_a()?, "interface-types")),
        "broken_sdk_none.wasm" => Ok(without_section(&chain_a()?, "__fluence_sdk_version")),
        "broken_sdk_old.wasm" => {
            let mut bytes = without_section(&chain_a()?, "__fluence_sdk_version");
            bytes.extend_from_slice(&custom_section("__fluence_sdk_version", b"0.5.9"));
            Ok(bytes)
        }
        file => guest(file),
    }
}

fn custom_section(name: &str, content: &[u8]) -> Vec<u8> {
    let mut body = vec![name.len() as u8];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(content);
    let mut section = vec![0, body.len() as u8];
    section.append(&mut body);
    section
}

/// The module without its custom sections of this name.
fn without_section(wasm: &[u8], name: &str) -> Vec<u8> {
    let mut kept = wasm[..8].to_vec();
    let mut at = 8;
    while at < wasm.len() {
        let (mut len, mut body) = (0, at + 1);
        for shift in (0..).step_by(7) {
            len |= usize::from(wasm[body] & 0x7f) << shift;
            body += 1;
            if wasm[body - 1] & 0x80 == 0 {
                break;
            }
        }
        let named = wasm[at] == 0 && wasm[body + 1..].starts_with(name.as_bytes());
        if !named {
            kept.extend_from_slice(&wasm[at..body + len]);
        }
        at = body + len;
    }
    kept
}
