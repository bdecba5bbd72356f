//! Connections, from the first byte to the last.

use super::*;

#[test]
fn bytes_arrive_whole_and_in_order_on_a_perfect_wire() {
    let mut pair = Pair::simple(PERFECT, 1);
    let (server, client) = pair.connect();
    assert_eq!(pair.transfer(server, client, 1 << 20), pattern(1 << 20));
    pair.stacks[0].close(pair.now, server);
    let closed = |socket| Event::Closed {
        socket,
        reset: false,
    };
    pair.until(0, |event| *event == closed(server));
    pair.until(1, |event| *event == closed(client));
    assert_eq!(
        (pair.stacks[0].connections(), pair.stacks[1].connections()),
        (0, 0)
    );
}

#[test]
fn bytes_arrive_whole_over_loss_delay_reordering_and_duplicates() {
    for seed in 1..=6 {
        let faults = Faults {
            loss: 30,
            duplicate: 20,
            delay: 2_000,
            jitter: 3_000,
        };
        let mut pair = Pair::simple(faults, seed);
        let (server, client) = pair.connect();
        let received = pair.transfer(server, client, 200_000);
        assert!(received == pattern(200_000), "seed {seed}");
    }
}

#[test]
fn a_syn_that_comes_again_does_not_disturb_its_connection() {
    let faults = Faults {
        loss: 0,
        duplicate: 1000,
        delay: 2_000,
        jitter: 8_000,
    };
    for seed in 1..=6 {
        let mut pair = Pair::simple(faults, seed);
        // Each connection that is over leaves a gap among the sockets, which is filled again.
        for _ in 0..10 {
            let (server, client) = pair.connect();
            assert_eq!(pair.stacks[1].send(client, b"hello"), 5);
            pair.until(0, |event| *event == Event::Readable(server));
            let mut buffer = [0; 8];
            assert_eq!(pair.stacks[0].receive(server, &mut buffer), 5);
            assert_eq!(&buffer[..5], b"hello");
            pair.stacks[1].abort(pair.now, client);
            pair.until_reset(0, server);
        }
        assert_eq!(pair.stacks[0].counters().accepted, 10);
    }
}

#[test]
fn a_send_that_did_not_fit_is_told_when_there_is_room() {
    let config = |mac, address| {
        let mut config = Config::fixed(mac, Ipv4Cidr::new(address, 24), None);
        config.limits.extra_buffers = 0;
        config
    };
    let mut pair = Pair::new(config(MAC_A, A), config(MAC_B, B), PERFECT, 3);
    let (server, client) = pair.connect();
    let data = pattern(300_000);
    let sent = pair.stacks[1].send(client, &data);
    assert!(sent < data.len());
    assert_eq!(pair.stacks[1].writable(client), 0);
    pair.until(0, |event| *event == Event::Readable(server));
    assert!(pair.stacks[0].readable(server) > 0);
    let mut buffer = vec![0; 1 << 16];
    while pair.stacks[0].receive(server, &mut buffer) > 0 {}
    pair.until(1, |event| *event == Event::Writable(client));
    assert!(pair.stacks[1].send_with(client, |room| room.len()) > 0);
}

#[test]
fn an_abort_is_a_reset_for_the_other_side() {
    let mut pair = Pair::simple(PERFECT, 4);
    let (server, client) = pair.connect();
    pair.stacks[1].abort(pair.now, client);
    pair.until_reset(0, server);
    pair.until_reset(1, client);
    assert_eq!(pair.stacks[0].counters().reset, 1);
}

#[test]
fn a_port_nobody_listens_on_fails_the_connection() {
    let mut pair = Pair::simple(PERFECT, 5);
    let client = pair.stacks[1]
        .connect(SocketAddr::new(IpAddr::V4(A), 1))
        .unwrap();
    pair.until(1, |event| *event == Event::Failed(client));
}

#[test]
fn a_host_that_is_not_there_fails_the_connection_after_the_handshake_timeout() {
    let mut pair = Pair::simple(PERFECT, 6);
    let nobody = SocketAddr::new(IpAddr::V4(Ipv4Address::new(10, 0, 0, 99)), 1);
    let client = pair.stacks[1].connect(nobody).unwrap();
    pair.until(1, |event| *event == Event::Failed(client));
}

#[test]
fn a_peer_that_vanishes_is_noticed() {
    let mut pair = Pair::simple(PERFECT, 7);
    let (server, client) = pair.connect();
    pair.link.faults.loss = 1000;
    pair.until_reset(0, server);
    pair.until_reset(1, client);
}

#[test]
fn a_peer_that_never_closes_does_not_hold_a_closed_socket() {
    let mut pair = Pair::simple(PERFECT, 8);
    let (server, _client) = pair.connect();
    pair.stacks[0].close(pair.now, server);
    pair.until_reset(0, server);
    assert_eq!(pair.stacks[0].connections(), 0);
}

#[test]
fn neighbours_that_are_gone_do_not_keep_others_from_being_found() {
    let mut pair = Pair::simple(PERFECT, 9);
    // Dialed first and in vain: their sockets come before the next one.
    for host in 90..94 {
        let nobody = SocketAddr::new(IpAddr::V4(Ipv4Address::new(10, 0, 0, host)), 1);
        pair.stacks[0].connect(nobody).unwrap();
    }
    for _ in 0..4 {
        pair.until(0, |event| matches!(event, Event::Failed(_)));
    }
    let start = pair.now;
    pair.stacks[1].listen(PORT).unwrap();
    let here = SocketAddr::new(IpAddr::V4(B), PORT);
    let found = pair.stacks[0].connect(here).unwrap();
    pair.until(0, |event| *event == Event::Connected(found));
    assert!(pair.now.since(start) < Duration::from_secs(3));

    // One that vanishes after it was connected, when its hardware address is not known any more.
    let (server, _) = pair.connect();
    pair.link.faults.loss = 1000;
    pair.until_reset(0, server);
    pair.until_reset(0, found);
    pair.link.faults.loss = 0;
    let start = pair.now;
    let found = pair.stacks[0].connect(here).unwrap();
    pair.until(0, |event| *event == Event::Connected(found));
    assert!(pair.now.since(start) < Duration::from_secs(5));
}
