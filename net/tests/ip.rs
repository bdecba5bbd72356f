//! `ip::Stack` on a simulated wire: two stacks, or one stack and a hand-made neighbour.

mod link;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use basalt_net::ip::{
    Config, Configuration, Error, EthernetAddress, Event, Ipv4Address, Ipv4Cidr, SocketId, Stack,
};
use basalt_net::time::Instant;
use link::{Faults, Link, PERFECT, Random};
use smoltcp::wire::*;

const MAC_A: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const MAC_B: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const A: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const B: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const PORT: u16 = 977;

/// Two stacks on one wire, stepped on virtual time.
struct Pair {
    now: Instant,
    link: Link<2>,
    stacks: [Stack; 2],
    events: [Vec<Event>; 2],
}

impl Pair {
    fn new(a: Config, b: Config, faults: Faults, seed: u64) -> Pair {
        let mut pair = Pair {
            now: Instant::from_micros(1),
            link: Link::new(faults, seed),
            stacks: [Stack::new(a, seed), Stack::new(b, seed ^ 0xff)],
            events: [Vec::new(), Vec::new()],
        };
        pair.stacks[0].listen(PORT).unwrap();
        pair.step();
        pair
    }

    fn simple(faults: Faults, seed: u64) -> Pair {
        let config = |mac, address| Config::fixed(mac, Ipv4Cidr::new(address, 24), None);
        Pair::new(config(MAC_A, A), config(MAC_B, B), faults, seed)
    }

    /// Moves time to the next thing that happens and polls both stacks.
    fn step(&mut self) {
        let mut next = self.link.carry(self.now);
        for stack in &mut self.stacks {
            next = [next, stack.wake_at(self.now)].into_iter().flatten().min();
        }
        let soonest = self.now + Duration::from_micros(10);
        self.now = next.unwrap_or(soonest).max(soonest);
        self.link.carry(self.now);
        for (index, stack) in self.stacks.iter_mut().enumerate() {
            stack.poll(
                self.now,
                &mut self.link.nics[index],
                &mut self.events[index],
            );
        }
    }

    fn until(&mut self, side: usize, found: impl Fn(&Event) -> bool) -> Event {
        for _ in 0..200_000 {
            if let Some(at) = self.events[side].iter().position(&found) {
                return self.events[side].remove(at);
            }
            self.step();
        }
        panic!(
            "side {side} never saw the event; it saw {:?}",
            self.events[side]
        );
    }

    /// A connection from stack 1 to the listener of stack 0.
    fn connect(&mut self) -> (SocketId, SocketId) {
        let client = self.stacks[1]
            .connect(SocketAddr::new(IpAddr::V4(A), PORT))
            .unwrap();
        self.until(1, |event| *event == Event::Connected(client));
        let accepted = self.until(0, |event| matches!(event, Event::Accepted { .. }));
        let Event::Accepted {
            socket,
            port,
            remote,
        } = accepted
        else {
            unreachable!()
        };
        assert_eq!((port, remote.ip()), (PORT, IpAddr::V4(B)));
        (socket, client)
    }

    /// Sends `len` bytes from stack 1 and closes; returns what stack 0 received until FIN.
    fn transfer(&mut self, server: SocketId, client: SocketId, len: usize) -> Vec<u8> {
        let data = pattern(len);
        let (mut sent, mut received) = (0, Vec::new());
        let mut closed = false;
        for _ in 0..2_000_000 {
            sent += self.stacks[1].send(client, &data[sent..]);
            if sent == len && !closed {
                self.stacks[1].close(self.now, client);
                closed = true;
            }
            while self.stacks[0].receive_with(server, usize::MAX, |b| received.extend(b)) > 0 {}
            if self.events[0].contains(&Event::Finished(server)) {
                return received;
            }
            self.step();
        }
        panic!("sent {sent}, received {} of {len}", received.len());
    }
}

fn pattern(len: usize) -> Vec<u8> {
    let mut random = Random(7);
    (0..len).map(|_| random.next() as u8).collect()
}

