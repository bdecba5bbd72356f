//! Whole networks of real peers and clients in one process, on virtual time, with seeded pipes. A
//! failing seed fails again.

mod world;

use std::time::Duration;

use basalt_manifest::Manifest;
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{self, Transport};
use basalt_node::client::Client;
use basalt_node::peer::{self, Peer};
use basalt_node::refusal::Refusal;
use world::{Party, World};

const SECOND: Duration = Duration::from_secs(1);

fn key(n: usize) -> Keypair {
    Keypair::from_seed([n as u8 + 1; 32])
}

fn id(n: usize) -> PeerId {
    key(n).peer_id()
}

/// A relay as party `n`, staying connected to the parties `bootstrap`.
fn relay(world: &mut World, n: usize, bootstrap: &[usize]) {
    let manifest = Manifest::parse("[node]\nnetwork = \"kras\"\n").unwrap();
    let mut config = peer::Config::from_manifest(&manifest, "0.1.0").unwrap();
    config.operator = Some(id(3));
    config.bootstrap = bootstrap
        .iter()
        .map(|&to| full_address(to, Transport::Tcp))
        .collect();
    let peer = Peer::new(config, key(n), [n as u8; 32]);
    assert_eq!(world.add(Party::Peer(Box::new(peer))), n);
    let address = World::address(n, Transport::Tcp).parse().unwrap();
    let clock = world.clock;
    world.with(n, |world, out| {
        world.peer(n).listening(clock, &[address], out)
    });
}

/// A client as party `n`, connected to the party `relay`.
fn client(world: &mut World, n: usize, relay: usize, transport: Transport) {
    let client = Client::new(key(n), swarm::Config::default(), [n as u8; 32]);
    assert_eq!(world.add(Party::Client(Box::new(client))), n);
    connect(world, n, relay, transport);
}

fn connect(world: &mut World, n: usize, relay: usize, transport: Transport) {
    let clock = world.clock;
    let address = full_address(relay, transport);
    world
        .with(n, |world, out| world.client(n).dial(clock, &address, out))
        .unwrap();
    assert!(world.until(5 * SECOND, |world| world.client(n).is_connected(&id(relay))));
}

fn full_address(to: usize, transport: Transport) -> Multiaddr {
    format!("{}/p2p/{}", World::address(to, transport), id(to))
        .parse()
        .unwrap()
}

/// Sends a new particle of client `n` to its relay.
fn send(world: &mut World, n: usize, relay: usize, name: &str, script: &str) -> Particle {
    let clock = world.clock;
    let particle = world.client(n).particle(clock, name, script, 7_000);
    world
        .with(n, |world, out| {
            world.client(n).send(clock, &id(relay), &particle, out)
        })
        .unwrap();
    particle
}

/// Waits for a particle at client `n`; returns the arguments of the one call it asks for there.
fn asked(world: &mut World, n: usize) -> String {
    assert!(
        world.until(7 * SECOND, |world| !world.client(n).received.is_empty()),
        "nothing came to client {n}"
    );
    let particle = world.client(n).received.pop_front().unwrap();
    let requests = world.client(n).requests(&particle);
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests[0].arguments().to_owned()
}

/// Client 2 at relay 0 and client 3 at relay 1; the relays know each other.
fn two_relays(seed: u64) -> World {
    let mut world = World::new(seed);
    relay(&mut world, 0, &[]);
    relay(&mut world, 1, &[0]);
    client(&mut world, 2, 0, Transport::WebSocket);
    client(&mut world, 3, 1, Transport::Tcp);
    assert!(world.until(20 * SECOND, |world| world.peer(1).status().swarm.peers == 2));
    world
}

#[test]
fn a_particle_makes_a_round_trip_over_its_relay() {
    for seed in 1..=5 {
        let mut world = World::new(seed);
        relay(&mut world, 0, &[]);
        client(&mut world, 1, 0, Transport::WebSocket);
        let script = format!(
            r#"(seq
                (call "{}" ("op" "identity") ["hello"] answer)
                (call "{}" ("callback" "done") [answer]))"#,
            id(0),
            id(1)
        );
        send(&mut world, 1, 0, "round-trip", &script);
        assert_eq!(asked(&mut world, 1), r#"["hello"]"#, "seed {seed}");
    }
}

#[test]
fn a_particle_goes_from_client_over_two_relays_to_client() {
    for seed in 1..=5 {
        let mut world = two_relays(seed);
        let script = format!(
            r#"(seq
                (call "{}" ("op" "noop") [])
                (seq
                    (call "{}" ("op" "concat_strings") ["over ", "two relays"] answer)
                    (call "{}" ("callback" "done") [answer %init_peer_id%])))"#,
            id(0),
            id(1),
            id(3)
        );
        send(&mut world, 2, 0, "hops", &script.replace(", ", " "));
        let expected = format!(r#"["over two relays","{}"]"#, id(2));
        assert_eq!(asked(&mut world, 3), expected, "seed {seed}");
    }
}

