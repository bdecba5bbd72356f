//! WebSocket over TLS, in both directions, with a rust-libp2p peer that does not know our
//! certificates' kind of cryptography; and IPv6.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use basalt_net::swarm::{self, Transport as On};
use basalt_net::tls;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::StreamExt as _;
use libp2p::core::{Transport as _, muxing::StreamMuxerBox, upgrade};
use libp2p::identity::Keypair;
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, noise, ping, tcp, yamux};
use libp2p_websocket as websocket;

use super::half_open::{Cut, Wire};
use crate::PATIENCE;
use crate::client::peer::Peer;
use crate::node::citizen::Citizen;
use crate::target::port;

const AUTHORITY: &str = include_str!("../../../net/tests/vectors/tls/ca-p256.pem");
const CERTIFICATE: &str = include_str!("../../../net/tests/vectors/tls/p256.pem");
const KEY: &str = include_str!("../../../net/tests/vectors/tls/p256.key");

/// With a certificate.
fn serving() -> tls::Settings {
    tls::Settings {
        certificate: Some((CERTIFICATE.into(), KEY.into())),
        ..tls::Settings::default()
    }
}

/// A Rust peer dials our TLS listener, and one of ours dials a Rust peer's.
pub(crate) async fn both_ways() -> Result<()> {
    let ours = citizen(serving(), &[])?;
    let mut rust = rust()?;
    let address: Multiaddr = ours
        .address
        .to_string()
        .replace("/p2p/", "/tls/ws/p2p/")
        .parse()?;
    rust.dial(address)?;
    let id = PeerId::from_bytes(ours.id.as_bytes())?;
    tokio::time::timeout(PATIENCE, pinged(&mut rust, id)).await??;
    // The same port speaks without TLS, too.
    let plain = Peer::start(&[])?;
    let address: Multiaddr = ours
        .address
        .to_string()
        .replace("/p2p/", "/ws/p2p/")
        .parse()?;
    plain.connect(&address).await?;

    let mut rust = self::rust()?;
    rust.listen_on("/ip4/127.0.0.1/tcp/0/tls/ws".parse()?)?;
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = rust.select_next_some().await {
            break address;
        }
    };
    let id = *rust.local_peer_id();
    let address = format!("{address}/p2p/{id}");
    let trusting = citizen(
        tls::Settings {
            roots: vec![AUTHORITY.into()],
            ..tls::Settings::default()
        },
        std::slice::from_ref(&address),
    )?;
    let doubting = citizen(
        tls::Settings {
            web_roots: true,
            ..tls::Settings::default()
        },
        &[address],
    )?;
    let ours = PeerId::from_bytes(trusting.id.as_bytes())?;
    tokio::time::timeout(PATIENCE, pinged(&mut rust, ours)).await??;
    let id = basalt_net::PeerId::from_bytes(&id.to_bytes())?;
    ensure!(trusting.is_connected(id)?);
    ensure!(
        !doubting.is_connected(id)?,
        "a certificate that nobody vouches for was taken"
    );
    Ok(())
}

/// Connections over TLS that are cut, in both directions.
pub(crate) async fn cut_off() -> Result<()> {
    for cut in Cut::ALL {
        let ours = citizen(serving(), &[])?;
        let mut rust = rust()?;
        let listening: Multiaddr = ours.address.to_string().parse()?;
        let wire = Wire::to(([127, 0, 0, 1], port(&listening)?).into(), false).await?;
        let id = PeerId::from_bytes(ours.id.as_bytes())?;
        rust.dial(wss(wire.address, id)?)?;
        tokio::time::timeout(PATIENCE, pinged(&mut rust, id)).await??;
        let theirs = basalt_net::PeerId::from_bytes(&rust.local_peer_id().to_bytes())?;
        wire.cut(cut, &ours, theirs)
            .await
            .context("it was dialed")?;

        let mut rust = self::rust()?;
        rust.listen_on("/ip4/127.0.0.1/tcp/0/tls/ws".parse()?)?;
        let listening = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = rust.select_next_some().await {
                break address;
            }
        };
        let wire = Wire::to(([127, 0, 0, 1], port(&listening)?).into(), true).await?;
        let id = *rust.local_peer_id();
        let ours = citizen(
            tls::Settings {
                roots: vec![AUTHORITY.into()],
                ..tls::Settings::default()
            },
            &[wss(wire.address, id)?.to_string()],
        )?;
        let ours_id = PeerId::from_bytes(ours.id.as_bytes())?;
        tokio::time::timeout(PATIENCE, pinged(&mut rust, ours_id)).await??;
        let theirs = basalt_net::PeerId::from_bytes(&id.to_bytes())?;
        wire.cut(cut, &ours, theirs).await.context("it dialed")?;
    }
    Ok(())
}

