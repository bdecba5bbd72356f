//! Name lookups.

use super::*;

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
