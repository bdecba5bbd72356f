//! Peers that have proven who they are, and then behave badly.

use std::time::Duration;

use basalt_net::kad::{Contact, Kind as KadKind, Message};
use basalt_net::multiaddr::Multiaddr;
use basalt_net::swarm::{CloseReason, Config, Limits, Refusal};
use basalt_net::yamux::{Flags, Kind};
use basalt_net::{Authored, Particle, connection, identify, particle, ping, prefixed, varint};

use crate::Budget;
use crate::victim::{Client, Victim};
use crate::wire::{data, header, keypair, proposal, syn};

const SECOND: Duration = Duration::from_secs(1);
const KAD: &str = "/fluence/kad/dar/1.0.0";

fn config(connection: connection::Limits, limits: Limits) -> Config {
    Config {
        kademlia: Some(KAD.into()),
        connection,
        limits,
        ..Config::default()
    }
}

fn plain() -> Victim {
    Victim::new(config(connection::Limits::default(), Limits::default()))
}

/// Streams that are opened and left alone, more than a connection may have; the ids spread out so
/// that they would meet in any table of hashes.
#[test]
fn streams_without_end() {
    let _budget = Budget::of(4 << 20);
    let mut victim = plain();
    let mut attacker = Client::connect(&mut victim, 1).expect("let in");
    for index in 0..10_000u32 {
        attacker.say(&mut victim, &syn(1 + 2 * (index << 16 | index >> 8), b""));
        // It reads, or the resets alone would end it.
        attacker.hear(&mut victim);
    }
    let most = connection::Limits::default().yamux.max_inbound_streams as u64;
    assert!(victim.refused(Refusal::StreamsFull) >= 10_000 - most - 200);
    victim.serves(2);
    // Those that were let in get their time and no more.
    victim.pass(22 * SECOND);
    assert!(victim.refused(Refusal::StreamTimeout) >= most - 200);
}

/// The same on many connections: all streams have a budget, of which each connection gets half of
/// what the others leave, and a few in any case.
#[test]
fn streams_of_many_connections() {
    let limits = Limits {
        max_streams: 1_000,
        ..Limits::default()
    };
    let mut victim = Victim::new(config(connection::Limits::default(), limits));
    for index in 1..=40 {
        let mut attacker = Client::connect(&mut victim, index).expect("let in");
        for stream in 0..600 {
            attacker.say(&mut victim, &syn(1 + 2 * stream, b""));
            attacker.hear(&mut victim);
        }
    }
    let open = victim.swarm.status().streams;
    assert!((900..1_000 + 40 * 20).contains(&open), "{open}");
    assert!(victim.refused(Refusal::StreamsFull) > 40 * 500);
    victim.serves(99);
    victim.pass(22 * SECOND);
    assert!(victim.swarm.status().streams < 10);
}

/// Refused streams and pings whose answers nobody reads.
#[test]
fn answers_that_nobody_reads() {
    let _budget = Budget::of(4 << 20);
    let mut victim = plain();
    let mut pinger = Client::connect(&mut victim, 1).expect("let in");
    for value in 0..10_000 {
        let ping = header(Kind::Ping, Flags::SYN, 0, value);
        pinger.say(&mut victim, &ping);
    }
    assert!(matches!(
        victim.reason(pinger.conn),
        Some(CloseReason::Failed(_))
    ));

    let mut echo = Client::connect(&mut victim, 2).expect("let in");
    echo.say(&mut victim, &syn(1, &proposal(ping::PROTOCOL)));
    for _ in 0..10_000 {
        echo.say(&mut victim, &data(1, &[3; 32]));
    }
    assert!(victim.refused(Refusal::MessageMalformed) >= 1);

    let mut asker = Client::connect(&mut victim, 3).expect("let in");
    for index in 0..3000 {
        asker.say(
            &mut victim,
            &syn(1 + 2 * index, &proposal(identify::PROTOCOL)),
        );
    }
    victim.serves(4);
}

