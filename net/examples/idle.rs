//! Memory of idle connections: `cargo run --release -p basalt-net --example idle -- --help`.

use std::collections::VecDeque;

use basalt_net::swarm::{Config, ConnId, Effect, Effects, Input, Limits, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::{Keypair, Multiaddr};
use clap::Parser;

/// Resident memory of this process, in KiB, where the system tells it.
fn resident_kib() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Measures the memory of idle connections: many WebSocket clients that have identified themselves
/// and then say nothing. Both ends are in this process, so a connection's share is half of what it
/// takes.
#[derive(Debug, Parser)]
struct Cli {
    /// How many
    #[arg(default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
}

fn main() {
    let count = Cli::parse().connections as usize;
    let limits = Limits {
        max_per_peer: usize::MAX,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let keypair = |index: u8| Keypair::from_seed([index; 32]);
    let mut swarms = [1, 2].map(|index| Swarm::new(config.clone(), keypair(index), [index; 32]));
    let address: Multiaddr = "/ip4/127.0.0.1/tcp/1/ws".parse().expect("an address");
    let remote = "127.0.0.1:1".parse().expect("a socket address");
    let now = Instant::from_millis(1);
    let mut buf = vec![0; 64 * 1024];
    let before = resident_kib();
    for _ in 0..count {
        let mut out = Effects::new();
        let dialed = swarms[0].dial(now, &address, &mut out).expect("dials");
        let accepted = swarms[1].accept(now, Transport::WebSocket, remote, &mut out);
        let ends: [ConnId; 2] = [dialed, accepted.expect("accepts")];
        swarms[0].handle(
            now,
            Input::Dialed {
                conn: dialed,
                remote,
            },
            &mut out,
        );
        let mut turns = VecDeque::from([0, 1, 0, 1]);
        while let Some(from) = turns.pop_front() {
            let len = swarms[from].transmit(ends[from], &mut buf);
            if len > 0 {
                let input = Input::Received {
                    conn: ends[1 - from],
                    bytes: &mut buf[..len],
                };
                swarms[1 - from].handle(now, input, &mut out);
                turns.extend([0, 1]);
            }
        }
        assert!(
            !out.iter()
                .any(|effect| matches!(effect, Effect::Close { .. }))
        );
    }
    assert_eq!(swarms[1].status().established, count as u64);
    match before.zip(resident_kib()) {
        Some((before, after)) => {
            let each = (after - before) as f64 / (2 * count) as f64;
            println!("{each:.1} KiB per idle connection ({count} connections, both ends)");
        }
        None => println!("this system does not tell how much memory a process has"),
    }
}
