//! Connections come and go, and both ends are told.

use alloc::string::{String, ToString};

use super::*;
use basalt_terms::multiaddr::EndpointError;

#[test]
fn peers_connect_and_identify_each_other() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut net = Net::pair();
        let listen: Vec<Multiaddr> = vec!["/ip4/10.0.0.1/tcp/977".parse().unwrap()];
        let now = net.now;
        net.swarms[1].set_listen_addresses(now, listen.clone(), &mut vec![]);
        net.dial(0, &address(1, transport));
        net.run();
        for (index, direction) in [(0, Direction::Outbound), (1, Direction::Inbound)] {
            let connected = net.take(index, |event| match event {
                Event::Connected {
                    peer,
                    direction,
                    first,
                    ..
                } => Some((*peer, *direction, *first)),
                _ => None,
            });
            assert_eq!(connected, [(peer(1 - index), direction, true)]);
            let infos = net.take(index, |event| match event {
                Event::Identified { info, .. } => Some((**info).clone()),
                _ => None,
            });
            assert_eq!(infos.len(), 1);
            assert_eq!(
                infos[0].public_key,
                Some(keypair(1 - index).public().into())
            );
            assert_eq!(infos[0].protocol_version, "/fluence/particle/2.0.0");
            assert!(infos[0].speaks("/fluence/particle/2.0.0"));
            let observed = infos[0].observed_addr.as_ref().unwrap();
            let port = match (index, transport) {
                (0, _) => "/ip4/10.0.0.0/tcp/40000",
                (_, Transport::Tcp) => "/ip4/10.0.0.1/tcp/977",
                (_, _) => "/ip4/10.0.0.1/tcp/999",
            };
            assert!(std::format!("{observed}").starts_with(port));
            if index == 0 {
                assert_eq!(infos[0].listen_addrs, listen);
            }
        }
        assert!(net.events.is_empty(), "{:?}", net.events);
        assert!(net.swarms[0].is_connected(&peer(1)) && net.swarms[1].is_connected(&peer(0)));
        let status = net.swarms[0].status();
        assert_eq!(
            (status.connections, status.set_ups, status.peers),
            (1, 0, 1)
        );
    }
}

#[test]
fn the_wrong_peer_is_not_connected() {
    let mut net = Net::pair();
    let wrong: Multiaddr = std::format!("/ip4/10.0.0.1/tcp/977/p2p/{}", peer(2))
        .parse()
        .unwrap();
    net.dial(0, &wrong);
    net.run();
    let error = connection::Error::WrongPeer(peer(1));
    assert_eq!(net.closed(0), [CloseReason::Failed(error)]);
    assert_eq!(net.closed(1), [CloseReason::Remote]);
    assert!(!net.swarms[0].is_connected(&peer(1)));
    assert_eq!(
        (
            net.swarms[0].status().connections,
            net.swarms[1].status().connections
        ),
        (0, 0)
    );
}

/// The swarm 0 of three dials `/dnsaddr/net.example<suffix>`, whose records are these.
fn dial_records(suffix: &str, records: &[(&str, Vec<String>)]) -> Net {
    let configs = (0..3).map(|_| Config::default()).collect();
    let mut net = Net::new(configs);
    let text = |text: &String| std::format!("dnsaddr={text}").into_bytes();
    let records = records
        .iter()
        .map(|(name, texts)| (String::from(*name), texts.iter().map(text).collect()));
    net.texts = records.collect();
    let dnsaddr = std::format!("/dnsaddr/net.example{suffix}");
    net.dial(0, &dnsaddr.parse().unwrap());
    net.run();
    net
}

