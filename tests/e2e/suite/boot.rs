//! How the image boots: with any number of cores, with an identity of its own, and with a broken
//! manifest.

use anyhow::{Result, ensure};
use basalt_qemu::Disk;

use crate::client::peer::Peer;
use crate::client::question::echo;
use crate::node::guest::{self, Bare, Installed, said};
use crate::node::{Host as _, Station};

/// A manifest with a misspelt key, a value of the wrong type and an unknown section.
const BROKEN: &str = "[node]\nnetwork = \"dar\"\n\n[network]\ntcp_prot = 977\nwebsocket_port = \"high\"\n\n[nework]\n";

/// A machine with one core makes up its identity; the same disk in a machine with four has the same
/// one. Both answer.
pub(crate) async fn identity_is_kept(disk: &Installed) -> Result<Station> {
    let (first, guest) = disk.boot(1).await?;
    let peer = Peer::start(&[])?;
    peer.connect(&first.tcp).await?;
    echo(&peer, first.peer_id).await?;
    let log = guest.tail();
    ensure!(
        log.contains("generated a new identity"),
        "on one core:\n{log}"
    );
    tokio::task::spawn_blocking(move || guest.quit()).await??;

    let station = disk.station(4).await?;
    ensure!(
        station.target.peer_id == first.peer_id,
        "{} became {}",
        first.peer_id,
        station.target.peer_id
    );
    let peer = Peer::start(&[])?;
    peer.connect(&station.target.ws).await?;
    echo(&peer, first.peer_id).await?;
    Ok(station)
}

/// A broken manifest is told in full on the serial line, and the node does not start.
pub(crate) async fn broken_manifest() -> Result<()> {
    let lines = guest::complains(BROKEN, "basalt: not started: fix the manifest").await?;
    let said = lines.join("\n");
    ensure!(said.contains("basalt: manifest rejected"), "{said}");
    for word in [
        "tcp_prot",
        "tcp_port",
        "websocket_port",
        "nework",
        "network",
    ] {
        ensure!(said.contains(word), "no word about {word}:\n{said}");
    }
    for text in ["line 5", "line 6", "line 8"] {
        ensure!(said.contains(text), "no {text}:\n{said}");
    }
    ensure!(!said.contains("basalt: listening"), "{said}");
    Ok(())
}

/// A machine whose network card has no driver, neither here nor in the firmware, says which card
/// that is.
pub(crate) async fn unknown_card() -> Result<()> {
    tokio::task::spawn_blocking(|| {
        let disk = Bare::new("", 32 << 20)?;
        let machine = disk.machine(Disk::Forget).nic("rtl8139");
        let lines = said(&machine, "basalt: not started: ")?;
        for text in ["basalt: no network", "[10ec:8139]"] {
            ensure!(lines.contains(text), "no '{text}':\n{lines}");
        }
        anyhow::Ok(())
    })
    .await?
}