#[test]
fn bytes_arrive_whole_and_in_order_on_a_perfect_wire() {
    let mut pair = Pair::simple(PERFECT, 1);
    let (server, client) = pair.connect();
    assert_eq!(pair.transfer(server, client, 1 << 20), pattern(1 << 20));
    pair.stacks[0].close(pair.now, server);
    let closed = |socket| Event::Closed {
        socket,
        reset: false,
    };
    pair.until(0, |event| *event == closed(server));
    pair.until(1, |event| *event == closed(client));
    assert_eq!(
        (pair.stacks[0].connections(), pair.stacks[1].connections()),
        (0, 0)
    );
}

#[test]
fn bytes_arrive_whole_over_loss_delay_reordering_and_duplicates() {
    for seed in 1..=6 {
        let faults = Faults {
            loss: 30,
            duplicate: 20,
            delay: 2_000,
            jitter: 3_000,
        };
        let mut pair = Pair::simple(faults, seed);
        let (server, client) = pair.connect();
        let received = pair.transfer(server, client, 200_000);
        assert!(received == pattern(200_000), "seed {seed}");
    }
}

#[test]
fn a_send_that_did_not_fit_is_told_when_there_is_room() {
    let mut pair = Pair::simple(PERFECT, 3);
    let (server, client) = pair.connect();
    let data = pattern(300_000);
    let sent = pair.stacks[1].send(client, &data);
    assert!(sent < data.len());
    assert_eq!(pair.stacks[1].writable(client), 0);
    pair.until(0, |event| *event == Event::Readable(server));
    assert!(pair.stacks[0].readable(server) > 0);
    let mut buffer = vec![0; 1 << 16];
    while pair.stacks[0].receive(server, &mut buffer) > 0 {}
    pair.until(1, |event| *event == Event::Writable(client));
    assert!(pair.stacks[1].send_with(client, |room| room.len()) > 0);
}

#[test]
fn an_abort_is_a_reset_for_the_other_side() {
    let mut pair = Pair::simple(PERFECT, 4);
    let (server, client) = pair.connect();
    pair.stacks[1].abort(pair.now, client);
    pair.until(0, |event| {
        *event
            == Event::Closed {
                socket: server,
                reset: true,
            }
    });
    pair.until(1, |event| {
        *event
            == Event::Closed {
                socket: client,
                reset: true,
            }
    });
    assert_eq!(pair.stacks[0].counters().reset, 1);
}

#[test]
fn a_port_nobody_listens_on_fails_the_connection() {
    let mut pair = Pair::simple(PERFECT, 5);
    let client = pair.stacks[1]
        .connect(SocketAddr::new(IpAddr::V4(A), 1))
        .unwrap();
    pair.until(1, |event| *event == Event::Failed(client));
}

#[test]
fn a_host_that_is_not_there_fails_the_connection_after_the_handshake_timeout() {
    let mut pair = Pair::simple(PERFECT, 6);
    let nobody = SocketAddr::new(IpAddr::V4(Ipv4Address::new(10, 0, 0, 99)), 1);
    let client = pair.stacks[1].connect(nobody).unwrap();
    pair.until(1, |event| *event == Event::Failed(client));
}

#[test]
fn a_peer_that_vanishes_is_noticed() {
    let mut pair = Pair::simple(PERFECT, 7);
    let (server, client) = pair.connect();
    pair.link.faults.loss = 1000;
    pair.until(0, |event| {
        *event
            == Event::Closed {
                socket: server,
                reset: true,
            }
    });
    pair.until(1, |event| {
        *event
            == Event::Closed {
                socket: client,
                reset: true,
            }
    });
}

#[test]
fn a_peer_that_never_closes_does_not_hold_a_closed_socket() {
    let mut pair = Pair::simple(PERFECT, 8);
    let (server, _client) = pair.connect();
    pair.stacks[0].close(pair.now, server);
    pair.until(0, |event| {
        *event
            == Event::Closed {
                socket: server,
                reset: true,
            }
    });
    assert_eq!(pair.stacks[0].connections(), 0);
}

