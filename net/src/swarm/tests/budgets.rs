//! What strangers can cost is limited.

use alloc::string::String;

use super::*;

#[test]
fn a_peers_oldest_connection_gives_way_to_its_newest() {
    let mut net = Net::pair();
    for _ in 0..6 {
        net.dial(0, &address(1, Transport::Tcp));
        net.run();
    }
    assert!(net.refused(1).contains(&Refusal::PeerFull));
    assert!(net.closed(1).contains(&CloseReason::Replaced));
    assert_eq!(net.swarms[1].status().connections, 5);
}

#[test]
fn set_ups_that_do_not_finish_end_after_their_time() {
    let mut net = Net::pair();
    let mut out = vec![];
    let remote = SocketAddr::from(([10, 9, 9, 9], 1));
    for transport in [Transport::Tcp, Transport::WebSocket] {
        net.swarms[1]
            .accept(net.now, transport, remote, &mut out)
            .unwrap();
    }
    net.pass(Duration::from_secs(19));
    assert_eq!(net.closed(1), []);
    net.pass(Duration::from_secs(1));
    assert_eq!(
        net.closed(1),
        [CloseReason::SetUpTimeout, CloseReason::SetUpTimeout]
    );
    assert_eq!(net.swarms[1].status().refused(Refusal::SetUpTimeout), 2);
    assert_eq!(net.swarms[1].status().connections, 0);
}

#[test]
fn places_are_limited_in_total_in_set_up_and_by_address() {
    let limits = Limits {
        max_connections: 4,
        dial_places: 0,
        newcomer_places: 0,
        max_set_ups: 3,
        max_per_address: 2,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![Config::default(), config]);
    let mut accept = |octet: u8| {
        let remote = SocketAddr::from(([10, 1, 1, octet], 5));
        net.swarms[1]
            .accept(net.now, Transport::Tcp, remote, &mut vec![])
            .map(|_| ())
    };
    assert_eq!(accept(1), Ok(()));
    assert_eq!(accept(1), Ok(()));
    // The oldest of the same address gives way: nobody has proven a peer.
    assert_eq!(accept(1), Ok(()));
    assert_eq!(accept(2), Ok(()));
    // The oldest gives way, which makes room for its address.
    assert_eq!(accept(3), Ok(()));
    assert_eq!(accept(1), Ok(()));
    net.pass(Duration::from_secs(20));
    for _ in 0..4 {
        net.dial(0, &address(1, Transport::Tcp));
        net.run();
    }
    let status = net.swarms[1].status();
    assert_eq!(status.refused(Refusal::AddressFull), 3);
    assert_eq!(status.refused(Refusal::SetUpsFull), 2);
    assert_eq!(status.connections, 2);
}

#[test]
fn a_flood_leaves_places_for_dials_and_for_newcomers() {
    let limits = Limits {
        max_connections: 10,
        dial_places: 2,
        newcomer_places: 2,
        max_per_address: 4,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![Config::default(), config]);
    let mut accept = |ip: [u8; 4]| {
        let remote = SocketAddr::from((ip, 5));
        net.swarms[1]
            .accept(net.now, Transport::Tcp, remote, &mut vec![])
            .map(|_| ())
    };
    // Two addresses take what they can get, and so does a third.
    for index in 0..4 {
        assert_eq!(accept([192, 0, 2, 1]), Ok(()), "{index}");
    }
    // One more from the first gets the place of its own oldest.
    assert_eq!(accept([192, 0, 2, 1]), Ok(()));
    assert_eq!(accept([192, 0, 2, 2]), Ok(()));
    assert_eq!(accept([192, 0, 2, 2]), Ok(()));
    // All places are taken but those for dials and newcomers: from now on the oldest gives way.
    assert_eq!(accept([192, 0, 2, 2]), Ok(()));
    // The loopback address is never new.
    assert_eq!(accept([127, 0, 0, 1]), Ok(()));
    assert_eq!(net.swarms[1].status().connections, 6);
    assert_eq!(net.swarms[1].status().refused(Refusal::ConnectionsFull), 2);
    let mut accept = |octet: u8| {
        let remote = SocketAddr::from(([192, 0, 2, octet], 5));
        net.swarms[1]
            .accept(net.now, Transport::Tcp, remote, &mut vec![])
            .map(|_| ())
    };
    for newcomer in [3, 4, 5] {
        assert_eq!(accept(newcomer), Ok(()), "{newcomer}");
    }
    assert_eq!(net.swarms[1].status().connections, 8);
    let mut dial = || {
        let address = address(0, Transport::Tcp);
        net.swarms[1].dial(net.now, &address, &mut vec![])
    };
    assert!(dial().is_ok() && dial().is_ok());
    assert_eq!(dial(), Err(CannotDial::Full));
}

