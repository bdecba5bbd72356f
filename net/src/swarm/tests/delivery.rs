//! A peer with several connections gets each answer where it asked.

use super::*;

/// The relay's index; 0 is the peer with several connections.
const RELAY: usize = 1;

/// One key with `tabs` connections to a relay. The ends are those of the peer, oldest first.
fn tabs(tabs: usize) -> (Net, Vec<ConnId>) {
    let mut net = Net::pair();
    let conns = (0..tabs).map(|_| open_tab(&mut net)).collect();
    (net, conns)
}

fn open_tab(net: &mut Net) -> ConnId {
    let conn = net.dial(0, &address(RELAY, Transport::WebSocket));
    net.run();
    conn
}

/// The relay's end of a connection.
fn relay_end(net: &Net, conn: ConnId) -> ConnId {
    let link = |link: &&net::Link| link.ends.contains(&(0, conn));
    let link = net.links.iter().find(link).expect("it is connected");
    link.ends[1].1
}

/// A tab asks: a particle comes in at the relay over this very connection.
fn ask(net: &mut Net, conn: ConnId, id: &str) {
    let mut out = vec![];
    let now = net.now;
    net.swarms[0].send_over(now, conn, &particle(id, 10), &mut out);
    net.effects(0, out);
    net.run();
    assert_eq!(net.particles(RELAY).len(), 1, "{id} came in");
}

/// The relay answers; gives the tab that the answer came to.
fn answer(net: &mut Net, id: &str) -> Option<ConnId> {
    net.send(RELAY, 0, &particle(id, 10)).unwrap();
    net.run();
    came_to(net)
}

/// Over which connection a particle came to the peer since it was last asked.
fn came_to(net: &mut Net) -> Option<ConnId> {
    let before = net.particles(0);
    let conn = before.last().map(|(_, particle)| particle.id.clone())?;
    let conns = net.swarms[0].pool.open_of(&peer(RELAY)).to_vec();
    net.swarms[0].origins.of(&conns, &conn)
}

fn failed(net: &mut Net) -> usize {
    let failed = net.take(RELAY, |event| match event {
        Event::SendFailed { .. } => Some(()),
        _ => None,
    });
    failed.len()
}

#[test]
fn each_of_three_tabs_gets_its_own_answers() {
    let (mut net, conns) = tabs(3);
    for round in 0..10 {
        for (tab, &conn) in conns.iter().enumerate() {
            ask(&mut net, conn, &std::format!("{tab} {round}"));
        }
    }
    for round in (0..10).rev() {
        for (tab, &conn) in conns.iter().enumerate() {
            let id = std::format!("{tab} {round}");
            assert_eq!(answer(&mut net, &id), Some(conn), "{id}");
            // So do all later particles of the same id.
            assert_eq!(answer(&mut net, &id), Some(conn), "{id}");
        }
    }
    // What nobody here has asked for goes to the newest.
    assert_eq!(answer(&mut net, "of another peer"), Some(conns[2]));
    assert_eq!(failed(&mut net), 0);
}

#[test]
fn the_connection_that_an_id_came_in_on_last_gets_its_answer() {
    let (mut net, conns) = tabs(2);
    ask(&mut net, conns[1], "spell_1");
    ask(&mut net, conns[0], "spell_1");
    assert_eq!(answer(&mut net, "spell_1"), Some(conns[0]));
}

#[test]
fn a_tab_that_was_closed_leaves_its_answers_to_the_newest() {
    let (mut net, conns) = tabs(3);
    ask(&mut net, conns[0], "first");
    ask(&mut net, conns[1], "second");
    let (now, mut out) = (net.now, vec![]);
    net.swarms[0].close(now, conns[0], &mut out);
    net.effects(0, out);
    net.run();
    assert_eq!(answer(&mut net, "first"), Some(conns[2]));
    assert_eq!(answer(&mut net, "second"), Some(conns[1]));
    // Then the newest closes: what it is asked for goes to the one that is left.
    ask(&mut net, conns[2], "third");
    net.lose(0, conns[2]);
    net.run();
    assert_eq!(answer(&mut net, "third"), Some(conns[1]));
    assert_eq!(failed(&mut net), 0);
}

#[test]
fn a_tab_that_stalls_leaves_its_answers_to_the_newest_after_five_seconds() {
    let (mut net, conns) = tabs(3);
    for id in ["before", "after", "again"] {
        ask(&mut net, conns[0], id);
    }
    net.stall(conns[0]);
    assert_eq!(answer(&mut net, "before"), None);
    net.pass(Duration::from_millis(4900));
    assert_eq!(came_to(&mut net), None);
    net.pass(Duration::from_millis(200));
    assert_eq!(came_to(&mut net), Some(conns[2]));
    // It is known now not to move.
    assert_eq!(answer(&mut net, "after"), Some(conns[2]));
    // Once it moves again it gets its answers.
    net.unstall(conns[0]);
    net.run();
    ask(&mut net, conns[0], "awake");
    assert_eq!(answer(&mut net, "again"), Some(conns[0]));
    assert_eq!(failed(&mut net), 0);
}

#[test]
fn what_is_on_its_way_when_a_connection_breaks_goes_over_another() {
    let (mut net, conns) = tabs(2);
    ask(&mut net, conns[0], "waits");
    net.stall(conns[0]);
    assert_eq!(answer(&mut net, "waits"), None);
    let end = relay_end(&net, conns[0]);
    net.input(RELAY, Input::Lost { conn: end });
    net.run();
    assert_eq!(came_to(&mut net), Some(conns[1]));
    assert_eq!(failed(&mut net), 0);
}

#[test]
fn a_client_that_reconnects_gets_what_its_dead_connection_did_not_take() {
    let (mut net, conns) = tabs(1);
    ask(&mut net, conns[0], "one");
    net.stall(conns[0]);
    assert_eq!(answer(&mut net, "one"), None);
    net.pass(Duration::from_secs(2));
    let again = open_tab(&mut net);
    net.pass(Duration::from_secs(4));
    assert_eq!(came_to(&mut net), Some(again));
    assert_eq!(failed(&mut net), 0);
}

#[test]
fn a_slow_tab_keeps_a_long_answer() {
    let (mut net, conns) = tabs(2);
    ask(&mut net, conns[0], "long");
    net.piece = 1000;
    net.send(RELAY, 0, &particle("long", 300_000)).unwrap();
    net.slow(conns[0], Duration::from_millis(100));
    net.pass(Duration::from_secs(100));
    assert_eq!(came_to(&mut net), Some(conns[0]));
    assert_eq!(net.swarms[RELAY].status().particles_out, 1);
    assert_eq!(failed(&mut net), 0);
}
