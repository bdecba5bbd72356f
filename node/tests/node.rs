//! The node's bookkeeping, with an interpreter that plays by a script of its own: verification,
//! mailboxes, kept data, call results, routing, budgets, expiry.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use basalt_net::keypair::Keypair;
use basalt_net::particle::{Authored, Particle};
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_node::actors::{Effect, Node};
use basalt_node::host::{Alone, Clock, Host, Versions};
use basalt_node::limits::{Limits, ServiceLimits, Share};
use basalt_node::refusal::Refusal;
use basalt_node::rooms::Rooms;
use basalt_node::script::{CallRequest, CallResult, Interpreter, Outcome, Run};
use basalt_node::shares::{Origin, Payer};
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
                Rooms::without_parts(host, ServiceLimits::default(), [9; 32]),
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
    particle_of(9, id, data)
}

fn particle_of(author: u8, id: &str, data: &[u8]) -> Particle {
    let mut authored = Authored {
        id: id.into(),
        init_peer_id: key(author).peer_id(),
        timestamp: WALL,
        ttl: 5_000,
        script: "(null)".into(),
        signature: Vec::new(),
    };
    authored.sign(&key(author));
    Particle::new(authored, data.to_vec())
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
    Arc::make_mut(&mut forged.authored).script.push(' ');
    assert_eq!(
        stage.node.receive(clock(0), forged),
        Err(Refusal::BadSignature)
    );
    let mut timeless = Authored::clone(&good);
    timeless.timestamp = u64::MAX;
    timeless.sign(&key(9));
    let timeless = Particle::new(timeless, Vec::new());
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
                result(1, "\"Service with id 'op' has no function 'nothing'\"")
            ),
            (3, result(0, "\"\"")),
        ]
    );
    let status = stage.node.status();
    assert_eq!((status.calls, status.failed_calls, status.runs), (3, 1, 2));
}

/// A run that asks for so many calls of base58 that they take a second.
fn asks_for_much(seen: &Seen) -> Outcome {
    let text = "z".repeat(4096);
    let call = |id| (id, request("op", "string_to_b58", json!([text])));
    match seen.id == "much" && seen.prev.is_empty() {
        true => Outcome {
            data: b"kept".to_vec(),
            next_peers: vec![key(5).peer_id().to_string()],
            requests: (0..50).map(call).collect(),
            ..Outcome::default()
        },
        false => keep(b"done"),
    }
}

#[test]
fn between_the_calls_of_one_run_others_run() {
    let mut stage = Stage::new(Limits::default(), asks_for_much);
    let much = particle_of(8, "much", b"");
    stage.node.receive(clock(0), much).unwrap();
    stage.node.step(clock(0), &Alone, &mut stage.out);
    assert!(
        stage.node.status().calls < 5,
        "a piece is some milliseconds"
    );
    // Who comes now waits for a piece at most.
    stage
        .node
        .receive(clock(0), particle("other", b""))
        .unwrap();
    for _ in 0..2 {
        stage.node.step(clock(0), &Alone, &mut stage.out);
    }
    assert_eq!(stage.seen().last().unwrap().id, "other");
    assert_eq!(stage.node.wake_at(clock(0)), Some(clock(0).now));
    assert_eq!(stage.out, [], "sent when all calls are answered");
    stage.run(clock(0));
    // All results come at once, in the order of the calls.
    let seen = stage.seen();
    assert_eq!(seen.len(), 3);
    let ids: Vec<u32> = seen[2].results.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
    assert!(matches!(&stage.out[..], [Effect::Send { .. }]));
    // 4,096 bytes in the square, fifty times.
    assert!(stage.node.charged() > 50 * 20_000);
}

#[test]
fn answers_to_one_run_hold_so_much_and_no_more() {
    let mut stage = Stage::new(Limits::default(), |seen| match seen.prev.is_empty() {
        true => {
            let text = json!(["a".repeat(1 << 20)]);
            let call = |id| (id, request("op", "identity", text.clone()));
            Outcome {
                data: b"kept".to_vec(),
                requests: (0..80).map(call).collect(),
                ..Outcome::default()
            }
        }
        false => keep(b"done"),
    });
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    let results = &stage.seen()[1].results;
    assert_eq!(results.len(), 80);
    let bytes: usize = results.iter().map(|(_, result)| result.result.len()).sum();
    assert!((32 << 20..34 << 20).contains(&bytes), "{bytes}");
    assert!(results[79].1.result.contains("hold too much"));
    assert_eq!(stage.refused(Refusal::AnswersFull), 80 - 32);
}

