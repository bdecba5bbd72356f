//! Finding each other.

use alloc::string::String;
use alloc::vec;
use core::time::Duration;

use super::*;
use crate::particle;
use basalt_terms::multiaddr::{EndpointError, Scope};
use basalt_terms::protobuf;

/// Swarms that all take part in one network's Kademlia and know each other's listeners.
fn network(count: usize, kademlia: &str) -> Net {
    let config = Config {
        kademlia: Some(kademlia.into()),
        ..Config::default()
    };
    let mut net = Net::new(vec![config; count]);
    for index in 0..count {
        let listen = address(index, Transport::Tcp);
        let now = net.now;
        net.swarms[index].set_listen_addresses(now, vec![listen], &mut vec![]);
    }
    net
}

fn find(net: &mut Net, from: usize, target: PeerId) -> Vec<(PeerId, Vec<Multiaddr>, Vec<PeerId>)> {
    let mut out = vec![];
    net.swarms[from].find(net.now, target, &mut out).unwrap();
    net.effects(from, out);
    net.run();
    net.pass(Duration::from_secs(3));
    net.take(from, |event| match event {
        Event::Found {
            peer,
            addresses,
            closest,
        } => Some((*peer, addresses.clone(), closest.clone())),
        _ => None,
    })
}

#[test]
fn each_peer_of_a_network_finds_each_other() {
    let count = 12;
    let mut net = network(count, "/fluence/kad/dar/1.0.0");
    // All know the first one only.
    for index in 1..count {
        net.dial(index, &address(0, Transport::Tcp));
        net.run();
    }
    for (from, to) in [(1, 11), (11, 1), (7, 5), (0, 9)] {
        let found = find(&mut net, from, peer(to));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, peer(to));
        assert_eq!(
            found[0].1,
            [address(to, Transport::Tcp)],
            "{from} searches {to}"
        );
    }
    // Nobody has this one, and the answer is who is closest to it.
    let stranger = peer(200);
    let (_, addresses, closest) = find(&mut net, 3, stranger).remove(0);
    assert_eq!(addresses, []);
    let key = crate::kad::Key::from(&stranger);
    let mut all: Vec<PeerId> = (0..count).filter(|&index| index != 3).map(peer).collect();
    all.sort_by_key(|peer| crate::kad::Key::from(peer).distance(&key));
    assert_eq!(closest, all);
    assert_eq!(closest.len(), count - 1);
}

#[test]
fn a_peer_of_another_network_does_not_enter() {
    let mut net = network(2, "/fluence/kad/dar/1.0.0");
    let other = Config {
        kademlia: Some("/fluence/kad/kras/1.0.0".into()),
        ..Config::default()
    };
    net.swarms.push(Swarm::new(other, keypair(2), [9; 32]));
    net.dial(0, &address(1, Transport::Tcp));
    net.dial(2, &address(0, Transport::Tcp));
    net.run();
    assert!(net.swarms[0].is_connected(&peer(2)));
    assert_eq!(net.swarms[0].routing_table_len(), 1);
    assert_eq!(net.swarms[2].routing_table_len(), 0);
    // But particles it can exchange.
    net.send(2, 0, &particle("from abroad", 10)).unwrap();
    net.run();
    assert_eq!(net.particles(0).len(), 1);
}

#[test]
fn a_peer_that_fails_again_and_again_is_left_alone_for_a_while() {
    let mut net = network(3, "/fluence/kad/dar/1.0.0");
    net.dial(1, &address(0, Transport::Tcp));
    net.run();
    net.dial(2, &address(0, Transport::Tcp));
    net.run();
    let conn = net.swarms[2].connections().next().unwrap().conn;
    net.lose(2, conn);
    // Gone from the network, but still in the table.
    net.unreachable = Some(2);
    for _ in 0..3 {
        find(&mut net, 0, peer(100));
    }
    assert_eq!(net.swarms[0].routing_table_len(), 1);
    let banned = net.swarms[0].find(net.now, peer(2), &mut vec![]);
    assert_eq!(banned, Err(crate::kad::CannotFind::Banned));
    net.now += Duration::from_secs(60);
    assert_eq!(net.swarms[0].find(net.now, peer(2), &mut vec![]), Ok(()));
}

