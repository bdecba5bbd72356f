//! What a rust-libp2p peer gets from a node: the same stack that nox is built on.

use anyhow::{Context as _, Result, ensure};
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::PATIENCE;
use crate::client::particle::{Form, Particle, now_ms, varint};
use crate::client::peer::{Event, PARTICLE, Peer};
use crate::client::question::{Question, ask, echo};
use crate::proxy::{Pace, Proxy};
use crate::target::{Target, port};

/// The protocols each Fluence peer lists from its first identify on.
const PROTOCOLS: [&str; 4] = [
    "/fluence/particle/2.0.0",
    "/ipfs/id/1.0.0",
    "/ipfs/id/push/1.0.0",
    "/ipfs/ping/1.0.0",
];

/// The most bytes a frame's body may have (100 MiB).
const MAX_BODY: u64 = 100 << 20;

/// Particles in flight at once.
const PARALLEL: usize = 50;

/// The node dialed `bootstrap` by itself, and does so again after a disconnect.
pub(crate) async fn dialed_by_node(target: &Target, bootstrap: &Peer) -> Result<()> {
    let node = target.peer_id;
    for round in 0..2 {
        let mark = if round == 0 { 0 } else { bootstrap.mark() };
        if round > 0 {
            bootstrap.disconnect(node).await?;
        }
        let incoming = |event: &Event| match event {
            Event::Connected { peer, dialed } if *peer == node => Some(*dialed),
            _ => None,
        };
        let dialed = bootstrap.wait(mark, "the node to dial", incoming).await?;
        ensure!(!dialed, "the connection is not the node's own");
        let identified = |event: &Event| match event {
            Event::Identified { peer, info } if *peer == node => Some(info.clone()),
            _ => None,
        };
        let info = bootstrap.wait(mark, "identify", identified).await?;
        ensure!(info.peer == node);
        echo(bootstrap, node)
            .await
            .context("over its own connection")?;
    }
    Ok(())
}

/// Identify says what a Fluence peer has to say.
pub(crate) async fn identify(target: &Target) -> Result<()> {
    for address in [&target.tcp, &target.ws] {
        let peer = Peer::start(&[])?;
        peer.connect(address).await?;
        let info = peer.identified(target.peer_id).await?;
        ensure!(info.peer == target.peer_id);
        ensure!(
            info.protocol_version == "/fluence/particle/2.0.0",
            "{info:?}"
        );
        ensure!(!info.agent_version.is_empty(), "{info:?}");
        for protocol in PROTOCOLS {
            let listed = info.protocols.iter().any(|p| p == protocol);
            ensure!(listed, "{protocol} is not in {:?}", info.protocols);
        }
        let plain = info.listen_addrs.iter().filter(|a| port(a).is_ok()).count();
        ensure!(plain >= 2, "listens on {:?}", info.listen_addrs);
        let seen = info.observed_addr.iter().next();
        ensure!(
            matches!(seen, Some(Protocol::Ip4(_))),
            "sees us at {}",
            info.observed_addr
        );
    }
    Ok(())
}

/// Pings are answered, several on one stream.
pub(crate) async fn ping(target: &Target) -> Result<()> {
    let peer = Peer::start(&[])?;
    peer.connect(&target.tcp).await?;
    let pinged = |event: &Event| {
        matches!(event, Event::Pinged { peer } if *peer == target.peer_id).then_some(())
    };
    peer.wait(0, "a ping's answer", pinged).await?;
    let mut stream = peer.open(target.peer_id, "/ipfs/ping/1.0.0").await?;
    for round in 0..3u8 {
        let sent = [round; 32];
        stream.write_all(&sent).await?;
        stream.flush().await?;
        let mut got = [0; 32];
        stream.read_exact(&mut got).await?;
        ensure!(got == sent, "ping {round} came back as {got:?}");
    }
    Ok(stream.close().await?)
}

