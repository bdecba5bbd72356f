//! What foreign clients get from a node behind a link that loses, delays, reorders and duplicates
//! frames.

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use futures::try_join;
use libp2p::Multiaddr;

use crate::client::particle::Form;
use crate::client::peer::{Event, Peer};
use crate::client::question::ask;
use crate::client::{Version, js};
use crate::node::lossy::{Faults, GATEWAY, Remote, Wire};
use crate::suite::rust;
use crate::target::Target;

/// A link, and what particles carry over it.
struct Way {
    wire: Wire,
    /// Unless the environment's `BASALT_SEED` says another one.
    seed: u64,
    /// Bytes that particles carry there and back.
    sizes: [usize; 3],
}

const WAYS: [Way; 2] = [
    // Frames overtake the next ones. A lost frame mostly costs a round trip.
    Way {
        wire: Wire {
            rate: 20,
            faults: Faults {
                loss: 10,
                duplicate: 10,
                delay: 8_000,
                jitter: 1_000,
            },
        },
        seed: 1,
        sizes: [100, 20 << 10, 1 << 20],
    },
    // What is sent together comes in any order. A lost frame mostly costs a timeout, which is a
    // second at the least: that is too long for a large particle.
    Way {
        wire: Wire {
            rate: 1000,
            faults: Faults {
                loss: 20,
                duplicate: 10,
                delay: 5_000,
                jitter: 15_000,
            },
        },
        seed: 2,
        sizes: [100, 1 << 10, 20 << 10],
    },
];

/// Particles of the js-client at once.
const PARALLEL: usize = 20;

/// The node's own peers, dialed by it over the link: a version and what it listens on.
const BOOTSTRAP: [(Version, bool); 3] = [
    (Version::Current, false),
    (Version::Current, true),
    (Version::Nox, false),
];

/// Each link has a node at one end and all clients at the other.
pub(crate) async fn links() -> Result<()> {
    let given = std::env::var("BASALT_SEED").ok();
    let given: Option<u64> = given.and_then(|text| text.parse().ok());
    let links = WAYS.iter().map(|way| async move {
        let seed = given.unwrap_or(way.seed);
        let outcome = link(way, seed).await;
        outcome.with_context(|| format!("with BASALT_SEED={seed} over {:?}", way.wire))
    });
    try_join_all(links).await.map(drop)
}

async fn link(way: &Way, seed: u64) -> Result<()> {
    let mut bootstrap = Vec::new();
    for (version, websocket) in BOOTSTRAP {
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"];
        let peer = Peer::of(version, &[listen[usize::from(websocket)]])?;
        let address = peer.address(websocket).await?;
        bootstrap.push((peer, address));
    }
    let addresses: Vec<Multiaddr> = bootstrap.iter().map(|(_, at)| at.clone()).collect();
    let remote = Remote::start(way.wire, seed, &addresses)?;
    let node = &remote.target;
    let dialed = bootstrap
        .iter()
        .map(|(peer, _)| rust::dialed_by_node(node, peer));
    let outcome = try_join!(
        try_join_all(dialed),
        dials(node, Version::Current, &node.tcp, &way.sizes),
        // The js-client takes the largest over WebSocket.
        dials(node, Version::Current, &node.ws, &way.sizes[..2]),
        dials(node, Version::Nox, &node.tcp, &way.sizes),
        js_dials(node, &way.sizes),
    );
    let counted = remote.finish().await?;
    outcome.with_context(|| format!("{:?}, {:?}", counted.link, counted.ip))?;
    let faults = [
        counted.link.lost,
        counted.link.duplicated,
        counted.link.reordered,
    ];
    ensure!(faults.iter().all(|&count| count > 10), "{:?}", counted.link);
    Ok(())
}

/// A Rust peer dials the node. Identify goes both ways, pings and particles come back.
async fn dials(
    node: &Target,
    version: Version,
    address: &Multiaddr,
    sizes: &[usize],
) -> Result<()> {
    let peer = Peer::of(version, &["/ip4/127.0.0.1/tcp/0"])?;
    peer.connect(address).await?;
    let info = peer.identified(node.peer_id).await?;
    ensure!(info.peer == node.peer_id, "{info:?}");
    let seen = info.observed_addr.to_string();
    ensure!(seen.starts_with(&format!("/ip4/{GATEWAY}/tcp/")), "{seen}");
    let pinged = |event: &Event| {
        matches!(event, Event::Pinged { peer } if *peer == node.peer_id).then_some(())
    };
    peer.wait(0, "a ping's answer", pinged).await?;
    try_join!(
        is_known(node, &peer),
        rust::many_at_once(&peer, node.peer_id),
        echoes(node, &peer, sizes),
    )?;
    Ok(())
}

/// The node tells where a peer listens: it has this from identify alone.
async fn is_known(node: &Target, peer: &Peer) -> Result<()> {
    let address = peer.address(false).await?.to_string();
    let (listener, _) = address.split_once("/p2p/").context("no id")?;
    let own = format!(r#""{}""#, peer.id());
    let contact = ("peer", "get_contact");
    let told = ask(peer, node.peer_id, contact, &own, Form::Bin).await?;
    let told = told["addresses"].as_array().context("no addresses")?;
    ensure!(told.iter().any(|at| at == listener), "{told:?}");
    Ok(())
}

/// Particles of several sizes come back as they were sent.
async fn echoes(node: &Target, peer: &Peer, sizes: &[usize]) -> Result<()> {
    for &size in sizes {
        let text: String = ('a'..='z').cycle().take(size).collect();
        let argument = format!(r#""{text}""#);
        let service = ("op", "identity");
        let got = ask(peer, node.peer_id, service, &argument, Form::Bin).await;
        ensure!(
            got.with_context(|| format!("{size} bytes"))? == *text,
            "{size} bytes came back changed"
        );
    }
    Ok(())
}

/// The js-client dials the node: particles of all sizes come back, and many at once.
async fn js_dials(node: &Target, sizes: &[usize]) -> Result<()> {
    let mut arguments = vec![node.ws.to_string(), PARALLEL.to_string()];
    arguments.extend(sizes.iter().map(usize::to_string));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = js::run("lossy.mjs", &arguments).await?;
    let checks = sizes.len() + 4;
    ensure!(
        report.passed.len() == checks,
        "passed only {:?}",
        report.passed
    );
    Ok(())
}
