//! A swarm under attack, and a client that speaks Noise properly and then whatever it wants.

use std::net::SocketAddr;
use std::time::Duration;

use basalt_net::swarm::{
    CloseReason, Config, ConnId, Effect, Effects, Event, Input, Refusal, Swarm, Transport,
};
use basalt_net::time::Instant;
use basalt_net::{Authored, Particle, PeerId, particle};

use crate::wire::{Channel, Dialer, keypair, proposal, syn};

/// The swarm that is attacked. Its time starts at one second.
pub(crate) struct Victim {
    pub(crate) swarm: Swarm,
    pub(crate) now: Instant,
    pub(crate) particles: usize,
    pub(crate) closed: Vec<(ConnId, CloseReason)>,
    pub(crate) dials: Vec<ConnId>,
    /// Bytes that the victim has sent.
    pub(crate) sent: usize,
}

/// An address that is nobody else's.
pub(crate) fn address(index: u32) -> SocketAddr {
    let [_, a, b, c] = index.to_be_bytes();
    SocketAddr::from(([11, a, b, c], 4000))
}

impl Victim {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            swarm: Swarm::new(config, keypair(0), [9; 32]),
            now: Instant::from_millis(1000),
            particles: 0,
            closed: Vec::new(),
            dials: Vec::new(),
            sent: 0,
        }
    }

    pub(crate) fn effects(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Other(Event::Particle { .. }) => self.particles += 1,
                Effect::Other(Event::Closed { conn, reason, .. }) => {
                    self.closed.push((conn, reason));
                }
                Effect::Dial { conn, .. } => self.dials.push(conn),
                _ => {}
            }
        }
    }

    pub(crate) fn accept(
        &mut self,
        transport: Transport,
        remote: SocketAddr,
    ) -> Result<ConnId, Refusal> {
        let mut out = Vec::new();
        let accepted = self.swarm.accept(self.now, transport, remote, &mut out);
        self.effects(out);
        accepted
    }

    pub(crate) fn feed(&mut self, conn: ConnId, bytes: &[u8]) {
        for bytes in bytes.chunks(64 * 1024) {
            let mut out = Vec::new();
            let bytes = &mut bytes.to_vec();
            let input = Input::Received { conn, bytes };
            self.swarm.handle(self.now, input, &mut out);
            self.effects(out);
        }
    }

    /// What the victim has to send, as a client that reads takes it.
    pub(crate) fn drain(&mut self, conn: ConnId) -> Vec<u8> {
        let (mut all, mut buf) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let len = self.swarm.transmit(conn, &mut buf);
            all.extend_from_slice(&buf[..len]);
            if len == 0 {
                self.sent += all.len();
                return all;
            }
        }
    }

    /// Lets time pass, with all timers.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.swarm.wake_at()
            && at <= end
        {
            self.now = self.now.max(at);
            let mut out = Vec::new();
            self.swarm.handle(self.now, Input::Timer, &mut out);
            self.effects(out);
        }
        self.now = end;
    }

    pub(crate) fn refused(&self, reason: Refusal) -> u64 {
        self.swarm.status().refused(reason)
    }

    pub(crate) fn reason(&self, conn: ConnId) -> Option<&CloseReason> {
        let closed = self.closed.iter().find(|(closed, _)| *closed == conn);
        closed.map(|(_, reason)| reason)
    }

    /// A particle of an honest client with a connection of its own arrives.
    pub(crate) fn serves(&mut self, index: u32) {
        let before = self.particles;
        let mut client = Client::connect(self, index).expect("an honest client is let in");
        client.send_particle(self, 1);
        assert_eq!(self.particles, before + 1, "an honest client is not served");
        let conn = client.conn;
        let mut out = Vec::new();
        self.swarm.handle(self.now, Input::Lost { conn }, &mut out);
        self.effects(out);
    }
}

/// A client whose connection is up to Yamux.
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    pub(crate) id: PeerId,
    channel: Channel,
}

impl Client {
    /// Connects from an address of its own and proves an identity of its own.
    pub(crate) fn connect(victim: &mut Victim, index: u32) -> Result<Self, Refusal> {
        Self::connect_from(victim, address(index), index)
    }

    /// Connects from an address and proves identity `index`.
    pub(crate) fn connect_from(
        victim: &mut Victim,
        from: SocketAddr,
        index: u32,
    ) -> Result<Self, Refusal> {
        let conn = victim.accept(Transport::Tcp, from)?;
        let (dialer, hello) = Dialer::new(index);
        victim.feed(conn, &hello);
        let (channel, proof) = dialer.answer(&victim.drain(conn));
        victim.feed(conn, &proof);
        let mut client = Self {
            conn,
            id: keypair(index).peer_id(),
            channel,
        };
        client.hear(victim);
        Ok(client)
    }

    /// Sends bytes over the channel.
    pub(crate) fn say(&mut self, victim: &mut Victim, bytes: &[u8]) {
        let wire = self.channel.seal(bytes);
        victim.feed(self.conn, &wire);
    }

    /// Reads all that the victim has sent.
    pub(crate) fn hear(&mut self, victim: &mut Victim) -> Vec<u8> {
        let mut wire = victim.drain(self.conn);
        self.channel.open(&mut wire)
    }

    /// Sends a whole particle on stream `id`.
    pub(crate) fn send_particle(&mut self, victim: &mut Victim, id: u32) {
        let authored = Authored {
            id: "honest".into(),
            init_peer_id: self.id,
            timestamp: 1_700_000_000_000,
            ttl: 7000,
            script: "(null)".into(),
            signature: vec![1; 64],
        };
        let particle = Particle::new(authored, vec![]);
        let mut bytes = proposal(particle::PROTOCOL);
        bytes.extend(particle::frame::encode(&particle).to_vec());
        self.say(victim, &syn(id, &bytes));
        self.hear(victim);
    }
}
