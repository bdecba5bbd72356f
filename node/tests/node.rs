//! The node's bookkeeping, with an interpreter that plays by a script of its own: verification, mailboxes,
//! kept data, call results, routing, budgets, expiry.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use basalt_net::keypair::Keypair;
use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_node::air::{CallRequest, CallResult, Interpreter, Outcome, Run};
use basalt_node::host::{Clock, Host, Network, Versions};
use basalt_node::limits::{Limits, ServiceLimits};
use basalt_node::node::{Effect, Node};
use basalt_node::refusal::Refusal;
use basalt_node::world::World;
use serde_json::{Value, json};

const WALL: u64 = 1_700_000_000_000;

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn clock(after_ms: u64) -> Clock {
    Clock {
        now: Instant::from_millis(1_000 + after_ms),
        wall_ms: WALL + after_ms,
    }
}

struct Alone;

impl Network for Alone {
    fn is_connected(&self, _: &PeerId) -> bool {
        false
    }
    fn contact(&self, _: &PeerId) -> Option<Vec<String>> {
        None
    }
    fn routing_peers(&self) -> Vec<PeerId> {
        Vec::new()
    }
    fn own_addresses(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a run was given.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    id: String,
    prev: Vec<u8>,
    current: Vec<u8>,
    results: Vec<(u32, CallResult)>,
}

type Play = Box<dyn FnMut(&Seen) -> Outcome>;

/// Answers runs by a closure and notes them.
struct Actress {
    seen: Rc<RefCell<Vec<Seen>>>,
    play: Play,
}

impl Interpreter for Actress {
    fn run(&mut self, run: Run<'_>) -> Outcome {
        assert_eq!(run.key.peer_id(), *run.scope);
        let seen = Seen {
            id: run.particle.id.clone(),
            prev: run.prev.to_vec(),
            current: run.current.to_vec(),
            results: run.results,
        };
        self.seen.borrow_mut().push(seen.clone());
        (self.play)(&seen)
    }
}

struct Stage {
    node: Node<Actress>,
    seen: Rc<RefCell<Vec<Seen>>>,
    out: Vec<Effect>,
}

impl Stage {
    fn new(limits: Limits, play: impl FnMut(&Seen) -> Outcome + 'static) -> Stage {
        let versions = Versions {
            node: String::new(),
            air: String::new(),
            spell: String::new(),
            services: Vec::new(),
        };
        let host = Host::new(key(1), None, versions);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let actress = Actress {
            seen: seen.clone(),
            play: Box::new(play),
        };
        Stage {
            node: Node::new(
                World::without_parts(host, ServiceLimits::default(), [9; 32]),
                limits,
                actress,
            ),
            seen,
            out: Vec::new(),
        }
    }

