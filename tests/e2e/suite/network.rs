//! TCP through the network cards: what it costs, to be looked at.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use basalt_image_builder::image;
use basalt_qemu::{Cable, Disk, Guest, Machine};
use uuid::Uuid;

use crate::PATIENCE;
use crate::client::peer::Peer;
use crate::node::guest::{Bare, Card};

/// Bytes that are sent; as many as the guests send.
const BYTES: usize = 32 << 20;
/// The ports of sink and source.
const SINK: u16 = 977;
const SOURCE: u16 = 999;
/// Size of the disks: no more than the image.
const DISK: u64 = image::SIZE;

/// Between the host and a guest both ways, and from guest to guest, with each card that the kernel
/// drives.
pub(crate) async fn speed() -> Result<()> {
    let peer = Peer::start(&[])?.id();
    tokio::task::spawn_blocking(move || {
        eprintln!("  {BYTES} bytes, in MiB/s");
        for card in [Card::Virtio, Card::Intel] {
            let disk = Bare::new("[network]\nspeed_test = true\n", DISK)?;
            let machine = disk.machine(Disk::Forget).nic(card.model());
            let guest = started(machine.forward(0, SINK).forward(0, SOURCE))?;
            let forwarded = |port| guest.forwarded(port).context("a port is not forwarded");
            let to_guest = send(&guest, forwarded(SINK)?)?;
            let from_guest = receive(forwarded(SOURCE)?)?;
            guest.quit()?;
            let between = between(card, &peer.to_string())?;
            eprintln!(
                "  {:<16} host to guest {to_guest:6.1}, guest to host {from_guest:6.1}, guest to guest {between:6.1}",
                card.model()
            );
        }
        anyhow::Ok(())
    })
    .await?
}

fn started(machine: Machine) -> Result<Guest> {
    let guest = machine.start()?;
    guest.wait_for_line("basalt: network test: ready", PATIENCE)?;
    Ok(guest)
}

fn mib_per_second(bytes: usize, micros: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20) / (micros as f64 / 1e6)
}

/// What the guest says of what it received.
fn received(guest: &Guest) -> Result<f64> {
    let line = guest.wait_for_line("basalt: network test: received ", PATIENCE)?;
    let numbers: Vec<u64> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [bytes, micros] = numbers[..] else {
        anyhow::bail!("no two numbers: {line}");
    };
    ensure!(bytes == BYTES as u64, "{line}");
    Ok(mib_per_second(BYTES, micros))
}

fn send(guest: &Guest, to: SocketAddr) -> Result<f64> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(&vec![0x5a; BYTES])?;
    stream.shutdown(Shutdown::Write)?;
    received(guest)
}

fn receive(from: SocketAddr) -> Result<f64> {
    let mut stream = TcpStream::connect(from)?;
    let (mut total, mut buffer) = (0, vec![0; 64 << 10]);
    let mut start = None;
    loop {
        let len = stream.read(&mut buffer)?;
        let start = start.get_or_insert_with(Instant::now);
        if len == 0 {
            ensure!(total == BYTES, "{total} bytes came");
            return Ok(mib_per_second(BYTES, start.elapsed().as_micros() as u64));
        }
        total += len;
    }
}

/// From one guest to another over a cable.
fn between(card: Card, peer_id: &str) -> Result<f64> {
    let socket = std::env::temp_dir().join(format!("basalt-{}", Uuid::new_v4()));
    let manifest = |address: &str, node: &str| {
        format!("{node}\n[network]\nspeed_test = true\naddress = \"{address}/24\"\n")
    };
    let node = format!("[node]\nbootstrap = [\"/ip4/10.0.2.16/tcp/{SINK}/p2p/{peer_id}\"]\n");
    let sink = Bare::new(&manifest("10.0.2.16", ""), DISK)?;
    let sender = Bare::new(&manifest("10.0.2.17", &node), DISK)?;
    let plugged = |disk: &Bare, cable| disk.machine(Disk::Forget).nic(card.model()).cable(cable);
    let sink = started(plugged(&sink, Cable::First(socket.clone())))?;
    let sender = started(plugged(&sender, Cable::Second(socket.clone())))?;
    let speed = received(&sink)?;
    drop((sink, sender));
    // QEMU may have removed its socket itself.
    let _ = fs::remove_file(socket);
    Ok(speed)
}
