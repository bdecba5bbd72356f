//! A host that lasts: calls that change something, with a compute core that works while one waits,
//! and a disk.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use basalt_distro::{Distro, published};
use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_node::builtins::{self, Call, CallError, Later, Reply};
use basalt_node::compute::{JobId, NoPause, Platform, Resources};
use basalt_node::disk::DiskJob;
use basalt_node::host::{Clock, Host, Versions};
use basalt_node::limits::ServiceLimits;
use basalt_node::rooms::{Parts, Rooms};
use basalt_node::script::{CallRequest, Tetraplet};
use basalt_node::shares::Payer;
use basalt_node::state::State;
use basalt_store::Memory;
use base64::Engine;
use serde_json::{Value, json};

use super::bench::{HOST, MANAGEMENT, Neighbours, key, peer};

/// A millisecond passes each time somebody looks at the clock.
#[derive(Default)]
struct Ticking(AtomicU64);

const WALL: u64 = 1_700_000_000_000;

impl Platform for Ticking {
    fn clock(&self) -> Clock {
        let ms = self.0.fetch_add(1, Ordering::Relaxed);
        Clock {
            now: Instant::from_millis(ms),
            wall_ms: WALL + ms,
        }
    }

    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(4);
    }
}

pub(crate) struct House {
    pub(crate) rooms: Rooms,
    platform: Arc<Ticking>,
    disk: Memory,
    limits: ServiceLimits,
    /// Id of the particles that ask.
    pub(crate) particle: String,
    /// Their life, in milliseconds since the clock's start.
    pub(crate) ttl: u64,
    asked: Cell<u32>,
    answers: Vec<(JobId, Result<Reply, CallError>)>,
    /// Jobs of a disk that takes its time.
    pub(crate) held: VecDeque<DiskJob>,
}

impl House {
    pub(crate) fn new() -> House {
        House::with(ServiceLimits::default(), disk(64 << 20))
    }

    pub(crate) fn with(limits: ServiceLimits, disk: Memory) -> House {
        let versions = Versions {
            node: "0.1.0".into(),
            air: "0.64.1".into(),
            spell: String::new(),
            services: Vec::new(),
        };
        let host = Host::new(key(HOST), Some(peer(MANAGEMENT)), versions);
        let platform = Arc::new(Ticking::default());
        let (state, _) = State::open(disk.clone(), [1; 16]).unwrap();
        let parts = Parts {
            state: Some(state),
            compute: Some(Resources {
                platform: platform.clone(),
                cores: 2,
                homes: Vec::new(),
            }),
            distro: Some(distro()),
            chain: None,
        };
        let mut rooms = Rooms::new(host, parts, limits.clone(), [2; 32]).unwrap();
        rooms.begin(platform.clock());
        House {
            rooms,
            platform,
            disk,
            limits,
            particle: "particle".into(),
            ttl: 3_600_000,
            asked: Cell::new(0),
            answers: Vec::new(),
            held: VecDeque::new(),
        }
    }

    /// The host after its power was cut.
    pub(crate) fn rebooted(self) -> House {
        self.rebooted_with(|_| ())
    }

    /// The host after a reboot, before which somebody changed the state.
    pub(crate) fn rebooted_with(self, change: impl FnOnce(&mut State)) -> House {
        let House {
            rooms,
            disk,
            limits,
            ..
        } = self;
        drop(rooms);
        disk.cut(|_| false);
        let (mut state, _) = State::open(disk.clone(), [1; 16]).unwrap();
        change(&mut state);
        drop(state);
        House::with(limits, disk)
    }

    pub(crate) fn header(&self, author: u8) -> Arc<Authored> {
        Arc::new(Authored {
            id: self.particle.clone(),
            init_peer_id: peer(author),
            timestamp: WALL,
            ttl: u32::try_from(self.ttl).unwrap(),
            script: "(null)".into(),
            signature: vec![7; 64],
        })
    }

    /// Begins a call.
    pub(crate) fn begin(
        &mut self,
        author: u8,
        scope: u8,
        service: &str,
        function: &str,
        arguments: Value,
    ) -> Result<Reply, CallError> {
        let scope = peer(scope);
        self.begin_in(author, scope, service, function, arguments)
    }

    /// Begins a call in the scope of any peer.
    pub(crate) fn begin_in(
        &mut self,
        author: u8,
        scope: PeerId,
        service: &str,
        function: &str,
        arguments: Value,
    ) -> Result<Reply, CallError> {
        let particle = self.header(author);
        self.begin_by(
            &particle,
            author <= MANAGEMENT,
            scope,
            service,
            function,
            arguments,
        )
    }

    /// Begins a call of a particle.
    pub(crate) fn begin_by(
        &mut self,
        particle: &Arc<Authored>,
        trusted: bool,
        scope: PeerId,
        service: &str,
        function: &str,
        arguments: Value,
    ) -> Result<Reply, CallError> {
        let host = self.rooms.host().clone();
        self.asked.set(self.asked.get() + 1);
        let count = arguments.as_array().unwrap().len();
        let own = host.peer_id.to_string();
        let origin = Tetraplet {
            peer_pk: &own,
            service_id: "made",
            function_name: "up",
            lens: "",
        };
        let origins = vec![[&origin]; count];
        let request = CallRequest::new(service, function, &arguments.to_string(), origins);
        let call = Call {
            host: &host,
            network: &Neighbours,
            clock: self.platform.clock(),
            scope,
            trusted,
            particle,
            payer: Payer::HOUSE,
            request: &request,
        };
        builtins::call(&mut self.rooms, &call)
    }