#[test]
fn a_connection_made_for_a_search_is_closed_when_it_is_not_used() {
    let mut net = network(3, "/fluence/kad/dar/1.0.0");
    net.dial(1, &address(0, Transport::Tcp));
    net.run();
    net.dial(2, &address(0, Transport::Tcp));
    net.run();
    find(&mut net, 2, peer(1));
    assert!(net.swarms[2].is_connected(&peer(1)));
    let idle = Limits::default().passing_idle;
    for _ in 0..9 {
        net.pass(idle / 8);
    }
    assert!(!net.swarms[2].is_connected(&peer(1)));
    assert!(net.closed(2).contains(&CloseReason::Idle));
    // What the owner dialed stays, and so does what the other side did.
    assert!(net.swarms[2].is_connected(&peer(0)) && net.swarms[1].is_connected(&peer(0)));
    assert_eq!(net.swarms[2].routing_table_len(), 2);
}

#[test]
fn names_lead_inside_only_if_somebody_inside_told_them() {
    let mut net = network(2, "/fluence/kad/test/1.0.0");
    let named: Multiaddr = "/dns4/inside.example/tcp/977".parse().unwrap();
    net.swarms[1].set_listen_addresses(net.now, vec![named.clone()], &mut vec![]);
    let scope = |net: &mut Net, address: &Multiaddr| {
        let mut out = vec![];
        net.swarms[0].dial_told(net.now, address, &mut out).unwrap();
        match &out[..] {
            [Effect::Dial { endpoint, .. }] => endpoint.scope,
            other => panic!("not dialed: {other:?}"),
        }
    };
    assert_eq!(scope(&mut net, &named), Scope::Global);
    // Both have addresses of a private network.
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    assert_eq!(scope(&mut net, &named), Scope::Any);
    let other = "/dns4/other.example/tcp/977".parse().unwrap();
    assert_eq!(scope(&mut net, &other), Scope::Global);
}

/// Tells what follows on all connections of swarm `from` as an identify push.
fn push(net: &mut Net, from: usize, message: Vec<u8>) {
    let swarm = &mut net.swarms[from];
    swarm.local.identify = message;
    for conn in swarm.pool.ids() {
        let context = connection::Context {
            now: net.now,
            local: &swarm.local,
            allowance: 0,
        };
        swarm.pool.connection(conn).unwrap().push_identity(context);
    }
    net.run();
}

#[test]
fn what_a_push_leaves_out_stays_as_it_was() {
    const KADEMLIA: &str = "/fluence/kad/dar/1.0.0";
    let address_of = |text: &str| text.parse::<Multiaddr>().unwrap();
    let field = |number, value: &[u8]| {
        let mut message = vec![];
        protobuf::write_bytes(number, value, &mut message);
        message
    };
    let listen = |text: &str| field(2, address_of(text).as_bytes());
    let mut net = network(2, KADEMLIA);
    net.swarms[0].config.particles_only = true;
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    let addresses = |net: &Net| net.swarms[0].addresses(&peer(1)).map(<[_]>::to_vec);
    assert_eq!(addresses(&net), Some(vec![address(1, Transport::Tcp)]));

    // One field at a time: a new address, another agent, nothing at all.
    let moved = "/ip4/127.0.0.1/tcp/45679";
    push(&mut net, 1, listen(moved));
    assert_eq!(addresses(&net), Some(vec![address_of(moved)]));
    for message in [field(6, b"agent"), field(5, b"ipfs/0.1.0"), vec![]] {
        push(&mut net, 1, message);
        assert_eq!(addresses(&net), Some(vec![address_of(moved)]));
    }
    // Addresses that are of no use here are addresses all the same.
    push(&mut net, 1, listen("/ip4/127.0.0.1/udp/1/quic-v1"));
    assert_eq!(addresses(&net), Some(vec![]));
    push(&mut net, 1, listen(moved));

    // Protocols alone: it leaves the network, and comes back with its address.
    push(&mut net, 1, field(3, particle::PROTOCOL.as_bytes()));
    assert_eq!(addresses(&net), None);
    let both = [
        field(3, particle::PROTOCOL.as_bytes()),
        field(3, KADEMLIA.as_bytes()),
    ];
    push(&mut net, 1, both.concat());
    assert_eq!(addresses(&net), Some(vec![address_of(moved)]));
    assert_eq!(net.refused(0), []);

    // A list without the particle protocol is still a reason to leave.
    push(&mut net, 1, field(3, KADEMLIA.as_bytes()));
    assert_eq!(net.refused(0), [Refusal::NoParticles]);
    assert!(!net.swarms[0].is_connected(&peer(1)));
    assert!(net.swarms[0].told.is_empty());
}

