//! Spells that run: by the clock, when peers come, after a reboot. The real spell service, the real
//! interpreter.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use basalt_distro::{Distro, published};
use basalt_net::keypair::Keypair;
use basalt_net::particle::{Authored, Particle};
use basalt_net::time::Instant;
use basalt_node::actors::{Effect, Node};
use basalt_node::compute::{NoPause, Platform, Resources};
use basalt_node::host::{Alone, Clock, Host, Versions};
use basalt_node::limits::{Limits, ServiceLimits};
use basalt_node::refusal::Refusal;
use basalt_node::rooms::{Parts, Rooms};
use basalt_node::script::{Aquavm, Interpreter, Run};
use basalt_node::state::State;
use basalt_store::Memory;
use serde_json::{Value, json};

const WALL: u64 = 1_700_000_000_000;

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

/// A clock that a test sets.
struct Set(Mutex<u64>);

impl Platform for Set {
    fn clock(&self) -> Clock {
        let ms = *self.0.lock().unwrap();
        Clock {
            now: Instant::from_millis(ms),
            wall_ms: WALL + ms,
        }
    }
    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(4);
    }
}

/// A node, and its operator who asks it.
struct Stage {
    node: Node<Aquavm>,
    clock: Arc<Set>,
    disk: Memory,
    operator: Keypair,
    asked: u32,
    out: Vec<Effect>,
}

impl Stage {
    fn new() -> Stage {
        Stage::of(Memory::new(4096, 64 << 20), 0)
    }

    /// After a power cut of so many seconds.
    fn rebooted(self, seconds: u64) -> Stage {
        let ms = *self.clock.0.lock().unwrap();
        let disk = self.disk.clone();
        drop(self);
        disk.cut(|_| false);
        Stage::of(disk, ms + seconds * 1000)
    }

    /// With other limits than usual.
    fn with(limits: Limits) -> Stage {
        Stage::limited(Memory::new(4096, 64 << 20), 0, limits)
    }

    fn of(disk: Memory, ms: u64) -> Stage {
        Stage::limited(disk, ms, Limits::default())
    }

    fn limited(disk: Memory, ms: u64, limits: Limits) -> Stage {
        let versions = Versions {
            node: String::new(),
            air: String::new(),
            spell: String::new(),
            services: Vec::new(),
        };
        let operator = key(2);
        let host = Host::new(key(1), Some(operator.peer_id()), versions);
        let clock = Arc::new(Set(Mutex::new(ms)));
        let (state, _) = State::open(disk.clone(), [1; 16]).unwrap();
        let parts = Parts {
            state: Some(state),
            chain: None,
            compute: Some(Resources {
                platform: clock.clone(),
                cores: 1,
                homes: Vec::new(),
            }),
            distro: Some(Distro {
                system: Vec::new(),
                ..published::distro().unwrap()
            }),
        };
        let rooms = Rooms::new(host, parts, ServiceLimits::default(), [3; 32]).unwrap();
        let mut stage = Stage {
            node: Node::new(rooms, limits, Aquavm::default()),
            clock,
            disk,
            operator,
            asked: 0,
            out: Vec::new(),
        };
        stage.node.begin(stage.clock.clock());
        stage
    }