/// Particles in the BIN and in the ARRAY form are answered over TCP and over WebSocket.
pub(crate) async fn particles(target: &Target) -> Result<()> {
    let node = target.peer_id;
    for address in [&target.tcp, &target.ws] {
        let peer = Peer::start(&[])?;
        peer.connect(address).await?;
        for form in [Form::Bin, Form::Array] {
            let got = ask(&peer, node, ("math", "add"), "40 2", form).await;
            ensure!(got.with_context(|| format!("{form:?}"))? == 42);
        }
        let own = format!(r#""{}""#, peer.id());
        let got = ask(&peer, node, ("peer", "is_connected"), &own, Form::Bin).await?;
        ensure!(got == true);
        let got = ask(&peer, node, ("peer", "timestamp_ms"), "", Form::Bin).await?;
        let got = got.as_u64().context("no number")?;
        ensure!(got.abs_diff(now_ms()) < 5_000, "{got} is not now");
        let big = "b".repeat(1 << 20);
        let got = ask(
            &peer,
            node,
            ("op", "identity"),
            &format!(r#""{big}""#),
            Form::Array,
        )
        .await?;
        ensure!(got == *big, "1 MiB came back changed");
    }
    Ok(())
}

/// Many particles at once, over one connection, all answered.
pub(crate) async fn parallel(target: &Target) -> Result<()> {
    let peer = Peer::start(&[])?;
    peer.connect(&target.tcp).await?;
    many_at_once(&peer, target.peer_id).await
}

/// The same over a connection that is there.
pub(crate) async fn many_at_once(peer: &Peer, node: PeerId) -> Result<()> {
    let jobs = (0..PARALLEL).map(|i| async move {
        let got = ask(peer, node, ("math", "mul"), &format!("{i} {i}"), Form::Bin).await?;
        ensure!(got == i * i, "{i} * {i} = {got}");
        Ok(())
    });
    futures::future::try_join_all(jobs).await.map(drop)
}

/// A frame may arrive in any pieces: of the stream, and of the wire below all layers.
pub(crate) async fn split_anywhere(target: &Target) -> Result<()> {
    let node = target.peer_id;
    let peer = Peer::start(&[])?;
    peer.connect(&target.tcp).await?;
    let question = Question::new(&peer, node, ("op", "identity"), r#""in pieces""#);
    let frame = question.particle.frame(Form::Bin);
    let pieces: Vec<&[u8]> = frame.chunks(1).collect();
    peer.send_pieces(node, &pieces).await?;
    ensure!(question.answer(&peer).await? == "in pieces");

    for address in [&target.tcp, &target.ws] {
        let proxy = Proxy::start(address, Pace::Shredded).await?;
        let peer = Peer::start(&[])?;
        peer.connect(&proxy.address(address)).await?;
        echo(&peer, node).await?;
        let long = "l".repeat(40_000);
        let got = ask(
            &peer,
            node,
            ("op", "identity"),
            &format!(r#""{long}""#),
            Form::Bin,
        )
        .await?;
        ensure!(got == *long, "changed in pieces");
    }
    Ok(())
}

/// Frames that are too long or make no sense are refused; the connection, and those of others, live
/// on.
pub(crate) async fn refusals(target: &Target) -> Result<()> {
    let node = target.peer_id;
    let (peer, other) = (Peer::start(&[])?, Peer::start(&[])?);
    peer.connect(&target.tcp).await?;
    other.connect(&target.tcp).await?;
    let mark = peer.mark();

    for announced in [MAX_BODY + 1, u64::from(u32::MAX), u64::MAX] {
        refused(&peer, node, &varint(announced))
            .await
            .with_context(|| format!("{announced} bytes"))?;
        echo(&peer, node).await?;
    }
    refused(&peer, node, &[0xff; 11])
        .await
        .context("a varint without end")?;

    let silent = |change: fn(&mut Particle, &Peer), form| {
        let mut question = Question::new(&peer, node, ("op", "identity"), r#""bad""#);
        change(&mut question.particle, &peer);
        (question.particle.id.clone(), question.particle.frame(form))
    };
    let mut bad = vec![
        silent(|particle, _| particle.signature[7] ^= 1, Form::Bin),
        silent(|particle, _| particle.script.push(' '), Form::Array),
        silent(
            |particle, _| particle.init_peer_id = "nobody".into(),
            Form::Bin,
        ),
        silent(
            |particle, peer| {
                particle.timestamp -= 600_000;
                particle.sign(&peer.keypair);
            },
            Form::Bin,
        ),
        silent(
            |particle, peer| {
                particle.timestamp = u64::MAX;
                particle.sign(&peer.keypair);
            },
            Form::Bin,
        ),
        silent(
            |particle, peer| {
                particle.script = "(call".into();
                particle.sign(&peer.keypair);
            },
            Form::Bin,
        ),
        silent(
            |particle, _| particle.data = b"no data of any interpreter".to_vec(),
            Form::Bin,
        ),
    ];
    let (id, mut frame) = silent(|_, _| (), Form::Bin);
    frame[3] ^= 1;
    bad.push((id, frame));
    let (id, mut frame) = silent(|_, _| (), Form::Bin);
    frame.truncate(frame.len() / 2);
    bad.push((id, frame));
    for (_, frame) in &bad {
        // The node may refuse the stream before all of it is written.
        let _ = peer.send_pieces(node, &[frame]).await;
    }

    echo(&peer, node).await.context("after bad particles")?;
    echo(&other, node)
        .await
        .context("on the other's connection")?;
    let early = peer.story(mark);
    ensure!(!early.contains("Disconnected"), "{early}");
    for (id, _) in bad {
        ensure!(!peer.has_frame(mark, &id), "particle {id} was answered");
    }
    Ok(())
}

/// A protocol that nobody speaks is refused, and the connection lives on.
pub(crate) async fn unknown_protocol(target: &Target) -> Result<()> {
    let peer = Peer::start(&[])?;
    peer.connect(&target.tcp).await?;
    for _ in 0..3 {
        let protocol = "/nobody/speaks/this/1.0.0";
        let outcome = peer.open(target.peer_id, protocol).await;
        let error = outcome.err().context("it was accepted")?.to_string();
        ensure!(error.contains("does not support"), "{error}");
    }
    echo(&peer, target.peer_id).await
}

/// A dial that expects somebody else's key fails; the node's own key is then still welcome.
pub(crate) async fn wrong_peer(target: &Target) -> Result<()> {
    let peer = Peer::start(&[])?;
    let bare: Multiaddr = target
        .tcp
        .iter()
        .filter(|p| !matches!(p, Protocol::P2p(_)))
        .collect();
    let wrong = bare.with(Protocol::P2p(PeerId::random()));
    ensure!(
        peer.connect(&wrong).await.is_err(),
        "connected to a stranger's id"
    );
    peer.connect(&target.tcp).await?;
    echo(&peer, target.peer_id).await
}

/// Writes the start of a frame and expects the node to end the stream, not to wait for more.
async fn refused(peer: &Peer, node: PeerId, start: &[u8]) -> Result<()> {
    let mut stream = peer.open(node, PARTICLE).await?;
    stream.write_all(start).await?;
    stream.flush().await?;
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest));
    // A FIN or a reset: both end the stream.
    let _ = end.await.context("the stream stays open")?;
    ensure!(rest.is_empty(), "the node wrote {} bytes", rest.len());
    Ok(())
}