    /// The answer of a call that was begun, as ret_code and JSON text.
    pub(crate) fn end(&mut self, begun: Result<Reply, CallError>) -> (i32, String) {
        let mut answer = begun;
        while let Ok(Reply::Later(Later::Job(id))) = answer {
            answer = loop {
                let found = self.answers.iter().position(|(done, _)| *done == id);
                if let Some(found) = found {
                    break self.answers.remove(found).1;
                }
                assert!(self.work(), "a job that somebody waits for");
            };
        }
        super::bench::answer(answer)
    }

    /// A call on the host, its answer as JSON.
    pub(crate) fn ask(&mut self, author: u8, service: &str, function: &str, args: Value) -> Value {
        let begun = self.begin(author, HOST, service, function, args);
        let (ret_code, text) = self.end(begun);
        assert_eq!(ret_code, 0, "{service}.{function}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The first line of the error of a call on the host.
    pub(crate) fn fail(
        &mut self,
        author: u8,
        service: &str,
        function: &str,
        args: Value,
    ) -> String {
        let begun = self.begin(author, HOST, service, function, args);
        let (ret_code, text) = self.end(begun);
        assert_eq!(ret_code, 1, "{service}.{function}: {text}");
        let text: String = serde_json::from_str(&text).unwrap();
        text.lines().next().unwrap_or_default().into()
    }

    /// A call in the scope of a worker, its answer as JSON, or the first line of its error.
    pub(crate) fn ask_in(
        &mut self,
        author: u8,
        scope: &Value,
        service: &str,
        function: &str,
        arguments: Value,
    ) -> Result<Value, String> {
        let scope = scope.as_str().unwrap().parse().unwrap();
        let begun = self.begin_in(author, scope, service, function, arguments);
        let (ret_code, text) = self.end(begun);
        let value: Value = serde_json::from_str(&text).unwrap();
        match ret_code {
            0 => Ok(value),
            _ => Err(value
                .as_str()
                .unwrap()
                .lines()
                .next()
                .unwrap_or_default()
                .into()),
        }
    }

    /// Milliseconds since the clock's start.
    pub(crate) fn now(&self) -> u64 {
        self.platform.0.load(Ordering::Relaxed)
    }

    /// Lets time pass, and services rest that nobody called in it.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.platform.0.fetch_add(ms, Ordering::Relaxed);
        self.rooms.rest_idle(self.platform.clock());
        self.settle();
    }

    /// Lets the disk do all it can and a core one job; false when there was nothing to do. What the
    /// disk should do when the test has taken the state is held until [`House::disk_done`].
    fn work(&mut self) -> bool {
        self.ask_disk();
        let job = self.rooms.next_job(self.platform.clock());
        let is_some = job.is_some();
        if let Some(job) = job {
            let done = job.run(Arc::new(NoPause));
            self.rooms.done(self.platform.clock(), done);
        }
        self.ask_disk();
        let known = self.answers.len();
        let answers = core::iter::from_fn(|| self.rooms.next_answer());
        self.answers.extend(answers);
        is_some || self.answers.len() > known
    }

    fn ask_disk(&mut self) {
        while let Some(job) = self.rooms.next_disk_job(self.platform.clock()) {
            self.held.push_back(job);
        }
    }

    /// Lets the disk do the job that it was given first.
    pub(crate) fn disk_done(&mut self, state: &mut State) {
        let job = self.held.pop_front().expect("a job of the disk");
        let done = job.run(state);
        self.rooms.disk_done(self.platform.clock(), done);
        self.settle();
    }

    /// Whether the answer of a call that was begun is there.
    pub(crate) fn is_answered(&self, begun: &Result<Reply, CallError>) -> bool {
        match begun {
            Ok(Reply::Later(Later::Job(id))) => self.answers.iter().any(|(done, _)| done == id),
            _ => true,
        }
    }

    /// Runs every job that is left.
    pub(crate) fn settle(&mut self) {
        while self.work() {}
    }

    /// A service of these modules of the test guests, the facade last.
    pub(crate) fn deploy(&mut self, modules: &[&str]) -> String {
        let cids: Vec<Value> = modules
            .iter()
            .map(|name| self.add_module(name, &guest(name)))
            .collect();
        let blueprint = self.ask(MANAGEMENT, "dist", "make_blueprint", json!(["made", cids]));
        let id = self.ask(MANAGEMENT, "dist", "add_blueprint", json!([blueprint]));
        let id = self.ask(MANAGEMENT, "srv", "create", json!([id]));
        id.as_str().unwrap().into()
    }

    pub(crate) fn add_module(&mut self, name: &str, bytes: &[u8]) -> Value {
        self.add_module_as(MANAGEMENT, name, bytes)
    }

    pub(crate) fn add_module_as(&mut self, author: u8, name: &str, bytes: &[u8]) -> Value {
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        self.ask(author, "dist", "add_module", json!([text, {"name": name}]))
    }
}

/// A blank disk.
pub(crate) fn disk(bytes: usize) -> Memory {
    Memory::new(4096, bytes)
}

/// The published spell service.
fn distro() -> Distro {
    Distro {
        system: Vec::new(),
        ..published::distro().unwrap()
    }
}

/// A module of the test guests.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../wasm-host/tests/guests/wasm/"
    );
    std::fs::read(format!("{folder}{name}.wasm")).unwrap()
}