    /// Takes turns until nobody has anything to do.
    fn run(&mut self, clock: Clock) {
        while self.node.step(clock, &Alone, &mut self.out) {}
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    fn refused(&self, reason: Refusal) -> u64 {
        self.node.status().refusals.of(reason)
    }
}

fn particle(id: &str, data: &[u8]) -> Particle {
    let mut particle = Particle {
        id: id.into(),
        init_peer_id: key(9).peer_id(),
        timestamp: WALL,
        ttl: 5_000,
        script: "(null)".into(),
        signature: Vec::new(),
        data: data.to_vec().into(),
    };
    particle.sign(&key(9));
    particle
}

fn request(service: &str, function: &str, arguments: Value) -> CallRequest {
    CallRequest::new(service, function, &arguments.to_string(), [[]; 0])
}

fn keep(data: &[u8]) -> Outcome {
    Outcome {
        data: data.to_vec(),
        ..Outcome::default()
    }
}

#[test]
fn only_valid_particles_come_in() {
    let mut stage = Stage::new(Limits::default(), |_| keep(b""));
    let good = particle("p", b"");
    assert_eq!(
        stage.node.receive(clock(5_001), good.clone()),
        Err(Refusal::Expired)
    );
    let mut forged = good.clone();
    forged.script.push(' ');
    assert_eq!(
        stage.node.receive(clock(0), forged),
        Err(Refusal::BadSignature)
    );
    let mut timeless = good.clone();
    timeless.timestamp = u64::MAX;
    timeless.sign(&key(9));
    assert_eq!(
        stage.node.receive(clock(0), timeless),
        Err(Refusal::Expired)
    );
    assert_eq!(stage.node.receive(clock(5_000), good), Ok(()));
    assert_eq!(stage.refused(Refusal::Expired), 2);
    assert_eq!(stage.refused(Refusal::BadSignature), 1);
    assert_eq!(stage.node.status().received, 1);
}

#[test]
fn arrivals_of_one_particle_run_in_order_over_kept_data() {
    let mut stage = Stage::new(Limits::default(), |seen| {
        let mut data = seen.prev.clone();
        data.extend(&seen.current);
        keep(&data)
    });
    for data in [b"a", b"b", b"c"] {
        stage.node.receive(clock(0), particle("p", data)).unwrap();
    }
    stage.node.receive(clock(0), particle("q", b"x")).unwrap();
    stage.run(clock(1));
    let seen = stage.seen();
    let of_p: Vec<_> = seen.iter().filter(|seen| seen.id == "p").collect();
    assert_eq!(
        (&of_p[1].prev[..], &of_p[1].current[..]),
        (&b"a"[..], &b"b"[..])
    );
    assert_eq!(
        (&of_p[2].prev[..], &of_p[2].current[..]),
        (&b"ab"[..], &b"c"[..])
    );
    assert_eq!(
        seen.iter().map(|seen| &seen.id[..]).collect::<String>(),
        "pqpp",
        "turns"
    );
    assert_eq!(stage.node.status().actors, 2);
}

#[test]
fn data_is_kept_after_an_error_too() {
    let mut stage = Stage::new(Limits::default(), |seen| Outcome {
        ret_code: 10_000,
        data: [&seen.prev[..], b"!"].concat(),
        ..Outcome::default()
    });
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    assert_eq!(stage.seen()[1].prev, b"!");
    assert_eq!(stage.node.status().failed_runs, 2);
}

#[test]
fn call_results_come_back_in_one_batch_with_empty_data() {
    let mut stage = Stage::new(Limits::default(), |seen| match seen.prev.is_empty() {
        true => Outcome {
            data: b"kept".to_vec(),
            requests: vec![
                (1, request("op", "identity", json!([7]))),
                (2, request("op", "nothing", json!([]))),
                (3, request("op", "noop", json!([]))),
            ],
            ..Outcome::default()
        },
        false => keep(b"done"),
    });
    stage.node.receive(clock(0), particle("p", b"in")).unwrap();
    stage.run(clock(0));
    let seen = stage.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (&seen[1].prev[..], &seen[1].current[..]),
        (&b"kept"[..], &b""[..])
    );
    let result = |ret_code, result: &str| CallResult {
        ret_code,
        result: result.into(),
    };
    assert_eq!(
        seen[1].results,
        [
            (1, result(0, "7")),
            (
                2,
                result(1, "\"Service with id 'op' not found (function nothing)\"")
            ),
            (3, result(0, "\"\"")),
        ]
    );
    let status = stage.node.status();
    assert_eq!((status.calls, status.failed_calls, status.runs), (3, 1, 2));
}

#[test]
fn a_timeout_fires_in_time_and_never_after_the_particle() {
    let mut stage = Stage::new(Limits::default(), |seen| match seen.results.is_empty() {
        true => Outcome {
            requests: vec![
                (1, request("peer", "timeout", json!([100, "soon"]))),
                (2, request("peer", "timeout", json!([6_000, "late"]))),
                (3, request("peer", "timeout", json!([u64::MAX, "never"]))),
            ],
            ..Outcome::default()
        },
        false => keep(b""),
    });
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    assert_eq!(stage.node.wake_at(clock(0)), Some(clock(100).now));
    stage.node.timer(clock(99));
    stage.run(clock(99));
    assert_eq!(stage.seen().len(), 1);
    stage.node.timer(clock(100));
    stage.run(clock(100));
    let seen = stage.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].results.len(), 1);
    assert_eq!(seen[1].results[0].1.result, "\"soon\"");
    assert_eq!(
        stage.node.wake_at(clock(100)),
        Some(clock(5_001).now),
        "only the deadline is left"
    );
}

