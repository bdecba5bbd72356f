//! Addresses from a DHCP server.

use super::*;

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