#[test]
fn a_particle_that_expires_between_its_calls_leaves_nothing_behind() {
    let mut stage = Stage::new(Limits::default(), asks_for_much);
    stage.node.receive(clock(0), particle("much", b"")).unwrap();
    stage.node.step(clock(0), &Alone, &mut stage.out);
    stage.node.timer(clock(5_001));
    stage.run(clock(5_001));
    let status = stage.node.status();
    assert_eq!((status.actors, status.memory), (0, 0));
    assert!(status.calls < 5);
    assert_eq!(stage.seen().len(), 1);
    assert_eq!(stage.node.wake_at(clock(5_001)), None);
}

/// More than come at the same time: none is refused, and none outlives its particle.
#[test]
fn files_wait_for_their_turn() {
    const CID: &str = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";
    let mut stage = Stage::new(Limits::default(), |seen| match seen.prev.is_empty() {
        true => {
            let fetch = json!([CID, "/ip4/192.0.2.1/tcp/5001"]);
            let fetch = |id| (id, request("aqua-ipfs", "cat_from", fetch.clone()));
            Outcome {
                data: b"kept".to_vec(),
                requests: (1..=24).map(fetch).collect(),
                ..Outcome::default()
            }
        }
        false => keep(b"done"),
    });
    let by_the_host = particle_of(1, "p", b"");
    stage.node.receive(clock(0), by_the_host).unwrap();
    stage.run(clock(0));
    stage.node.timer(clock(4_999));
    stage.run(clock(4_999));
    assert_eq!(stage.seen().len(), 1, "nothing is answered yet");
    stage.node.timer(clock(5_001));
    stage.run(clock(5_001));
    assert_eq!(stage.node.status().actors, 0);
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
    let payer = Payer::author(key(9).peer_id(), Origin::default());
    let send = |peer| Effect::Send {
        peer,
        payer,
        particle: expected.clone(),
    };
    assert_eq!(stage.out, next.map(send));
    // However many they are, script and data are in memory once.
    let [
        Effect::Send { particle: one, .. },
        Effect::Send {
            particle: other, ..
        },
    ] = &stage.out[..]
    else {
        panic!("{:?}", stage.out);
    };
    assert!(Arc::ptr_eq(&one.authored, &expected.authored));
    assert!(Arc::ptr_eq(&one.authored, &other.authored));
    assert_eq!(one.data.as_ptr(), other.data.as_ptr());
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
    // Its own particles: others have a share of each.
    let particle = |id, data: &[u8]| particle_of(1, id, data);
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
    let own = particle_of(1, "p", b"");
    stage.node.receive(clock(0), own).unwrap();
    stage.run(clock(0));
    let [
        Effect::Connect {
            call,
            peer,
            addresses,
            ..
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
    let mut short = Authored::clone(&particle("p", b""));
    // A timestamp whose bytes are text, so that they can be read as the end of the id instead.
    short.timestamp = now.wall_ms;
    short.script = "1234abcd(null)".into();
    short.sign(&key(9));
    let signed = short.signed_bytes();
    let long = Authored {
        id: String::from_utf8(signed[..9].to_vec()).unwrap(),
        timestamp: u64::from_le_bytes(signed[9..17].try_into().unwrap()),
        ttl: u32::from_le_bytes(signed[17..21].try_into().unwrap()),
        script: "(null)".into(),
        ..short.clone()
    };
    for authored in [short, long] {
        let particle = Particle::new(authored, Vec::new());
        stage.node.receive(now, particle).unwrap();
    }
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

/// Lets the host make a worker; gives its id.
fn worker(stage: &mut Stage) -> PeerId {
    let own = particle_of(1, "make a worker", b"");
    stage.node.receive(clock(0), own).unwrap();
    stage.run(clock(0));
    let seen = stage.seen();
    let made = &seen.last().unwrap().results[0].1;
    assert_eq!(made.ret_code, 0, "{}", made.result);
    let id: String = serde_json::from_str(&made.result).unwrap();
    id.parse().unwrap()
}

/// Makes a worker for the particle that asks for it; sends others to `next`.
fn to_worker(next: Rc<RefCell<Vec<String>>>, steps: u64) -> impl FnMut(&Seen) -> Outcome {
    move |seen| match (seen.id.as_str(), seen.results.is_empty()) {
        ("make a worker", true) => Outcome {
            requests: vec![(
                1,
                request(
                    "worker",
                    "create",
                    json!(["ab".repeat(20), ["cd".repeat(32)]]),
                ),
            )],
            ..Outcome::default()
        },
        ("make a worker", false) => keep(b""),
        _ => Outcome {
            next_peers: match seen.current == b"hop" {
                true => next.borrow().clone(),
                false => Vec::new(),
            },
            data: b"hopped".to_vec(),
            steps,
            ..Outcome::default()
        },
    }
}

#[test]
fn a_worker_takes_its_share_of_particles_memory_and_work() {
    let limits = Limits {
        worker: Share {
            rate: 3,
            actors: 2,
            memory: 2_000,
            ..Limits::default().worker
        },
        ..Limits::default()
    };
    let next = Rc::new(RefCell::new(Vec::new()));
    let mut stage = Stage::new(limits, to_worker(next.clone(), 7));
    let worker = worker(&mut stage);
    *next.borrow_mut() = vec![worker.to_string()];
    for id in ["a", "b", "c", "d"] {
        stage.node.receive(clock(0), particle(id, b"hop")).unwrap();
    }
    stage.run(clock(0));
    // The third has no place, for the fourth it is too early as well; on the host they all ran.
    assert_eq!(stage.refused(Refusal::WorkerActors), 1);
    assert_eq!(stage.refused(Refusal::WorkerRate), 1);
    let status = stage.node.status();
    let [(id, account)] = status.workers[..] else {
        panic!("{:?}", status.workers);
    };
    assert_eq!(id, worker);
    assert_eq!(
        (account.actors, account.received, account.refused),
        (2, 4, 2)
    );
    assert_eq!((account.steps, status.steps), (2 * 7, 6 * 7));
    assert!(account.memory > 2 * "hopped".len());
    // What the host itself sends is free.
    let own = particle_of(1, "own", b"hop");
    stage.node.receive(clock(0), own).unwrap();
    stage.run(clock(0));
    assert_eq!(stage.node.status().workers[0].1.refused, 2);
    assert_eq!(stage.node.status().actors, 1 + 4 + 2 + 2);
    // They die with their particles, and their places are free again.
    stage.node.timer(clock(6_000));
    assert_eq!(stage.node.status().actors, 0);
    let account = stage.node.status().workers[0].1;
    assert_eq!((account.actors, account.memory), (0, 0));
}

#[test]
fn who_had_more_work_than_his_share_goes_behind_the_others() {
    let mut stage = Stage::new(Limits::default(), |seen| Outcome {
        time: match seen.id.starts_with("long") {
            true => Duration::from_secs(1),
            false => Duration::from_micros(10),
        },
        ..Outcome::default()
    });
    for id in ["long 1", "long 2", "long 3"] {
        stage.node.receive(clock(0), particle(id, b"")).unwrap();
    }
    stage.node.step(clock(0), &Alone, &mut stage.out);
    let other = particle_of(8, "short", b"");
    stage.node.receive(clock(0), other).unwrap();
    stage.run(clock(0));
    let order: Vec<String> = stage.seen().into_iter().map(|seen| seen.id).collect();
    assert_eq!(order, ["long 1", "short", "long 2", "long 3"]);
    assert_eq!(stage.node.status().deferred, 2);
}

#[test]
fn a_run_over_its_budget_is_counted() {
    let mut stage = Stage::new(Limits::default(), |_| Outcome {
        ret_code: 20_900,
        error_message: "the run exceeds its budget of time".into(),
        ..Outcome::default()
    });
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.run(clock(0));
    assert_eq!(stage.refused(Refusal::RunBudget), 1);
    assert_eq!(stage.node.status().failed_runs, 1);
}

#[test]
fn a_particle_leaves_no_data_and_no_vault() {
    let mut stage = Stage::new(Limits::default(), |seen| match seen.results.is_empty() {
        true => Outcome {
            data: vec![1; 1000],
            requests: vec![(1, request("vault", "put", json!(["a file of its own"])))],
            ..Outcome::default()
        },
        false => keep(&[2; 2000]),
    });
    let empty = stage.node.status();
    stage.node.receive(clock(0), particle("p", b"")).unwrap();
    stage.node.receive(clock(10), particle("q", b"")).unwrap();
    stage.run(clock(10));
    let answer = stage.seen().pop().unwrap().results.remove(0).1;
    assert_eq!(answer.ret_code, 0, "{}", answer.result);
    let status = stage.node.status();
    assert!(status.actors == 2 && status.memory > 4000, "{status:?}");
    let (vaults, bytes) = stage.node.rooms().vaults();
    // Names and what is kept about each file count too.
    assert!(
        vaults == 2 && (2 * 17..2 * 1024).contains(&bytes),
        "{bytes}"
    );
    // They live to the last millisecond.
    stage.node.timer(clock(5_000));
    assert_eq!(stage.node.rooms().vaults().0, 2);
    let wake = stage.node.wake_at(clock(5_000)).unwrap();
    assert_eq!(wake, clock(5_001).now);
    stage.node.timer(clock(5_001));
    let status = stage.node.status();
    assert_eq!((status.actors, status.memory), (empty.actors, empty.memory));
    assert_eq!(stage.node.rooms().vaults(), (0, 0));
    assert_eq!(stage.node.wake_at(clock(5_001)), None);
}