#[test]
fn both_arms_of_a_par_run_on_their_relays_and_meet() {
    let mut world = two_relays(1);
    let script = format!(
        r#"(seq
            (call "{relay}" ("op" "noop") [])
            (seq
                (par
                    (call "{relay}" ("math" "add") [1 2] left)
                    (call "{other}" ("math" "mul") [3 4] right))
                (seq
                    (call "{relay}" ("op" "array") [left right] both)
                    (call "{client}" ("callback" "done") [both]))))"#,
        relay = id(0),
        other = id(1),
        client = id(2)
    );
    send(&mut world, 2, 0, "par", &script);
    assert_eq!(asked(&mut world, 2), "[[3,12]]");
}

#[test]
fn a_failed_call_goes_the_other_way_of_a_xor() {
    let mut world = World::new(3);
    relay(&mut world, 0, &[]);
    client(&mut world, 1, 0, Transport::Tcp);
    let script = format!(
        r#"(xor
            (call "{relay}" ("srv" "none") [] answer)
            (seq
                (call "{relay}" ("op" "identity") [%last_error%.$.message] text)
                (call "{client}" ("callback" "done") [text])))"#,
        relay = id(0),
        client = id(1)
    );
    send(&mut world, 1, 0, "xor", &script);
    let text = asked(&mut world, 1);
    assert!(
        text.contains("Service with id 'srv' has no function 'none'"),
        "{text}"
    );
}

#[test]
fn a_timeout_on_the_relay_takes_its_time() {
    let mut world = World::new(4);
    relay(&mut world, 0, &[]);
    client(&mut world, 1, 0, Transport::Tcp);
    let script = format!(
        r#"(seq
            (call "{relay}" ("peer" "timeout") [1500 "at last"] answer)
            (call "{client}" ("callback" "done") [answer]))"#,
        relay = id(0),
        client = id(1)
    );
    send(&mut world, 1, 0, "timeout", &script);
    let sent = world.clock.now;
    assert_eq!(asked(&mut world, 1), r#"["at last"]"#);
    let took = world.clock.now.since(sent);
    assert!(
        took >= Duration::from_millis(1500) && took < 2 * SECOND,
        "{took:?}"
    );
}

#[test]
fn a_hundred_particles_at_once_come_back_each_with_its_own_answer() {
    let mut world = World::new(5);
    relay(&mut world, 0, &[]);
    client(&mut world, 1, 0, Transport::WebSocket);
    for n in 0..100 {
        let script = format!(
            r#"(seq
                (call "{}" ("op" "identity") [{n}] answer)
                (call "{}" ("callback" "done") [answer]))"#,
            id(0),
            id(1)
        );
        send(&mut world, 1, 0, &format!("particle {n}"), &script);
    }
    let mut answers: Vec<String> = (0..100).map(|_| asked(&mut world, 1)).collect();
    answers.sort();
    let mut expected: Vec<String> = (0..100).map(|n| format!("[{n}]")).collect();
    expected.sort();
    assert_eq!(answers, expected);
}

#[test]
fn a_big_argument_arrives_whole() {
    let mut world = World::new(6);
    relay(&mut world, 0, &[]);
    client(&mut world, 1, 0, Transport::WebSocket);
    let big = "0123456789abcdef".repeat(1 << 16);
    let script = format!(
        r#"(seq
            (call "{}" ("op" "identity") ["{big}"] answer)
            (call "{}" ("callback" "done") [answer]))"#,
        id(0),
        id(1)
    );
    send(&mut world, 1, 0, "big", &script);
    assert!(asked(&mut world, 1) == format!("[\"{big}\"]"));
}

#[test]
fn a_client_that_reconnects_is_served_again() {
    let mut world = World::new(7);
    relay(&mut world, 0, &[]);
    client(&mut world, 1, 0, Transport::WebSocket);
    world.unplug(1);
    let gone = |world: &mut World| {
        world.peer(0).status().swarm.peers == 0 && !world.client(1).is_connected(&id(0))
    };
    assert!(world.until(5 * SECOND, gone));
    connect(&mut world, 1, 0, Transport::WebSocket);
    let script = format!(
        r#"(seq (call "{}" ("op" "identity") [1] answer) (call "{}" ("c" "d") [answer]))"#,
        id(0),
        id(1)
    );
    send(&mut world, 1, 0, "again", &script);
    assert_eq!(asked(&mut world, 1), "[1]");
}

