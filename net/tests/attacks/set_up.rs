//! Strangers who prove nothing.

use std::time::Duration;

use basalt_net::connection;
use basalt_net::swarm::{CloseReason, Config, Limits, Refusal, Transport};

use crate::Budget;
use crate::victim::{Client, Victim, address};
use crate::wire::proposal;

const SECOND: Duration = Duration::from_secs(1);

fn config(limits: Limits) -> Config {
    Config {
        limits,
        ..Config::default()
    }
}

/// A flood of connections from everywhere that say a little and fall silent. The newest push out
/// the oldest, so that whoever is quick gets through at any time.
#[test]
fn half_open_from_many_addresses() {
    let limits = Limits {
        max_set_ups: 200,
        ..Limits::default()
    };
    let _budget = Budget::of(2 << 20);
    let mut victim = Victim::new(config(limits));
    for index in 1..=2000 {
        let transport = match index % 2 {
            0 => Transport::Tcp,
            _ => Transport::WebSocket,
        };
        let conn = victim.accept(transport, address(index)).expect("let in");
        let start: &[u8] = match index % 4 {
            0 => b"\x13/multistr",
            1 => b"GET / HTTP/1.1\r\nHost: ",
            2 => b"\x13/multistream/1.0.0\n\x07/noise\n\x00\x20",
            _ => b"",
        };
        victim.feed(conn, start);
        victim.drain(conn);
        victim.pass(Duration::from_millis(2));
        if index % 100 == 0 {
            victim.serves(100_000 + index);
        }
        assert!(victim.swarm.status().set_ups <= 200);
    }
    assert_eq!(victim.refused(Refusal::SetUpsFull), 1801);
    victim.pass(21 * SECOND);
    assert_eq!(victim.swarm.status().connections, 0);
    assert_eq!(victim.refused(Refusal::SetUpTimeout), 199);
}

/// The same from one address costs only that address: its own oldest give way.
#[test]
fn half_open_from_one_address() {
    let _budget = Budget::of(1 << 20);
    let limits = Limits {
        max_set_ups_per_address: 50,
        ..Limits::default()
    };
    let mut victim = Victim::new(config(limits));
    for _ in 0..500 {
        victim.accept(Transport::Tcp, address(1)).expect("let in");
        assert!(victim.swarm.status().set_ups <= 50);
    }
    assert_eq!(victim.refused(Refusal::AddressSetUpsFull), 450);
    victim.serves(2);
    // Who comes from there as well is let in all the same.
    Client::connect_from(&mut victim, address(1), 100).expect("let in");
}

/// Connections that are proven but of no use: one machine gets its share, of which its own idlest
/// gives way.
#[test]
fn connections_of_one_address() {
    let _budget = Budget::of(4 << 20);
    let limits = Limits {
        max_per_address: 50,
        ..Limits::default()
    };
    let mut victim = Victim::new(config(limits));
    for index in 0..50 {
        Client::connect_from(&mut victim, address(1), 100 + index).expect("let in");
    }
    Client::connect_from(&mut victim, address(1), 200).expect("let in");
    assert_eq!(victim.refused(Refusal::AddressFull), 1);
    assert_eq!(victim.swarm.status().peers, 50);
    // One peer has fewer, wherever it comes from.
    for index in 0..30 {
        Client::connect_from(&mut victim, address(10 + index), 300).expect("let in");
    }
    assert_eq!(victim.refused(Refusal::PeerFull), 25);
    assert_eq!(victim.swarm.status().connections, 55);
    victim.serves(2);
}

/// Headers and handshakes without end are cut off early.
#[test]
fn endless_handshakes() {
    let long = |byte| vec![byte; 512 << 10];
    type Start = fn(Vec<u8>) -> Vec<u8>;
    let endless: [(Transport, Start); 5] = [
        (Transport::WebSocket, |long| long),
        (Transport::WebSocket, |long| {
            [&b"GET / HTTP/1.1\r\nA: "[..], &long].concat()
        }),
        (Transport::Tcp, |long| long),
        (Transport::Tcp, |long| b"\x02a\n".repeat(long.len() / 3)),
        // A Noise message of 65,535 bytes.
        (Transport::Tcp, |long| [proposal("/noise"), long].concat()),
    ];
    // What is sent counts, too: it is made here.
    let _budget = Budget::of(2 << 20);
    let mut victim = Victim::new(Config::default());
    for (index, (transport, start)) in endless.iter().enumerate() {
        let bytes = &start(long(if index < 2 { b'a' } else { 0xff }));
        let conn = victim
            .accept(*transport, address(index as u32 + 1))
            .expect("let in");
        let before = victim.swarm.status().bytes_in;
        victim.feed(conn, bytes);
        let reason = victim.reason(conn);
        assert!(
            matches!(reason, Some(CloseReason::Failed(_))),
            "endless handshake {index}: {reason:?}"
        );
        let read = victim.swarm.status().bytes_in - before;
        assert!(read <= 64 * 1024, "{read} bytes were read of {index}");
    }
    assert_eq!(victim.refused(Refusal::ProtocolViolation), 5);
    victim.serves(77);
}

/// Before a peer has proven itself it gets hardly more bytes than it has sent.
#[test]
fn nothing_is_amplified_for_strangers() {
    let _budget = Budget::of(1 << 20);
    let mut victim = Victim::new(Config::default());
    for (transport, bytes) in [
        (Transport::Tcp, proposal("/noise")),
        (Transport::Tcp, proposal("/nonsense")),
        (
            Transport::Tcp,
            [proposal("/noise"), b"\0\x20".to_vec(), vec![9; 32]].concat(),
        ),
        (
            Transport::WebSocket,
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                .to_vec(),
        ),
    ] {
        let conn = victim.accept(transport, address(1)).expect("let in");
        victim.feed(conn, &bytes);
        let answer = victim.drain(conn).len();
        assert!(answer <= 4 * bytes.len(), "{answer} bytes for {bytes:?}");
        let set_up = connection::Limits::default().set_up_timeout;
        victim.pass(set_up);
        assert_eq!(victim.drain(conn).len(), 0);
    }
}
