//! One hash table of peers of both kinds: each finds each, and ours answer truly.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use basalt_net::kad::{Contact, Key, Kind, Message};
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::Transport;
use futures::future::try_join_all;
use futures::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::PATIENCE;
use crate::client::Version;
use crate::client::dht::Citizen as Rust;
use crate::client::particle::varint;
use crate::client::peer::Peer;
use crate::node::citizen::Citizen as Ours;

const NETWORK: &str = "/fluence/kad/dar/1.0.0";
const OTHER_NETWORK: &str = "/fluence/kad/kras/1.0.0";

const RUST: usize = 20;
const OURS: usize = 5;

/// How many of its own kind each Rust peer searches, besides all of ours.
const OWN_KIND: usize = 5;

/// Twenty Rust peers, half of them of the version that nox is built with, and five of ours, two of
/// whom listen for WebSocket: all of them know one Rust peer at first.
pub(crate) async fn one_network() -> Result<()> {
    let mut rust = Vec::new();
    for index in 0..RUST {
        let version = [Version::Nox, Version::Current][index % 2];
        rust.push(Rust::start(version, NETWORK).await?);
    }
    let entrance = rust[0].address.clone();
    let mut ours = Vec::new();
    for index in 0..OURS {
        let transport = [Transport::Tcp, Transport::WebSocket][index % 2];
        let citizen = Ours::start(NETWORK, &[entrance.to_string()], transport)?;
        ours.push(Arc::new(citizen));
    }
    for peer in &rust[1..] {
        peer.dial(&entrance)?;
    }
    let mut foreigners = Vec::new();
    for version in [Version::Nox, Version::Current] {
        let foreigner = Rust::start(version, OTHER_NETWORK).await?;
        for peer in &ours {
            foreigner.dial(&peer.address)?;
        }
        foreigners.push(foreigner);
    }
    let known = |table: &[PeerId]| table.len() == RUST + OURS - 1;
    settled(&ours[0], |table| !table.is_empty()).await?;

    let theirs = (0..RUST).map(|index| rust_finds(&rust, &ours, index));
    let own = ours.iter().map(|peer| ours_finds(&rust, &ours, peer));
    let (theirs, own) = futures::future::try_join(try_join_all(theirs), try_join_all(own)).await?;
    let slowest = theirs.into_iter().chain(own).max().unwrap_or_default();
    eprintln!("slowest of all searches: {} ms", slowest.as_millis());

    let everybody: Vec<PeerId> = (rust.iter().map(|peer| peer.id))
        .chain(ours.iter().map(|peer| peer.id))
        .collect();
    let asker = Peer::start(&[])?;
    for peer in &ours {
        settled(peer, known)
            .await
            .with_context(|| format!("{} does not come to know all", peer.id))?;
        answers_truly(&asker, peer, &everybody).await?;
        let table = peer.table()?;
        for foreigner in &foreigners {
            ensure!(peer.is_connected(foreigner.id)? && !table.contains(&foreigner.id));
        }
    }
    Ok(())
}

fn ours_id(id: &libp2p::PeerId) -> Result<PeerId> {
    Ok(PeerId::from_bytes(&id.to_bytes())?)
}

fn theirs_id(id: &PeerId) -> Result<libp2p::PeerId> {
    Ok(libp2p::PeerId::from_bytes(id.as_bytes())?)
}

/// Waits until a routing table is as it should be.
async fn settled(peer: &Arc<Ours>, is_settled: impl Fn(&[PeerId]) -> bool) -> Result<()> {
    let start = Instant::now();
    loop {
        let asked = peer.clone();
        let table = tokio::task::spawn_blocking(move || asked.table()).await??;
        if is_settled(&table) {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "{} peers", table.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The Rust peer `index` finds ours and some of its own kind; the longest time.
async fn rust_finds(rust: &[Rust], ours: &[Arc<Ours>], index: usize) -> Result<Duration> {
    let mut targets: Vec<PeerId> = ours.iter().map(|peer| peer.id).collect();
    targets.extend((1..=OWN_KIND).map(|step| rust[(index + step) % RUST].id));
    let mut slowest = Duration::ZERO;
    for target in targets {
        let start = Instant::now();
        loop {
            let found = rust[index].find(target).await?;
            if found.contains(&target) {
                break;
            }
            // Its own table is empty until the entrance has identified itself.
            ensure!(
                start.elapsed() < PATIENCE,
                "Rust peer {index} does not find {target}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slowest = slowest.max(start.elapsed());
    }
    Ok(slowest)
}

/// One of ours finds everybody; the longest time.
async fn ours_finds(rust: &[Rust], ours: &[Arc<Ours>], peer: &Arc<Ours>) -> Result<Duration> {
    let mut targets: Vec<PeerId> = rust.iter().map(|other| other.id).collect();
    targets.extend(
        ours.iter()
            .map(|other| other.id)
            .filter(|id| *id != peer.id),
    );
    let mut slowest = Duration::ZERO;
    for target in targets {
        let start = Instant::now();
        loop {
            let asked = peer.clone();
            if tokio::task::spawn_blocking(move || asked.find(target)).await?? {
                break;
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "{} does not find {target}",
                peer.id
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slowest = slowest.max(start.elapsed());
    }
    Ok(slowest)
}

/// Asked who is close to a place, a peer that knows everybody names the twenty who are the closest.
async fn answers_truly(asker: &Peer, peer: &Ours, everybody: &[PeerId]) -> Result<()> {
    asker.connect(&peer.address.to_string().parse()?).await?;
    let id = theirs_id(&peer.id)?;
    for target in [everybody[3], everybody[RUST], asker_id(asker)?] {
        let closer = ask(asker, id, NETWORK, &target).await?;
        let place = Key::from(&target);
        let mut truth: Vec<PeerId> = everybody.to_vec();
        truth.retain(|id| *id != peer.id);
        truth.sort_by_key(|id| Key::from(id).distance(&place));
        truth.truncate(20);
        let told: Vec<PeerId> = closer.iter().map(|contact| contact.peer).collect();
        ensure!(told == truth, "asked for {target} it told {told:?}");
        let dialable = closer.iter().all(|contact| !contact.addresses.is_empty());
        ensure!(dialable, "peers without addresses in {closer:?}");
    }
    Ok(())
}

fn asker_id(asker: &Peer) -> Result<PeerId> {
    ours_id(&asker.id())
}

/// Asks `peer`, which is connected, whom it knows close to `target`.
pub(super) async fn ask(
    asker: &Peer,
    peer: libp2p::PeerId,
    protocol: &'static str,
    target: &PeerId,
) -> Result<Vec<Contact>> {
    let mut stream = asker.open(peer, protocol).await?;
    let question = Message::find_node(target).encode();
    stream.write_all(&varint(question.len() as u64)).await?;
    stream.write_all(&question).await?;
    stream.close().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let prefix = answer.iter().position(|byte| byte & 0x80 == 0);
    let prefix = prefix.context("no answer")? + 1;
    ensure!(answer[..prefix] == varint((answer.len() - prefix) as u64)[..]);
    let message = Message::decode(&answer[prefix..])?.context("not a message")?;
    ensure!(message.kind == Kind::FindNode);
    Ok(message.closer)
}
