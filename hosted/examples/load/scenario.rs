//! What is done under load: scripts, and what they must bring.

use anyhow::{Context as _, Result, ensure};
use basalt_net::peer_id::PeerId;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::driver::{Driver, Taken};

/// Bytes of the file that the worker's service keeps.
const FILE: usize = 1024;
/// Values that are put on a stream.
const VALUES: usize = 4;

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// A call of a built-in, and back
    Identity,
    /// Four calls into a stream, which is made a canon and goes on to another client
    OneWay,
    /// A file of 1 KiB through the vault to a worker's service, which writes, reads and deletes it
    File,
    /// Three nodes one after the other, each with a call, and back
    Sequence,
}

impl Scenario {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Identity, Self::OneWay, Self::File, Self::Sequence];

    /// Its name in reports.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Identity => "identity, there and back",
            Self::OneWay => "stream and canon, one way",
            Self::File => "worker's service, 1 KiB file",
            Self::Sequence => "three peers in sequence",
        }
    }

    /// How many nodes it goes to.
    pub(crate) const fn nodes(self) -> usize {
        match self {
            Self::Sequence => 3,
            _ => 1,
        }
    }
}

/// Nodes and clients of a load, made ready.
pub(crate) struct Stage {
    driver: Driver,
    nodes: Vec<PeerId>,
    /// A worker of the first node with a service `notes`.
    worker: Option<String>,
}

impl Stage {
    /// Nodes to which the driver is connected.
    pub(crate) fn new(driver: Driver, nodes: Vec<PeerId>) -> Self {
        Self {
            driver,
            nodes,
            worker: None,
        }
    }

    /// Runs a scenario; the answers are checked when all are there.
    pub(crate) fn run(
        &mut self,
        scenario: Scenario,
        count: usize,
        in_flight: usize,
        progress: impl FnMut(usize),
    ) -> Result<Taken> {
        ensure!(
            self.nodes.len() >= scenario.nodes(),
            "{} needs {} nodes",
            scenario.title(),
            scenario.nodes()
        );
        if scenario == Scenario::File && self.worker.is_none() {
            self.worker = Some(self.employ()?);
        }
        let to = self.reader(scenario);
        let script = {
            let parts = self.parts(scenario)?;
            move |number: usize| parts.script(number)
        };
        let taken = self
            .driver
            .run(self.nodes[0], count, in_flight, script, progress)?;
        for (number, particle) in &taken.arrived {
            let brought = self.driver.brought(particle, to)?;
            let wanted = expected(scenario, *number);
            ensure!(brought == wanted, "{brought:?} came, not {wanted:?}");
        }
        Ok(taken)
    }

    /// From now on particles live so long.
    pub(crate) fn set_life(&mut self, life: std::time::Duration) {
        self.driver.set_life(life);
    }

    /// Who gets the particles in the end.
    fn reader(&self, scenario: Scenario) -> PeerId {
        match scenario {
            Scenario::OneWay => self.driver.taker(),
            _ => self.driver.home(),
        }
    }

    fn parts(&self, scenario: Scenario) -> Result<Parts> {
        let worker = match scenario {
            Scenario::File => self.worker.clone().context("there is no worker")?,
            _ => String::new(),
        };
        Ok(Parts {
            scenario,
            nodes: self.nodes.iter().map(ToString::to_string).collect(),
            reader: self.reader(scenario).to_string(),
            worker,
        })
    }

