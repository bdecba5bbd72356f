//! Each fuzz target's check over its committed corpus.
#![allow(unreachable_pub, reason = "the fuzz targets are another crate")]

use std::{fs, path::Path};

#[path = "../fuzz/targets/connection.rs"]
mod connection;
#[path = "../fuzz/targets/dns.rs"]
mod dns;
#[path = "../fuzz/targets/identify.rs"]
mod identify;
#[path = "../fuzz/targets/ip.rs"]
mod ip;
#[path = "../fuzz/targets/kad.rs"]
mod kad;
#[path = "../fuzz/targets/multiaddr.rs"]
mod multiaddr;
#[path = "../fuzz/targets/multistream.rs"]
mod multistream;
#[path = "../fuzz/targets/noise.rs"]
mod noise;
#[path = "../fuzz/targets/particle.rs"]
mod particle;
#[path = "../fuzz/targets/tls.rs"]
mod tls;
#[path = "../fuzz/targets/websocket.rs"]
mod websocket;
#[path = "../fuzz/targets/yamux.rs"]
mod yamux;

fn each(name: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        check(&fs::read(entry.unwrap().path()).unwrap());
        cases += 1;
    }
    assert!(cases > 0, "no corpus for {name}");
}

#[test]
fn connection_corpus() {
    each("connection", connection::check);
}

#[test]
fn dns_corpus() {
    each("dns", dns::check);
}

#[test]
fn identify_corpus() {
    each("identify", identify::check);
}

#[test]
fn kad_corpus() {
    each("kad", kad::check);
}

#[test]
fn ip_corpus() {
    each("ip", ip::check);
}

#[test]
fn multiaddr_corpus() {
    each("multiaddr", multiaddr::check);
}

#[test]
fn multistream_corpus() {
    each("multistream", multistream::check);
}

#[test]
fn noise_corpus() {
    each("noise", noise::check);
}

#[test]
fn particle_corpus() {
    each("particle", particle::check);
}

#[test]
fn tls_corpus() {
    each("tls", tls::check);
}

#[test]
fn websocket_corpus() {
    each("websocket", websocket::check);
}

#[test]
fn yamux_corpus() {
    each("yamux", yamux::check);
}
