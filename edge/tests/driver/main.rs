//! The driver on simulated sockets and virtual time.

mod disk;
mod world;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use basalt_edge::dialer::PATIENCE;
use basalt_edge::driver::{LEAST, LINGER, MAX_CLOSING, READ, TIME, TURN, WRITE};
use basalt_edge::sockets::{Event, Found, Question};
use basalt_net::multiaddr::{Endpoint, Multiaddr, Scope};
use basalt_net::time::Instant;
use basalt_node::machine::Effect;
use world::{Note, World, conn};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn dial(world: &mut World, address: &str, scope: Scope) {
    let address: Multiaddr = address.parse().unwrap();
    let endpoint = Endpoint::try_from(&address).unwrap().within(scope);
    let conn = conn(1000);
    world.apply(Effect::Dial { conn, endpoint });
}

fn dialed(world: &World) -> Vec<String> {
    let dialed = world.driver.sockets.dialed.iter();
    dialed.map(SocketAddr::to_string).collect()
}

#[test]
fn idle_connections_cost_nothing() {
    let mut world = World::new();
    let all: Vec<_> = (0..10_000).map(|_| world.accept()).collect();
    world.quiet();
    world.driver.sockets.calls = 0;
    world.quiet();
    assert_eq!(world.driver.sockets.calls, 0);
    let (conn, socket) = all[5000];
    world.arrive(socket, b"ping");
    world.say(conn, b"pong");
    world.quiet();
    // The bytes, and the look whether there are more, each way.
    assert_eq!(world.driver.sockets.calls, 4);
    assert_eq!(world.driver.machine.received[&conn], b"ping");
    assert_eq!(world.pipe(socket).outbox, b"pong");
    assert_eq!(world.driver.connections(), 10_000);
}

#[test]
fn no_more_is_read_than_there_is_room_for() {
    let mut world = World::new();
    let (conn, socket) = world.accept();
    world.driver.machine.capacity = 3;
    world.arrive(socket, b"abcdefgh");
    world.pipe(socket).ended = true;
    world.quiet();
    assert_eq!(world.driver.machine.received[&conn], b"abc");
    // It is not told again that there are bytes: room is enough.
    world.driver.machine.capacity = 100;
    world.quiet();
    assert_eq!(world.driver.machine.received[&conn], b"abcdefgh");
    assert_eq!(world.notes(), [Note::RemoteClosed(conn)]);
}

#[test]
fn a_busy_connection_gets_its_share_of_a_turn() {
    let mut world = World::new();
    let (busy, busy_socket) = world.accept();
    let (other, other_socket) = world.accept();
    world.arrive(busy_socket, &vec![7; 3 * READ]);
    world.arrive(other_socket, b"x");
    world.say(busy, &vec![8; 3 * WRITE]);
    world.say(other, b"y");
    assert!(world.turn().more);
    assert_eq!(world.driver.machine.received[&busy].len(), READ);
    assert_eq!(world.driver.machine.received[&other], b"x");
    assert!((WRITE..WRITE + 1000).contains(&world.pipe(busy_socket).outbox.len()));
    assert_eq!(world.pipe(other_socket).outbox, b"y");
    world.quiet();
    assert_eq!(world.driver.machine.received[&busy].len(), 3 * READ);
    assert_eq!(world.pipe(busy_socket).outbox.len(), 3 * WRITE);
}

