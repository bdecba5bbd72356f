//! The page of the configuration: every key of the manifest with the value that is in force, secrets left out.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use basalt_manifest::schema::SECTIONS;
use basalt_manifest::{
    Addressing, Compute, DiskTest, Manifest, PanicAction, ProverMode, Reach, Registers,
    StaticAddress,
};
use data_encoding::HEXLOWER as HEX;
use serde_json::{Value, json};

/// What stands in place of a secret.
const SECRET: &str = "(redacted)";

/// A manifest's values as TOML. A key without a value stands in a comment, with what is in force instead.
pub(crate) fn config_text(manifest: &Manifest) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let gap = if text.is_empty() { "" } else { "\n" };
        // Text takes whatever is written to it.
        let _ = writeln!(text, "{gap}[{}]", section.name);
        for key in section.keys {
            let given = value(manifest, section.name, key.name);
            // Some defaults are values, others are told in words; an empty list is nothing to be given.
            let default = serde_json::from_str(key.default).ok();
            let shown = given.or_else(|| default.filter(|value: &Value| !value.is_array()));
            let _ = match shown {
                // Strings, numbers, flags and lists of these are written as in JSON.
                Some(value) => writeln!(text, "{} = {value}", key.name),
                None => writeln!(text, "# {}: {}", key.name, key.default),
            };
        }
    }
    text
}

/// The value of a key; `None` when the manifest gives none.
fn value(manifest: &Manifest, section: &str, key: &str) -> Option<Value> {
    match section {
        "node" => node(manifest, key),
        "network" => network(manifest, key),
        "tls" => tls(manifest, key),
        "cores" => cores(manifest, key),
        "services" => services(manifest, key),
        "particles" => particles(manifest, key),
        "http" => manifest.http.port.map(Value::from),
        "disk" => disk(manifest, key),
        "prover" => prover(manifest, key),
        "chain" => chain(manifest, key),
        "log" => log(manifest, key),
        "panic" => Some(json!(match manifest.panic.action {
            PanicAction::Reset => "reset",
            PanicAction::Halt => "halt",
        })),
        _ => None,
    }
}

fn node(manifest: &Manifest, key: &str) -> Option<Value> {
    let node = &manifest.node;
    match key {
        "network" => Some(json!(node.network.to_string())),
        "seed" => node.seed.as_ref().map(|_| json!(SECRET)),
        "management_peer_id" => node.management_peer_id.clone().map(Value::from),
        "bootstrap" => Some(json!(node.bootstrap)),
        _ => None,
    }
}

fn network(manifest: &Manifest, key: &str) -> Option<Value> {
    let network = &manifest.network;
    let fixed = match &network.addressing {
        Addressing::Dhcp => None,
        Addressing::Static(fixed) => Some(fixed),
    };
    let address = |fixed: &StaticAddress| format!("{}/{}", fixed.address, fixed.prefix);
    match key {
        "address" => Some(json!(fixed.map_or_else(|| "dhcp".to_owned(), address))),
        "gateway" => Some(json!(fixed?.gateway?.to_string())),
        "dns" => {
            let dns = fixed?.dns.iter().map(ToString::to_string);
            Some(json!(dns.collect::<Vec<_>>()))
        }
        "ipv6_address" => {
            let fixed = network.ipv6?;
            Some(json!(format!("{}/{}", fixed.address, fixed.prefix)))
        }
        "ipv6_gateway" => Some(json!(network.ipv6?.gateway?.to_string())),
        "vlan" => network.vlan.map(Value::from),
        "hostname" => Some(json!(network.hostname)),
        "tcp_port" => Some(json!(network.tcp_port)),
        "websocket_port" => Some(json!(network.websocket_port)),
        "external_addresses" => Some(json!(network.external_addresses)),
        "speed_test" => Some(json!(network.speed_test)),
        _ => None,
    }
}

fn tls(manifest: &Manifest, key: &str) -> Option<Value> {
    let tls = &manifest.tls;
    match key {
        "certificate" => Some(json!(tls.certificate.as_ref()?.0)),
        "key" => tls.certificate.as_ref().map(|_| json!(SECRET)),
        "roots" => Some(json!(tls.roots)),
        _ => None,
    }
}

fn cores(manifest: &Manifest, key: &str) -> Option<Value> {
    let cores = &manifest.cores;
    match (key, cores.compute) {
        ("system", _) => Some(json!(cores.system)),
        ("compute", Compute::All) => Some(json!("all")),
        ("compute", Compute::Count(count)) => Some(json!(count)),
        ("host_services", _) => Some(json!(cores.host_services)),
        _ => None,
    }
}

fn services(manifest: &Manifest, key: &str) -> Option<Value> {
    let services = &manifest.services;
    match key {
        "memory" => services.memory.map(Value::from),
        "service_memory" => services.service_memory.map(Value::from),
        "rest_seconds" => services.rest_seconds.map(Value::from),
        "http" => Some(json!(match services.http {
            Reach::Off => "off",
            Reach::Public => "public",
            Reach::All => "all",
        })),
        "effectors" => {
            let all = services.effectors.iter();
            let all =
                all.map(|effector| format!("{} {}", effector.cid, effector.programs.join(" ")));
            Some(json!(all.collect::<Vec<_>>()))
        }
        _ => None,
    }
}

fn particles(manifest: &Manifest, key: &str) -> Option<Value> {
    let (who, what) = key.split_once('_')?;
    let share = match who {
        "author" => &manifest.particles.author,
        _ => &manifest.particles.worker,
    };
    match what {
        "rate" => share.rate.map(Value::from),
        "alive" => share.alive.map(Value::from),
        "memory" => share.memory.map(Value::from),
        "work" => share.work.map(Value::from),
        _ => None,
    }
}