/// Frames that are announced as giants, and many that are started and never finished.
#[test]
fn giant_frames() {
    let limits = Limits {
        max_held: 6 << 20,
        ..Limits::default()
    };
    let each = connection::Limits {
        max_held: 4 << 20,
        ..connection::Limits::default()
    };
    // What is held, and buffers grow by doubling.
    let budget = Budget::of(2 * (6 << 20) + (4 << 20));
    let mut victim = Victim::new(config(each, limits));
    let mut attackers: Vec<Client> = (1..=4)
        .map(|index| Client::connect(&mut victim, index).expect("let in"))
        .collect();
    for announced in [
        particle::frame::MAX_BODY as u64 + 1,
        u64::from(u32::MAX),
        u64::MAX,
    ] {
        let mut bytes = proposal(particle::PROTOCOL);
        varint::write(announced, &mut bytes);
        let id = 1 + 2 * (announced % 1000) as u32;
        attackers[0].say(&mut victim, &syn(id, &bytes));
        attackers[0].hear(&mut victim);
    }
    let too_big = victim.refused(Refusal::ParticleTooBig);
    let malformed = victim.refused(Refusal::ParticleMalformed);
    assert_eq!((too_big, malformed), (3, 0));

    let mut start = proposal(particle::PROTOCOL);
    varint::write(100 << 20, &mut start);
    for round in 0..40u32 {
        for attacker in &mut attackers {
            let id = 10_001 + 2 * round;
            attacker.say(&mut victim, &syn(id, &start));
            for _ in 0..4 {
                attacker.say(&mut victim, &data(id, &vec![0x81; 60 * 1024]));
            }
            attacker.hear(&mut victim);
        }
        assert!(victim.swarm.status().held <= (6 << 20) + (64 << 10));
    }
    assert!(victim.refused(Refusal::ParticleMemory) > 50);
    victim.serves(9);
    // More than a window.
    let mut pushy = Client::connect(&mut victim, 10).expect("let in");
    let header = header(Kind::Data, Flags::SYN, 1, (256 << 10) + 1);
    pushy.say(&mut victim, &header);
    assert!(matches!(
        victim.reason(pushy.conn),
        Some(CloseReason::Failed(_))
    ));
    drop(budget);
}

/// Peers that ask for much and read nothing.
#[test]
fn slow_readers() {
    let limits = Limits {
        max_queued: 6 << 20,
        ..Limits::default()
    };
    let each = connection::Limits {
        max_queued: 2 << 20,
        ..connection::Limits::default()
    };
    let _budget = Budget::of(9 << 20);
    let mut victim = Victim::new(config(each, limits));
    let mut slow: Vec<Client> = (1..=8)
        .map(|index| Client::connect(&mut victim, index).expect("let in"))
        .collect();
    let authored = Authored {
        id: "big".into(),
        init_peer_id: keypair(0).peer_id(),
        timestamp: 1,
        ttl: 1,
        script: String::new(),
        signature: vec![],
    };
    let particle = Particle::new(authored, vec![1; 100_000]);
    let mut congested = 0;
    for _ in 0..100 {
        for client in &slow {
            let mut out = Vec::new();
            let now = victim.now;
            congested += usize::from(
                victim
                    .swarm
                    .send(now, &client.id, &particle, &mut out)
                    .is_err(),
            );
            victim.effects(out);
        }
    }
    let queued = victim.swarm.status().queued;
    assert!(queued <= 6 << 20 && queued > 5 << 20, "{queued} wait");
    assert!(congested > 700);
    victim.serves(20);
    for value in 0..10 {
        victim.pass(10 * SECOND);
        // They live, they only do not read.
        for client in &mut slow {
            client.say(&mut victim, &header(Kind::Ping, Flags::SYN, 0, value));
        }
    }
    assert_eq!(victim.refused(Refusal::SlowReader), 8);
    assert_eq!(victim.swarm.status().queued, 0);
}