#[test]
fn however_many_are_busy_a_turn_ends_and_all_have_their_turn() {
    const COUNT: usize = 600;
    let mut world = World::new();
    let all: Vec<_> = (0..COUNT).map(|_| world.accept()).collect();
    world.quiet();
    for &(conn, socket) in &all {
        world.arrive(socket, &[7; 4 * LEAST]);
        world.say(conn, &[8; 4 * LEAST]);
    }
    let (late, late_socket) = world.accept();
    world.arrive(late_socket, b"x");
    world.say(late, b"y");
    let bytes = |world: &World| {
        let received: usize = world.driver.machine.received.values().map(Vec::len).sum();
        let pipes = world.driver.sockets.pipes.values();
        (received, pipes.map(|pipe| pipe.outbox.len()).sum::<usize>())
    };
    let mut turns = 0;
    let mut before = (0, 0);
    while world.turn().more {
        turns += 1;
        let now = bytes(&world);
        assert!(now.0 - before.0 <= TURN + LEAST, "{turns}");
        assert!(now.1 - before.1 <= TURN + 2 * LEAST, "{turns}");
        before = now;
        // Who came last is served soon.
        if turns == 2 * COUNT * LEAST / TURN {
            assert_eq!(world.driver.machine.received[&late], b"x");
            assert_eq!(world.pipe(late_socket).outbox, b"y");
        }
    }
    let whole = COUNT * 4 * LEAST + 1;
    assert_eq!(bytes(&world), (whole, whole));
    assert!((18..=30).contains(&turns), "{turns}");
}

#[test]
fn what_costs_more_than_its_bytes_ends_a_turn_as_well() {
    let mut world = World::new();
    let all: Vec<_> = (0..100).map(|_| world.accept()).collect();
    world.quiet();
    // Each look at the watch finds that a quarter of the time is over.
    let looks = AtomicU64::new(0);
    world.driver.set_watch(move || {
        let looks = looks.fetch_add(1, Ordering::Relaxed);
        Instant::ZERO + TIME / 4 * u32::try_from(looks).unwrap()
    });
    for &(conn, socket) in &all {
        world.arrive(socket, b"a question");
        world.say(conn, b"an answer");
    }
    let served = |world: &World| {
        let heard = world.driver.machine.received.values();
        let said = world.driver.sockets.pipes.values();
        let said = said.filter(|pipe| !pipe.outbox.is_empty()).count();
        (heard.filter(|bytes| !bytes.is_empty()).count(), said)
    };
    for turn in 1..25 {
        assert!(world.turn().more);
        assert_eq!(served(&world), (4 * turn, 4 * turn));
    }
    world.quiet();
}

#[test]
fn a_full_socket_is_written_to_when_it_has_room() {
    let mut world = World::new();
    let (conn, socket) = world.accept();
    world.pipe(socket).room = 5;
    world.say(conn, b"0123456789");
    world.quiet();
    assert_eq!(world.pipe(socket).outbox, b"01234");
    world.driver.sockets.calls = 0;
    world.quiet();
    assert_eq!(world.driver.sockets.calls, 0);
    world.pipe(socket).room = 100;
    world.event(Event::Writable(socket));
    world.quiet();
    assert_eq!(world.pipe(socket).outbox, b"0123456789");
}

#[test]
fn a_closed_connection_says_what_it_had_to_say() {
    let mut world = World::new();
    let (conn, socket) = world.accept();
    world.pipe(socket).room = 5;
    world.say(conn, b"0123456789");
    world.apply(Effect::Close { conn });
    world.quiet();
    assert!(!world.pipe(socket).shut);
    world.pipe(socket).room = 100;
    world.event(Event::Writable(socket));
    world.arrive(socket, b"nobody reads this");
    world.quiet();
    assert_eq!(world.pipe(socket).outbox, b"0123456789");
    assert!(world.pipe(socket).shut && world.pipe(socket).inbox.is_empty());
    world.pipe(socket).ended = true;
    world.event(Event::Readable(socket));
    world.quiet();
    assert_eq!(world.driver.connections(), 0);
    assert!(world.driver.sockets.pipes.is_empty());
    assert_eq!(world.notes(), []);
}

#[test]
fn a_closed_connection_does_not_stay() {
    let mut world = World::new();
    let (conn, socket) = world.accept();
    // The other side takes nothing.
    world.pipe(socket).room = 0;
    world.say(conn, b"0123456789");
    world.apply(Effect::Close { conn });
    world.quiet();
    assert_eq!(
        world.driver.wake_at(world.clock()),
        Some(world.now + LINGER)
    );
    world.pass(LINGER);
    world.quiet();
    assert!(world.driver.sockets.pipes.is_empty());
    assert_eq!(world.driver.wake_at(world.clock()), None);
    assert_eq!(world.notes(), []);
}

