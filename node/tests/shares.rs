//! Strangers who take what they can of each pool, with the real interpreter: the node lives, others
//! are served, the operator always is, and each refusal has its reason.

use basalt_net::keypair::Keypair;
use basalt_net::particle::{Authored, Particle};
use basalt_net::time::Instant;
use basalt_node::actors::{Effect, Node, Status};
use basalt_node::host::{Alone, Clock, Host, Versions};
use basalt_node::limits::{Limits, ServiceLimits};
use basalt_node::refusal::Refusal;
use basalt_node::rooms::Rooms;
use basalt_node::script::Aquavm;
use basalt_node::shares::Origin;

const WALL: u64 = 1_700_000_000_000;
const TTL: u32 = 60_000;
const OPERATOR: u8 = 2;

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn clock(after_ms: u64) -> Clock {
    Clock {
        now: Instant::from_millis(1_000 + after_ms),
        wall_ms: WALL + after_ms,
    }
}

struct Stage {
    node: Node<Aquavm>,
    out: Vec<Effect>,
    sent: usize,
}

impl Stage {
    fn new(limits: Limits, services: ServiceLimits) -> Stage {
        let versions = Versions {
            node: String::new(),
            air: String::new(),
            spell: String::new(),
            services: Vec::new(),
        };
        let host = Host::new(key(1), Some(key(OPERATOR).peer_id()), versions);
        let rooms = Rooms::without_parts(host, services, [9; 32]);
        Stage {
            node: Node::new(rooms, limits, Aquavm::default()),
            out: Vec::new(),
            sent: 0,
        }
    }

    /// A particle of an author, which comes by his own connection, and what follows from it.
    fn send(&mut self, author: u8, script: &str) -> Result<(), Refusal> {
        self.send_by(author, author, script)
    }

    fn send_by(&mut self, author: u8, by: u8, script: &str) -> Result<(), Refusal> {
        self.sent += 1;
        let id = format!("particle {}", self.sent);
        self.deliver(by, particle(author, &id, script))
    }

    fn deliver(&mut self, by: u8, particle: Particle) -> Result<(), Refusal> {
        let address = format!("9.9.9.{by}").parse().ok();
        let origin = Origin::new(key(by).peer_id(), address);
        let taken = self.node.receive_from(clock(0), origin, particle);
        while self.node.step(clock(0), &Alone, &mut self.out) {}
        taken
    }

    /// Sends until it is refused; how many got in, and why no more.
    fn flood(&mut self, author: u8, by: u8, script: &str) -> (usize, Refusal) {
        for taken in 0..10_000 {
            if let Err(reason) = self.send_by(author, by, script) {
                return (taken, reason);
            }
        }
        panic!("nothing was refused");
    }

    fn status(&self) -> Status {
        self.node.status()
    }

    fn refused(&self, reason: Refusal) -> u64 {
        self.status().refusals.of(reason)
    }
}

fn particle(author: u8, id: &str, script: &str) -> Particle {
    let mut authored = Authored {
        id: id.into(),
        init_peer_id: key(author).peer_id(),
        timestamp: WALL,
        ttl: TTL,
        script: script.into(),
        signature: Vec::new(),
    };
    authored.sign(&key(author));
    Particle::new(authored, Vec::new())
}

/// A call of this host, and its result at the author's; or the error there.
fn ask(call: &str) -> String {
    let node = key(1).peer_id();
    format!(
        r#"(xor (seq (call "{node}" {call} x) (call %init_peer_id% ("a" "b") [x]))
            (call %init_peer_id% ("a" "failed") [:error:.$.message]))"#
    )
}

