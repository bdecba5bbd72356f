//! Peers of other libraries beside a hosted node: each dials it and is dialed by it, over TCP,
//! WebSocket and WebSocket over TLS.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use basalt_net::peer_id::PeerId;
use futures::future::{join_all, try_join_all};
use libp2p::identity::Keypair;
use serde_json::{Value, json};

use super::dht;
use crate::client::foreign::{Foreign, Library};
use crate::client::particle::Form;
use crate::client::peer::Peer;
use crate::client::question;
use crate::node::{OPERATOR, Station, hosted};

const KADEMLIA: &str = "/fluence/kad/dar/1.0.0";
const PARTICLE: &str = "/fluence/particle/2.0.0";

/// How long a check waits for what a push or a search leads to.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest a node takes until it dials a bootstrap peer again, with a margin.
const REDIALS_WITHIN: Duration = Duration::from_secs(40);

/// Who signed the certificate of all.
const AUTHORITY: &str = "ca-p256.pem";

/// The transports, and the other kinds of keys.
const KINDS: [(&str, &str); 5] = [
    ("tcp", "Ed25519"),
    ("ws", "Ed25519"),
    ("wss", "Ed25519"),
    ("tcp", "secp256k1"),
    ("tcp", "RSA"),
];

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// Streams one after another.
    streams: u32,
    /// Streams at once.
    at_once: u32,
    resets: u32,
    connections: u32,
}

impl Amount {
    /// What the gate has time for.
    pub(crate) const GATE: Self = Self {
        streams: 100,
        at_once: 50,
        resets: 20,
        connections: 10,
    };
    /// All of it.
    pub(crate) const WHOLE: Self = Self {
        streams: 1_000,
        at_once: 100,
        resets: 100,
        connections: 100,
    };
}

/// How many checks there were, and how many passed.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<(usize, usize)>>);

impl Tally {
    fn count(&self, passed: bool) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.0 += 1;
        counts.1 += usize::from(passed);
    }

    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (checks, passed) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "{checks} checks, {passed} passed")
    }
}