#[test]
fn a_particle_for_a_stranger_is_counted_and_forgotten() {
    let mut world = World::new(8);
    relay(&mut world, 0, &[]);
    client(&mut world, 1, 0, Transport::Tcp);
    send(
        &mut world,
        1,
        0,
        "lost",
        &format!(r#"(call "{}" ("op" "noop") [])"#, id(9)),
    );
    let lost = |world: &mut World| world.peer(0).status().node.refusals.of(Refusal::NotFound);
    assert!(world.until(5 * SECOND, |world| lost(world) == 1));
    // It has nothing more to do here: only its id is kept, until its time is over.
    let kept = |world: &mut World| world.peer(0).status().node.finished;
    assert_eq!(world.peer(0).status().node.actors, 0);
    assert_eq!(kept(&mut world), 1);
    assert!(world.until(10 * SECOND, |world| kept(world) == 0));
}

/// Relays 0 and 1 know each other; relay 2 came when 1 could not be reached, and knows 0 only.
fn half_known(seed: u64) -> World {
    let mut world = World::new(seed);
    relay(&mut world, 0, &[]);
    relay(&mut world, 1, &[0]);
    assert!(world.until(5 * SECOND, |world| world.peer(1).status().swarm.peers == 1));
    world.unreachable = Some(1);
    relay(&mut world, 2, &[0]);
    assert!(world.until(5 * SECOND, |world| world.peer(2).status().swarm.peers == 1));
    assert!(!world.until(5 * SECOND, |world| world.peer(1).status().swarm.peers == 2));
    world.unreachable = None;
    world
}

#[test]
fn a_particle_for_a_peer_that_nobody_here_knows_finds_it_through_the_network() {
    for seed in 1..=3 {
        let mut world = half_known(seed);
        client(&mut world, 3, 1, Transport::WebSocket);
        let script = format!(
            r#"(seq
                (seq
                    (call "{near}" ("kad" "neighborhood") ["{far}"] before)
                    (call "{far}" ("op" "identity") ["from afar"] answer))
                (seq
                    (call "{near}" ("op" "array") [answer before] both)
                    (call "{client}" ("callback" "done") [both])))"#,
            near = id(1),
            far = id(2),
            client = id(3)
        );
        send(&mut world, 3, 1, "afar", &script);
        let expected = format!(r#"[["from afar",["{}"]]]"#, id(0));
        assert_eq!(asked(&mut world, 3), expected, "seed {seed}");
        // It is in the table from now on.
        let script = format!(
            r#"(seq
                (call "{near}" ("peer" "get_contact") ["{far}"] contact)
                (call "{client}" ("callback" "done") [contact]))"#,
            near = id(1),
            far = id(2),
            client = id(3)
        );
        send(&mut world, 3, 1, "contact", &script);
        let contact = asked(&mut world, 3);
        assert!(
            contact.contains(&World::address(2, Transport::Tcp)),
            "{contact}"
        );
    }
}

#[test]
fn a_peer_that_was_known_is_dialed_where_it_was() {
    let mut world = two_relays(4);
    world.unplug(1);
    assert!(world.until(5 * SECOND, |world| world.peer(0).status().swarm.peers == 1));
    let script = format!(
        r#"(seq
            (call "{}" ("op" "identity") ["again"] answer)
            (seq
                (call "{}" ("op" "noop") [])
                (call "{}" ("callback" "done") [answer])))"#,
        id(1),
        id(0),
        id(2)
    );
    send(&mut world, 2, 0, "again", &script);
    assert_eq!(asked(&mut world, 2), r#"["again"]"#);
}

#[test]
fn peer_connect_without_addresses_searches_the_network() {
    let mut world = half_known(5);
    // A client of the operator: the function is protected.
    let connect = |world: &mut World, target| {
        let script = format!(
            r#"(seq
                (call "{near}" ("peer" "connect") ["{target}"] connected)
                (call "{client}" ("callback" "done") [connected]))"#,
            near = id(1),
            client = id(3)
        );
        send(world, 3, 1, &format!("connect {target}"), &script);
        asked(world, 3)
    };
    client(&mut world, 3, 1, Transport::Tcp);
    assert_eq!(connect(&mut world, id(2)), "[true]");
    assert_eq!(connect(&mut world, id(77)), "[false]");
}

#[test]
fn relays_find_each_other_again_after_a_cut() {
    let mut world = two_relays(9);
    world.unplug(1);
    assert!(world.until(5 * SECOND, |world| world.peer(0).status().swarm.peers == 1));
    assert!(world.until(90 * SECOND, |world| world.peer(0).status().swarm.peers == 2));
}
