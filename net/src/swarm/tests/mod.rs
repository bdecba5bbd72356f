//! Swarms talk to each other in memory, through buffers cut anywhere.

mod discovery;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::*;

/// One direction of a TCP connection: what is under way, and whether a FIN follows.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    fin: bool,
}

/// A TCP connection between two swarms.
struct Link {
    ends: [(usize, ConnId); 2],
    /// `pipes[i]` flows from `ends[i]` to the other end.
    pipes: [Pipe; 2],
}

/// Swarms and the network between them. Swarm `i` listens at `10.0.0.i`, WebSocket on port 999.
struct Net {
    now: Instant,
    swarms: Vec<Swarm>,
    links: Vec<Link>,
    events: Vec<(usize, Event)>,
    /// Size of the pieces that bytes are moved in.
    piece: usize,
    /// A swarm that cannot be dialed.
    unreachable: Option<usize>,
}

fn keypair(index: usize) -> Keypair {
    Keypair::from_seed([index as u8 + 1; 32])
}

fn peer(index: usize) -> PeerId {
    keypair(index).peer_id()
}

fn address(index: usize, transport: Transport) -> Multiaddr {
    let text = match transport {
        Transport::Tcp => std::format!("/ip4/10.0.0.{index}/tcp/977/p2p/{}", peer(index)),
        Transport::WebSocket => std::format!("/ip4/10.0.0.{index}/tcp/999/ws/p2p/{}", peer(index)),
    };
    text.parse().unwrap()
}

fn particle(id: &str, size: usize) -> Particle {
    let mut particle = Particle {
        id: id.into(),
        init_peer_id: peer(0),
        timestamp: 1_700_000_000_000,
        ttl: 7000,
        script: "(null)".into(),
        signature: vec![],
        data: (0..size).map(|i| (i * 7) as u8).collect(),
    };
    particle.sign(&keypair(0));
    particle
}

impl Net {
    fn new(configs: Vec<Config>) -> Self {
        let swarm = |(index, config)| Swarm::new(config, keypair(index), [index as u8 + 100; 32]);
        Self {
            now: Instant::from_millis(1000),
            swarms: configs.into_iter().enumerate().map(swarm).collect(),
            links: vec![],
            events: vec![],
            piece: 1500,
            unreachable: None,
        }
    }

    fn pair() -> Self {
        Self::new(vec![Config::default(), Config::default()])
    }

    fn dial(&mut self, from: usize, address: &Multiaddr) -> ConnId {
        let mut out = vec![];
        let conn = self.swarms[from].dial(self.now, address, &mut out).unwrap();
        self.effects(from, out);
        conn
    }

    fn send(&mut self, from: usize, to: usize, particle: &Particle) -> Result<SendId, CannotSend> {
        let mut out = vec![];
        let sent = self.swarms[from].send(self.now, &peer(to), particle, &mut out);
        self.effects(from, out);
        sent
    }

    fn input(&mut self, index: usize, input: Input<'_>) {
        let mut out = vec![];
        self.swarms[index].handle(self.now, input, &mut out);
        self.effects(index, out);
    }

