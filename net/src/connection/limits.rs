//! The budgets of one connection.

use core::time::Duration;

use crate::{particle, yamux};

/// What one connection may cost, in memory and in time.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time to finish set-up: WebSocket, encryption, multiplexer. Bounds half-open handshakes.
    pub set_up_timeout: Duration,
    /// Bytes taken from the transport at once. Bounds how long one connection keeps the others
    /// waiting.
    pub max_read: usize,
    /// Largest particle frame, in bytes. Bounds a peer that sends for ever.
    pub max_particle: usize,
    /// Memory for unfinished incoming particles of one connection, in bytes. Bounds a peer that
    /// starts many and finishes none.
    pub max_held: usize,
    /// Bytes of particles that may wait to be sent. Bounds what a peer that reads slowly, or not at
    /// all, makes us hold.
    pub max_queued: usize,
    /// Time after which a stream on which nothing moves is given up. Bounds streams that are opened
    /// and left alone.
    pub stream_idle: Duration,
    /// Time after which a stream is given up even if something moves. Bounds peers that send a byte
    /// now and then.
    pub stream_lifetime: Duration,
    /// Long-lived ping streams of the other side, which have no timeout.
    pub max_ping_streams: usize,
    /// Kademlia streams of the other side. Bounds the work that its questions make.
    pub max_kad_streams: usize,
    /// Kademlia questions of the other side per second. Bounds the work and the bytes that small
    /// questions with big answers make.
    pub max_kad_rate: u32,
    /// Pause between our pings.
    pub ping_interval: Duration,
    /// Silence after a ping that means the connection is dead. Bounds peers that vanished: they are
    /// noticed within this time and two pauses between pings, whatever TLS and WebSocket still say.
    pub ping_timeout: Duration,
    /// Time in which a peer takes none of the bytes that wait for it before it is given up.
    pub stall_timeout: Duration,
    /// Pause between identify requests.
    pub identify_interval: Duration,
    /// The multiplexer's budgets.
    pub yamux: yamux::Config,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            set_up_timeout: Duration::from_secs(20),
            max_read: 256 * 1024,
            max_particle: particle::frame::MAX_BODY,
            max_held: 128 * 1024 * 1024,
            max_queued: 128 * 1024 * 1024,
            stream_idle: Duration::from_secs(20),
            stream_lifetime: Duration::from_secs(300),
            max_ping_streams: 2,
            max_kad_streams: 32,
            max_kad_rate: 100,
            ping_interval: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(60),
            identify_interval: Duration::from_secs(300),
            yamux: yamux::Config::default(),
        }
    }
}
