//! Our connections beside rust-libp2p's, in one run: connection set-ups, bytes through one stream, and
//! exchanges (open a stream, send 1,400 bytes, get as many back), over TCP on loopback.
//!
//! `cd net/compare && cargo build --release && taskset -c 0 target/release/basalt-net-compare`
//!
//! `.. basalt-net-compare idle [CONNECTIONS]` shows instead what idle connections over WebSocket take, sockets and all.
//! Each takes two file descriptors.
//!
//! Both ends of each run on one thread: theirs on a single-threaded runtime, ours on the hosted node's reactor.

mod ours;
mod rust;

/// Connections that are made, one after the other.
const SET_UPS: usize = 500;
/// Bytes that are sent through one stream, and how often.
const BULK: usize = 16 << 20;
const BULKS: usize = 32;
/// Exchanges, one after the other, and the size of each message.
const EXCHANGES: usize = 5000;
const MESSAGE: usize = 1400;

/// What was measured, per second.
struct Rates {
    set_ups: f64,
    megabytes: f64,
    exchanges: f64,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("idle") {
        let count = arguments
            .next()
            .map_or(5000, |text| text.parse().expect("a number"));
        match ours::idle(count) {
            Some(each) => {
                println!("{each:.1} KiB per end of an idle connection ({count} connections)")
            }
            None => println!("this system does not tell how much memory a process has"),
        }
        return;
    }
    let (rust, ours) = (rust::measure(), ours::measure());
    println!(
        "{:>22} {:>12} {:>12} {:>8}",
        "per second", "rust-libp2p", "ours", "ratio"
    );
    for (name, rust, ours) in [
        ("connection set-ups", rust.set_ups, ours.set_ups),
        ("MB through one stream", rust.megabytes, ours.megabytes),
        ("exchanges", rust.exchanges, ours.exchanges),
    ] {
        println!("{name:>22} {rust:>12.0} {ours:>12.0} {:>8.2}", ours / rust);
    }
}