    fn effects(&mut self, index: usize, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Dial { conn, endpoint } => self.connect(index, conn, &endpoint),
                Effect::Output { .. } => {}
                Effect::Close { conn } => self.pump_out(index, conn, true),
                Effect::Abort { conn } => self.lose(index, conn),
                Effect::Event(event) => self.events.push((index, event)),
            }
        }
    }

    fn connect(&mut self, from: usize, conn: ConnId, endpoint: &Endpoint) {
        let crate::multiaddr::Host::Ip(core::net::IpAddr::V4(ip)) = endpoint.host else {
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

    fn lose(&mut self, index: usize, conn: ConnId) {
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

    /// Moves all that a connection wants to send into its pipe.
    fn pump_out(&mut self, index: usize, conn: ConnId, fin: bool) {
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
            if len == 0 {
                break;
            }
            pipe.bytes.extend(&buf[..len]);
        }
        pipe.fin |= fin;
    }

    /// Runs until nothing moves any more at this point of time.
    fn run(&mut self) {
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
                    let (index, conn) = link.ends[end];
                    self.pump_out(index, conn, false);
                    let link = &mut self.links[at];
                    let (to, other) = link.ends[1 - end];
                    let pipe = &mut link.pipes[end];
                    let capacity = self.swarms[to].receive_capacity(other);
                    let len = pipe.bytes.len().min(self.piece).min(capacity);
                    let bytes: Vec<u8> = if capacity == 0 {
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
                                bytes: &bytes,
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

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.swarms.iter().filter_map(Swarm::wake_at).min()
            && at <= end
        {
            self.now = self.now.max(at);
            self.run();
        }
        self.now = end;
    }

    /// Takes the events that `pick` makes something of.
    fn take<T>(&mut self, index: usize, mut pick: impl FnMut(&Event) -> Option<T>) -> Vec<T> {
        let mut taken = vec![];
        self.events.retain(|(at, event)| {
            let found = if *at == index { pick(event) } else { None };
            let keep = found.is_none();
            taken.extend(found);
            keep
        });
        taken
    }

    fn particles(&mut self, index: usize) -> Vec<(PeerId, Particle)> {
        self.take(index, |event| match event {
            Event::Particle { from, particle } => Some((*from, (**particle).clone())),
            _ => None,
        })
    }

    fn closed(&mut self, index: usize) -> Vec<CloseReason> {
        self.take(index, |event| match event {
            Event::Closed { reason, .. } => Some(reason.clone()),
            _ => None,
        })
    }

    fn refused(&mut self, index: usize) -> Vec<Refusal> {
        self.take(index, |event| match event {
            Event::Refused { reason, .. } => Some(*reason),
            _ => None,
        })
    }
}

#[test]
fn peers_connect_and_identify_each_other() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut net = Net::pair();
        let listen: Vec<Multiaddr> = vec!["/ip4/10.0.0.1/tcp/977".parse().unwrap()];
        let now = net.now;
        net.swarms[1].set_listen_addresses(now, listen.clone(), &mut vec![]);
        net.dial(0, &address(1, transport));
        net.run();
        for (index, direction) in [(0, Direction::Outbound), (1, Direction::Inbound)] {
            let connected = net.take(index, |event| match event {
                Event::Connected {
                    peer,
                    direction,
                    first,
                    ..
                } => Some((*peer, *direction, *first)),
                _ => None,
            });
            assert_eq!(connected, [(peer(1 - index), direction, true)]);
            let infos = net.take(index, |event| match event {
                Event::Identified { info, .. } => Some((**info).clone()),
                _ => None,
            });
            assert_eq!(infos.len(), 1);
            assert_eq!(infos[0].public_key, Some(keypair(1 - index).public()));
            assert_eq!(infos[0].protocol_version, "/fluence/particle/2.0.0");
            assert!(infos[0].speaks("/fluence/particle/2.0.0"));
            let observed = infos[0].observed_addr.as_ref().unwrap();
            let port = match (index, transport) {
                (0, _) => "/ip4/10.0.0.0/tcp/40000",
                (_, Transport::Tcp) => "/ip4/10.0.0.1/tcp/977",
                (_, Transport::WebSocket) => "/ip4/10.0.0.1/tcp/999",
            };
            assert!(std::format!("{observed}").starts_with(port));
            if index == 0 {
                assert_eq!(infos[0].listen_addrs, listen);
            }
        }
        assert!(net.events.is_empty(), "{:?}", net.events);
        assert!(net.swarms[0].is_connected(&peer(1)) && net.swarms[1].is_connected(&peer(0)));
        let status = net.swarms[0].status();
        assert_eq!(
            (status.connections, status.set_ups, status.peers),
            (1, 0, 1)
        );
    }
}

#[test]
fn particles_travel_both_ways() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut net = Net::pair();
        net.dial(0, &address(1, transport));
        net.run();
        for (from, to) in [(0, 1), (1, 0)] {
            for size in [0, 100, 1_400, 1_000_000] {
                let particle = particle(&std::format!("size {size}"), size);
                let id = net.send(from, to, &particle).unwrap();
                net.run();
                assert_eq!(net.particles(to), [(peer(from), particle)]);
                let sent = net.take(from, |event| match event {
                    Event::Sent { id } => Some(*id),
                    _ => None,
                });
                assert_eq!(sent, [id]);
            }
        }
        assert_eq!(net.refused(0), []);
        assert_eq!(net.refused(1), []);
        assert_eq!(net.swarms[0].status().held, 0);
    }
}

#[test]
fn a_hundred_particles_at_once_and_a_thousand_in_line() {
    let mut net = Net::pair();
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    for index in 0..1100 {
        net.send(0, 1, &particle(&std::format!("{index}"), 2000))
            .unwrap();
    }
    net.run();
    let mut ids: Vec<usize> = net
        .particles(1)
        .into_iter()
        .map(|(_, particle)| particle.id.parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..1100).collect::<Vec<_>>());
    assert_eq!(net.swarms[0].status().particles_out, 1100);
}

