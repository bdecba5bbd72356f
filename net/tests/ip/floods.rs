//! Budgets of sockets, and what answers without one.

use super::*;

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
