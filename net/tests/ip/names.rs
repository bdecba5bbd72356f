//! Name lookups.

use std::result::Result;

use basalt_net::dns::{self, Kind, Record};

use super::*;

/// A stack with one name server, and the time.
struct Asker {
    stack: Stack,
    nic: link::Nic,
    events: Vec<Event>,
    now: Instant,
    /// Ports and transaction numbers that questions came with.
    seen: Vec<(u16, [u8; 2])>,
}

impl Asker {
    fn new(max_queries: usize) -> Asker {
        let mut config = Config::fixed(MAC_A, Ipv4Cidr::new(A, 24), None);
        config.dns = vec![B];
        config.limits.max_queries = max_queries;
        Asker {
            stack: Stack::new(config, 1),
            nic: link::Nic::default(),
            events: Vec::new(),
            now: Instant::from_micros(1),
            seen: Vec::new(),
        }
    }

    fn poll(&mut self) {
        self.stack.poll(self.now, &mut self.nic, &mut self.events);
    }

    /// Runs until nothing is under way, with a server that answers as `server` says.
    fn run(&mut self, server: impl Fn(&[u8]) -> Option<Vec<u8>>) {
        for _ in 0..10_000 {
            self.poll();
            while let Some(frame) = self.nic.sent.pop_front() {
                let reply = self.reply(&frame, &server);
                self.nic.received.extend(reply);
            }
            self.now = match self.stack.wake_at(self.now) {
                Some(at) => at.max(self.now + Duration::from_micros(1)),
                None => return,
            };
        }
        panic!("it never rests");
    }

    /// Answers ARP for `B`, and questions.
    fn reply(
        &mut self,
        frame: &[u8],
        server: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        if frame.ethertype() == EthernetProtocol::Arp {
            return Some(arp_frame(ArpOperation::Reply, MAC_B, B, MAC_A, A));
        }
        let ip = Ipv4Packet::new_checked(frame.payload()).ok()?;
        if ip.next_header() != IpProtocol::Udp {
            return None;
        }
        let query = UdpPacket::new_checked(ip.payload()).ok()?;
        let number = [query.payload()[0], query.payload()[1]];
        self.seen.push((query.src_port(), number));
        let answer = server(query.payload())?;
        Some(udp_frame(query.src_port(), &answer))
    }

    fn results(&mut self) -> Vec<(QueryId, Result<Vec<Record>, dns::Error>)> {
        let taken = self.events.drain(..).filter_map(|event| match event {
            Event::Resolved { query, result } => Some((query, result)),
            _ => None,
        });
        taken.collect()
    }
}

fn udp_frame(port: u16, payload: &[u8]) -> Vec<u8> {
    let udp = UdpRepr {
        src_port: 53,
        dst_port: port,
    };
    let len = udp.header_len() + payload.len();
    ip_frame(MAC_B, MAC_A, B, A, IpProtocol::Udp, len, |room| {
        let mut packet = UdpPacket::new_unchecked(room);
        let emit = |room: &mut [u8]| room.copy_from_slice(payload);
        let (from, to) = (B.into(), A.into());
        udp.emit(
            &mut packet,
            &from,
            &to,
            payload.len(),
            emit,
            &Default::default(),
        );
    })
}

/// Answers about names with `node` in them: 192.0.2.77, 2001:db8::77, and a text; silent about
/// others.
fn knows_node(question: &[u8]) -> Option<Vec<u8>> {
    if !question.windows(4).any(|window| window == b"node") {
        return None;
    }
    // The option about sizes is left out of the answer.
    let end = question.len() - 11;
    let kind = question[end - 3];
    let data: &[u8] = match kind {
        1 => &[192, 0, 2, 77],
        28 => &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77],
        _ => b"\x02te\x00\x02xt",
    };
    let mut answer = question[..end].to_vec();
    // Response with recursion; one answer: a pointer to the name, the kind, IN, 60 s, the data.
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
    answer.extend(data);
    Some(answer)
}

#[test]
fn names_are_resolved_and_queries_are_bounded() {
    let mut asker = Asker::new(4);
    let early = asker.stack.resolve("early.example", Kind::A);
    assert_eq!(early, Err(Error::NotConfigured));
    asker.poll();
    let bad = asker.stack.resolve(&"x".repeat(64), Kind::A);
    assert_eq!(bad, Err(Error::Name(dns::Error::BadName)));
    let mut ask = |name, kind| asker.stack.resolve(name, kind);
    let ids = [
        ask("node.example", Kind::A).unwrap(),
        ask("node.example", Kind::Aaaa).unwrap(),
        ask("node.example", Kind::Txt).unwrap(),
        ask("silent.example", Kind::A).unwrap(),
    ];
    assert_eq!(ask("fifth.example", Kind::A), Err(Error::TooManyQueries));
    asker.run(knows_node);
    let ip = |text: &str| Ok(vec![Record::Address(text.parse().unwrap())]);
    let expected = [
        (ids[0], ip("192.0.2.77")),
        (ids[1], ip("2001:db8::77")),
        (ids[2], Ok(vec![Record::Text(b"text".into())])),
        (ids[3], Err(dns::Error::Silence)),
    ];
    assert_eq!(asker.results(), expected);
    // The places are free again, and the silent one was asked as often as the limit says.
    assert!(asker.stack.resolve("node.example", Kind::A).is_ok());
    assert_eq!(asker.seen.len(), 3 + 4);
}

#[test]
fn an_answer_counts_only_on_its_own_port_with_its_own_number() {
    let mut asker = Asker::new(4);
    asker.poll();
    for _ in 0..3 {
        asker.stack.resolve("node.example", Kind::A).unwrap();
    }
    asker.run(|question| {
        let mut answer = knows_node(question)?;
        answer[0] ^= 1;
        Some(answer)
    });
    let results = asker.results();
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|(_, r)| *r == Err(dns::Error::Silence)));
    asker.seen.sort_unstable();
    asker.seen.dedup();
    assert_eq!(asker.seen.len(), 3, "ports and numbers are drawn by lot");
}

#[test]
fn without_a_server_nothing_is_asked() {
    let mut asker = Asker::new(1);
    let config = Config::fixed(MAC_A, Ipv4Cidr::new(A, 24), None);
    asker.stack = Stack::new(config, 1);
    asker.poll();
    let error = asker.stack.resolve("node.example", Kind::A);
    assert_eq!(error, Err(Error::Name(dns::Error::NoServer)));
}