#[test]
fn the_wrong_peer_is_not_connected() {
    let mut net = Net::pair();
    let wrong: Multiaddr = std::format!("/ip4/10.0.0.1/tcp/977/p2p/{}", peer(2))
        .parse()
        .unwrap();
    net.dial(0, &wrong);
    net.run();
    let error = connection::Error::WrongPeer(peer(1));
    assert_eq!(net.closed(0), [CloseReason::Failed(error)]);
    assert_eq!(net.closed(1), [CloseReason::Remote]);
    assert!(!net.swarms[0].is_connected(&peer(1)));
    assert_eq!(
        (
            net.swarms[0].status().connections,
            net.swarms[1].status().connections
        ),
        (0, 0)
    );
}

#[test]
fn closing_tells_both_sides_and_fails_what_waits() {
    let mut net = Net::pair();
    let conn = net.dial(0, &address(1, Transport::WebSocket));
    net.run();
    net.send(0, 1, &particle("late", 10_000_000)).unwrap();
    let mut out = vec![];
    net.swarms[0].close(net.now, conn, &mut out);
    net.effects(0, out);
    net.run();
    let failed = net.take(0, |event| match event {
        Event::SendFailed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(failed, [SendError::ConnectionClosed]);
    assert_eq!(net.closed(0), [CloseReason::Local]);
    assert_eq!(net.closed(1), [CloseReason::Remote]);
    for index in 0..2 {
        let gone = |event: &Event| matches!(event, Event::Disconnected { .. }).then_some(());
        assert_eq!(net.take(index, gone).len(), 1);
        assert_eq!(net.swarms[index].status().connections, 0);
    }
    assert_eq!(
        net.send(0, 1, &particle("later", 1)),
        Err(CannotSend::NotConnected)
    );
}

#[test]
fn disconnected_comes_with_the_last_connection() {
    let mut net = Net::pair();
    let first = net.dial(0, &address(1, Transport::Tcp));
    net.run();
    let second = net.dial(0, &address(1, Transport::WebSocket));
    net.run();
    let disconnected = |event: &Event| matches!(event, Event::Disconnected { .. }).then_some(());
    net.lose(0, first);
    net.run();
    assert_eq!(net.take(0, disconnected), []);
    net.send(0, 1, &particle("over the other one", 10)).unwrap();
    net.run();
    assert_eq!(net.particles(1).len(), 1);
    net.lose(0, second);
    assert_eq!(net.take(0, disconnected), [()]);
    assert_eq!(net.take(1, disconnected), [()]);
}

#[test]
fn a_peers_oldest_connection_gives_way_to_its_newest() {
    let mut net = Net::pair();
    for _ in 0..6 {
        net.dial(0, &address(1, Transport::Tcp));
        net.run();
    }
    assert!(net.refused(1).contains(&Refusal::PeerFull));
    assert!(net.closed(1).contains(&CloseReason::Replaced));
    assert_eq!(net.swarms[1].status().connections, 5);
}

#[test]
fn set_ups_that_do_not_finish_end_after_their_time() {
    let mut net = Net::pair();
    let mut out = vec![];
    let remote = SocketAddr::from(([10, 9, 9, 9], 1));
    for transport in [Transport::Tcp, Transport::WebSocket] {
        net.swarms[1]
            .accept(net.now, transport, remote, &mut out)
            .unwrap();
    }
    net.pass(Duration::from_secs(19));
    assert_eq!(net.closed(1), []);
    net.pass(Duration::from_secs(1));
    assert_eq!(
        net.closed(1),
        [CloseReason::SetUpTimeout, CloseReason::SetUpTimeout]
    );
    assert_eq!(net.swarms[1].status().refused(Refusal::SetUpTimeout), 2);
    assert_eq!(net.swarms[1].status().connections, 0);
}

#[test]
fn places_are_limited_in_total_in_set_up_and_by_address() {
    let limits = Limits {
        max_connections: 4,
        max_set_ups: 3,
        max_per_address: 2,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![Config::default(), config]);
    let mut accept = |octet: u8| {
        let remote = SocketAddr::from(([10, 1, 1, octet], 5));
        net.swarms[1]
            .accept(net.now, Transport::Tcp, remote, &mut vec![])
            .map(|_| ())
    };
    assert_eq!(accept(1), Ok(()));
    assert_eq!(accept(1), Ok(()));
    assert_eq!(accept(1), Err(Refusal::AddressFull));
    assert_eq!(accept(2), Ok(()));
    // The oldest gives way, which makes room for its address.
    assert_eq!(accept(3), Ok(()));
    assert_eq!(accept(1), Ok(()));
    net.pass(Duration::from_secs(20));
    for _ in 0..4 {
        net.dial(0, &address(1, Transport::Tcp));
        net.run();
    }
    let status = net.swarms[1].status();
    assert_eq!(status.refused(Refusal::AddressFull), 3);
    assert_eq!(status.refused(Refusal::SetUpsFull), 2);
    assert_eq!(status.connections, 2);
}

#[test]
fn a_silent_peer_is_given_up_and_a_living_one_kept() {
    let mut net = Net::pair();
    let conn = net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.pass(Duration::from_secs(600));
    assert!(net.swarms[0].is_connected(&peer(1)));
    // The network goes silent without a word.
    net.links.clear();
    net.pass(Duration::from_secs(90));
    assert_eq!(net.closed(0), [CloseReason::PingTimeout]);
    assert_eq!(net.closed(1), [CloseReason::PingTimeout]);
    net.input(0, Input::Lost { conn });
}

#[test]
fn oversize_and_malformed_particles_are_refused_and_the_connection_goes_on() {
    let limits = connection::Limits {
        max_particle: 5000,
        ..Default::default()
    };
    let config = Config {
        connection: limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![Config::default(), config]);
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.send(0, 1, &particle("big", 6000)).unwrap();
    net.run();
    assert_eq!(net.refused(1), [Refusal::ParticleTooBig]);
    let failed = net.take(0, |event| match event {
        Event::SendFailed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert!(failed.is_empty() || failed == [SendError::StreamReset]);
    net.send(0, 1, &particle("small", 60)).unwrap();
    net.run();
    assert_eq!(net.particles(1).len(), 1);
    assert_eq!(net.swarms[1].status().refused(Refusal::ParticleTooBig), 1);
}

#[test]
fn unfinished_particles_are_held_within_the_budget_of_all() {
    let limits = Limits {
        max_held: 100_000,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![Config::default(), config]);
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.send(0, 1, &particle("too much", 200_000)).unwrap();
    net.run();
    assert_eq!(net.refused(1), [Refusal::ParticleMemory]);
    assert_eq!(net.swarms[1].status().held, 0);
    net.send(0, 1, &particle("fits", 30_000)).unwrap();
    net.run();
    assert_eq!(net.particles(1).len(), 1);
}

#[test]
fn what_a_peer_does_not_take_waits_within_a_budget() {
    let limits = connection::Limits {
        max_queued: 10_000,
        ..Default::default()
    };
    let config = Config {
        connection: limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![config, Config::default()]);
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    assert!(net.send(0, 1, &particle("first", 9_000)).is_ok());
    assert_eq!(
        net.send(0, 1, &particle("second", 9_000)),
        Err(CannotSend::Congested)
    );
    net.run();
    assert!(net.send(0, 1, &particle("third", 9_000)).is_ok());
}

#[test]
fn a_peer_that_takes_no_bytes_is_given_up() {
    let mut net = Net::pair();
    let conn = net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.send(0, 1, &particle("stuck", 100_000)).unwrap();
    // From here on nothing is fetched, but the peer gives signs of life.
    net.links.clear();
    for _ in 0..20 {
        net.now += Duration::from_secs(10);
        net.input(0, Input::Received { conn, bytes: &[] });
        net.input(0, Input::Timer);
    }
    assert_eq!(net.closed(0), [CloseReason::SlowReader]);
    assert!(net.refused(0).contains(&Refusal::SlowReader));
}

#[test]
fn nonsense_ends_the_connection_and_is_counted() {
    let mut net = Net::pair();
    let remote = SocketAddr::from(([10, 9, 9, 9], 1));
    for (transport, bytes) in [
        (
            Transport::Tcp,
            &b"GET / HTTP/1.1\r\nHost: example\r\nAccept: */*\r\nUser-Agent: someone\r\n\r\n0123456789"[..],
        ),
        (
            Transport::WebSocket,
            b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
        ),
    ] {
        let conn = net.swarms[1]
            .accept(net.now, transport, remote, &mut vec![])
            .unwrap();
        let mut out = vec![];
        net.swarms[1].handle(net.now, Input::Received { conn, bytes }, &mut out);
        assert!(
            out.iter()
                .any(|effect| matches!(effect, Effect::Close { .. }))
        );
        let mut buf = [0; 500];
        let len = net.swarms[1].transmit(conn, &mut buf);
        let answer = String::from_utf8_lossy(&buf[..len]).into_owned();
        assert_eq!(
            answer.starts_with("HTTP/1.1 426"),
            transport == Transport::WebSocket
        );
    }
    let status = net.swarms[1].status();
    assert_eq!(status.refused(Refusal::ProtocolViolation), 2);
    assert_eq!(status.connections, 0);
}

#[test]
fn bootstrap_peers_are_dialed_at_the_start_and_again_after_a_loss() {
    let config = Config {
        bootstrap: vec![address(1, Transport::Tcp)],
        ..Config::default()
    };
    let mut net = Net::new(vec![config, Config::default()]);
    net.run();
    assert!(net.swarms[0].status().dialed == 0 && net.swarms[0].wake_at().is_none());
    let mut out = vec![];
    net.swarms[0].set_listen_addresses(net.now, vec![], &mut out);
    net.effects(0, out);
    net.input(0, Input::Timer);
    net.run();
    assert!(net.swarms[0].is_connected(&peer(1)));
    let conn = net.swarms[0].connections().next().unwrap().conn;
    net.lose(0, conn);
    assert!(!net.swarms[0].is_connected(&peer(1)));
    net.pass(Duration::from_secs(5));
    assert!(net.swarms[0].is_connected(&peer(1)));
}

#[test]
fn new_listen_addresses_are_pushed() {
    let mut net = Net::pair();
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.events.clear();
    let listen: Vec<Multiaddr> = vec!["/ip4/10.0.0.0/tcp/977".parse().unwrap()];
    let mut out = vec![];
    net.swarms[0].set_listen_addresses(net.now, listen.clone(), &mut out);
    net.effects(0, out);
    net.run();
    let infos = net.take(1, |event| match event {
        Event::Identified { peer, info } => Some((*peer, info.listen_addrs.clone())),
        _ => None,
    });
    assert_eq!(infos, [(peer(0), listen)]);
}

#[test]
fn dialing_oneself_or_nonsense_is_refused() {
    let mut net = Net::pair();
    let mut dial = |text: &str| {
        net.swarms[0]
            .dial(net.now, &text.parse().unwrap(), &mut vec![])
            .unwrap_err()
    };
    let oneself = std::format!("/ip4/10.0.0.0/tcp/977/p2p/{}", peer(0));
    assert_eq!(dial(&oneself), CannotDial::Oneself);
    let tls = crate::multiaddr::EndpointError::Tls;
    assert_eq!(dial("/ip4/1.1.1.1/tcp/1/wss"), CannotDial::Address(tls));
    // Without the id in the address it only shows when the other end has proven who it is.
    net.dial(0, &"/ip4/10.0.0.0/tcp/977".parse().unwrap());
    net.run();
    assert!(net.closed(0).contains(&CloseReason::Local));
    assert!(!net.swarms[0].is_connected(&peer(0)));
    net.dial(0, &"/ip4/10.0.0.77/tcp/977".parse().unwrap());
    assert_eq!(net.closed(0), [CloseReason::DialFailed("refused".into())]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the size of the pieces, everything arrives.
    #[test]
    fn bytes_may_be_cut_anywhere(
        piece in 1usize..3000,
        sizes in proptest::collection::vec(0usize..20_000, 1..4),
        websocket: bool,
    ) {
        let mut net = Net::pair();
        net.piece = piece;
        net.dial(0, &address(1, if websocket { Transport::WebSocket } else { Transport::Tcp }));
        let mut expected = vec![];
        net.run();
        for (index, &size) in sizes.iter().enumerate() {
            let particle = particle(&std::format!("{index}"), size);
            net.send(0, 1, &particle).unwrap();
            net.send(1, 0, &particle).unwrap();
            expected.push(particle);
        }
        net.run();
        for (to, from) in [(0, 1), (1, 0)] {
            let mut got = net.particles(to);
            got.sort_by(|a, b| a.1.id.cmp(&b.1.id));
            prop_assert_eq!(got.len(), expected.len());
            for ((sender, particle), expected) in got.iter().zip(&expected) {
                prop_assert_eq!(*sender, peer(from));
                prop_assert!(particle == expected);
            }
        }
    }
}