    /// Makes a worker with a service that keeps files.
    fn employ(&mut self) -> Result<String> {
        let module = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../wasm-host/tests/guests/wasm/files.wasm"
        );
        let module = BASE64_STANDARD.encode(std::fs::read(module)?);
        let (node, home) = (self.nodes[0], self.driver.home());
        let name = basalt_hosted::identity::entropy()?;
        let unit: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let deal = &unit[..40];
        let steps = [
            format!(r#"(call "{node}" ("op" "array") ["{unit}"] units)"#),
            format!(r#"(call "{node}" ("worker" "create") ["{deal}" units] worker)"#),
            format!(r#"(call "{node}" ("dist" "default_module_config") ["files"] config)"#),
            format!(r#"(call "{node}" ("dist" "add_module") ["{module}" config] module)"#),
            format!(r#"(call "{node}" ("op" "array") [module] modules)"#),
            format!(r#"(call "{node}" ("dist" "make_blueprint") ["notes" modules] recipe)"#),
            format!(r#"(call "{node}" ("dist" "add_blueprint") [recipe] blueprint)"#),
            r#"(call worker ("srv" "create") [blueprint] service)"#.into(),
            r#"(call worker ("srv" "add_alias") ["notes" service])"#.into(),
            format!(r#"(call "{home}" ("load" "done") [worker])"#),
        ];
        let script = or_fail(&in_sequence(&steps), &home.to_string());
        let brought = self.alone(script)?;
        let worker = brought.first().and_then(Value::as_str);
        Ok(worker.context("no worker's name")?.to_owned())
    }

    /// Removes what was made for the load.
    pub(crate) fn clear(mut self) -> Result<()> {
        let Some(worker) = self.worker.take() else {
            return Ok(());
        };
        let (node, home) = (self.nodes[0], self.driver.home());
        let steps = [
            format!(r#"(call "{node}" ("worker" "remove") ["{worker}"])"#),
            format!(r#"(call "{home}" ("load" "done") [])"#),
        ];
        let script = or_fail(&in_sequence(&steps), &home.to_string());
        self.alone(script).map(drop)
    }

    /// Runs one script on the first node; what it brings back.
    fn alone(&mut self, script: String) -> Result<Vec<Value>> {
        let home = self.driver.home();
        let taken = self
            .driver
            .run(self.nodes[0], 1, 1, |_| script.clone(), |_| ())?;
        let (_, particle) = taken
            .arrived
            .first()
            .context("a particle was refused, or came too late")?;
        self.driver.brought(particle, home)
    }
}

/// What scripts are made of.
struct Parts {
    scenario: Scenario,
    nodes: Vec<String>,
    reader: String,
    worker: String,
}

impl Parts {
    fn script(&self, number: usize) -> String {
        let Self {
            nodes,
            reader,
            worker,
            ..
        } = self;
        let node = &nodes[0];
        let steps: Vec<String> = match self.scenario {
            Scenario::Identity => vec![
                format!(r#"(call "{node}" ("op" "identity") ["{number}"] answer)"#),
                format!(r#"(call "{reader}" ("load" "done") [answer])"#),
            ],
            Scenario::OneWay => {
                let calls = values(number).map(|value| {
                    format!(r#"(call "{node}" ("op" "identity") ["{value}"] $stream)"#)
                });
                let rest = [
                    format!(r#"(canon "{node}" $stream #canon)"#),
                    format!(r#"(call "{reader}" ("load" "done") [#canon])"#),
                ];
                calls.chain(rest).collect()
            }
            Scenario::File => vec![
                format!(
                    r#"(call "{worker}" ("vault" "put") ["{}"] path)"#,
                    text(number)
                ),
                format!(r#"(call "{worker}" ("notes" "load_note") [path] sent)"#),
                format!(
                    r#"(call "{worker}" ("notes" "save_note") ["/storage/{number}" sent.$.text] saved)"#
                ),
                format!(r#"(call "{worker}" ("notes" "load_note") ["/storage/{number}"] kept)"#),
                format!(r#"(call "{worker}" ("notes" "erase_note") ["/storage/{number}"] gone)"#),
                format!(r#"(call "{reader}" ("load" "done") [kept.$.text gone.$.problem])"#),
            ],
            Scenario::Sequence => {
                let [first, second, third] = [0, 1, 2].map(|i| &nodes[i]);
                vec![
                    format!(r#"(call "{first}" ("op" "identity") ["{number}"] a)"#),
                    format!(r#"(call "{second}" ("op" "identity") [a] b)"#),
                    format!(r#"(call "{third}" ("op" "identity") [b] c)"#),
                    format!(r#"(call "{reader}" ("load" "done") [c])"#),
                ]
            }
        };
        or_fail(&in_sequence(&steps), reader)
    }
}

/// What the particle with this number must bring.
fn expected(scenario: Scenario, number: usize) -> Vec<Value> {
    match scenario {
        Scenario::Identity | Scenario::Sequence => vec![json!(number.to_string())],
        Scenario::OneWay => vec![values(number).collect()],
        Scenario::File => vec![json!(text(number)), json!("")],
    }
}

fn values(number: usize) -> impl Iterator<Item = String> {
    (0..VALUES).map(move |i| format!("{number}-{i}"))
}

/// The content of the file with this number.
fn text(number: usize) -> String {
    format!("{number:016}").repeat(FILE / 16)
}

/// One instruction after the other.
fn in_sequence(steps: &[String]) -> String {
    let (last, before) = steps.split_last().expect("a script has steps");
    let start: String = before.iter().map(|step| format!("(seq {step} ")).collect();
    format!("{start}{last}{}", ")".repeat(before.len()))
}

/// The script, and a word to `reader` when it fails.
fn or_fail(script: &str, reader: &str) -> String {
    format!(r#"(xor {script} (call "{reader}" ("load" "failed") [:error:.$.message]))"#)
}
