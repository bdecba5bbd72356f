//! Odd and slow clients: nobody else may notice them.

use anyhow::{Result, ensure};
use futures::AsyncWriteExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::particle::Form;
use crate::client::peer::{PARTICLE, Peer};
use crate::client::question::{Question, echo};
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

/// A client that asks for much and reads nothing stops nobody else, and is served when it reads
/// again.
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