#[test]
fn the_budget_of_sockets_refuses_more_and_recovers() {
    let mut config = Config::fixed(MAC_A, Ipv4Cidr::new(A, 24), None);
    config.limits.max_sockets = 2;
    let client = Config::fixed(MAC_B, Ipv4Cidr::new(B, 24), None);
    let mut pair = Pair::new(config, client, PERFECT, 9);
    let (first, _) = pair.connect();
    pair.connect();
    let third = pair.stacks[1]
        .connect(SocketAddr::new(IpAddr::V4(A), PORT))
        .unwrap();
    pair.until(1, |event| *event == Event::Failed(third));
    assert!(pair.stacks[0].counters().refused_full > 0);
    assert_eq!(
        pair.stacks[0].connect(SocketAddr::new(IpAddr::V4(B), 1)),
        Err(Error::TooManySockets)
    );
    pair.stacks[0].abort(pair.now, first);
    pair.until(0, |event| {
        *event
            == Event::Closed {
                socket: first,
                reset: true,
            }
    });
    pair.connect();
}

#[test]
fn a_flood_of_half_open_connections_keeps_nobody_out() {
    let mut pair = Pair::simple(PERFECT, 10);
    let limits = Config::fixed(MAC_A, Ipv4Cidr::new(A, 24), None).limits;
    for port in 0..200u16 {
        // Strangers on the wire that never answer.
        let source = Ipv4Address::new(10, 0, 0, 100 + (port % 100) as u8);
        let syn = syn_frame(MAC_B, MAC_A, source, A, 2000 + port, PORT);
        pair.link.nics[0].received.push_back(syn);
    }
    pair.step();
    let counters = pair.stacks[0].counters();
    assert_eq!(
        counters.half_open_evicted,
        200 - limits.max_half_open as u64
    );
    pair.connect();
    for _ in 0..2_000 {
        pair.step();
    }
    let counters = pair.stacks[0].counters();
    assert_eq!(counters.half_open_evicted + counters.half_open_expired, 200);
}

#[test]
fn a_ping_is_answered() {
    let mut pair = Pair::simple(PERFECT, 11);
    let echo = Icmpv4Repr::EchoRequest {
        ident: 7,
        seq_no: 9,
        data: b"are you there",
    };
    let arp = arp_frame(ArpOperation::Request, MAC_B, B, EthernetAddress([0; 6]), A);
    pair.link.nics[0].received.push_back(arp);
    pair.link.nics[0].received.push_back(ip_frame(
        MAC_B,
        MAC_A,
        B,
        A,
        IpProtocol::Icmp,
        echo.buffer_len(),
        |payload| {
            let mut packet = Icmpv4Packet::new_unchecked(payload);
            echo.emit(&mut packet, &Default::default());
        },
    ));
    let mut events = Vec::new();
    pair.stacks[0].poll(pair.now, &mut pair.link.nics[0], &mut events);
    let reply = pair.link.nics[0].sent.pop_back().unwrap();
    let frame = EthernetFrame::new_checked(&reply[..]).unwrap();
    let ip = Ipv4Packet::new_checked(frame.payload()).unwrap();
    let icmp = Icmpv4Packet::new_checked(ip.payload()).unwrap();
    let expected = Icmpv4Repr::EchoReply {
        ident: 7,
        seq_no: 9,
        data: b"are you there",
    };
    assert_eq!(Icmpv4Repr::parse(&icmp, &Default::default()), Ok(expected));
    assert_eq!((ip.dst_addr(), frame.dst_addr()), (B, MAC_B));
}

/// A router by hand: answers ARP for `inside` on the server's wire and for `outside` on the
/// client's, and passes IP packets from one to the other with new Ethernet headers.
struct Router {
    inside: Ipv4Address,
    outside: Ipv4Address,
    /// Addresses somebody asked for on the server's wire.
    asked: Vec<Ipv4Address>,
}