/// A swarm 1 with six places in all; whom it keeps.
fn six_places(kept: &[usize]) -> Net {
    let limits = Limits {
        max_connections: 6,
        dial_places: 0,
        newcomer_places: 0,
        ..Limits::default()
    };
    let config = Config {
        limits,
        kept_peers: kept.iter().map(|index| peer(*index)).collect(),
        ..Config::default()
    };
    let mut configs = vec![Config::default(); 8];
    configs[1] = config;
    Net::new(configs)
}

fn join(net: &mut Net, index: usize) {
    net.dial(index, &address(1, Transport::Tcp));
    net.run();
    net.pass(Duration::from_millis(10));
}

#[test]
fn idle_connections_of_one_address_keep_nobody_out() {
    let mut net = six_places(&[3]);
    for index in [2, 3, 0, 0, 0, 0] {
        join(&mut net, index);
    }
    let before = net.swarms[0].pool.open_of(&peer(1)).to_vec();
    assert_eq!(before.len(), 4);
    // Who comes later gets a place of those, the idlest first, and so does the flood itself.
    for index in [4, 5, 0, 0] {
        join(&mut net, index);
    }
    for honest in 2..6 {
        assert!(net.swarms[1].is_connected(&peer(honest)), "{honest}");
    }
    let after = net.swarms[0].pool.open_of(&peer(1));
    assert!(after.len() == 2 && before.iter().all(|conn| !after.contains(conn)));
    assert_eq!(net.closed(1), vec![CloseReason::GaveWay; 4]);
    assert_eq!(net.swarms[1].status().refused(Refusal::ConnectionsFull), 4);
    assert_eq!(net.swarms[1].status().connections, 6);
}

#[test]
fn who_is_used_stays_and_the_operator_always_does() {
    // All from addresses of their own: nobody has more than another.
    let mut net = six_places(&[3]);
    for index in [3, 2, 4, 5, 6, 7] {
        join(&mut net, index);
    }
    for index in [2, 4, 5, 6] {
        net.send(index, 1, &particle("used", 10)).unwrap();
        net.run();
        net.pass(Duration::from_millis(10));
    }
    assert_eq!(net.particles(1).len(), 4);
    // 7 was never used, 2 was used before the others. 3 is the operator, idle all the time.
    join(&mut net, 0);
    assert!(net.closed(7).len() == 1 && !net.swarms[1].is_connected(&peer(7)));
    net.send(0, 1, &particle("used", 10)).unwrap();
    net.run();
    net.pass(Duration::from_millis(10));
    join(&mut net, 7);
    assert!(!net.swarms[1].is_connected(&peer(2)));
    for stays in [0, 3, 4, 5, 6, 7] {
        assert!(net.swarms[1].is_connected(&peer(stays)), "{stays}");
    }
}

#[test]
fn the_bootstrap_peer_is_dialed_when_all_places_are_taken() {
    let mut net = six_places(&[]);
    for index in [0, 0, 0, 0, 2, 3] {
        join(&mut net, index);
    }
    let mut out = vec![];
    let now = net.now;
    net.swarms[1].make_room(now, &mut out);
    net.effects(1, out);
    net.dial(1, &address(4, Transport::Tcp));
    net.run();
    assert!(
        [2, 3, 4]
            .iter()
            .all(|index| net.swarms[1].is_connected(&peer(*index)))
    );
    assert_eq!(net.swarms[1].status().connections, 6);
}

