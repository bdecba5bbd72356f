//! Measuring TCP through the network card and the node's IP stack, by `[network] speed_test` in the
//! manifest, instead of a node.
//!
//! Three roles at once: a sink that counts what comes, a source that sends [`BYTES`] to whoever
//! connects, and a sender of as many to the first bootstrap peer, which may be such a sink.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use basalt_edge::appliance::ip_config;
use basalt_manifest::Manifest;
use basalt_net::ip::{Event, SocketId, Stack};

use super::network::sleep;
use super::system_core::now;
use crate::drivers::network::Nic;
use crate::{cpu, entropy, log, time};

/// Bytes that a source sends.
const BYTES: usize = 32 << 20;
/// Bytes that are taken or given at once.
const PIECE: usize = 64 << 10;

/// What a connection is for, with the bytes so far, and the time of the first.
enum Role {
    Sink(usize, Duration),
    Source(usize, Duration),
}

/// Measures for ever.
pub fn speed(manifest: &Manifest, mut card: Nic) -> ! {
    let seed = entropy::seed_bytes();
    let (seed, _) = seed.split_first_chunk().expect("32 bytes hold 8");
    let mut stack = Stack::new(ip_config(manifest, card.mac()), u64::from_le_bytes(*seed));
    let ports = [manifest.network.tcp_port, manifest.network.websocket_port];
    for port in ports {
        if let Err(error) = stack.listen(port) {
            log::verdict(format_args!("basalt: network test failed: {error}"));
            cpu::halt();
        }
    }
    let peer = manifest.node.bootstrap.first();
    let peer = peer.and_then(|address| socket_address(address));
    let mut roles = BTreeMap::new();
    let mut events = Vec::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let mut worked = stack.poll(now(), &mut card, &mut events);
        for event in events.drain(..) {
            if let Event::Configured(configuration) = &event {
                let address = configuration.address;
                log::verdict(format_args!("basalt: network test: ready at {address}"));
                if let Some(peer) = peer
                    && let Err(error) = stack.connect(peer)
                {
                    ::log::error!(target: "net", "{peer}: {error}");
                }
            }
            note(&mut roles, ports, event);
        }
        roles.retain(|&socket, role| {
            let (moved, goes_on) = carry(&mut stack, socket, role, &mut buffer);
            worked |= moved;
            goes_on
        });
        card.settle(time::since_entry());
        if !worked && !card.arm() {
            let wake_at = stack.wake_at(now());
            let wake_at = wake_at.map(|at| Duration::from_micros(at.as_micros()));
            sleep(wake_at, card.interrupts());
        }
    }
}

/// Files what a connection is for, and tells the result of one that ended.
fn note(roles: &mut BTreeMap<SocketId, Role>, [sink, _]: [u16; 2], event: Event) {
    let begin = time::since_entry();
    match event {
        Event::Accepted { socket, port, .. } if port == sink => {
            roles.insert(socket, Role::Sink(0, begin));
        }
        Event::Accepted { socket, .. } | Event::Connected(socket) => {
            roles.insert(socket, Role::Source(0, begin));
        }
        Event::Finished(socket) => {
            if let Some(Role::Sink(bytes, begin)) = roles.get_mut(&socket) {
                report("received", *bytes, *begin);
                *bytes = usize::MAX;
            }
        }
        Event::Closed { socket, reset } => {
            if let Some(Role::Source(bytes, begin)) = roles.remove(&socket)
                && !reset
            {
                report("sent", bytes, begin);
            }
        }
        _ => {}
    }
}

fn report(what: &str, bytes: usize, begin: Duration) {
    let micros = (time::since_entry() - begin).as_micros();
    log::verdict(format_args!(
        "basalt: network test: {what} {bytes} bytes in {micros} us"
    ));
}

/// Moves bytes of a connection. Returns whether there were any, and whether it is of further
/// interest.
fn carry(stack: &mut Stack, socket: SocketId, role: &mut Role, buffer: &mut [u8]) -> (bool, bool) {
    match role {
        Role::Sink(usize::MAX, _) => {
            stack.close(now(), socket);
            (true, false)
        }
        Role::Sink(bytes, _) => {
            let len = stack.receive(socket, buffer);
            *bytes += len;
            (len > 0, true)
        }
        Role::Source(BYTES, _) => (false, true),
        Role::Source(bytes, _) => {
            let len = stack.send(socket, &buffer[..PIECE.min(BYTES - *bytes)]);
            *bytes += len;
            if *bytes == BYTES {
                stack.close(now(), socket);
            }
            (len > 0, true)
        }
    }
}

/// Address and port in `/ip4/../tcp/../p2p/..`.
fn socket_address(multiaddr: &str) -> Option<SocketAddr> {
    let mut parts = multiaddr.split('/').skip(1);
    let (ip4, address) = (parts.next()?, parts.next()?);
    let (tcp, port) = (parts.next()?, parts.next()?);
    let address: Ipv4Addr = address.parse().ok()?;
    (ip4 == "ip4" && tcp == "tcp").then_some(SocketAddr::from((address, port.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_an_address_and_a_port() {
        let peer = SocketAddr::from(([10, 0, 2, 16], 977));
        assert_eq!(socket_address("/ip4/10.0.2.16/tcp/977/p2p/x"), Some(peer));
        for other in [
            "",
            "/dns4/a/tcp/1",
            "/ip4/10.0.2.16/udp/977",
            "/ip4/1/tcp/1",
        ] {
            assert_eq!(socket_address(other), None, "{other}");
        }
    }
}