const MAC_ROUTER: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 9]);

impl Router {
    /// Takes the frames of one side; `hosts` are the MACs behind (server, client).
    fn carry(&mut self, link: &mut Link<2>) {
        for side in 0..2 {
            while let Some(frame) = link.nics[side].sent.pop_front() {
                self.frame(link, side, frame);
            }
        }
    }

    fn frame(&mut self, link: &mut Link<2>, side: usize, mut bytes: Vec<u8>) {
        let frame = EthernetFrame::new_checked(&bytes[..]).unwrap();
        match frame.ethertype() {
            EthernetProtocol::Arp => {
                let arp = ArpPacket::new_checked(frame.payload()).unwrap();
                let ArpRepr::EthernetIpv4 {
                    operation: ArpOperation::Request,
                    source_hardware_addr,
                    source_protocol_addr,
                    target_protocol_addr,
                    ..
                } = ArpRepr::parse(&arp).unwrap()
                else {
                    return;
                };
                if side == 0 {
                    self.asked.push(target_protocol_addr);
                }
                if target_protocol_addr == [self.inside, self.outside][side] {
                    link.nics[side].received.push_back(arp_frame(
                        ArpOperation::Reply,
                        MAC_ROUTER,
                        target_protocol_addr,
                        source_hardware_addr,
                        source_protocol_addr,
                    ));
                }
            }
            EthernetProtocol::Ipv4 if frame.dst_addr() == MAC_ROUTER => {
                let mut frame = EthernetFrame::new_checked(&mut bytes[..]).unwrap();
                frame.set_src_addr(MAC_ROUTER);
                frame.set_dst_addr([MAC_B, MAC_A][side]);
                link.nics[1 - side].received.push_back(bytes);
            }
            _ => {}
        }
    }
}

/// Runs a server with `address` and `gateway` against a client in another subnet.
fn through_router(address: Ipv4Cidr, gateway: Ipv4Address) -> Router {
    let outside = Ipv4Address::new(198, 51, 100, 1);
    let client = Ipv4Address::new(198, 51, 100, 5);
    let mut link = Link::<2>::new(PERFECT, 1);
    let mut router = Router {
        inside: gateway,
        outside,
        asked: Vec::new(),
    };
    let mut stacks = [
        Stack::new(Config::fixed(MAC_A, address, Some(gateway)), 1),
        Stack::new(
            Config::fixed(MAC_B, Ipv4Cidr::new(client, 24), Some(outside)),
            2,
        ),
    ];
    stacks[0].listen(PORT).unwrap();
    stacks[1].listen(PORT).unwrap();
    let mut events = [Vec::new(), Vec::new()];
    let mut now = Instant::from_micros(1);
    let mut dialed = Vec::new();
    for round in 0..4_000 {
        for side in 0..2 {
            stacks[side].poll(now, &mut link.nics[side], &mut events[side]);
        }
        router.carry(&mut link);
        now += Duration::from_millis(1);
        if round == 1 {
            // Both ways: the server must reach the gateway of its own accord too.
            dialed.push(
                stacks[0]
                    .connect(SocketAddr::new(IpAddr::V4(client), PORT))
                    .unwrap(),
            );
            dialed.push(
                stacks[1]
                    .connect(SocketAddr::new(IpAddr::V4(address.address()), PORT))
                    .unwrap(),
            );
        }
    }
    for side in 0..2 {
        assert!(
            events[side].contains(&Event::Connected(dialed[side])),
            "{events:?}"
        );
        let from = [client, address.address()][side];
        let accepted = events[side]
            .iter()
            .any(|event| matches!(event, Event::Accepted { remote, .. } if remote.ip() == IpAddr::V4(from)));
        assert!(accepted, "{events:?}");
    }
    router
}

#[test]
fn a_gateway_outside_a_slash_32_is_reached_both_ways() {
    let gateway = Ipv4Address::new(172, 31, 1, 1);
    let router = through_router(Ipv4Cidr::new(Ipv4Address::new(203, 0, 113, 7), 32), gateway);
    assert!(!router.asked.is_empty());
    assert!(
        router.asked.iter().all(|&asked| asked == gateway),
        "{:?}",
        router.asked
    );
}