#[test]
fn those_who_hang_up_slowly_give_way_first() {
    let mut net = six_places(&[]);
    for index in [2, 3, 4, 5, 6, 7] {
        join(&mut net, index);
    }
    // Swarm 1 closes one, and nothing of it leaves any more.
    net.links.clear();
    let conn = net.swarms[1].pool.open_of(&peer(2))[0];
    let (now, mut out) = (net.now, vec![]);
    net.swarms[1].close(now, conn, &mut out);
    assert_eq!(net.swarms[1].status().connections, 6);
    let remote = SocketAddr::from(([192, 0, 2, 1], 5));
    let accepted = net.swarms[1].accept(now, Transport::Tcp, remote, &mut out);
    assert!(accepted.is_ok());
    for stays in 3..8 {
        assert!(net.swarms[1].is_connected(&peer(stays)), "{stays}");
    }
}

#[test]
fn unfinished_particles_are_held_within_the_budget_of_all() {
    let limits = Limits {
        max_held: 100_000,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![Config::default(), config]);
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.send(0, 1, &particle("too much", 200_000)).unwrap();
    net.run();
    assert_eq!(net.refused(1), [Refusal::ParticleMemory]);
    assert_eq!(net.swarms[1].status().held, 0);
    net.send(0, 1, &particle("fits", 30_000)).unwrap();
    net.run();
    assert_eq!(net.particles(1).len(), 1);
}

#[test]
fn what_a_peer_does_not_take_waits_within_a_budget() {
    let limits = connection::Limits {
        max_queued: 10_000,
        ..Default::default()
    };
    let config = Config {
        connection: limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![config, Config::default()]);
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    assert!(net.send(0, 1, &particle("first", 9_000)).is_ok());
    assert_eq!(
        net.send(0, 1, &particle("second", 9_000)),
        Err(CannotSend::Congested)
    );
    net.run();
    assert!(net.send(0, 1, &particle("third", 9_000)).is_ok());
}

#[test]
fn a_peer_that_takes_no_bytes_is_given_up() {
    let mut net = Net::pair();
    let conn = net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.send(0, 1, &particle("stuck", 100_000)).unwrap();
    // From here on nothing is fetched, but the peer gives signs of life.
    net.links.clear();
    for _ in 0..20 {
        net.now += Duration::from_secs(10);
        net.input(
            0,
            Input::Received {
                conn,
                bytes: &mut [],
            },
        );
        net.input(0, Input::Timer);
    }
    assert_eq!(net.closed(0), [CloseReason::SlowReader]);
    assert!(net.refused(0).contains(&Refusal::SlowReader));
}

#[test]
fn nonsense_ends_the_connection_and_is_counted() {
    let mut net = Net::pair();
    let remote = SocketAddr::from(([10, 9, 9, 9], 1));
    for (transport, bytes) in [
        (
            Transport::Tcp,
            &b"GET / HTTP/1.1\r\nHost: example\r\nAccept: */*\r\nUser-Agent: someone\r\n\r\n0123456789"[..],
        ),
        (
            Transport::WebSocket,
            b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
        ),
    ] {
        let conn = net.swarms[1]
            .accept(net.now, transport, remote, &mut vec![])
            .unwrap();
        let mut out = vec![];
        net.swarms[1].handle(net.now, Input::Received { conn, bytes: &mut bytes.to_vec() }, &mut out);
        assert!(
            out.iter()
                .any(|effect| matches!(effect, Effect::Close { .. }))
        );
        let mut buf = [0; 500];
        let len = net.swarms[1].transmit(conn, &mut buf);
        let answer = String::from_utf8_lossy(&buf[..len]).into_owned();
        assert_eq!(
            answer.starts_with("HTTP/1.1 426"),
            transport == Transport::WebSocket
        );
    }
    let status = net.swarms[1].status();
    assert_eq!(status.refused(Refusal::ProtocolViolation), 2);
    assert_eq!(status.connections, 0);
}