#[test]
fn closed_connections_that_do_not_end_take_few_sockets() {
    let mut world = World::new();
    let mut sockets = vec![];
    for _ in 0..MAX_CLOSING + 10 {
        let (conn, socket) = world.accept();
        world.quiet();
        world.apply(Effect::Close { conn });
        world.pass(Duration::from_millis(1));
        sockets.push(socket);
    }
    world.quiet();
    let open = |socket: &&u32| world.driver.sockets.pipes.contains_key(socket);
    assert_eq!(world.driver.connections(), MAX_CLOSING);
    assert_eq!(sockets.iter().filter(open).count(), MAX_CLOSING);
    // The oldest were ended.
    assert!(sockets[10..].iter().all(|socket| open(&socket)));
}

#[test]
fn the_machine_learns_of_a_lost_connection_once() {
    let mut world = World::new();
    let (conn, socket) = world.accept();
    world.driver.sockets.pipes.remove(&socket);
    world.event(Event::Readable(socket));
    world.quiet();
    world.event(Event::Closed(socket));
    assert_eq!(world.notes(), [Note::Lost(conn)]);
}

#[test]
fn an_address_is_dialed_at_once() {
    let mut world = World::new();
    dial(&mut world, "/ip4/192.0.2.1/tcp/977", Scope::Any);
    assert_eq!(dialed(&world), ["192.0.2.1:977"]);
    assert_eq!(world.driver.wake_at(world.clock()), None);
    world.event(Event::Connected(1));
    let remote = "192.0.2.1:977".parse().unwrap();
    assert_eq!(world.notes(), [Note::Dialed(remote)]);
}

#[test]
fn a_silent_address_gives_way_to_the_next() {
    let mut world = World::new();
    dial(&mut world, "/dns/a.example/tcp/977", Scope::Any);
    let asked = |world: &World| world.driver.sockets.asked.last().cloned().unwrap();
    assert_eq!(asked(&world), ("a.example".into(), Question::V4));
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(ip).to_vec();
    world.driver.sockets.unreachable = vec!["192.0.2.2:977".parse().unwrap()];
    world.found(Ok(Found::Addresses(addresses)));
    assert_eq!(dialed(&world), ["192.0.2.1:977"]);
    assert_eq!(
        world.driver.wake_at(world.clock()),
        Some(world.now + PATIENCE)
    );
    world.pass(PATIENCE - Duration::from_millis(1));
    world.quiet();
    assert_eq!(world.driver.sockets.dialed.len(), 1);
    world.pass(Duration::from_millis(1));
    world.quiet();
    // The second cannot even be tried.
    assert_eq!(dialed(&world)[1..], ["192.0.2.2:977", "192.0.2.3:977"]);
    assert_eq!(world.driver.sockets.pipes.len(), 1);
    // The third is refused: there is a question left.
    let socket = *world.driver.sockets.pipes.keys().next().unwrap();
    world.driver.sockets.pipes.clear();
    world.event(Event::Failed(socket, "refused".into()));
    assert_eq!(asked(&world), ("a.example".into(), Question::V6));
    world.found(Ok(Found::Addresses(vec![ip("2001:db8::1")])));
    assert_eq!(dialed(&world)[3], "[2001:db8::1]:977");
    // The last one may be silent for as long as the swarm waits.
    assert_eq!(world.driver.wake_at(world.clock()), None);
    let socket = *world.driver.sockets.pipes.keys().next().unwrap();
    world.event(Event::Failed(socket, "nobody there".into()));
    assert_eq!(world.notes(), [Note::DialFailed("nobody there".into())]);
}

