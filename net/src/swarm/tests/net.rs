//! The network of the tests: swarms, and the connections between them.

use alloc::collections::VecDeque;
use alloc::string::String;

use bytes::Bytes;

use super::*;
use crate::particle::Authored;
use basalt_terms::multiaddr::Endpoint;

/// One direction of a TCP connection: what is under way, and whether a FIN follows.
#[derive(Default)]
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    fin: bool,
}

/// A TCP connection between two swarms.
pub(super) struct Link {
    pub(super) ends: [(usize, ConnId); 2],
    /// `pipes[i]` flows from `ends[i]` to the other end.
    pipes: [Pipe; 2],
    /// Whether nothing moves.
    stalled: bool,
    /// The pause between pieces towards the first end, and when the next one moves.
    pace: Option<(Duration, Instant)>,
}

/// Swarms and the network between them. Swarm `i` listens at `10.0.0.i`, WebSocket on port 999.
pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) swarms: Vec<Swarm>,
    pub(super) links: Vec<Link>,
    pub(super) events: Vec<(usize, Event)>,
    /// Size of the pieces that bytes are moved in.
    pub(super) piece: usize,
    /// A swarm that cannot be dialed.
    pub(super) unreachable: Option<usize>,
    /// TXT records: names and texts.
    pub(super) texts: Vec<(String, Vec<Vec<u8>>)>,
}

pub(super) fn keypair(index: usize) -> Keypair {
    Keypair::from_seed([index as u8 + 1; 32])
}

pub(super) fn peer(index: usize) -> PeerId {
    keypair(index).peer_id()
}

pub(super) fn address(index: usize, transport: Transport) -> Multiaddr {
    let text = match transport {
        Transport::Tcp => std::format!("/ip4/10.0.0.{index}/tcp/977/p2p/{}", peer(index)),
        Transport::WebSocket => std::format!("/ip4/10.0.0.{index}/tcp/999/ws/p2p/{}", peer(index)),
        Transport::SecureWebSocket => {
            std::format!("/ip4/10.0.0.{index}/tcp/999/tls/ws/p2p/{}", peer(index))
        }
    };
    text.parse().unwrap()
}

pub(super) fn particle(id: &str, size: usize) -> Particle {
    let mut authored = Authored {
        id: id.into(),
        init_peer_id: peer(0),
        timestamp: 1_700_000_000_000,
        ttl: 7000,
        script: "(null)".into(),
        signature: vec![],
    };
    authored.sign(&keypair(0));
    let data: Bytes = (0..size).map(|i| (i * 7) as u8).collect();
    Particle::new(authored, data)
}

impl Net {
    pub(super) fn new(configs: Vec<Config>) -> Self {
        let swarm = |(index, config)| Swarm::new(config, keypair(index), [index as u8 + 100; 32]);
        Self {
            now: Instant::from_millis(1000),
            swarms: configs.into_iter().enumerate().map(swarm).collect(),
            links: vec![],
            events: vec![],
            piece: 1500,
            unreachable: None,
            texts: vec![],
        }
    }

    pub(super) fn pair() -> Self {
        Self::new(vec![Config::default(), Config::default()])
    }

    pub(super) fn dial(&mut self, from: usize, address: &Multiaddr) -> ConnId {
        let mut out = vec![];
        let conn = self.swarms[from].dial(self.now, address, &mut out).unwrap();
        self.effects(from, out);
        conn
    }

    pub(super) fn send(
        &mut self,
        from: usize,
        to: usize,
        particle: &Particle,
    ) -> Result<SendId, CannotSend> {
        let mut out = vec![];
        let sent = self.swarms[from].send(self.now, &peer(to), particle, &mut out);
        self.effects(from, out);
        sent
    }

    pub(super) fn input(&mut self, index: usize, input: Input<'_>) {
        let mut out = vec![];
        self.swarms[index].handle(self.now, input, &mut out);
        self.effects(index, out);
    }