#[test]
fn addresses_of_no_use_here_hide_none_that_is() {
    const KADEMLIA: &str = "/fluence/kad/dar/1.0.0";
    let address_of = |text: String| text.parse::<Multiaddr>().unwrap();
    let useless: Vec<Multiaddr> = (0..60)
        .flat_map(|port| {
            [
                std::format!("/ip4/10.0.0.1/udp/{port}/quic-v1"),
                std::format!("/ip4/10.0.0.1/tcp/{port}/p2p/{}/p2p-circuit", peer(3)),
            ]
        })
        .map(address_of)
        .collect();
    let mut net = network(3, KADEMLIA);
    // In identify, and kept no longer than sixteen.
    let tcp = |port| address_of(std::format!("/ip4/10.0.0.1/tcp/{port}"));
    let listen = [&useless[..], &[address(1, Transport::Tcp)]].concat();
    let listen = listen.into_iter().take(60).chain((1000..1040).map(tcp));
    let now = net.now;
    net.swarms[1].set_listen_addresses(now, listen.collect(), &mut vec![]);
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    let kept = net.swarms[0].addresses(&peer(1)).unwrap();
    assert_eq!(kept, (1000..1016).map(tcp).collect::<Vec<_>>());

    // In an answer: those that need TLS, which is not set up here, and those of another peer.
    let mut told = useless;
    told.extend((0..4).map(|port| address_of(std::format!("/ip4/10.0.0.2/tcp/{port}/wss"))));
    told.extend(
        (0..4).map(|port| address_of(std::format!("/ip4/10.0.0.2/tcp/{port}/p2p/{}", peer(3)))),
    );
    told.push(address(2, Transport::Tcp));
    net.swarms[1].kad.identified(now, peer(2), told);
    find(&mut net, 0, peer(200));
    assert!(net.swarms[0].is_connected(&peer(2)));
}

#[test]
fn addresses_inside_are_dialed_only_if_somebody_inside_told_them() {
    // Peers of another network tell addresses as well.
    let mut net = network(2, "/fluence/kad/test/1.0.0");
    net.swarms[0] = Swarm::new(Config::default(), keypair(0), [1; 32]);
    let refused = |net: &mut Net, address: &str| {
        let address: Multiaddr = address.parse().unwrap();
        let mut out = vec![];
        match net.swarms[0].dial_told(net.now, &address, &mut out) {
            Err(CannotDial::Address(EndpointError::NotPublic)) => out.is_empty(),
            dialed => dialed.is_err(),
        }
    };
    let inside = [
        "/ip4/10.0.0.1/tcp/977",
        "/ip4/127.0.0.1/tcp/977",
        "/ip4/0.0.0.0/tcp/977",
        "/ip4/169.254.169.254/tcp/80",
        "/ip4/100.64.0.1/tcp/977",
        "/ip6/::1/tcp/977",
        "/ip6/::ffff:10.0.0.1/tcp/977",
        "/ip6/fe80::1/tcp/977",
        "/ip6/fd00::1/tcp/977/ws",
    ];
    for address in inside {
        assert!(refused(&mut net, address), "{address}");
    }
    let counted = net.swarms[0].status().refused(Refusal::NotPublic);
    assert_eq!(counted, inside.len() as u64);
    for address in ["/ip4/1.1.1.1/tcp/977", "/ip6/2a00::1/tcp/977"] {
        assert!(!refused(&mut net, address), "{address}");
    }
    // A neighbour tells where it listens.
    net.dial(1, &address(0, Transport::Tcp));
    net.run();
    assert!(!refused(&mut net, "/ip4/10.0.0.1/tcp/977"));
    assert!(refused(&mut net, "/ip4/10.0.0.2/tcp/977"));
}
