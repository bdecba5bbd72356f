//! Connections that lead nowhere.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::streams::flood;
use super::text::call;
use crate::attack::{Attack, Home};
use crate::floods::{self, Flood};
use crate::raw::Client;
use crate::stage::Stage;

/// Milliseconds of a flood.
const TIME: [usize; 2] = [1_200, 10_000];

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new("connects", "ms of connections that say nothing and go", TIME, |stage| {
        flood(stage, floods::connects)
    }),
    Attack::new("half-open", "ms of handshakes that end in the middle", TIME, |stage| {
        flood(stage, floods::half_open)
    }),
    Attack::new("garbage", "ms of noise instead of a handshake", TIME, |stage| {
        flood(stage, floods::garbage)
    })
    .counted(&["protocol_violation"]),
    Attack::new("handshakes", "ms of whole handshakes of new keys", TIME, |stage| {
        flood(stage, floods::handshakes)
    }),
    Attack::new("web-frames", "ms of WebSocket frames without a byte", TIME, |stage| {
        flood_web(stage, floods::web_frames)
    }),
    Attack::new("web-heads", "ms of HTTP heads that never end", TIME, |stage| {
        flood_web(stage, floods::web_heads)
    }),
    Attack::new("tls-hellos", "ms of greetings of TLS that are never whole", TIME, |stage| {
        flood_web(stage, floods::tls_hellos)
    }),
    Attack::new(
        "idle-connections",
        "connections of one address that say nothing, at 1,024 open files",
        [1_011, 1_011],
        |stage| {
            let held = hold(stage, |stage| Ok(stage.place().connect()?))?;
            newcomer(stage)?;
            drop(held);
            Ok(())
        },
    )
    .on(Home::FewFiles),
    Attack::new(
        "idle-peers",
        "connections of one address that have proven a key each and say nothing more, at 1,024 open files",
        [1_011, 1_011],
        |stage| {
            let held = hold(stage, |stage| Ok(Client::connect(stage.place(), stage.key())?))?;
            newcomer(stage)?;
            drop(held);
            Ok(())
        },
    )
    .on(Home::FewFiles),
];

/// A flood at the port of WebSocket.
fn flood_web(stage: &mut Stage<'_>, what: Flood) -> Result<()> {
    let target = stage.node.websocket;
    stage.aim(target);
    flood(stage, what)
}

/// As many connections as the node lets in.
fn hold<T>(stage: &Stage<'_>, connect: impl Fn(&Stage<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut held = Vec::new();
    let mut refused = 0;
    while held.len() + refused < stage.size {
        match connect(stage) {
            Ok(connection) => held.push(connection),
            Err(_) => refused += 1,
        }
    }
    Ok(held)
}

fn newcomer(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    stage
        .newcomer(&[call(&peer, "op.identity", "1", "x")], stage.time)
        .context("a newcomer")?;
    stage.operator().context("the operator")?;
    let begin = std::time::Instant::now();
    stage.node.page("/health").context("the operator's page")?;
    anyhow::ensure!(
        begin.elapsed() < Duration::from_secs(5),
        "the operator's page is late"
    );
    Ok(())
}

/// Connections to the operator's pages that begin a request and do not end it.
pub(super) fn to_pages(stage: &Stage<'_>, words: &[u8]) -> Result<Vec<TcpStream>> {
    let mut held = Vec::new();
    for _ in 0..stage.size {
        if let Ok(mut stream) = TcpStream::connect(stage.node.pages) {
            // A node that has ended it already is content.
            let _ = stream.write_all(words);
            held.push(stream);
        }
    }
    Ok(held)
}