#[test]
fn a_gateway_outside_a_wider_subnet_is_reached_too() {
    let gateway = Ipv4Address::new(172, 31, 1, 1);
    through_router(Ipv4Cidr::new(Ipv4Address::new(203, 0, 113, 7), 24), gateway);
}

#[test]
fn a_gateway_inside_the_subnet_needs_no_stand_in() {
    let gateway = Ipv4Address::new(203, 0, 113, 1);
    let router = through_router(Ipv4Cidr::new(Ipv4Address::new(203, 0, 113, 7), 24), gateway);
    assert!(
        router.asked.iter().all(|&asked| asked == gateway),
        "{:?}",
        router.asked
    );
}

#[test]
fn the_stand_in_addresses_are_not_reachable_from_the_wire() {
    let address = Ipv4Cidr::new(Ipv4Address::new(203, 0, 113, 7), 32);
    let config = Config::fixed(MAC_A, address, Some(Ipv4Address::new(172, 31, 1, 1)));
    let mut stack = Stack::new(config, 1);
    stack.listen(PORT).unwrap();
    let (mut nic, mut events) = (link::Nic::default(), Vec::new());
    stack.poll(Instant::from_micros(1), &mut nic, &mut events);
    let made_up = Ipv4Address::new(192, 0, 0, 2);
    let neighbour = Ipv4Address::new(192, 0, 0, 1);
    let request = ArpOperation::Request;
    nic.received.push_back(arp_frame(
        request,
        MAC_B,
        neighbour,
        EthernetAddress([0; 6]),
        made_up,
    ));
    nic.received
        .push_back(syn_frame(MAC_B, MAC_A, neighbour, made_up, 5, PORT));
    stack.poll(Instant::from_micros(2), &mut nic, &mut events);
    assert!(nic.sent.is_empty());
}

/// A DHCP server by hand: offers and acknowledges one lease to whoever asks.
fn dhcp_answer(
    request: &[u8],
    lease: Ipv4Address,
    mask: Ipv4Address,
    router: Ipv4Address,
) -> Option<Vec<u8>> {
    let frame = EthernetFrame::new_checked(request).ok()?;
    let ip = Ipv4Packet::new_checked(frame.payload()).ok()?;
    let udp = UdpPacket::new_checked(ip.payload()).ok()?;
    if udp.dst_port() != 67 {
        return None;
    }
    let packet = DhcpPacket::new_checked(udp.payload()).ok()?;
    let asked = DhcpRepr::parse(&packet).ok()?;
    let server = Ipv4Address::new(10, 0, 2, 2);
    let answer = DhcpRepr {
        message_type: match asked.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            _ => DhcpMessageType::Ack,
        },
        transaction_id: asked.transaction_id,
        secs: 0,
        client_hardware_address: asked.client_hardware_address,
        client_ip: Ipv4Address::UNSPECIFIED,
        your_ip: lease,
        server_ip: server,
        router: Some(router),
        subnet_mask: Some(mask),
        relay_agent_ip: Ipv4Address::UNSPECIFIED,
        broadcast: false,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(server),
        parameter_request_list: None,
        dns_servers: Some([Ipv4Address::new(10, 0, 2, 3)].into_iter().collect()),
        max_size: None,
        lease_duration: Some(60),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let udp = UdpRepr {
        src_port: 67,
        dst_port: 68,
    };
    let len = answer.buffer_len();
    let broadcast = Ipv4Address::BROADCAST;
    Some(ip_frame(
        MAC_ROUTER,
        EthernetAddress::BROADCAST,
        server,
        broadcast,
        IpProtocol::Udp,
        udp.header_len() + len,
        |payload| {
            let mut packet = UdpPacket::new_unchecked(payload);
            let emit = |payload: &mut [u8]| {
                answer
                    .emit(&mut DhcpPacket::new_unchecked(payload))
                    .unwrap();
            };
            let (from, to) = (server.into(), broadcast.into());
            udp.emit(&mut packet, &from, &to, len, emit, &Default::default());
        },
    ))
}

