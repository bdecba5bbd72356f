//! Peers that behave as the libraries of others do: no attacks, but as rare in our own code.

use std::time::Duration;

use basalt_net::kad::{Kind as KadKind, Message};
use basalt_net::multiaddr::Multiaddr;
use basalt_net::swarm::{CloseReason, Config, Refusal};
use basalt_net::yamux::{Flags, Kind};
use basalt_net::{PeerId, identify, particle, ping, prefixed};

use crate::Budget;
use crate::victim::{Client, Victim};
use crate::wire::{data, header, keypair, line, proposal, syn};

const KAD: &str = "/fluence/kad/dar/1.0.0";
const PING: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

fn victim() -> Victim {
    Victim::new(Config {
        kademlia: Some(KAD.into()),
        ..Config::default()
    })
}

/// Ends our side of a stream.
fn fin(stream: u32) -> Vec<u8> {
    header(Kind::Data, Flags::FIN, stream, 0).to_vec()
}

/// What the frames of `heard` say on `stream`, and whether it was reset.
fn said(heard: &[u8], stream: u32) -> (Vec<u8>, bool) {
    let (mut bytes, mut reset, mut rest) = (Vec::new(), false, heard);
    while let Some((head, tail)) = rest.split_at_checked(12) {
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("four"));
        let length = match head[1] {
            0 => number(8) as usize,
            _ => 0,
        };
        if number(4) == stream {
            bytes.extend_from_slice(&tail[..length]);
            reset |= head[3] & 8 != 0;
        }
        rest = &tail[length..];
    }
    (bytes, reset)
}

/// Whom the victim names when a stranger asks for `peer`.
fn named(victim: &mut Victim, asker: u32, peer: PeerId) -> Option<Vec<Multiaddr>> {
    let mut client = Client::connect(victim, asker).expect("let in");
    let question = prefixed::frame(&Message::find_node(&peer).encode());
    client.say(victim, &syn(1, &[proposal(KAD), question].concat()));
    let (answer, _) = said(&client.hear(victim), 1);
    let answer = &answer[proposal(KAD).len()..];
    let start = answer.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let message = Message::decode(&answer[start..]).ok()??;
    assert_eq!(message.kind, KadKind::FindNode);
    let contact = message.closer.into_iter().find(|told| told.peer == peer)?;
    Some(contact.addresses)
}

/// The identify message of client `index`.
fn info(index: u32, protocols: &[&str], addresses: &[&str]) -> identify::Info {
    identify::Info {
        public_key: Some(keypair(index).public().into()),
        protocol_version: "ipfs/0.1.0".into(),
        agent_version: "a library".into(),
        listen_addrs: (addresses.iter().map(|text| text.parse().expect(text))).collect(),
        observed_addr: None,
        protocols: protocols.iter().map(|name| (*name).into()).collect(),
    }
}

/// A push on a stream of its own.
fn push(victim: &mut Victim, client: &mut Client, stream: u32, body: &[u8]) {
    let bytes = [proposal(identify::PUSH_PROTOCOL), prefixed::frame(body)].concat();
    client.say(victim, &syn(stream, &bytes));
    client.say(victim, &fin(stream));
    client.hear(victim);
}

/// One ping at a time, each on a stream that is ended before the next: whatever came out meanwhile.
#[test]
fn pings_that_are_over_leave_their_place() {
    let _budget = Budget::of(4 << 20);
    let mut victim = victim();
    let mut client = Client::connect(&mut victim, 1).expect("let in");
    let mut together = Vec::new();
    for stream in (1..200).step_by(2) {
        together.extend(syn(
            stream,
            &[proposal(ping::PROTOCOL), PING.to_vec()].concat(),
        ));
        together.extend(fin(stream));
    }
    client.say(&mut victim, &together);
    let heard = client.hear(&mut victim);
    for stream in (1..200).step_by(2) {
        let want = [proposal(ping::PROTOCOL), PING.to_vec()].concat();
        assert_eq!(said(&heard, stream), (want, false), "stream {stream}");
    }
    // Two may stay (libp2p "ping"), and the third is told so.
    for stream in [201, 203, 205] {
        client.say(&mut victim, &syn(stream, &proposal(ping::PROTOCOL)));
    }
    let heard = client.hear(&mut victim);
    assert_eq!(said(&heard, 203).0, proposal(ping::PROTOCOL));
    let refusal = [line("/multistream/1.0.0"), line("na")].concat();
    assert_eq!(said(&heard, 205), (refusal, false));
}

