//! Gateways, inside and outside the subnet.

use super::*;

/// A router by hand: answers ARP for `inside` on the server's wire and for `outside` on the
/// client's, and passes IP packets from one to the other with new Ethernet headers.
struct Router {
    inside: Ipv4Address,
    outside: Ipv4Address,
    /// Addresses somebody asked for on the server's wire.
    asked: Vec<Ipv4Address>,
}

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