#[test]
fn the_records_of_a_domain_are_dialed_until_one_answers() {
    let tcp = |index| address(index, Transport::Tcp).to_string();
    let all = [("_dnsaddr.net.example", vec![tcp(7), tcp(0), tcp(1), tcp(2)])];
    let net = dial_records("", &all);
    assert!(net.swarms[0].is_connected(&peer(1)) && !net.swarms[0].is_connected(&peer(2)));
    let net = dial_records(&std::format!("/p2p/{}", peer(2)), &all);
    assert!(net.swarms[0].is_connected(&peer(2)) && !net.swarms[0].is_connected(&peer(1)));

    let nested = [
        (
            "_dnsaddr.net.example",
            vec!["/dnsaddr/none".into(), "/dnsaddr/b".into()],
        ),
        (
            "_dnsaddr.b",
            vec![address(1, Transport::WebSocket).to_string()],
        ),
    ];
    let net = dial_records("", &nested);
    let connection = net.swarms[0].connections().next().unwrap();
    assert_eq!(connection.peer, Some(peer(1)));
    assert_eq!(connection.transport, Transport::WebSocket);
}

#[test]
fn records_that_lead_nowhere_end_the_dial() {
    let own = address(0, Transport::Tcp).to_string();
    let tls = address(1, Transport::SecureWebSocket).to_string();
    for (records, reason) in [
        (vec![], "no such name"),
        (
            vec![("_dnsaddr.net.example", vec![own, tls])],
            "its records hold no address to dial",
        ),
        (
            vec![("_dnsaddr.net.example", vec!["/dnsaddr/net.example".into()])],
            "its records hold no address to dial",
        ),
        (
            vec![(
                "_dnsaddr.net.example",
                vec![address(9, Transport::Tcp).to_string()],
            )],
            "refused",
        ),
    ] {
        let mut net = dial_records("", &records);
        assert_eq!(net.closed(0), [CloseReason::DialFailed(reason.into())]);
        assert_eq!(net.swarms[0].status().connections, 0);
    }
}

#[test]
fn the_wrong_peer_at_an_address_of_the_records_is_not_connected() {
    let wrong = std::format!("/ip4/10.0.0.1/tcp/977/p2p/{}", peer(2));
    let mut net = dial_records("", &[("_dnsaddr.net.example", vec![wrong])]);
    let error = connection::Error::WrongPeer(peer(1));
    assert_eq!(net.closed(0), [CloseReason::Failed(error)]);
}

#[test]
fn disconnected_comes_with_the_last_connection() {
    let mut net = Net::pair();
    let first = net.dial(0, &address(1, Transport::Tcp));
    net.run();
    let second = net.dial(0, &address(1, Transport::WebSocket));
    net.run();
    let disconnected = |event: &Event| matches!(event, Event::Disconnected { .. }).then_some(());
    net.lose(0, first);
    net.run();
    assert_eq!(net.take(0, disconnected), []);
    net.send(0, 1, &particle("over the other one", 10)).unwrap();
    net.run();
    assert_eq!(net.particles(1).len(), 1);
    net.lose(0, second);
    assert_eq!(net.take(0, disconnected), [()]);
    assert_eq!(net.take(1, disconnected), [()]);
}

#[test]
fn bootstrap_peers_are_dialed_at_the_start_and_again_after_a_loss() {
    let config = Config {
        bootstrap: vec![address(1, Transport::Tcp)],
        ..Config::default()
    };
    let mut net = Net::new(vec![config, Config::default()]);
    net.run();
    assert!(net.swarms[0].status().dialed == 0 && net.swarms[0].wake_at().is_none());
    let mut out = vec![];
    net.swarms[0].set_listen_addresses(net.now, vec![], &mut out);
    net.effects(0, out);
    net.input(0, Input::Timer);
    net.run();
    assert!(net.swarms[0].is_connected(&peer(1)));
    let conn = net.swarms[0].connections().next().unwrap().conn;
    net.lose(0, conn);
    assert!(!net.swarms[0].is_connected(&peer(1)));
    net.pass(Duration::from_secs(5));
    assert!(net.swarms[0].is_connected(&peer(1)));
}

#[test]
fn new_listen_addresses_are_pushed() {
    let mut net = Net::pair();
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.events.clear();
    let listen: Vec<Multiaddr> = vec!["/ip4/10.0.0.0/tcp/977".parse().unwrap()];
    let mut out = vec![];
    net.swarms[0].set_listen_addresses(net.now, listen.clone(), &mut out);
    net.effects(0, out);
    net.run();
    let infos = net.take(1, |event| match event {
        Event::Identified { peer, info } => Some((*peer, info.listen_addrs.clone())),
        _ => None,
    });
    assert_eq!(infos, [(peer(0), listen)]);
}