fn wss(at: std::net::SocketAddr, peer: PeerId) -> Result<Multiaddr> {
    let (ip, port) = (at.ip(), at.port());
    Ok(format!("/ip4/{ip}/tcp/{port}/tls/ws/p2p/{peer}").parse()?)
}

/// Over IPv6, dialed and dialing.
pub(crate) async fn ipv6() -> Result<()> {
    let rust = Peer::start(&["/ip6/::1/tcp/0"])?;
    let bootstrap = rust.address(false).await?;
    let config = swarm::Config {
        bootstrap: vec![bootstrap.to_string().parse()?],
        ..swarm::Config::default()
    };
    let ours = Citizen::with(config, "[::1]:0", On::Tcp)?;
    let client = Peer::start(&[])?;
    client.connect(&ours.address.to_string().parse()?).await?;
    let id = basalt_net::PeerId::from_bytes(&rust.id().to_bytes())?;
    let start = Instant::now();
    while !ours.is_connected(id)? {
        ensure!(start.elapsed() < PATIENCE, "no connection to {bootstrap}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn citizen(settings: tls::Settings, bootstrap: &[String]) -> Result<Citizen> {
    let seed = [uuid::Uuid::new_v4().into_bytes(); 2].concat();
    let seed = seed.try_into().ok().context("32 bytes")?;
    let addresses = bootstrap.iter().map(|address| address.parse());
    let config = swarm::Config {
        tls: Some(Arc::new(tls::Context::new(&settings, seed)?)),
        bootstrap: addresses.collect::<Result<_, _>>()?,
        ..swarm::Config::default()
    };
    Citizen::with(config, "127.0.0.1:0", On::WebSocket)
}

fn der(pem: &str) -> Result<Vec<u8>> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let decoded = BASE64_STANDARD.decode(lines.collect::<String>());
    decoded.map_err(|error| anyhow!("{error}"))
}

/// A Rust peer that speaks `wss` alone, trusts our authority and has our certificate.
fn rust() -> Result<Swarm<ping::Behaviour>> {
    let keypair = Keypair::generate_ed25519();
    let certificate = websocket::tls::Certificate::new(der(CERTIFICATE)?);
    let authority = websocket::tls::Certificate::new(der(AUTHORITY)?);
    let mut config = websocket::tls::Config::builder();
    config.server(websocket::tls::PrivateKey::new(der(KEY)?), [certificate])?;
    config.add_trust(&authority)?;
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true));
    let mut websocket = websocket::Config::new(tcp);
    websocket.set_tls_config(config.finish());
    let transport = websocket
        .upgrade(upgrade::Version::V1)
        .authenticate(noise::Config::new(&keypair)?)
        .multiplex(yamux::Config::default())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed();
    let config = libp2p::swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(Duration::from_secs(600));
    let behaviour = ping::Behaviour::default();
    Ok(Swarm::new(
        transport,
        behaviour,
        keypair.public().to_peer_id(),
        config,
    ))
}

/// Drives a Rust peer until a ping of `peer` was answered.
async fn pinged(swarm: &mut Swarm<ping::Behaviour>, peer: PeerId) -> Result<()> {
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::Behaviour(ping::Event {
                peer: id,
                result: Ok(_),
                ..
            }) if id == peer => return Ok(()),
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                return Err::<(), DialError>(error).context("dialing");
            }
            _ => {}
        }
    }
}
