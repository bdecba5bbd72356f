//! The documented example: it is valid, and says what it seems to say.

use basalt_manifest::{
    Addressing, Compute, Disk, DiskTest, Manifest, NetworkId, PanicAction, ProverMode, Reach,
    Registers, Share, StaticAddress,
};

const EXAMPLE: &str = include_str!("../example.toml");

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
    let ipv6 = manifest.network.ipv6.unwrap();
    assert_eq!(ipv6.address.to_string(), "2001:db8::10");
    assert_eq!(
        (ipv6.prefix, ipv6.gateway.unwrap().to_string()),
        (64, "fe80::1".into())
    );
    assert_eq!(manifest.network.vlan, Some(100));
    assert_eq!(manifest.network.hostname, "basalt-1");
    assert_eq!(
        (manifest.network.tcp_port, manifest.network.websocket_port),
        (977, 999)
    );
    assert_eq!(manifest.network.external_addresses.len(), 2);
    assert!(manifest.tls.certificate.is_some());
    assert_eq!(manifest.tls.roots.len(), 1);
    assert_eq!(
        (manifest.cores.system, manifest.cores.compute),
        (1, Compute::All)
    );
    let services = manifest.services;
    assert_eq!(
        (
            services.memory,
            services.service_memory,
            services.rest_seconds
        ),
        (Some(4096), Some(256), Some(300))
    );
    assert_eq!(services.http, Reach::Public);
    let [effector, _] = services.effectors.as_slice() else {
        panic!("{:?}", services.effectors);
    };
    assert!(effector.cid.ends_with("pfy3e"));
    assert_eq!(effector.programs, ["curl", "ipfs"]);
    let share = |rate, alive, memory, work| Share {
        rate: Some(rate),
        alive: Some(alive),
        memory: Some(memory),
        work: Some(work),
    };
    assert_eq!(manifest.particles.author, share(50_000, 40_000, 192, 50));
    assert_eq!(manifest.particles.worker, share(25_000, 25_000, 128, 40));
    assert_eq!(
        manifest.disk,
        Disk {
            state: Some("S4EVNX0R123456".into()),
            format: false,
            test: DiskTest::None,
        }
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
    let chain = manifest.chain.as_ref().unwrap();
    let endpoint = &chain.endpoint;
    assert_eq!(
        (
            endpoint.host.as_str(),
            endpoint.port,
            endpoint.path.as_str()
        ),
        ("192.0.2.9", 8545, "/rpc")
    );
    assert_eq!((chain.diamond[0], chain.chain_id), (0xb0, 9_999_999));
    assert_eq!(chain.wallet_key.as_bytes(), &[0x11; 32]);
    assert_eq!(
        (chain.base_fee, chain.priority_fee),
        (Some(100_000_000), Some(0))
    );
    assert_eq!(chain.ipfs.as_deref(), Some("/ip4/192.0.2.9/tcp/5001"));
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