#[test]
fn dialing_oneself_or_nonsense_is_refused() {
    let mut net = Net::pair();
    let mut dial = |text: &str| {
        net.swarms[0]
            .dial(net.now, &text.parse().unwrap(), &mut vec![])
            .unwrap_err()
    };
    let oneself = std::format!("/ip4/10.0.0.0/tcp/977/p2p/{}", peer(0));
    assert_eq!(dial(&oneself), CannotDial::Oneself);
    let tls = EndpointError::Tls;
    assert_eq!(dial("/ip4/1.1.1.1/tcp/1/wss"), CannotDial::Address(tls));
    // Without the id in the address it only shows when the other end has proven who it is.
    net.dial(0, &"/ip4/10.0.0.0/tcp/977".parse().unwrap());
    net.run();
    assert!(net.closed(0).contains(&CloseReason::Local));
    assert!(!net.swarms[0].is_connected(&peer(0)));
    net.dial(0, &"/ip4/10.0.0.77/tcp/977".parse().unwrap());
    assert_eq!(net.closed(0), [CloseReason::DialFailed("refused".into())]);
}

#[test]
fn closing_tells_both_sides_and_fails_what_waits() {
    let mut net = Net::pair();
    let conn = net.dial(0, &address(1, Transport::WebSocket));
    net.run();
    net.send(0, 1, &particle("late", 10_000_000)).unwrap();
    let mut out = vec![];
    net.swarms[0].close(net.now, conn, &mut out);
    net.effects(0, out);
    net.run();
    let failed = net.take(0, |event| match event {
        Event::SendFailed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(failed, [SendError::ConnectionClosed]);
    assert_eq!(net.closed(0), [CloseReason::Local]);
    assert_eq!(net.closed(1), [CloseReason::Remote]);
    for index in 0..2 {
        let gone = |event: &Event| matches!(event, Event::Disconnected { .. }).then_some(());
        assert_eq!(net.take(index, gone).len(), 1);
        assert_eq!(net.swarms[index].status().connections, 0);
    }
    assert_eq!(
        net.send(0, 1, &particle("later", 1)),
        Err(CannotSend::NotConnected)
    );
}

#[test]
fn a_silent_peer_is_given_up_and_a_living_one_kept() {
    let mut net = Net::pair();
    let conn = net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.pass(Duration::from_secs(600));
    assert!(net.swarms[0].is_connected(&peer(1)));
    // The network goes silent without a word.
    net.links.clear();
    net.pass(Duration::from_secs(45));
    assert_eq!(net.closed(0), [CloseReason::PingTimeout]);
    assert_eq!(net.closed(1), [CloseReason::PingTimeout]);
    net.input(0, Input::Lost { conn });
}

/// Swarm `from` says on a connection that it takes no more streams there.
fn go_away(net: &mut Net, from: usize, conn: ConnId) {
    let connection = net.swarms[from].pool.connection(conn);
    connection.unwrap().go_away();
}

/// Swarm 0 dials swarm 1 twice; gives the ends of both connections, those of swarm 1 last.
fn connected_twice(net: &mut Net) -> [[ConnId; 2]; 2] {
    [Transport::Tcp, Transport::WebSocket].map(|transport| {
        let ours = net.dial(0, &address(1, transport));
        net.run();
        let theirs = net.swarms[1].connections().last().unwrap().conn;
        [ours, theirs]
    })
}

#[test]
fn a_connection_on_which_the_peer_goes_away_gets_no_new_streams() {
    let mut net = Net::pair();
    let [[_, _], [newer, theirs]] = connected_twice(&mut net);
    let disconnected = |event: &Event| matches!(event, Event::Disconnected { .. }).then_some(());
    // A particle is under way on the newer one, in the other direction.
    net.send(1, 0, &particle("under way", 2_000_000)).unwrap();
    let mut bytes = vec![0; 1500];
    let len = net.swarms[1].transmit(theirs, &mut bytes);
    net.input(
        0,
        Input::Received {
            conn: newer,
            bytes: &mut bytes[..len],
        },
    );
    go_away(&mut net, 1, theirs);
    net.run();
    assert_eq!(net.particles(0).len(), 1, "what is open goes on");
    assert!(net.swarms[0].is_connected(&peer(1)));
    net.send(0, 1, &particle("over the other one", 10)).unwrap();
    net.run();
    assert_eq!(net.particles(1).len(), 1);
    net.pass(Duration::from_secs(30));
    assert!(net.closed(0).contains(&CloseReason::Remote));
    assert_eq!(net.swarms[0].status().connections, 1);
    assert_eq!(net.take(0, disconnected), []);
}

#[test]
fn a_peer_that_goes_away_on_its_last_connection_is_not_connected() {
    let config = Config {
        bootstrap: vec![address(1, Transport::Tcp)],
        ..Config::default()
    };
    let mut net = Net::new(vec![config, Config::default()]);
    let mut out = vec![];
    net.swarms[0].set_listen_addresses(net.now, vec![], &mut out);
    net.effects(0, out);
    net.input(0, Input::Timer);
    net.run();
    assert!(net.swarms[0].is_connected(&peer(1)));
    let theirs = net.swarms[1].connections().last().unwrap().conn;
    go_away(&mut net, 1, theirs);
    net.run();
    let disconnected = |event: &Event| matches!(event, Event::Disconnected { .. }).then_some(());
    assert_eq!(net.take(0, disconnected), [()]);
    assert!(!net.swarms[0].is_connected(&peer(1)));
    assert_eq!(
        net.send(0, 1, &particle("nowhere", 10)),
        Err(CannotSend::NotConnected)
    );
    assert_eq!(net.swarms[0].peers().count(), 0);
    // As a bootstrap peer it is dialed anew, and told of once.
    net.pass(Duration::from_secs(5));
    assert!(net.swarms[0].is_connected(&peer(1)));
    net.pass(Duration::from_secs(30));
    assert_eq!(net.swarms[0].status().connections, 1);
    assert_eq!(net.take(0, disconnected), []);
}

#[test]
fn particles_that_wait_for_a_stream_go_another_way() {
    let mut net = Net::pair();
    let [_, [_, theirs]] = connected_twice(&mut net);
    // More than may be open at once: the rest waits. None of it is written yet.
    let count = connection::Limits::default().yamux.max_outbound_streams + 10;
    for index in 0..count {
        let small = particle(&std::format!("{index}"), 10);
        net.send(0, 1, &small).unwrap();
    }
    go_away(&mut net, 1, theirs);
    let mut bytes = vec![0; 1500];
    let len = net.swarms[1].transmit(theirs, &mut bytes);
    let newer = net.swarms[0].connections().last().unwrap().conn;
    net.input(
        0,
        Input::Received {
            conn: newer,
            bytes: &mut bytes[..len],
        },
    );
    net.run();
    let failed = net.take(0, |event| match event {
        Event::SendFailed { id, .. } => Some(*id),
        _ => None,
    });
    // What was queued on a stream that the peer never heard of is lost, and said to be.
    let arrived = net.particles(1).len();
    assert!(arrived >= 10, "{arrived}");
    assert_eq!(arrived + failed.len(), count);
}

#[test]
fn an_end_of_which_only_the_websocket_lives_is_given_up() {
    let mut net = Net::pair();
    let conn = net.dial(0, &address(1, Transport::WebSocket));
    net.run();
    net.pass(Duration::from_secs(600));
    assert!(net.swarms[0].is_connected(&peer(1)));
    // The peer is gone. What stands before it pings, answers pings, and keeps its end open.
    net.links.clear();
    let limits = connection::Limits::default();
    let end = net.now + 2 * limits.ping_interval + limits.ping_timeout;
    while net.now < end {
        for frame in [[0x89, 0], [0x8a, 0]] {
            let mut bytes = frame;
            net.input(
                0,
                Input::Received {
                    conn,
                    bytes: &mut bytes,
                },
            );
        }
        net.pass(Duration::from_secs(5));
    }
    assert_eq!(net.closed(0), [CloseReason::PingTimeout]);
    assert!(!net.swarms[0].is_connected(&peer(1)));
}
