//! The documented example: it is valid, complete, and says what it seems to say.

use basalt_manifest::{
    Addressing, Compute, Manifest, NetworkId, PanicAction, ProverMode, Registers, StaticAddress,
    schema::SECTIONS,
};

const EXAMPLE: &str = include_str!("../example.toml");

#[test]
fn names_every_key() {
    let table: toml::Table = EXAMPLE.parse().unwrap();
    assert_eq!(table.len(), SECTIONS.len());
    for section in SECTIONS {
        let keys = table[section.name].as_table().unwrap();
        assert_eq!(keys.len(), section.keys.len());
        for key in section.keys {
            assert!(keys.contains_key(key.name), "{}.{}", section.name, key.name);
        }
    }
}

#[test]
fn is_read_as_written() {
    let manifest = Manifest::parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(manifest.node.network, NetworkId::Kras);
    let seed = core::array::from_fn(|index| index as u8);
    assert_eq!(manifest.node.seed.unwrap().as_bytes(), &seed);
    assert!(
        manifest
            .node
            .management_peer_id
            .unwrap()
            .starts_with("12D3KooW")
    );
    assert_eq!(manifest.node.bootstrap.len(), 2);
    assert_eq!(
        manifest.network.addressing,
        Addressing::Static(StaticAddress {
            address: [192, 0, 2, 10].into(),
            prefix: 24,
            gateway: Some([192, 0, 2, 1].into()),
            dns: vec![[192, 0, 2, 1].into(), [198, 51, 100, 53].into()],
        })
    );
    assert_eq!(manifest.network.hostname, "basalt-1");
    assert_eq!(
        (manifest.network.tcp_port, manifest.network.websocket_port),
        (977, 999)
    );
    assert_eq!(manifest.network.external_addresses.len(), 2);
    assert_eq!(
        (manifest.cores.system, manifest.cores.compute),
        (1, Compute::All)
    );
    let prover = &manifest.prover;
    assert_eq!(prover.mode, ProverMode::Fast);
    assert_eq!((prover.units.len(), prover.units[0][0]), (1, 0x67));
    assert_eq!((prover.global_nonce[0], prover.difficulty[3]), (0x0b, 0x1f));
    assert_eq!(prover.epoch_seconds, Some(86_400));
    assert_eq!((prover.min_proofs, prover.max_proofs), (Some(30), Some(50)));
    assert_eq!(
        (prover.datasets, prover.registers),
        (Some(1), Registers::Auto)
    );
    assert_eq!(manifest.log.level, log::LevelFilter::Info);
    assert_eq!(manifest.panic.action, PanicAction::Reset);
}

#[test]
fn an_empty_manifest_is_the_default() {
    assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
    assert_eq!(
        Manifest::from_bytes(b"\xef\xbb\xbf# only a comment\r\n").unwrap(),
        Manifest::default()
    );
}

/// Each default of the schema that is TOML, written out, changes nothing.
#[test]
fn the_defaults_of_the_schema_are_in_force() {
    let mut text = String::new();
    for section in SECTIONS {
        text += &format!("[{}]\n", section.name);
        for key in section.keys {
            let line = format!("{} = {}\n", key.name, key.default);
            // An empty `dns` is refused beside DHCP like any other.
            if line.parse::<toml::Table>().is_ok() && key.name != "dns" {
                text += &line;
            }
        }
    }
    assert!(text.lines().count() > 12, "{text}");
    let Manifest {
        node,
        network,
        cores,
        log,
        panic,
        ..
    } = Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let default = Manifest::default();
    assert_eq!((node, network), (default.node, default.network));
    assert_eq!(
        (cores, log, panic),
        (default.cores, default.log, default.panic)
    );
}