    /// Does everything there is to do now.
    fn settle(&mut self) {
        let clock = self.clock.clock();
        self.node.timer(clock);
        loop {
            let mut idle = !self.node.step(clock, &Alone, &mut self.out);
            loop {
                let job = self.node.next_job(clock);
                assert!(self.node.next_disk_job(clock).is_none());
                let Some(job) = job else {
                    break;
                };
                self.node.done(clock, job.run(Arc::new(NoPause)));
                idle = false;
            }
            if idle {
                return;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        *self.clock.0.lock().unwrap() += time.as_millis() as u64;
        self.settle();
    }

    /// Asks a function of the host by a particle; the answer comes home as its data.
    fn ask(&mut self, service: &str, function: &str, arguments: &[Value]) -> Value {
        self.asked += 1;
        let (host, home) = (key(1).peer_id(), self.operator.peer_id());
        // Arguments come from the operator's own services: the script is short and the data long.
        let names: Vec<String> = (0..arguments.len()).map(|i| format!("a{i}")).collect();
        let fetch: String = names
            .iter()
            .map(|name| format!("(seq (call \"{home}\" (\"args\" \"{name}\") [] {name}) "))
            .collect();
        let script = format!(
            "{fetch}(seq (call \"{host}\" (\"{service}\" \"{function}\") [{}] answer) \
             (call \"{home}\" (\"home\" \"take\") [answer])){}",
            names.join(" "),
            ")".repeat(names.len()),
        );
        let clock = self.clock.clock();
        let mut authored = Authored {
            id: format!("question {}", self.asked),
            init_peer_id: home,
            timestamp: clock.wall_ms,
            ttl: 60_000,
            script,
            signature: Vec::new(),
        };
        authored.sign(&self.operator);
        let mut particle = Particle::new(authored, Vec::new());
        let authored = particle.authored.clone();
        let mut interpreter = Aquavm::default();
        let key = self.operator.clone();
        let run = |interpreter: &mut Aquavm, prev: &[u8], current: &[u8], results| {
            interpreter.run(Run {
                particle: &authored,
                scope: &home,
                key: &key,
                prev,
                current,
                own: usize::MAX,
                results,
            })
        };
        let mut outcome = run(&mut interpreter, &[], &[], Vec::new());
        while let [(id, request)] = outcome.requests.as_slice() {
            let index: usize = request.function_name()[1..].parse().unwrap();
            let result = basalt_node::script::CallResult {
                ret_code: 0,
                result: arguments[index].to_string(),
            };
            let results = vec![(*id, result)];
            let prev = outcome.data.clone();
            outcome = run(&mut interpreter, &prev, &[], results);
        }
        assert_eq!(outcome.ret_code, 0, "{}", outcome.error_message);
        particle.data = outcome.data.clone().into();
        self.node.receive(clock, particle).unwrap();
        self.out.clear();
        self.settle();
        let Some(Effect::Send { particle, .. }) = self.out.pop() else {
            panic!(
                "no answer to {service}.{function}: {:?}",
                self.node.status()
            );
        };
        let outcome = run(&mut interpreter, &outcome.data, &particle.data, Vec::new());
        let (_, request) = &outcome.requests[0];
        let arguments: Value = serde_json::from_str(request.arguments()).unwrap();
        arguments[0].clone()
    }

    fn value(&mut self, spell: &str, key: &str) -> Value {
        self.ask(spell, "get_string", &[json!(key)])["value"].clone()
    }
}

/// Writes what triggered it, and how often it has run.
const SCRIPT: &str = r#"
(seq
    (call %init_peer_id% ("getDataSrv" "hw_trigger") [] trigger)
    (seq
        (call %init_peer_id% ("debug" "stringify") [trigger] text)
        (call %init_peer_id% ("self" "set_string") ["seen" text] done)))
"#;

/// Counts its beginnings, and takes half a minute.
const SLOW: &str = r#"
(seq
    (call %init_peer_id% ("self" "list_push_string") ["begun" "run"] done)
    (call %init_peer_id% ("peer" "timeout") [30000 "over"] message))
"#;

fn config(start: u32, period: u32, connect: bool) -> Value {
    json!({
        "clock": {"start_sec": start, "end_sec": 0, "period_sec": period},
        "connections": {"connect": connect, "disconnect": false},
        "blockchain": {"start_block": 0, "end_block": 0},
    })
}

#[test]
fn a_spell_runs_by_the_clock_until_it_is_removed() {
    let mut stage = Stage::new();
    let id = stage.ask(
        "spell",
        "install",
        &[json!(SCRIPT), json!({}), config(1, 10, false)],
    );
    let id = id.as_str().unwrap().to_string();
    stage.pass(Duration::ZERO);
    let seen = |second: u64| {
        json!(json!({"timer": [{"timestamp": WALL / 1000 + second}], "peer": []}).to_string())
    };
    let sorted =
        |value: &Value| -> Value { serde_json::from_str(value.as_str().unwrap()).unwrap() };
    assert_eq!(sorted(&stage.value(&id, "seen")), sorted(&seen(0)));
    stage.pass(Duration::from_secs(9));
    assert_eq!(sorted(&stage.value(&id, "seen")), sorted(&seen(0)));
    stage.pass(Duration::from_secs(1));
    assert_eq!(sorted(&stage.value(&id, "seen")), sorted(&seen(10)));
    let counter = stage.ask(&id, "get_u32", &[json!("hw_counter")]);
    assert_eq!(counter["value"], 2);
    let next = stage.node.wake_at(stage.clock.clock()).unwrap();
    assert_eq!(next, Instant::from_millis(20_000));
    stage.ask("spell", "remove", &[json!(id)]);
    stage.pass(Duration::from_secs(100));
    assert_eq!(stage.node.status().failed_calls, 0);
}

#[test]
fn a_spell_runs_when_a_peer_connects() {
    let mut stage = Stage::new();
    let id = stage.ask(
        "spell",
        "install",
        &[json!(SCRIPT), json!({}), config(0, 0, true)],
    );
    let id = id.as_str().unwrap().to_string();
    let friend = key(7).peer_id();
    let clock = stage.clock.clock();
    stage.node.on_connection(clock, &friend, false);
    stage.settle();
    assert_eq!(stage.value(&id, "seen"), "");
    stage.node.on_connection(clock, &friend, true);
    stage.settle();
    let seen: Value = serde_json::from_str(stage.value(&id, "seen").as_str().unwrap()).unwrap();
    assert_eq!(
        seen,
        json!({"timer": [], "peer": [{"peer_id": friend.to_string(), "connected": true}]})
    );
    // The empty configuration ends it.
    let empty = config(0, 0, false);
    stage.ask("spell", "update_trigger_config", &[json!(id), empty]);
    stage.node.on_connection(clock, &friend, true);
    stage.settle();
    let counter = stage.ask(&id, "get_u32", &[json!("hw_counter")]);
    assert_eq!(counter["value"], 1);
}

#[test]
fn subscriptions_come_back_after_a_reboot() {
    let mut stage = Stage::new();
    let mut install = |config: Value| {
        let id = stage.ask("spell", "install", &[json!(SCRIPT), json!({}), config]);
        stage.pass(Duration::ZERO);
        id.as_str().unwrap().to_string()
    };
    let by_clock = install(config(1, 10, false));
    let by_peers = install(config(0, 0, true));
    let once = install(config(1, 0, false));
    let runs = |stage: &mut Stage, id: &str| {
        let counter = stage.ask(id, "get_u32", &[json!("hw_counter")]);
        counter["value"].as_u64().unwrap()
    };
    assert_eq!(stage.node.rooms().scheduled_spells(), 2);
    stage.pass(Duration::from_secs(4));
    let mut stage = stage.rebooted(60);
    assert_eq!(stage.node.rooms().scheduled_spells(), 2);
    // What was missed is not caught up with: one run at once, then every ten seconds.
    stage.pass(Duration::ZERO);
    assert_eq!(runs(&mut stage, &by_clock), 2);
    stage.pass(Duration::from_secs(9));
    assert_eq!(runs(&mut stage, &by_clock), 2);
    stage.pass(Duration::from_secs(1));
    assert_eq!(runs(&mut stage, &by_clock), 3);
    assert_eq!(runs(&mut stage, &by_peers), 0);
    let (clock, friend) = (stage.clock.clock(), key(7).peer_id());
    stage.node.on_connection(clock, &friend, true);
    stage.settle();
    assert_eq!(runs(&mut stage, &by_peers), 1);
    let seen: Value =
        serde_json::from_str(stage.value(&by_peers, "seen").as_str().unwrap()).unwrap();
    assert_eq!(seen["peer"][0]["peer_id"], friend.to_string());
    // What was to run once has run.
    assert_eq!(runs(&mut stage, &once), 1);
    // What is removed does not come back.
    stage.ask("spell", "remove", &[json!(by_clock)]);
    let stage = stage.rebooted(60);
    assert_eq!(stage.node.rooms().scheduled_spells(), 1);
}

#[test]
fn runs_that_take_longer_than_their_period_do_not_pile_up() {
    let mut stage = Stage::with(Limits {
        spell_runs: 3,
        ..Limits::default()
    });
    let id = stage.ask(
        "spell",
        "install",
        &[json!(SLOW), json!({}), config(1, 2, false)],
    );
    let id = id.as_str().unwrap().to_string();
    let runs = |stage: &mut Stage| {
        let counter = stage.ask(&id, "get_u32", &[json!("hw_counter")]);
        counter["value"].as_u64().unwrap()
    };
    // The runs of 0, 2 and 4 s are under way; those of 6 to 28 s are skipped.
    stage.pass(Duration::ZERO);
    for _ in 0..14 {
        stage.pass(Duration::from_secs(2));
    }
    assert_eq!(runs(&mut stage), 3);
    assert_eq!(stage.node.refused(Refusal::SpellRuns), 12);
    // When they are over, after 30, 32 and 34 s, others begin; nothing is caught up with.
    stage.pass(Duration::from_secs(3));
    for count in [4, 5, 6, 6] {
        stage.pass(Duration::from_secs(2));
        assert_eq!(runs(&mut stage), count);
    }
    let begun = stage.ask(&id, "list_get_strings", &[json!("begun")]);
    assert_eq!(begun["value"].as_array().unwrap().len(), 6);
}

#[test]
fn peers_that_come_and_go_do_not_make_a_spell_run_without_end() {
    let mut stage = Stage::with(Limits {
        spell_runs: 1,
        spell_alive: 5,
        ..Limits::default()
    });
    let id = stage.ask(
        "spell",
        "install",
        &[json!(SCRIPT), json!({}), config(0, 0, true)],
    );
    let id = id.as_str().unwrap().to_string();
    let runs = |stage: &mut Stage| {
        let counter = stage.ask(&id, "get_u32", &[json!("hw_counter")]);
        counter["value"].as_u64().unwrap()
    };
    let friend = key(7).peer_id();
    let flood = |stage: &mut Stage| {
        let clock = stage.clock.clock();
        for _ in 0..9 {
            stage.node.on_connection(clock, &friend, true);
        }
        stage.settle();
    };
    // Who waits for peers hears of all that come at once, up to the particles that may be alive.
    flood(&mut stage);
    assert_eq!(runs(&mut stage), 5);
    assert_eq!(stage.node.refused(Refusal::SpellRuns), 4);
    flood(&mut stage);
    assert_eq!(runs(&mut stage), 5);
    // Their time is over.
    stage.pass(Duration::from_secs(121));
    flood(&mut stage);
    assert_eq!(runs(&mut stage), 10);
}
