//! Odd and slow clients: nobody else may notice them.

use anyhow::{Context as _, Result, ensure};
use futures::AsyncWriteExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::particle::{Form, varint};
use crate::client::peer::{PARTICLE, Peer};
use crate::client::question::{Question, echo};
use crate::node::Station;
use crate::proxy::{Pace, Proxy};
use crate::target::{Target, port};

/// Half-open connections of each kind.
const EACH: usize = 15;

/// What a client said before it fell silent; the WebSocket ones go to the WebSocket port.
const TCP_STARTS: [&[u8]; 3] = [
    b"",
    b"\x13/multistr",
    b"\x13/multistream/1.0.0\n\x07/noise\n\x00\x20",
];
const WS_STARTS: [&[u8]; 3] = [
    b"",
    b"GET / HTTP/1.1\r\nUpgrade: webso",
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
      Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x82\x9c",
];

/// Answers that a slow reader asks for and does not read, and the size of each.
const UNREAD: usize = 12;
const UNREAD_SIZE: usize = 200 << 10;

/// Streams that a flood opens: more than a connection may have.
const FLOOD: usize = 1200;

/// Particles that are started and not finished, and the size of each: more than a connection may hold.
const UNFINISHED: usize = 6;
const UNFINISHED_SIZE: usize = 32 << 20;

/// What the node may take for all of them, in bytes: 128 MiB that one connection may hold, and as much
/// again because buffers grow by doubling.
const MEMORY: usize = 256 << 20;

/// Floods of streams and of bytes are cut off and told; the node's memory stays within bounds, and others
/// are served meanwhile.
pub(crate) async fn floods(station: &Station) -> Result<()> {
    let node = station.target.peer_id;
    let other = Peer::start(&[])?;
    other.connect(&station.target.tcp).await?;

    let flood = Peer::start(&[])?;
    flood.connect(&station.target.tcp).await?;
    let (mut open, mut refused) = (Vec::new(), 0);
    for _ in 0..FLOOD {
        match flood.open(node, PARTICLE).await {
            Ok(stream) => open.push(stream),
            Err(_) => refused += 1,
        }
    }
    ensure!(
        refused > 0 && open.len() > 900,
        "{} open, {refused} refused",
        open.len()
    );
    echo(&other, node).await?;
    told(station, "streams_full")?;
    drop(open);

    let before = station.host.memory().context("no number for its memory")?;
    let big = Peer::start(&[])?;
    big.connect(&station.target.tcp).await?;
    let mut streams = Vec::new();
    let piece = vec![0x81; 1 << 20];
    for _ in 0..UNFINISHED {
        let mut stream = big.open(node, PARTICLE).await?;
        stream.write_all(&varint(100 << 20)).await?;
        for _ in 0..UNFINISHED_SIZE / piece.len() {
            if stream.write_all(&piece).await.is_err() {
                break;
            }
        }
        streams.push(stream);
        echo(&other, node).await?;
    }
    told(station, "particle_memory")?;
    let after = station.host.memory().context("no number for its memory")?;
    let taken = after.saturating_sub(before);
    ensure!(taken < MEMORY, "{taken} bytes were taken");
    echo(&other, node).await
}

/// The node's log tells that something was refused for this reason.
fn told(station: &Station, reason: &str) -> Result<()> {
    let tail = station.host.tail();
    let told = tail.contains(&format!("refused: {reason}"));
    ensure!(told, "the log does not tell of {reason}");
    Ok(())
}

/// Clients that fall silent in the middle of a handshake do not stop the next one.
pub(crate) async fn half_open(target: &Target) -> Result<()> {
    let (tcp, ws) = (port(&target.tcp)?, port(&target.ws)?);
    let mut silent = Vec::new();
    for _ in 0..EACH {
        for (port, starts) in [(tcp, TCP_STARTS), (ws, WS_STARTS)] {
            for start in starts {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
                stream.write_all(start).await?;
                silent.push(stream);
            }
        }
    }
    for address in [&target.tcp, &target.ws] {
        let peer = Peer::start(&[])?;
        peer.connect(address).await?;
        echo(&peer, target.peer_id).await?;
    }
    ensure!(silent.len() == EACH * 6);
    Ok(())
}

/// A client that asks for much and reads nothing stops nobody else, and is served when it reads again.
pub(crate) async fn slow_reader(target: &Target) -> Result<()> {
    let node = target.peer_id;
    let proxy = Proxy::start(&target.tcp, Pace::Smooth).await?;
    let (slow, other) = (Peer::start(&[])?, Peer::start(&[])?);
    slow.connect(&proxy.address(&target.tcp)).await?;
    other.connect(&target.tcp).await?;

    let text = format!(r#""{}""#, "s".repeat(UNREAD_SIZE));
    let mut waiting = Vec::new();
    for _ in 0..UNREAD {
        let question = Question::new(&slow, node, ("op", "identity"), &text);
        let frame = question.particle.frame(Form::Bin);
        let mut stream = slow.open(node, PARTICLE).await?;
        stream.write_all(&frame[..frame.len() - 1]).await?;
        stream.flush().await?;
        waiting.push((question, stream, frame[frame.len() - 1]));
    }
    proxy.let_through(false);
    let mut questions = Vec::new();
    for (question, mut stream, last) in waiting {
        stream.write_all(&[last]).await?;
        stream.close().await?;
        questions.push(question);
    }
    for _ in 0..5 {
        echo(&other, node).await?;
    }
    let late = Peer::start(&[])?;
    late.connect(&target.tcp).await?;
    echo(&late, node).await?;

    proxy.let_through(true);
    for question in questions {
        let got = question.answer(&slow).await?;
        ensure!(
            got.as_str().is_some_and(|s| s.len() == UNREAD_SIZE),
            "got {got}"
        );
    }
    echo(&slow, node).await
}