#[test]
fn next_peers_get_the_particle_with_the_new_data() {
    let next = [key(2).peer_id(), key(3).peer_id()];
    let mut stage = Stage::new(Limits::default(), move |_| Outcome {
        data: b"new".to_vec(),
        next_peers: next.iter().map(PeerId::to_string).collect(),
        ..Outcome::default()
    });
    let sent = particle("p", b"old");
    stage.node.receive(clock(0), sent.clone()).unwrap();
    stage.run(clock(0));
    let expected = Particle {
        data: b"new".to_vec().into(),
        ..sent
    };
    let send = |peer| Effect::Send {
        peer,
        particle: expected.clone(),
    };
    assert_eq!(stage.out, next.map(send));
}

#[test]
fn a_next_peer_that_is_this_one_runs_again_here() {
    let mut stage = Stage::new(Limits::default(), |seen| Outcome {
        data: b"kept".to_vec(),
        next_peers: match seen.prev.is_empty() {
            true => vec![key(1).peer_id().to_string()],
            false => Vec::new(),
        },
        ..Outcome::default()
    });
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    assert_eq!(stage.out, []);
    assert_eq!(stage.seen()[1].current, b"kept");
}

#[test]
fn one_bad_next_peer_spoils_the_outcome_but_not_the_data() {
    let mut stage = Stage::new(Limits::default(), |_| Outcome {
        data: b"kept".to_vec(),
        next_peers: vec![key(2).peer_id().to_string(), "nobody".into()],
        requests: vec![(1, request("op", "noop", json!([])))],
        ..Outcome::default()
    });
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    assert_eq!(stage.out, []);
    assert_eq!(stage.seen().len(), 1, "no call was answered");
    assert_eq!(stage.refused(Refusal::BadNextPeer), 1);
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    assert_eq!(stage.seen()[1].prev, b"kept");
}

#[test]
fn expired_particles_leave_nothing_behind() {
    let mut stage = Stage::new(Limits::default(), |_| keep(&[0; 1000]));
    for id in ["a", "b", "c"] {
        stage
            .node
            .receive(clock(0), particle(id, &[0; 500]))
            .unwrap();
    }
    stage.run(clock(0));
    assert!(stage.node.status().memory > 3_000);
    assert_eq!(stage.node.wake_at(clock(0)), Some(clock(5_001).now));
    stage.node.timer(clock(5_000));
    assert_eq!(stage.node.status().actors, 3);
    stage.node.timer(clock(5_001));
    let status = stage.node.status();
    assert_eq!((status.actors, status.memory), (0, 0));
    assert_eq!(stage.node.wake_at(clock(5_001)), None);
}

#[test]
fn a_particle_that_expires_in_the_queue_does_not_run() {
    let mut stage = Stage::new(Limits::default(), |_| keep(b""));
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(6_000));
    assert_eq!(stage.seen(), []);
    assert_eq!(stage.refused(Refusal::ExpiredHere), 1);
}

