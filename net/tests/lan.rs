//! `ip::Stack` on networks that are not plain IPv4: a VLAN, and IPv6 beside it.

mod link;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use basalt_net::ip::{
    Config, EthernetAddress, Event, Fixed6, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr, Stack,
};
use basalt_net::time::Instant;
use link::{Link, PERFECT, Random};
use smoltcp::wire::*;

const MACS: [EthernetAddress; 2] = [
    EthernetAddress([2, 0, 0, 0, 0, 1]),
    EthernetAddress([2, 0, 0, 0, 0, 2]),
];
const MAC_ROUTER: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 9]);
const PORT: u16 = 977;
/// As many bytes as take several windows.
const LEN: usize = 300_000;

fn own4(side: usize) -> Ipv4Address {
    Ipv4Address::new(10, 0, 0, side as u8 + 1)
}

fn config(side: usize) -> Config {
    Config::fixed(MACS[side], Ipv4Cidr::new(own4(side), 24), None)
}

/// Bytes that differ from frame to frame.
fn pattern() -> Vec<u8> {
    let mut random = Random(7);
    (0..LEN).map(|_| random.next() as u8).collect()
}

/// Lets stack 1 dial stack 0 at `server` and send it [`LEN`] bytes, over what `carry` makes of the
/// wire. Returns what came, and from where; `None` if the connection failed.
fn run(
    configs: [Config; 2],
    server: IpAddr,
    carry: &mut dyn FnMut(&mut Link<2>, Instant),
) -> Option<(Vec<u8>, IpAddr)> {
    let mut link = Link::<2>::new(PERFECT, 1);
    let mut stacks = configs.map(|config| Stack::new(config, 3));
    stacks[0].listen(PORT).unwrap();
    let mut events = [Vec::new(), Vec::new()];
    let (data, mut sent, mut received) = (pattern(), 0, Vec::new());
    let (mut dialed, mut accepted) = (None, None);
    let mut now = Instant::from_micros(1);
    for _ in 0..40_000 {
        for side in 0..2 {
            stacks[side].poll(now, &mut link.nics[side], &mut events[side]);
        }
        carry(&mut link, now);
        now += Duration::from_millis(1);
        let client = *dialed
            .get_or_insert_with(|| stacks[1].connect(SocketAddr::new(server, PORT)).unwrap());
        for event in events[0].drain(..) {
            if let Event::Accepted { socket, remote, .. } = event {
                accepted = Some((socket, remote.ip()));
            }
        }
        if events[1]
            .drain(..)
            .any(|event| event == Event::Failed(client))
        {
            return None;
        }
        if let Some((socket, from)) = accepted {
            sent += stacks[1].send(client, &data[sent..]);
            while stacks[0].receive_with(socket, usize::MAX, |b| {
                received.extend_from_slice(b);
            }) > 0
            {}
            if received.len() == LEN {
                return Some((received, from));
            }
        }
    }
    panic!("sent {sent}, received {}", received.len());
}

/// The VLAN of a frame, which has a tag.
fn vlan(frame: &[u8]) -> u16 {
    assert_eq!(frame[12..14], [0x81, 0x00], "{frame:02x?}");
    u16::from_be_bytes([frame[14], frame[15]])
}

#[test]
fn on_a_vlan_every_frame_has_the_tag() {
    let configs = [0, 1].map(|side| Config {
        vlan: Some(7),
        ..config(side)
    });
    let mut frames = 0;
    let outcome = run(configs, own4(0).into(), &mut |link, now| {
        for nic in &link.nics {
            frames += nic.sent.len();
            assert!(nic.sent.iter().all(|frame| vlan(frame) == 7));
            assert!(nic.sent.iter().all(|frame| frame.len() <= 1518));
        }
        link.carry(now);
    });
    let (received, from) = outcome.unwrap();
    assert!(received == pattern());
    assert_eq!(from, IpAddr::V4(own4(1)));
    assert!(frames > LEN / 1460);
}