#[test]
fn names_lead_only_where_they_may() {
    let mut world = World::new();
    dial(&mut world, "/dns4/a.example/tcp/977", Scope::Global);
    world.found(Ok(Found::Addresses(vec![ip("10.0.0.1")])));
    dial(&mut world, "/dns6/a.example/tcp/977", Scope::Any);
    dial(&mut world, "/dns4/b.example/tcp/977", Scope::Any);
    world.found(Err("no such name".into()));
    let reasons = [
        "a.example has no public address",
        "no such family here",
        "no such name",
    ];
    assert_eq!(
        world.notes(),
        reasons.map(|reason| Note::DialFailed(reason.into()))
    );
    assert!(world.driver.sockets.dialed.is_empty());
}

#[test]
fn no_address_of_ones_own_network_is_dialed_for_a_stranger() {
    let inside = [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
    ];
    let mut world = World::new();
    for address in inside {
        let family = if address.contains(':') { "ip6" } else { "ip4" };
        let literal = format!("/{family}/{address}/tcp/977");
        dial(&mut world, &literal, Scope::Global);
        let reason = Note::DialFailed("the address is not public".into());
        assert_eq!(world.notes(), [reason], "{address}");
        // The same behind a name, beside one that is public.
        dial(&mut world, "/dns4/a.example/tcp/977", Scope::Global);
        world.found(Ok(Found::Addresses(vec![ip(address), ip("1.1.1.1")])));
        world.apply(Effect::Abort { conn: conn(1000) });
    }
    assert!(
        world
            .driver
            .sockets
            .dialed
            .iter()
            .all(|to| to.ip() == ip("1.1.1.1"))
    );
    assert_eq!(world.driver.sockets.dialed.len(), inside.len());
    world.driver.sockets.dialed.clear();
    for address in ["/ip4/1.1.1.1/tcp/977", "/ip6/2a00::1/tcp/977"] {
        dial(&mut world, address, Scope::Global);
        world.apply(Effect::Abort { conn: conn(1000) });
    }
    // What the manifest names may be anywhere.
    dial(&mut world, "/ip4/127.0.0.1/tcp/977", Scope::Any);
    assert_eq!(
        dialed(&world),
        ["1.1.1.1:977", "[2a00::1]:977", "127.0.0.1:977"]
    );
}

#[test]
fn texts_are_looked_up_and_addresses_are_none() {
    let mut world = World::new();
    let look_up = |world: &mut World, result| {
        let (conn, name) = (conn(1), "a.example".into());
        world.apply(Effect::LookUp { conn, name });
        world.found(Ok(result));
    };
    look_up(&mut world, Found::Texts(vec![b"text".to_vec()]));
    look_up(&mut world, Found::Addresses(vec![ip("192.0.2.1")]));
    let missing = "a.example has no TXT record".into();
    let told = [
        Note::LookedUp(vec![b"text".to_vec()]),
        Note::DialFailed(missing),
    ];
    assert_eq!(world.notes(), told);
    assert!(world.driver.sockets.dialed.is_empty());
}

#[test]
fn what_is_given_up_is_not_dialed() {
    let mut world = World::new();
    dial(&mut world, "/dns4/a.example/tcp/977", Scope::Any);
    world.apply(Effect::Abort { conn: conn(1000) });
    world.found(Ok(Found::Addresses(vec![ip("192.0.2.1")])));
    assert!(world.driver.sockets.dialed.is_empty());
    let addresses = vec![ip("192.0.2.1"), ip("192.0.2.2")];
    dial(&mut world, "/dns4/a.example/tcp/977", Scope::Any);
    world.found(Ok(Found::Addresses(addresses)));
    world.apply(Effect::Close { conn: conn(1000) });
    world.pass(PATIENCE);
    world.quiet();
    assert_eq!(dialed(&world), ["192.0.2.1:977"]);
    assert!(world.driver.sockets.pipes.is_empty());
    assert_eq!(world.notes(), []);
}