/// Waits for another peer, and for this one after it.
fn waits() -> String {
    let [other, node] = [77, 1].map(|n| key(n).peer_id());
    format!(r#"(seq (call "{other}" ("a" "b") []) (call "{node}" ("op" "noop") []))"#)
}

#[test]
fn three_keys_do_not_take_all_places() {
    let limits = Limits {
        max_actors: 160,
        ..Limits::default()
    };
    let mut stage = Stage::new(limits, ServiceLimits::default());
    let script = waits();
    // All by one connection.
    for author in [10, 11, 12] {
        let (_, reason) = stage.flood(author, 10, &script);
        assert!(matches!(
            reason,
            Refusal::AuthorActors | Refusal::OriginActors
        ));
    }
    let taken = stage.status().actors;
    assert!((75..=100).contains(&taken), "{taken}");
    // Others find room, and whoever comes last is the operator.
    assert!((0..20).all(|_| stage.send(20, &script).is_ok()));
    for author in 30..60 {
        stage.flood(author, author, &script);
    }
    let left = 160 - stage.status().actors;
    assert!(left >= 10, "{left}");
    assert!((0..left).all(|_| stage.send(OPERATOR, &script).is_ok()));
    assert_eq!(stage.send(OPERATOR, &script), Err(Refusal::ActorsFull));
    assert!(stage.refused(Refusal::AuthorActors) > 0);
    assert!(stage.refused(Refusal::OriginActors) > 0);
    stage.node.timer(clock(u64::from(TTL) + 1));
    assert_eq!((stage.status().actors, stage.status().memory), (0, 0));
    assert_eq!(stage.send(10, "(null)"), Ok(()));
}

#[test]
fn a_particle_with_nothing_left_to_do_keeps_its_id_and_nothing_else() {
    let limits = Limits {
        max_actors: 8,
        max_ids: 400,
        ..Limits::default()
    };
    let mut stage = Stage::new(limits, ServiceLimits::default());
    let answered = ask(r#"("op" "identity") [1]"#);
    let kept = ask(r#"("vault" "put") ["a file"]"#);
    for _ in 0..40 {
        for script in ["(null)", &answered, &kept] {
            assert_eq!(stage.send(10, script), Ok(()));
        }
    }
    let status = stage.status();
    assert_eq!((status.actors, status.memory, status.finished), (0, 0, 120));
    assert_eq!(stage.node.rooms().vaults(), (0, 0));
    // One that comes again does not run again.
    let runs = status.runs;
    let again = particle(10, "particle 1", "(null)");
    assert_eq!(stage.deliver(11, again), Err(Refusal::Finished));
    assert_eq!(stage.status().runs, runs);
    // Ids are shared too.
    let (_, reason) = stage.flood(10, 10, "(null)");
    assert_eq!(reason, Refusal::AuthorIds);
    assert_eq!(stage.send(11, "(null)"), Ok(()));
    assert_eq!(stage.send(OPERATOR, "(null)"), Ok(()));
    assert!(stage.status().finished < 200);
    // They are gone when their time is over, and not before.
    let end = u64::from(TTL);
    stage.node.timer(clock(end));
    assert!(stage.status().finished > 100);
    let wake = stage.node.wake_at(clock(end)).unwrap();
    let after = wake.since(clock(0).now).as_millis() as u64 + 1;
    stage.node.timer(clock(after));
    assert_eq!(stage.status().finished, 0);
    assert_eq!(stage.node.wake_at(clock(after)), None);
}

#[test]
fn data_that_cannot_be_read_ends_no_particle() {
    let mut stage = Stage::new(Limits::default(), ServiceLimits::default());
    let mut first = particle(10, "p", &ask(r#"("op" "identity") [1]"#));
    let sound = first.clone();
    first.data = b"rubbish".to_vec().into();
    assert_eq!(stage.deliver(11, first), Ok(()));
    assert_eq!((stage.status().finished, stage.out.len()), (0, 0));
    assert_eq!(stage.deliver(10, sound), Ok(()));
    assert_eq!((stage.status().finished, stage.out.len()), (1, 1));
}

#[test]
fn one_particle_does_not_take_all_timers() {
    let limits = Limits {
        max_timers: 32,
        ..Limits::default()
    };
    let mut stage = Stage::new(limits, ServiceLimits::default());
    let node = key(1).peer_id();
    let one = format!(r#"(call "{node}" ("peer" "timeout") [50000 "x"])"#);
    let all = (0..100).fold("(null)".to_owned(), |all, _| format!("(par {all} {one})"));
    stage.send(10, &all).unwrap();
    assert!(stage.refused(Refusal::TimersShare) > 0);
    let before = stage.refused(Refusal::TimersShare);
    stage.send(11, &one).unwrap();
    stage.send(OPERATOR, &one).unwrap();
    assert_eq!(stage.refused(Refusal::TimersShare), before);
    assert_eq!(stage.refused(Refusal::TimersFull), 0);
    // What waits is no end.
    assert_eq!(stage.status().finished, 0);
}

#[test]
fn one_author_does_not_take_all_vaults() {
    let services = ServiceLimits {
        vault_bytes: 64 << 10,
        ..ServiceLimits::default()
    };
    let mut stage = Stage::new(Limits::default(), services);
    let (node, other) = (key(1).peer_id(), key(77).peer_id());
    let file = "x".repeat(4000);
    // It comes back, so the files stay.
    let put = format!(
        r#"(seq (xor (call "{node}" ("vault" "put") ["{file}"]) (null))
            (seq (call "{other}" ("a" "b") []) (call "{node}" ("op" "noop") [])))"#
    );
    for _ in 0..20 {
        stage.send(10, &put).unwrap();
    }
    let refused = stage.refused(Refusal::VaultsShare);
    assert!((10..=15).contains(&refused), "{refused}");
    stage.send(11, &put).unwrap();
    stage.send(OPERATOR, &put).unwrap();
    assert_eq!(stage.refused(Refusal::VaultsShare), refused);
    assert_eq!(stage.refused(Refusal::VaultsFull), 0);
    let (_, bytes) = stage.node.rooms().vaults();
    assert!(bytes < 48 << 10, "{bytes}");
}