#[test]
fn other_vlans_and_untagged_frames_are_not_heard() {
    for [server, client] in [
        [Some(7), None],
        [None, Some(7)],
        [Some(7), Some(8)],
        // The lower bits are the same.
        [Some(1), Some(0x801)],
    ] {
        let mut configs = [0, 1].map(config);
        (configs[0].vlan, configs[1].vlan) = (server, client);
        let outcome = run(configs, own4(0).into(), &mut |link, now| {
            link.carry(now);
        });
        assert_eq!(outcome, None, "{server:?} heard {client:?}");
    }
}

#[test]
fn the_priority_in_a_tag_does_not_matter() {
    let configs = [0, 1].map(|side| Config {
        vlan: Some(7),
        ..config(side)
    });
    let outcome = run(configs, own4(0).into(), &mut |link, now| {
        for frame in link.nics.iter_mut().flat_map(|nic| &mut nic.sent) {
            frame[14] |= 0xa0;
        }
        link.carry(now);
    });
    assert!(outcome.unwrap().0 == pattern());
}

fn own6(net: u16, host: u16) -> Ipv6Address {
    Ipv6Address::new(0x2001, 0xdb8, net, 0, 0, 0, 0, host)
}

fn with_ipv6(side: usize, address: Ipv6Address, gateway: Option<Ipv6Address>) -> Config {
    let address = Ipv6Cidr::new(address, 64);
    Config {
        ipv6: Some(Fixed6 { address, gateway }),
        ..config(side)
    }
}

#[test]
fn neighbours_meet_over_ipv6_with_or_without_a_vlan() {
    for vlan in [None, Some(7)] {
        let configs = [0, 1].map(|side| Config {
            vlan,
            ..with_ipv6(side, own6(1, 10 + side as u16), None)
        });
        let outcome = run(configs, own6(1, 10).into(), &mut |link, now| {
            link.carry(now);
        });
        let (received, from) = outcome.unwrap();
        assert!(received == pattern());
        assert_eq!(from, IpAddr::V6(own6(1, 11)));
    }
}

#[test]
fn a_link_local_address_of_the_peer_is_reached_too() {
    let configs = [0, 1].map(|side| with_ipv6(side, own6(1, 10 + side as u16), None));
    // fe80:: and the hardware address 02:00:00:00:00:01 as RFC 4291 appendix A stretches it.
    let server = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
    let outcome = run(configs, server.into(), &mut |link, now| {
        link.carry(now);
    });
    let from = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 2);
    assert_eq!(outcome.unwrap().1, IpAddr::V6(from));
}

const GATEWAY: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The router's answer to a neighbour solicitation for its link-local address.
fn advertisement(to: Ipv6Address, hardware: EthernetAddress) -> Vec<u8> {
    let answer = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
        flags: NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE,
        target_addr: GATEWAY,
        lladdr: Some(MAC_ROUTER.into()),
    });
    let ip = Ipv6Repr {
        src_addr: GATEWAY,
        dst_addr: to,
        next_header: IpProtocol::Icmpv6,
        payload_len: answer.buffer_len(),
        hop_limit: 255,
    };
    let mut bytes = vec![0; 14 + ip.buffer_len() + answer.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(MAC_ROUTER);
    frame.set_dst_addr(hardware);
    frame.set_ethertype(EthernetProtocol::Ipv6);
    let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet);
    let mut icmp = Icmpv6Packet::new_unchecked(packet.payload_mut());
    answer.emit(&GATEWAY, &to, &mut icmp, &Default::default());
    bytes
}

/// Whom a neighbour solicitation asks for.
fn solicited(packet: &Ipv6Packet<&[u8]>) -> Option<Ipv6Address> {
    let icmp = Icmpv6Packet::new_checked(packet.payload()).ok()?;
    let (from, to) = (packet.src_addr(), packet.dst_addr());
    match Icmpv6Repr::parse(&from, &to, &icmp, &Default::default()).ok()? {
        Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr, .. }) => Some(target_addr),
        _ => None,
    }
}