#[test]
fn budgets_refuse_with_their_reasons() {
    let limits = Limits {
        max_actors: 2,
        max_mailbox: 1,
        max_memory: 10_000,
        ..Limits::default()
    };
    let mut stage = Stage::new(limits, |_| keep(b""));
    stage.node.receive(clock(0), particle("a", b"")).unwrap();
    assert_eq!(
        stage.node.receive(clock(0), particle("a", b"")),
        Err(Refusal::MailboxFull)
    );
    stage
        .node
        .receive(clock(0), particle("b", &[0; 9_000]))
        .unwrap();
    assert_eq!(
        stage.node.receive(clock(0), particle("c", b"")),
        Err(Refusal::ActorsFull)
    );
    stage.run(clock(0));
    assert_eq!(
        stage.node.receive(clock(0), particle("a", &[0; 10_000])),
        Err(Refusal::MemoryFull)
    );
    stage.node.receive(clock(0), particle("a", b"")).unwrap();
    for reason in [
        Refusal::MailboxFull,
        Refusal::ActorsFull,
        Refusal::MemoryFull,
    ] {
        assert_eq!(stage.refused(reason), 1, "{reason}");
    }
}

#[test]
fn too_many_timers_are_a_call_error() {
    let limits = Limits {
        max_timers: 1,
        ..Limits::default()
    };
    let mut stage = Stage::new(limits, |seen| match seen.results.is_empty() {
        true => Outcome {
            requests: (1..=2)
                .map(|id| (id, request("peer", "timeout", json!([9]))))
                .collect(),
            ..Outcome::default()
        },
        false => keep(b""),
    });
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    let seen = stage.seen();
    assert_eq!(seen[1].results.len(), 1);
    assert_eq!(
        (seen[1].results[0].0, seen[1].results[0].1.ret_code),
        (2, 1)
    );
    assert_eq!(stage.refused(Refusal::TimersFull), 1);
}

#[test]
fn a_connect_is_answered_when_it_is_decided() {
    let mut stage = Stage::new(Limits::default(), |seen| match seen.results.is_empty() {
        true => Outcome {
            requests: vec![(
                4,
                request("peer", "connect", json!([key(2).peer_id().to_string()])),
            )],
            ..Outcome::default()
        },
        false => keep(b""),
    });
    // By the host itself: others may not.
    let mut own = particle("p", b"");
    own.sign(&key(1));
    stage.node.receive(clock(0), own).unwrap();
    stage.run(clock(0));
    let [
        Effect::Connect {
            call,
            peer,
            addresses,
        },
    ] = &stage.out[..]
    else {
        panic!("{:?}", stage.out)
    };
    assert_eq!((*peer, addresses.len()), (key(2).peer_id(), 0));
    let call = *call;
    stage.node.complete(call, json!(true));
    stage.run(clock(0));
    let result = CallResult {
        ret_code: 0,
        result: "true".into(),
    };
    assert_eq!(stage.seen()[1].results, [(4, result)]);
}

#[test]
fn readings_of_one_signature_with_different_ids_do_not_meet() {
    let mut stage = Stage::new(Limits::default(), |_| keep(b"kept"));
    let now = Clock {
        now: clock(0).now,
        wall_ms: 0x0162_6364_6566,
    };
    let mut short = particle("p", b"");
    // A timestamp whose bytes are text, so that they can be read as the end of the id instead.
    short.timestamp = now.wall_ms;
    short.script = "1234abcd(null)".into();
    short.sign(&key(9));
    let signed = short.signed_bytes();
    let long = Particle {
        id: String::from_utf8(signed[..9].to_vec()).unwrap(),
        timestamp: u64::from_le_bytes(signed[9..17].try_into().unwrap()),
        ttl: u32::from_le_bytes(signed[17..21].try_into().unwrap()),
        script: "(null)".into(),
        ..short.clone()
    };
    stage.node.receive(now, short).unwrap();
    stage.node.receive(now, long).unwrap();
    stage.run(now);
    let seen = stage.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.prev.is_empty()));
}

#[test]
fn the_clock_that_jumps_does_not_lose_wake_ups() {
    let mut stage = Stage::new(Limits::default(), |_| keep(b""));
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    assert_eq!(
        stage.node.wake_at(clock(0)),
        Some(clock(0).now),
        "there is a turn to take"
    );
    stage.run(clock(0));
    let ahead = Clock {
        now: clock(10).now,
        wall_ms: WALL + 60_000,
    };
    assert_eq!(stage.node.wake_at(ahead), Some(ahead.now + Duration::ZERO));
}