/// Questions of Kademlia: each makes some work and a big answer.
#[test]
fn questions_without_end() {
    let _budget = Budget::of(4 << 20);
    let mut victim = plain();
    let mut asker = Client::connect(&mut victim, 1).expect("let in");
    let question = prefixed::frame(&Message::find_node(&keypair(5).peer_id()).encode());
    asker.say(&mut victim, &syn(1, &proposal(KAD)));
    asker.hear(&mut victim);
    let rate = u64::from(connection::Limits::default().max_kad_rate);
    let mut answers = 0;
    for index in 0..5 * rate as u32 {
        // Streams are reset when it asks too much; it opens others.
        let id = 3 + 2 * index;
        let bytes = [&proposal(KAD)[..], &question].concat();
        asker.say(&mut victim, &syn(id, &bytes));
        asker.say(&mut victim, &header(Kind::Data, Flags::FIN, id, 0));
        let heard = asker.hear(&mut victim);
        let told = prefixed::frame(
            &Message {
                kind: KadKind::FindNode,
                key: keypair(5).peer_id().as_bytes().to_vec(),
                closer: vec![],
            }
            .encode(),
        );
        answers += u64::from(heard.windows(told.len()).any(|bytes| bytes == told));
    }
    assert_eq!(answers, rate);
    assert_eq!(victim.refused(Refusal::QuestionFlood), 4 * rate);
    victim.pass(SECOND);
    let id = 100_001;
    asker.say(
        &mut victim,
        &syn(id, &[&proposal(KAD)[..], &question].concat()),
    );
    assert!(asker.hear(&mut victim).len() > 40);
}

/// An answer full of peers and addresses makes the victim dial a few of them, not all.
#[test]
fn answers_that_name_the_whole_world() {
    let _budget = Budget::of(4 << 20);
    let mut victim = plain();
    let mut liar = Client::connect(&mut victim, 1).expect("let in");
    // It is one of the network, says its identify.
    let info = identify::Info {
        public_key: Some(keypair(1).public().into()),
        protocols: vec![particle::PROTOCOL.into(), KAD.into()],
        listen_addrs: vec!["/ip4/11.0.0.1/tcp/4000".parse().expect("an address")],
        ..identify::Info::default()
    };
    let bytes = [
        proposal(identify::PUSH_PROTOCOL),
        prefixed::frame(&info.encode()),
    ];
    liar.say(&mut victim, &syn(1, &bytes.concat()));
    victim.pass(Duration::from_millis(10));
    assert_eq!(victim.swarm.routing_table_len(), 1);
    // The victim asks it at once who is near; it names everybody on every question.
    let closer: Vec<Contact> = (0..1000)
        .map(|index| Contact {
            peer: keypair(1000 + index).peer_id(),
            addresses: (0..50)
                .map(|port| {
                    let text = format!("/ip4/9.9.{}.{port}/tcp/{}", index % 250, 1000 + index);
                    text.parse::<Multiaddr>().expect("an address")
                })
                .collect(),
            connected: true,
        })
        .collect();
    let flood = Message {
        kind: KadKind::FindNode,
        key: vec![],
        closer: closer[..32].to_vec(),
    };
    liar.hear(&mut victim);
    for id in (2..40).step_by(2) {
        let answer = [proposal(KAD), prefixed::frame(&flood.encode())].concat();
        liar.say(&mut victim, &data(id, &answer));
        victim.pass(Duration::from_millis(100));
        liar.hear(&mut victim);
    }
    victim.pass(3 * SECOND);
    // Four searches (for itself and three random places), each of which asks three at a time and
    // gives each second to others; each peer is dialed once however many searches want it.
    let dials = victim.dials.len();
    assert!(dials > 0 && dials <= 4 * 3 * 4, "{dials} dials");
}