#[test]
fn another_network_is_reached_through_fe80_1() {
    let (server, client) = (own6(1, 10), own6(2, 5));
    let configs = [
        with_ipv6(0, server, Some(GATEWAY)),
        with_ipv6(1, client, Some(GATEWAY)),
    ];
    let mut asked = [0, 0];
    let outcome = run(configs, server.into(), &mut |link, _| {
        for side in 0..2 {
            while let Some(mut bytes) = link.nics[side].sent.pop_front() {
                let frame = EthernetFrame::new_checked(&bytes[..]).unwrap();
                if frame.ethertype() != EthernetProtocol::Ipv6 {
                    continue;
                }
                let packet = Ipv6Packet::new_checked(frame.payload()).unwrap();
                if packet.next_header() == IpProtocol::Icmpv6 {
                    let target = solicited(&packet);
                    assert!(target.is_none_or(|target| target == GATEWAY), "{target:?}");
                    if target.is_some() {
                        asked[side] += 1;
                        let answer = advertisement(packet.src_addr(), frame.src_addr());
                        link.nics[side].received.push_back(answer);
                    }
                } else if frame.dst_addr() == MAC_ROUTER {
                    let mut frame = EthernetFrame::new_checked(&mut bytes[..]).unwrap();
                    frame.set_src_addr(MAC_ROUTER);
                    frame.set_dst_addr(MACS[1 - side]);
                    link.nics[1 - side].received.push_back(bytes);
                }
            }
        }
    });
    let (received, from) = outcome.unwrap();
    assert!(received == pattern());
    assert_eq!(from, IpAddr::V6(client));
    assert!(
        asked[0] > 0 && asked[1] > 0,
        "both ends ask for their gateway"
    );
}

/// A router on the way from stack 1 to stack 0 that takes packets of at most `mtu` bytes, and says
/// of others that they must not be larger than it `claims`.
struct Narrow {
    mtu: usize,
    claims: u16,
    /// Frames that went through, and those that did not.
    passed: usize,
    dropped: usize,
}

impl Narrow {
    fn new(mtu: usize, claims: u16) -> Narrow {
        Narrow {
            mtu,
            claims,
            passed: 0,
            dropped: 0,
        }
    }

    fn carry(&mut self, link: &mut Link<2>, now: Instant) {
        let frames = std::mem::take(&mut link.nics[1].sent);
        for frame in frames {
            if frame.len() <= 14 + self.mtu {
                self.passed += 1;
                link.nics[1].sent.push_back(frame);
            } else {
                self.dropped += 1;
                link.nics[1]
                    .received
                    .push_back(too_big(&frame, self.claims));
            }
        }
        link.carry(now);
    }
}