/// Runs a stack against the DHCP server for `seconds`; returns all events and frames it sent.
fn with_dhcp(mut serve: impl FnMut(&[u8]) -> Option<Vec<u8>>, seconds: u64) -> (Vec<Event>, usize) {
    let mut config = Config::dhcp(MAC_A);
    config.hostname = Some("basalt".into());
    let mut stack = Stack::new(config, 1);
    let (mut nic, mut events, mut asked) = (link::Nic::default(), Vec::new(), 0);
    let end = Instant::from_micros(seconds * 1_000_000);
    let mut now = Instant::from_micros(1);
    while now < end {
        stack.poll(now, &mut nic, &mut events);
        while let Some(frame) = nic.sent.pop_front() {
            asked += 1;
            nic.received.extend(serve(&frame));
        }
        let soonest = now + Duration::from_millis(1);
        now = match nic.received.is_empty() {
            true => stack.wake_at(now).unwrap_or(end).max(soonest),
            false => soonest,
        };
    }
    (events, asked)
}

#[test]
fn dhcp_configures_address_gateway_and_dns() {
    let lease = Ipv4Address::new(10, 0, 2, 15);
    let mask = Ipv4Address::new(255, 255, 255, 0);
    let gateway = Ipv4Address::new(10, 0, 2, 2);
    let mut named = false;
    let serve = |frame: &[u8]| {
        named |= frame.windows(8).any(|window| window == b"\x0c\x06basalt");
        dhcp_answer(frame, lease, mask, gateway)
    };
    let (events, _) = with_dhcp(serve, 10);
    assert!(named);
    assert_eq!(
        events,
        [Event::Configured(Configuration {
            address: Ipv4Cidr::new(lease, 24),
            gateway: Some(gateway),
            dns: vec![Ipv4Address::new(10, 0, 2, 3)],
            ipv6: None,
        })]
    );
}

#[test]
fn a_lease_that_is_not_renewed_deconfigures() {
    let lease = Ipv4Address::new(10, 0, 2, 15);
    let mask = Ipv4Address::new(255, 255, 255, 0);
    let mut answers = 2;
    let serve = |frame: &[u8]| {
        let answer = dhcp_answer(frame, lease, mask, Ipv4Address::new(10, 0, 2, 2))?;
        answers -= 1;
        (answers >= 0).then_some(answer)
    };
    let (events, asked) = with_dhcp(serve, 120);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1], Event::Deconfigured);
    assert!(asked > 5);
}

#[test]
fn a_lost_discover_is_repeated_soon() {
    let lease = Ipv4Address::new(10, 0, 2, 15);
    let mask = Ipv4Address::new(255, 255, 255, 255);
    let mut seen = 0;
    let serve = |frame: &[u8]| {
        seen += 1;
        (seen > 1).then(|| dhcp_answer(frame, lease, mask, Ipv4Address::new(10, 0, 2, 2)))?
    };
    let (events, _) = with_dhcp(serve, 5);
    assert!(matches!(events[..], [Event::Configured(_)]), "{events:?}");
}