fn disk(manifest: &Manifest, key: &str) -> Option<Value> {
    let disk = &manifest.disk;
    match key {
        "state" => disk.state.clone().map(Value::from),
        "format" => Some(json!(disk.format)),
        "test" => Some(json!(match disk.test {
            DiskTest::None => "none",
            DiskTest::Load => "load",
            DiskTest::Speed => "speed",
        })),
        _ => None,
    }
}

fn prover(manifest: &Manifest, key: &str) -> Option<Value> {
    let prover = &manifest.prover;
    let hex = |bytes: &[u8; 32]| HEX.encode(bytes);
    // Where it is off these may be missing, and are zeroes then.
    let given = |bytes: &[u8; 32]| (*bytes != [0; 32]).then(|| json!(hex(bytes)));
    match key {
        "mode" => Some(json!(match prover.mode {
            ProverMode::Off => "off",
            ProverMode::Light => "light",
            ProverMode::Fast => "fast",
        })),
        "units" => Some(json!(prover.units.iter().map(hex).collect::<Vec<_>>())),
        "global_nonce" => given(&prover.global_nonce),
        "difficulty" => given(&prover.difficulty),
        "epoch_seconds" => prover.epoch_seconds.map(Value::from),
        "min_proofs" => prover.min_proofs.map(Value::from),
        "max_proofs" => prover.max_proofs.map(Value::from),
        "datasets" => prover.datasets.map(Value::from),
        "registers" => Some(json!(match prover.registers {
            Registers::Auto => "auto",
            Registers::On => "on",
            Registers::Off => "off",
        })),
        _ => None,
    }
}

fn chain(manifest: &Manifest, key: &str) -> Option<Value> {
    let chain = manifest.chain.as_ref()?;
    match key {
        // Providers of such endpoints put the key of their customer in the path.
        "endpoint" => {
            let scheme = if chain.endpoint.tls { "https" } else { "http" };
            let authority = chain.endpoint.authority();
            Some(json!(format!("{scheme}://{authority}/{SECRET}")))
        }
        "diamond" => Some(json!(HEX.encode(&chain.diamond))),
        "chain_id" => Some(json!(chain.chain_id)),
        "wallet_key" => Some(json!(SECRET)),
        "base_fee" => chain.base_fee.map(Value::from),
        "priority_fee" => chain.priority_fee.map(Value::from),
        "ipfs" => chain.ipfs.clone().map(Value::from),
        _ => None,
    }
}

fn log(manifest: &Manifest, key: &str) -> Option<Value> {
    match key {
        "level" => {
            let level = manifest.log.level.as_str();
            Some(json!(level.to_ascii_lowercase()))
        }
        "trace" => manifest.log.trace.clone().map(Value::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../manifest/example.toml");

    /// Reads a configuration's page as a manifest that has these secrets.
    fn read(text: &str, secrets: [&str; 4]) -> Manifest {
        let [seed, key, endpoint, wallet] = secrets;
        let text = text
            .replace("seed = \"(redacted)\"", &format!("seed = {seed:?}"))
            .replace("\nkey = \"(redacted)\"", &format!("\nkey = {key:?}"))
            .replace("/(redacted)\"", &format!("{endpoint}\""))
            .replace(
                "wallet_key = \"(redacted)\"",
                &format!("wallet_key = {wallet:?}"),
            );
        Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn assert_same(read: &Manifest, given: &Manifest) {
        assert_eq!(read.node, given.node);
        assert_eq!(read.network, given.network);
        assert!(read.tls == given.tls);
        assert_eq!(read.cores, given.cores);
        assert_eq!(read.services, given.services);
        assert_eq!(read.particles, given.particles);
        assert_eq!(read.http, given.http);
        assert_eq!(read.disk, given.disk);
        assert_eq!(read.prover, given.prover);
        assert_eq!(read.chain, given.chain);
        assert_eq!(read.log, given.log);
        assert_eq!(read.panic, given.panic);
    }

    #[test]
    fn every_key_is_shown_and_no_secret() {
        let manifest = Manifest::parse(EXAMPLE).unwrap();
        let text = config_text(&manifest);
        for section in SECTIONS {
            let start = text.find(&format!("[{}]\n", section.name));
            let rest = &text[start.unwrap_or_else(|| panic!("no {}", section.name))..];
            let rest = &rest[..rest.find("\n[").unwrap_or(rest.len())];
            for key in section.keys {
                let line = format!("\n{} = ", key.name);
                assert!(rest.contains(&line), "{}.{}", section.name, key.name);
            }
        }
        let (_, key) = manifest.tls.certificate.clone().unwrap();
        let secrets = [
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            &key,
            "/rpc",
            &"1".repeat(64),
        ];
        let lines: Vec<&str> = key.lines().filter(|line| line.len() > 40).collect();
        assert!(lines.len() > 1);
        for secret in [&secrets[..1], &secrets[2..], &lines].concat() {
            assert!(!text.contains(secret), "{secret}");
        }
        // Nothing is lost or made up: with its secrets it is the same manifest.
        assert_same(&read(&text, secrets), &manifest);
    }

    #[test]
    fn what_is_not_given_is_told() {
        let manifest = Manifest::parse("").unwrap();
        let text = config_text(&manifest);
        for line in [
            "address = \"dhcp\"",
            "author_rate = 50000",
            "# author_memory: three quarters of the memory for particles",
            "rest_seconds = 300",
            "# memory: half of what is free at start",
            "http = \"public\"",
            "# endpoint: none: the node serves no deals",
            "# seed: generated at the first boot and kept",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
        Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    }
}