/// What a router says of a frame that is too big (RFC 1191 section 4, RFC 4443 section 3.2).
fn too_big(frame: &[u8], mtu: u16) -> Vec<u8> {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    let mut bytes = vec![0; 14];
    let mut ethernet = EthernetFrame::new_unchecked(&mut bytes[..]);
    ethernet.set_src_addr(MAC_ROUTER);
    ethernet.set_dst_addr(frame.src_addr());
    ethernet.set_ethertype(frame.ethertype());
    if let Ok(packet) = Ipv4Packet::new_checked(frame.payload()) {
        let icmp = Icmpv4Repr::DstUnreachable {
            reason: Icmpv4DstUnreachable::FragRequired,
            header: Ipv4Repr::parse(&packet, &Default::default()).unwrap(),
            data: &packet.payload()[..8],
        };
        let ip = Ipv4Repr {
            src_addr: Ipv4Address::new(10, 0, 0, 99),
            dst_addr: packet.src_addr(),
            next_header: IpProtocol::Icmp,
            payload_len: icmp.buffer_len(),
            hop_limit: 64,
        };
        bytes.resize(14 + ip.buffer_len() + icmp.buffer_len(), 0);
        let mut packet = Ipv4Packet::new_unchecked(&mut bytes[14..]);
        ip.emit(&mut packet, &Default::default());
        let mut message = Icmpv4Packet::new_unchecked(packet.payload_mut());
        icmp.emit(&mut message, &Default::default());
        let message = packet.payload_mut();
        message[6..8].copy_from_slice(&mtu.to_be_bytes());
        Icmpv4Packet::new_unchecked(message).fill_checksum();
    } else {
        let packet = Ipv6Packet::new_checked(frame.payload()).unwrap();
        let icmp = Icmpv6Repr::PktTooBig {
            mtu: mtu.into(),
            header: Ipv6Repr::parse(&packet).unwrap(),
            data: &packet.payload()[..packet.payload().len().min(1000)],
        };
        let ip = Ipv6Repr {
            src_addr: own6(1, 99),
            dst_addr: packet.src_addr(),
            next_header: IpProtocol::Icmpv6,
            payload_len: icmp.buffer_len(),
            hop_limit: 64,
        };
        bytes.resize(14 + ip.buffer_len() + icmp.buffer_len(), 0);
        let mut packet = Ipv6Packet::new_unchecked(&mut bytes[14..]);
        ip.emit(&mut packet);
        let mut message = Icmpv6Packet::new_unchecked(packet.payload_mut());
        icmp.emit(
            &ip.src_addr,
            &ip.dst_addr,
            &mut message,
            &Default::default(),
        );
    }
    bytes
}

#[test]
fn a_path_that_is_narrower_than_the_link_is_found_out() {
    for (mtu, claims) in [(1400, 1400), (600, 600), (577, 576)] {
        let mut narrow = Narrow::new(mtu, claims);
        let outcome = run([0, 1].map(config), own4(0).into(), &mut |link, now| {
            narrow.carry(link, now);
        });
        assert!(outcome.unwrap().0 == pattern(), "{mtu}");
        // Only what was under way when the router spoke is lost.
        assert!((1..100).contains(&narrow.dropped), "{}", narrow.dropped);
        assert!(narrow.passed > LEN / mtu);
    }
}

#[test]
fn a_path_of_ipv6_too() {
    let configs = [0, 1].map(|side| with_ipv6(side, own6(1, 10 + side as u16), None));
    let mut narrow = Narrow::new(1280, 1280);
    let outcome = run(configs, own6(1, 10).into(), &mut |link, now| {
        narrow.carry(link, now);
    });
    assert!(outcome.unwrap().0 == pattern());
    assert!((1..100).contains(&narrow.dropped), "{}", narrow.dropped);
}

#[test]
fn no_router_makes_packets_smaller_than_what_every_host_takes() {
    for claims in [0, 68] {
        let mut narrow = Narrow::new(576, claims);
        let outcome = run([0, 1].map(config), own4(0).into(), &mut |link, now| {
            narrow.carry(link, now);
        });
        assert!(outcome.unwrap().0 == pattern());
        assert!(narrow.passed < 2 * LEN / 536, "{}", narrow.passed);
    }
}

#[test]
fn what_is_said_about_other_connections_is_not_believed() {
    let mut frames = 0;
    let outcome = run([0, 1].map(config), own4(0).into(), &mut |link, now| {
        let large = link.nics[1].sent.iter().filter(|frame| frame.len() == 1514);
        for mut frame in large.cloned().collect::<Vec<_>>() {
            frames += 1;
            // Another port of ours.
            frame[14 + 20] ^= 1;
            link.nics[1].received.push_back(too_big(&frame, 576));
        }
        link.carry(now);
    });
    assert!(outcome.unwrap().0 == pattern());
    // Nearly all still take what the link takes.
    assert!(frames > LEN / 2000, "{frames}");
}