#[test]
fn names_are_resolved_and_queries_are_bounded() {
    let mut config = Config::fixed(MAC_A, Ipv4Cidr::new(A, 24), None);
    config.dns = vec![B];
    config.limits.max_queries = 2;
    let mut stack = Stack::new(config, 1);
    assert_eq!(stack.resolve("early.example"), Err(Error::NotConfigured));
    let (mut nic, mut events) = (link::Nic::default(), Vec::new());
    let mut now = Instant::from_micros(1);
    stack.poll(now, &mut nic, &mut events);
    assert_eq!(stack.resolve(&"x".repeat(64)), Err(Error::BadName));
    let good = stack.resolve("node.example").unwrap();
    let silent = stack.resolve("silent.example").unwrap();
    assert_eq!(stack.resolve("third.example"), Err(Error::TooManyQueries));
    for _ in 0..60_000 {
        stack.poll(now, &mut nic, &mut events);
        while let Some(frame) = nic.sent.pop_front() {
            nic.received.extend(name_server(&frame));
        }
        now += Duration::from_millis(1);
    }
    let addresses = vec![Ipv4Address::new(192, 0, 2, 77)];
    assert!(
        events.contains(&Event::Resolved {
            query: good,
            addresses
        }),
        "{events:?}"
    );
    let nothing = Event::Resolved {
        query: silent,
        addresses: Vec::new(),
    };
    assert!(events.contains(&nothing), "{events:?}");
}

/// Answers ARP for `B`, and DNS questions about `node.example` with 192.0.2.77.
fn name_server(request: &[u8]) -> Option<Vec<u8>> {
    let frame = EthernetFrame::new_checked(request).ok()?;
    if frame.ethertype() == EthernetProtocol::Arp {
        return Some(arp_frame(ArpOperation::Reply, MAC_B, B, MAC_A, A));
    }
    let ip = Ipv4Packet::new_checked(frame.payload()).ok()?;
    let query = UdpPacket::new_checked(ip.payload()).ok()?;
    let question = query.payload();
    if !question.windows(4).any(|window| window == b"node") {
        return None;
    }
    let mut answer = question.to_vec();
    // Response with recursion; one answer: a pointer to the name, A, IN, 60 s, the address.
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[6..8].copy_from_slice(&[0, 1]);
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 77]);
    let udp = UdpRepr {
        src_port: 53,
        dst_port: query.src_port(),
    };
    let len = udp.header_len() + answer.len();
    Some(ip_frame(
        MAC_B,
        MAC_A,
        B,
        A,
        IpProtocol::Udp,
        len,
        |payload| {
            let mut packet = UdpPacket::new_unchecked(payload);
            let emit = |payload: &mut [u8]| payload.copy_from_slice(&answer);
            udp.emit(
                &mut packet,
                &B.into(),
                &A.into(),
                answer.len(),
                emit,
                &Default::default(),
            );
        },
    ))
}

fn arp_frame(
    operation: ArpOperation,
    source_hardware_addr: EthernetAddress,
    source_protocol_addr: Ipv4Address,
    target_hardware_addr: EthernetAddress,
    target_protocol_addr: Ipv4Address,
) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_hardware_addr,
        target_protocol_addr,
    };
    let mut bytes = vec![0; 14 + arp.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(source_hardware_addr);
    frame.set_dst_addr(EthernetAddress::BROADCAST);
    frame.set_ethertype(EthernetProtocol::Arp);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

fn ip_frame(
    from_mac: EthernetAddress,
    to_mac: EthernetAddress,
    src_addr: Ipv4Address,
    dst_addr: Ipv4Address,
    next_header: IpProtocol,
    payload_len: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let ip = Ipv4Repr {
        src_addr,
        dst_addr,
        next_header,
        payload_len,
        hop_limit: 64,
    };
    let mut bytes = vec![0; 14 + ip.buffer_len() + payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(from_mac);
    frame.set_dst_addr(to_mac);
    frame.set_ethertype(EthernetProtocol::Ipv4);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &Default::default());
    emit(packet.payload_mut());
    bytes
}

fn syn_frame(
    from_mac: EthernetAddress,
    to_mac: EthernetAddress,
    from: Ipv4Address,
    to: Ipv4Address,
    src_port: u16,
    dst_port: u16,
) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port,
        dst_port,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1),
        ack_number: None,
        window_len: 1000,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    ip_frame(
        from_mac,
        to_mac,
        from,
        to,
        IpProtocol::Tcp,
        tcp.buffer_len(),
        |payload| {
            let mut packet = TcpPacket::new_unchecked(payload);
            tcp.emit(&mut packet, &from.into(), &to.into(), &Default::default());
        },
    )
}
