//! Finding each other.

use alloc::vec;
use core::time::Duration;

use super::*;
use basalt_terms::multiaddr::{EndpointError, Scope};

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