/// One library over one transport in one direction.
struct Row {
    title: String,
    /// Whether the node dials it.
    dialed: bool,
    transport: &'static str,
    options: Value,
    peer: Foreign,
    checks: Vec<(&'static str, Result<()>)>,
}

impl Row {
    /// Starts its peer. The certificate is in the folder `vectors`.
    async fn start(
        library: Library,
        dialed: bool,
        (transport, key): (&'static str, &str),
        vectors: &Path,
    ) -> Result<Self> {
        let mut options = json!({
            "transport": transport,
            "key": key,
            "kademlia": KADEMLIA,
            "certificate": vectors.join("p256.pem"),
            "privateKey": vectors.join("p256.key"),
        });
        if key == "Ed25519" && dialed {
            // It comes back with the same key, at the same port.
            let seed = uuid::Uuid::new_v4().simple().to_string().repeat(2);
            options["seed"] = json!(seed);
            options["port"] = json!(hosted::free_ports()?.0);
        }
        let peer = Foreign::start(library, &options, &vectors.join(AUTHORITY)).await?;
        let direction = if dialed { "dialed" } else { "dialing" };
        Ok(Self {
            title: format!("{} {transport} {direction} {key}", library.name()),
            dialed,
            transport,
            options,
            peer,
            checks: Vec::new(),
        })
    }

    fn note(&mut self, name: &'static str, outcome: Result<()>) {
        self.checks.push((name, outcome));
    }

    async fn order(&mut self, name: &'static str, what: &str, arguments: Value) -> Option<Value> {
        let outcome = self.peer.order(what, arguments).await;
        let (outcome, value) = match outcome {
            Ok(value) => (Ok(()), Some(value)),
            Err(error) => (Err(error), None),
        };
        self.note(name, outcome);
        value
    }
}

/// Lets peers of `library` meet a node. Prints a line for each transport, direction and kind of
/// key.
pub(crate) async fn meet(library: Library, amount: Amount, tally: Tally) -> Result<()> {
    library.install()?;
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../net/tests/vectors/tls");
    let vectors = vectors.canonicalize()?;
    let authority = vectors.join(AUTHORITY);
    let starting = [true, false].into_iter().flat_map(|dialed| {
        KINDS.map(|(transport, key)| Row::start(library, dialed, (transport, key), &vectors))
    });
    let mut rows = try_join_all(starting).await?;
    let bootstrap: Vec<String> = (rows.iter().filter(|row| row.dialed))
        .map(|row| row.peer.address.clone())
        .collect();
    let home = hosted::Home::new(&bootstrap, &tls(&vectors)?).await?;
    let node = home.run(&["--no-system-services"]).await?;
    let id = node.target.peer_id.to_string();
    join_all(rows.iter_mut().map(|row| first(row, &node, &id))).await;
    let ids: Vec<String> = rows.iter().map(|row| row.peer.id.clone()).collect();
    let others = ids.iter().cycle().skip(1);
    let rest = rows.iter_mut().zip(others);
    join_all(rest.map(|(row, other)| all_else(row, &id, other, amount))).await;
    // One after the other: many clients at once are slow on a busy machine, and give up early.
    for row in rows.iter_mut().filter(|row| !row.dialed) {
        if row.options["key"] == "Ed25519" {
            let clients = json!({
                "address": address(&node, row.transport),
                "count": amount.connections,
            });
            row.order("connections", "connections", clients).await;
        }
    }
    let restarts = async {
        introduced(&mut rows, &node, library, &authority).await?;
        let node = node_restarts(&mut rows, node, &home).await?;
        peers_restart(&mut rows, &node, library, &authority).await?;
        anyhow::Ok(node)
    };
    let node = restarts.await;

    let mut failed = Vec::new();
    for row in &rows {
        let cell = |(name, outcome): &(&str, Result<()>)| match outcome {
            Ok(()) => (*name).to_owned(),
            Err(_) => format!("FAILED {name}"),
        };
        let cells: Vec<String> = row.checks.iter().map(cell).collect();
        println!("{}: {}", row.title, cells.join(", "));
        for (name, outcome) in &row.checks {
            tally.count(outcome.is_ok());
            if let Err(error) = outcome {
                failed.push(format!("{}, {name}: {error:#}", row.title));
            }
        }
    }
    let node = node?;
    let log = node.host.tail();
    ensure!(
        failed.is_empty(),
        "{}\n  the node's log:\n{log}",
        failed.join("\n")
    );
    Ok(())
}

/// The section of the manifest with a certificate and the authority of all.
fn tls(vectors: &Path) -> Result<String> {
    let read = |name: &str| std::fs::read_to_string(vectors.join(name));
    let (certificate, key) = (read("p256.pem")?, read("p256.key")?);
    let root = read(AUTHORITY)?;
    Ok(format!(
        "[tls]\ncertificate = \"\"\"\n{certificate}\"\"\"\nkey = \"\"\"\n{key}\"\"\"\nroots = [\"\"\"\n{root}\"\"\"]\n"
    ))
}

/// Where the node listens for this transport.
fn address(node: &Station, transport: &str) -> String {
    match transport {
        "tcp" => node.target.tcp.to_string(),
        "ws" => node.target.ws.to_string(),
        _ => node.target.ws.to_string().replace("/ws/", "/tls/ws/"),
    }
}

/// Connects, and lets each say who it is.
async fn first(row: &mut Row, node: &Station, id: &str) {
    if row.dialed {
        let direction = row.order("connected", "connected", json!({ "peer": id }));
        let direction = direction.await;
        let inbound = direction.as_ref().is_some_and(|value| *value == "inbound");
        row.note("by the node", ensure_that(inbound, &direction));
    } else {
        let address = json!({ "address": address(node, row.transport) });
        row.order("dial", "dial", address).await;
    }
    let known = row.order(
        "identify",
        "identify",
        json!({ "peer": id, "protocol": PARTICLE }),
    );
    let known = known.await;
    let has = |name: &str| {
        let protocols = known.as_ref()?["protocols"].as_array()?;
        Some(protocols.iter().any(|protocol| protocol == name))
    };
    let speaks = has(PARTICLE) == Some(true) && has(KADEMLIA) == Some(true);
    row.note("protocols", ensure_that(speaks, &known));
    row.order("ping", "ping", json!({ "peer": id })).await;
    // Only now it speaks Kademlia: without the push it is in nobody's table.
    if row.order("push", "push", json!({})).await.is_some() {
        let outcome = in_table(node, &row.peer.id).await;
        row.note("in the table", outcome);
    }
}

fn ensure_that(holds: bool, said: &Option<Value>) -> Result<()> {
    ensure!(holds, "got {said:?}");
    Ok(())
}

/// Waits until the node names a peer, with an address, when asked for it.
async fn in_table(node: &Station, peer: &str) -> Result<()> {
    let target: PeerId = peer.parse()?;
    let start = Instant::now();
    loop {
        let answer = dht::ask(&node.bootstrap, node.target.peer_id, KADEMLIA, &target).await;
        let named = |contact: &basalt_net::kad::Contact| {
            contact.peer == target && !contact.addresses.is_empty()
        };
        match answer {
            Ok(closer) if closer.iter().any(named) => return Ok(()),
            answer if start.elapsed() > PATIENCE => {
                bail!("asked for it the node says {answer:?}")
            }
            _ => {}
        }
        // All rows ask on one connection, and the node counts the questions.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn all_else(row: &mut Row, id: &str, other: &str, amount: Amount) {
    let target = json!({ "target": other });
    if let Some(found) = row.order("search", "search", target).await {
        row.note("found", ensure_that(found == true, &Some(found)));
    }
    let question = json!({ "peer": id, "target": other });
    row.order("half-close", "halfClose", question).await;
    let many = |count: u32| json!({ "peer": id, "count": count });
    row.order("streams", "streams", many(amount.streams)).await;
    row.order("at once", "atOnce", many(amount.at_once)).await;
    row.order("resets", "resets", many(amount.resets)).await;
    row.order("ping again", "ping", json!({ "peer": id })).await;
}

/// The node finds, through each peer that it dialed, another that only this one knows.
async fn introduced(
    rows: &mut [Row],
    node: &Station,
    library: Library,
    authority: &Path,
) -> Result<()> {
    let keypair = Keypair::ed25519_from_bytes(OPERATOR)?;
    let operator = Peer::with_key(keypair, &[])?;
    operator.connect(&node.target.tcp).await?;
    let operator = &operator;
    let searches = rows.iter_mut().filter(|row| row.dialed).map(async |row| {
        let search = async {
            let mut stranger = Foreign::start(
                library,
                &json!({
                    "transport": "tcp", "kademlia": KADEMLIA,
                }),
                authority,
            )
            .await?;
            stranger.order("push", json!({})).await?;
            let near = json!({ "address": row.peer.address });
            stranger.order("dial", near).await?;
            let near = json!({ "peer": row.peer.id, "protocol": KADEMLIA });
            stranger.order("identify", near).await?;
            let known = json!({ "peer": stranger.id, "protocol": KADEMLIA });
            row.peer.order("identify", known).await?;
            let arguments = format!("\"{}\" []", stranger.id);
            let start = Instant::now();
            loop {
                let asked = ("peer", "connect");
                let got =
                    question::ask(operator, node.target.peer_id, asked, &arguments, Form::Bin);
                if got.await? == true {
                    return Ok(());
                }
                ensure!(start.elapsed() < PATIENCE, "not found");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let outcome = search.await;
        row.note("introduces", outcome);
    });
    join_all(searches).await;
    Ok(())
}

/// Kills the node and starts it again: it dials whom it dialed before, and the others dial it.
async fn node_restarts(rows: &mut [Row], node: Station, home: &hosted::Home) -> Result<Station> {
    let id = node.target.peer_id.to_string();
    drop(node);
    for row in rows.iter_mut() {
        row.order("notices the end", "gone", json!({ "peer": id }))
            .await;
    }
    let node = home.run(&["--no-system-services"]).await?;
    join_all(rows.iter_mut().map(async |row| {
        if row.dialed {
            row.order("dialed again", "connected", json!({ "peer": id }))
                .await;
        } else {
            let address = json!({ "address": address(&node, row.transport) });
            row.order("dials again", "dial", address).await;
        }
        row.order("ping after it", "ping", json!({ "peer": id }))
            .await;
    }))
    .await;
    Ok(node)
}

/// Kills the peers and starts them again at the same places: the node comes back to them.
async fn peers_restart(
    rows: &mut [Row],
    node: &Station,
    library: Library,
    authority: &Path,
) -> Result<()> {
    let id = node.target.peer_id.to_string();
    let comes_back = |row: &&mut Row| row.dialed && row.options["seed"].is_string();
    for row in rows.iter_mut().filter(comes_back) {
        row.peer.kill().await?;
    }
    let restarts = rows.iter_mut().filter(comes_back).map(async |row| {
        row.peer = Foreign::start(library, &row.options, authority).await?;
        anyhow::Ok(())
    });
    try_join_all(restarts).await?;
    let dialed = rows.iter_mut().filter(comes_back).map(async |row| {
        let start = Instant::now();
        let outcome = loop {
            let asked = row.peer.order("connected", json!({ "peer": id })).await;
            if asked.is_ok() || start.elapsed() > REDIALS_WITHIN {
                break asked.map(drop).context("after the peer's restart");
            }
        };
        row.note("dialed after its restart", outcome);
        row.order("ping then", "ping", json!({ "peer": id })).await;
    });
    join_all(dialed).await;
    Ok(())
}