/// What a push may carry, one after the other and in any order.
#[test]
fn pushes_in_parts() {
    let _budget = Budget::of(4 << 20);
    let first = "/ip4/1.1.1.1/tcp/1";
    let second = "/ip4/1.1.1.1/tcp/2";
    let both = [particle::PROTOCOL, KAD];
    let parsed = |text: &str| vec![text.parse::<Multiaddr>().expect(text)];
    let mut victim = victim();
    let mut client = Client::connect(&mut victim, 1).expect("let in");
    let id = client.id;
    push(
        &mut victim,
        &mut client,
        1,
        &info(1, &both, &[first]).encode(),
    );
    assert_eq!(named(&mut victim, 100, id), Some(parsed(first)));

    // Nothing, a signed record alone, a key alone, an address that was observed alone.
    let field = |number: u8, body: &[u8]| [&[number << 3 | 2, body.len() as u8], body].concat();
    let key = info(1, &[], &[]).public_key.expect("a key").to_protobuf();
    let bodies = [
        vec![],
        field(8, b"an envelope"),
        field(1, &key),
        field(4, parsed(second)[0].as_bytes()),
    ];
    for (stream, body) in (3..).step_by(2).zip(&bodies) {
        push(&mut victim, &mut client, stream, body);
        let asker = 101 + stream;
        assert_eq!(named(&mut victim, asker, id), Some(parsed(first)));
    }
    // Two at once: the later holds.
    let address = |text: &str| field(2, parsed(text)[0].as_bytes());
    let framed = |text| {
        [
            proposal(identify::PUSH_PROTOCOL),
            prefixed::frame(&address(text)),
        ]
        .concat()
    };
    let (one, two) = (syn(21, &framed(second)), syn(23, &framed(first)));
    client.say(&mut victim, &[one, two, fin(23), fin(21)].concat());
    assert_eq!(named(&mut victim, 150, id), Some(parsed(first)));
    // The key of somebody else: nothing of it holds.
    let stranger = info(2, &both, &[second]).encode();
    push(&mut victim, &mut client, 25, &stranger);
    assert_eq!(named(&mut victim, 151, id), Some(parsed(first)));
    assert_eq!(victim.refused(Refusal::MessageMalformed), 1);
    // Cut off, which is reset, and nothing holds either.
    let cut = &address(second)[..5];
    push(&mut victim, &mut client, 27, cut);
    assert_eq!(named(&mut victim, 152, id), Some(parsed(first)));
}

/// Go Away with every code that there is, and with one that there is not.
#[test]
fn go_away_with_any_code() {
    let _budget = Budget::of(4 << 20);
    for code in [0, 1, 2, 7] {
        let mut victim = victim();
        let mut client = Client::connect(&mut victim, 1).expect("let in");
        // A question is open: its answer still comes.
        let id = client.id;
        let (head, question) = (
            proposal(KAD),
            prefixed::frame(&Message::find_node(&id).encode()),
        );
        let (begin, rest) = question.split_at(3);
        client.say(&mut victim, &syn(1, &[&head[..], begin].concat()));
        client.say(&mut victim, &header(Kind::GoAway, Flags(0), 0, code));
        client.say(&mut victim, &data(1, rest));
        client.say(&mut victim, &fin(1));
        let (answer, reset) = said(&client.hear(&mut victim), 1);
        if victim.reason(client.conn).is_none() {
            assert!(answer.len() > proposal(KAD).len() && !reset, "code {code}");
            victim.pass(Duration::from_secs(25));
        }
        let reason = victim.reason(client.conn);
        assert!(reason.is_some(), "code {code}: it is still connected");
        if code == 0 {
            assert!(matches!(reason, Some(CloseReason::Remote)), "{reason:?}");
        }
        assert!(!victim.swarm.is_connected(&id), "code {code}");
    }
}

/// Unknown names of every length on one stream, byte by byte, and then one that is spoken.
#[test]
fn proposals_in_any_piece() {
    let _budget = Budget::of(4 << 20);
    let mut victim = victim();
    let mut client = Client::connect(&mut victim, 1).expect("let in");
    let long = |length: usize| {
        let body = format!("/{}\n", "u".repeat(length - 1));
        prefixed::frame(body.as_bytes())
    };
    let mut names: Vec<Vec<u8>> = (0..100).map(|index| line(&format!("/u/{index}"))).collect();
    names.extend([126, 127, 128, 254, 255, 256, 1_000, 4_096].map(long));
    names.push(line("ls"));
    let mut whole = [line("/multistream/1.0.0"), names.concat()].concat();
    whole.extend(line(ping::PROTOCOL));
    whole.extend(PING);
    let mut want = line("/multistream/1.0.0");
    names.iter().for_each(|_| want.extend(line("na")));
    want.extend(line(ping::PROTOCOL));
    want.extend(PING);
    for (stream, piece) in [(1, 1), (3, 7), (5, 250), (7, usize::MAX)] {
        client.say(&mut victim, &syn(stream, b""));
        let mut got = Vec::new();
        for bytes in whole.chunks(piece.min(whole.len())) {
            client.say(&mut victim, &data(stream, bytes));
            got.extend(said(&client.hear(&mut victim), stream).0);
        }
        assert_eq!(got, want, "in pieces of {piece}");
        client.say(&mut victim, &fin(stream));
        client.hear(&mut victim);
    }
    assert!(victim.reason(client.conn).is_none());
}

/// Addresses that are not for us, as many as fit into the message, are read past.
#[test]
fn addresses_that_are_not_for_us() {
    let _budget = Budget::of(4 << 20);
    let mut victim = victim();
    let mut client = Client::connect(&mut victim, 1).expect("let in");
    let id = client.id;
    let forms = |index: u32| match index % 4 {
        0 => format!("/ip4/1.1.1.1/udp/{index}/quic-v1"),
        1 => format!("/ip4/1.1.1.1/tcp/{index}/p2p/{id}/p2p-circuit"),
        2 => format!("/ip4/10.0.0.1/tcp/{index}"),
        _ => format!("/ip4/1.1.1.1/udp/{index}/webrtc-direct"),
    };
    let mut listen: Vec<String> = (1..120).map(forms).collect();
    listen.push("/ip4/1.1.1.1/tcp/977".into());
    let texts: Vec<&str> = listen.iter().map(String::as_str).collect();
    let told = info(1, &[particle::PROTOCOL, KAD], &texts).encode();
    assert!(told.len() < identify::MAX_MESSAGE, "{}", told.len());
    push(&mut victim, &mut client, 1, &told);
    let kept = named(&mut victim, 100, id).expect("it is of the network");
    assert_eq!(kept, ["/ip4/1.1.1.1/tcp/977".parse().expect("an address")]);
}