    pub(super) fn effects(&mut self, index: usize, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Dial { conn, endpoint } => self.connect(index, conn, &endpoint),
                Effect::LookUp { conn, name } => self.look_up(index, conn, &name),
                Effect::Output { .. } => {}
                Effect::Close { conn } => self.pump_out(index, conn, true),
                Effect::Abort { conn } => self.lose(index, conn),
                Effect::Other(event) => self.events.push((index, event)),
            }
        }
    }

    fn look_up(&mut self, index: usize, conn: ConnId, wanted: &str) {
        let found = self.texts.iter().find(|(name, _)| name == wanted).cloned();
        let reason = "no such name";
        match &found {
            Some((_, texts)) => self.input(index, Input::LookedUp { conn, texts }),
            None => self.input(index, Input::DialFailed { conn, reason }),
        }
    }

    pub(super) fn connect(&mut self, from: usize, conn: ConnId, endpoint: &Endpoint) {
        let basalt_terms::multiaddr::HostName::Ip(core::net::IpAddr::V4(ip)) = endpoint.host else {
            return self.input(
                from,
                Input::DialFailed {
                    conn,
                    reason: "no such host",
                },
            );
        };
        let to = usize::from(ip.octets()[3]);
        if to >= self.swarms.len() || self.unreachable == Some(to) {
            return self.input(
                from,
                Input::DialFailed {
                    conn,
                    reason: "refused",
                },
            );
        }
        let transport = if endpoint.port == 999 {
            Transport::WebSocket
        } else {
            Transport::Tcp
        };
        let mut out = vec![];
        let remote = SocketAddr::from(([10, 0, 0, from as u8], 40_000));
        let accepted = self.swarms[to].accept(self.now, transport, remote, &mut out);
        self.effects(to, out);
        match accepted {
            Ok(other) => {
                let ends = [(from, conn), (to, other)];
                self.links.push(Link {
                    ends,
                    pipes: Default::default(),
                    stalled: false,
                    pace: None,
                });
                let remote = SocketAddr::new(ip.into(), endpoint.port);
                self.input(from, Input::Dialed { conn, remote });
            }
            Err(_) => self.input(
                from,
                Input::DialFailed {
                    conn,
                    reason: "refused",
                },
            ),
        }
    }

    pub(super) fn lose(&mut self, index: usize, conn: ConnId) {
        let Some(at) = self
            .links
            .iter()
            .position(|link| link.ends.contains(&(index, conn)))
        else {
            return;
        };
        let link = self.links.swap_remove(at);
        for (index, conn) in link.ends {
            self.input(index, Input::Lost { conn });
        }
    }

    fn link(&mut self, conn: ConnId) -> &mut Link {
        let link = |link: &&mut Link| link.ends.iter().any(|end| *end == (0, conn));
        self.links.iter_mut().find(link).unwrap()
    }

    /// Nothing moves on a connection of the first swarm any more, though nobody has closed it.
    pub(super) fn stall(&mut self, conn: ConnId) {
        self.link(conn).stalled = true;
    }

    pub(super) fn unstall(&mut self, conn: ConnId) {
        self.link(conn).stalled = false;
    }

    /// From now on, a piece comes to the first swarm on a connection in each `pause`.
    pub(super) fn slow(&mut self, conn: ConnId, pause: Duration) {
        self.link(conn).pace = Some((pause, self.now));
    }

    /// Moves all that a connection wants to send into its pipe.
    pub(super) fn pump_out(&mut self, index: usize, conn: ConnId, fin: bool) {
        let Some(link) = self
            .links
            .iter_mut()
            .find(|link| link.ends.contains(&(index, conn)))
        else {
            return;
        };
        let pipe = &mut link.pipes[usize::from(link.ends[0] != (index, conn))];
        let mut buf = vec![0; self.piece];
        loop {
            let len = self.swarms[index].transmit(conn, &mut buf);
            pipe.bytes.extend(&buf[..len]);
            if len == 0 || (link.pace.is_some() && !fin) {
                break;
            }
        }
        pipe.fin |= fin;
    }

    /// Runs until nothing moves any more at this point of time.
    pub(super) fn run(&mut self) {
        loop {
            let mut moved = false;
            for index in 0..self.swarms.len() {
                while self.swarms[index]
                    .wake_at()
                    .is_some_and(|at| at <= self.now)
                {
                    self.input(index, Input::Timer);
                }
            }
            for at in 0..self.links.len() {
                for end in 0..2 {
                    let Some(link) = self.links.get(at) else {
                        break;
                    };
                    if link.stalled {
                        break;
                    }
                    let (index, conn) = link.ends[end];
                    if end == 0 || link.pace.is_none() || link.pipes[end].bytes.is_empty() {
                        self.pump_out(index, conn, false);
                    }
                    let link = &mut self.links[at];
                    if end == 1
                        && let Some((pause, next)) = &mut link.pace
                        && !link.pipes[end].bytes.is_empty()
                    {
                        if *next > self.now {
                            continue;
                        }
                        *next = self.now + *pause;
                    }
                    let (to, other) = link.ends[1 - end];
                    let pipe = &mut link.pipes[end];
                    let capacity = self.swarms[to].receive_capacity(other);
                    let len = pipe.bytes.len().min(self.piece).min(capacity);
                    let mut bytes: Vec<u8> = if capacity == 0 {
                        pipe.bytes.clear();
                        vec![]
                    } else {
                        pipe.bytes.drain(..len).collect()
                    };
                    let fin = pipe.bytes.is_empty() && core::mem::take(&mut pipe.fin);
                    if !bytes.is_empty() {
                        moved = true;
                        self.input(
                            to,
                            Input::Received {
                                conn: other,
                                bytes: &mut bytes,
                            },
                        );
                    }
                    if fin {
                        moved = true;
                        self.input(to, Input::RemoteClosed { conn: other });
                    }
                }
            }
            let due = |swarm: &Swarm| swarm.wake_at().is_some_and(|at| at <= self.now);
            if !moved && !self.swarms.iter().any(due) {
                return;
            }
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let wakes = self.swarms.iter().filter_map(Swarm::wake_at);
            let paced = |link: &Link| link.pace.map(|(_, next)| next.max(self.now));
            let busy = self
                .links
                .iter()
                .filter(|link| !link.pipes[1].bytes.is_empty());
            let Some(at) = wakes.chain(busy.filter_map(paced)).min() else {
                break;
            };
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.run();
        }
        self.now = end;
    }

    /// Takes the events that `pick` makes something of.
    pub(super) fn take<T>(
        &mut self,
        index: usize,
        mut pick: impl FnMut(&Event) -> Option<T>,
    ) -> Vec<T> {
        let mut taken = vec![];
        self.events.retain(|(at, event)| {
            let found = if *at == index { pick(event) } else { None };
            let keep = found.is_none();
            taken.extend(found);
            keep
        });
        taken
    }

    pub(super) fn particles(&mut self, index: usize) -> Vec<(PeerId, Particle)> {
        self.take(index, |event| match event {
            Event::Particle { from, particle } => Some((*from, (**particle).clone())),
            _ => None,
        })
    }

    pub(super) fn closed(&mut self, index: usize) -> Vec<CloseReason> {
        self.take(index, |event| match event {
            Event::Closed { reason, .. } => Some(reason.clone()),
            _ => None,
        })
    }

    pub(super) fn refused(&mut self, index: usize) -> Vec<Refusal> {
        self.take(index, |event| match event {
            Event::Refused { reason, .. } => Some(*reason),
            _ => None,
        })
    }
}
