//! The plan of trials: which suite judges which target. Targets start when their first trial runs,
//! and end with the last. At the end a matrix shows which hardware the image was tried on.

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use basalt_qemu::DiskModel;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::client::foreign::{self, Library};
use crate::lanes::{Lane, Lanes};
use crate::matrix::{self, Matrix};
use crate::node::guest::{Card, Hardware};
use crate::node::{Station, guest, hosted};
use crate::suite::{
    attacks, boot, builtins, clients, dht, disks, hostile, js, lossy, network, peers, prover, rust,
    tls, vectors,
};

/// How long one suite may take, the start of its target included; more than its own limits, which
/// say what is missing.
const LIMIT: Duration = Duration::from_secs(900);
/// How long one library of the matrix may take: the oldest has streams that take 0.1 s each.
const LIMIT_OF_MATRIX: Duration = Duration::from_secs(1200);
/// How long each of the power cuts may take, when more of them are asked for.
const LIMIT_PER_CUT: Duration = Duration::from_secs(60);

/// Runs what the arguments select.
///
/// Two at a time: one that mostly waits beside one that computes. `--test-threads=1` runs one at a
/// time.
pub(crate) fn run(mut arguments: Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let plan = Plan {
        runtime: Arc::new(runtime.expect("threads for the clients")),
        matrix: Matrix::default(),
        tally: peers::Tally::default(),
        lanes: match arguments.test_threads {
            Some(1) => Lanes::one(),
            _ => Lanes::default(),
        },
    };
    let trials = plan.trials();
    // A thread for each: the lanes say who runs, and a thread that waits for its turn costs
    // nothing.
    if arguments.test_threads != Some(1) {
        arguments.test_threads = Some(trials.len());
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !plan.matrix.is_empty() {
        println!("{}", plan.matrix);
    }
    if !plan.tally.is_empty() {
        println!("{}", plan.tally);
    }
    conclusion.exit_code()
}

/// A node that starts when it is first needed; a failed start is told to each trial.
type Lazy = Arc<OnceCell<Result<Station, String>>>;

struct Plan {
    runtime: Arc<Runtime>,
    matrix: Matrix,
    tally: peers::Tally,
    lanes: Lanes,
}

/// One trial per suite over the station in `$lazy`.
macro_rules! suites {
    ($plan:ident, $place:expr, $build:expr, $lazy:ident, $start:expr, { $($name:literal: |$station:ident| $suite:expr,)* }) => {
        vec![$({
            let lazy = $lazy.clone();
            $plan.trial(&$place.suite($name), $place, $build, move || async move {
                let $station = started(&lazy, $start).await?;
                with_logs($suite.await, &[$station])
            })
        }),*]
    };
}

/// The suites that each kind of node has to pass on one start.
macro_rules! common_suites {
    ($plan:ident, $place:expr, $build:expr, $lazy:ident, $start:expr) => {
        suites!($plan, $place, $build, $lazy, $start, {
            "identify": |node| rust::identify(&node.target),
            "ping": |node| rust::ping(&node.target),
            "particles": |node| rust::particles(&node.target),
            "dialed_by_node": |node| rust::dialed_by_node(&node.target, &node.bootstrap),
            "parallel": |node| rust::parallel(&node.target),
            "split_anywhere": |node| rust::split_anywhere(&node.target),
            "refusals": |node| rust::refusals(&node.target),
            "unknown_protocol": |node| rust::unknown_protocol(&node.target),
            "wrong_peer": |node| rust::wrong_peer(&node.target),
            "half_open": |node| hostile::half_open(&node.target),
            "slow_reader": |node| hostile::slow_reader(&node.target),
            "builtins": |node| builtins::cases(&node.target),
            "js": |node| js::relay(&node.target),
        })
    };
}

/// The suites that move frames in every way.
macro_rules! short_suites {
    ($plan:ident, $place:expr, $build:expr, $lazy:ident, $start:expr) => {
        suites!($plan, $place, $build, $lazy, $start, {
            "particles": |node| rust::particles(&node.target),
            "dialed_by_node": |node| rust::dialed_by_node(&node.target, &node.bootstrap),
            "parallel": |node| rust::parallel(&node.target),
            "slow_reader": |node| hostile::slow_reader(&node.target),
            "js": |node| js::relay(&node.target),
        })
    };
}

/// Where a trial's node runs.
#[derive(Clone, Copy)]
enum Place {
    /// Nowhere, or in a process of this host.
    Host,
    /// In this machine.
    Machine(Hardware),
}

impl Place {
    /// The name of a suite's trial.
    fn suite(self, name: &str) -> String {
        match self {
            Self::Host => format!("hosted/{name}"),
            Self::Machine(hardware) if hardware == Hardware::default() => format!("image/{name}"),
            Self::Machine(hardware) => format!("image/{hardware}/{name}"),
        }
    }
}

/// The machine that most trials of the image run in.
const USUAL: Place = Place::Machine(Hardware {
    card: Card::Virtio,
    disk: DiskModel::Virtio,
});

impl Plan {
    fn trials(&self) -> Vec<Trial> {
        let mut trials = vec![
            self.trial("clients/codec", Place::Host, nothing, clients::codec),
            self.trial(
                "clients/rust_meets_rust",
                Place::Host,
                nothing,
                clients::rust_meets_rust,
            ),
            self.trial(
                "clients/js_meets_rust",
                Place::Host,
                nothing,
                clients::js_meets_rust,
            ),
            self.trial(
                "clients/aqua_vm_runs",
                Place::Host,
                nothing,
                clients::aqua_vm_runs,
            ),
        ];
        trials.push(self.trial("network/one_dht", Place::Host, nothing, dht::one_network));
        trials.push(self.trial("network/tls", Place::Host, nothing, tls::both_ways));
        trials.push(self.trial("network/cut_off", Place::Host, nothing, tls::cut_off));
        trials.push(self.trial("network/ipv6", Place::Host, nothing, tls::ipv6));
        trials.push(self.trial("network/lossy", Place::Host, nothing, lossy::links));
        trials.extend(self.peers());
        trials.extend(self.hosted());
        trials.extend(self.image());
        trials
    }

    /// Peers of other libraries: the newest in short, and all of them when they are asked for.
    fn peers(&self) -> Vec<Trial> {
        let tally = self.tally.clone();
        let newest = move || peers::meet(foreign::NEWEST, peers::Amount::GATE, tally);
        let mut trials = vec![self.trial("network/peers", Place::Host, hosted::build, newest)];
        for library in Library::ALL {
            let tally = self.tally.clone();
            let whole = move || peers::meet(library, peers::Amount::WHOLE, tally);
            let name = format!("matrix/{}", library.name());
            let trial = self.trial(&name, Place::Host, hosted::build, whole);
            trials.push(trial.with_ignored_flag(true));
        }
        trials
    }

    fn hosted(&self) -> Vec<Trial> {
        let node = Lazy::default();
        let mut trials = common_suites!(self, Place::Host, hosted::build, node, hosted::start(&[]));
        trials.push(self.trial("hosted/ccp", Place::Host, hosted::build, prover::ccp));
        let first = node.clone();
        trials.push(self.trial(
            "hosted/two_relays",
            Place::Host,
            hosted::build,
            move || async move {
                let relay1 = started(&first, hosted::start(&[])).await?;
                let known = [relay1.target.tcp.to_string()];
                let relay2 = hosted::start(&known).await?;
                let outcome = js::two_relays(&relay1.target, &relay2.target).await;
                with_logs(outcome, &[relay1, &relay2])
            },
        ));
        trials.push(self.trial(
            "hosted/application",
            Place::Host,
            hosted::build,
            move || async move {
                let relay1 = started(&node, hosted::start(&[])).await?;
                let known = [relay1.target.tcp.to_string()];
                let relay2 = hosted::start(&known).await?;
                let outcome =
                    js::application(&relay1.target, &relay2.target, Ipv4Addr::LOCALHOST, 1).await;
                with_logs(outcome, &[relay1, &relay2])
            },
        ));
        trials.push(self.trial("hosted/subnet", Place::Host, hosted::build, subnet));
        trials
    }

    /// Boots: two cores for the suites; one core, then four cores of the same disk, which becomes
    /// the second relay; a broken manifest; two cores that prove; two that prove before and after a
    /// reset; an unknown network card; one that replays recorded vectors; one that is attacked; one
    /// for each pair of further hardware. The disks' trials have boots of their own.
    fn image(&self) -> Vec<Trial> {
        let node = Lazy::default();
        let mut trials = common_suites!(self, USUAL, guest::build, node, two_cores());
        let first = node.clone();
        trials.push(
            self.trial("image/application", USUAL, both, move || async move {
                let relay1 = started(&first, two_cores()).await?;
                // The second relay costs no boot.
                let relay2 = hosted::start(&[relay1.target.tcp.to_string()]).await?;
                let outcome =
                    js::application(&relay1.target, &relay2.target, guest::HOST.into(), 10).await;
                with_logs(outcome, &[relay1, &relay2])
            }),
        );
        trials.push(self.trial(
            "image/identity_and_relays",
            USUAL,
            guest::build,
            move || async move {
                let relay1 = started(&node, two_cores()).await?;
                let disk = guest::Installed::without_seed(std::slice::from_ref(&relay1.target.tcp))
                    .await?;
                let relay2 = boot::identity_is_kept(&disk).await?;
                let outcome = js::two_relays(&relay1.target, &relay2.target).await;
                with_logs(outcome, &[relay1, &relay2])
            },
        ));
        trials.push(self.trial(
            "image/broken_manifest",
            USUAL,
            guest::build,
            boot::broken_manifest,
        ));
        trials.push(self.trial(
            "image/disks/power_cuts",
            USUAL,
            guest::build,
            disks::power_cuts,
        ));
        trials.push(self.trial("image/disks/refusals", USUAL, guest::build, disks::refusals));
        let speed = self.trial("image/disks/speed", USUAL, guest::build, disks::speed);
        trials.push(speed.with_ignored_flag(true));
        let speed = self.trial(
            "image/network/speed",
            Place::Host,
            guest::build,
            network::speed,
        );
        trials.push(speed.with_ignored_flag(true));
        trials.push(self.trial(
            "image/vectors",
            USUAL,
            guest::build_self_test,
            vectors::replay,
        ));
        trials.push(self.trial("image/attacks", USUAL, guest::build, attacks::booted));
        trials.push(self.trial("image/proves", USUAL, guest::build, prover::epochs));
        trials.push(self.trial("image/keeps_proofs", USUAL, guest::build, prover::reset));
        trials.push(self.trial(
            "image/unknown_card",
            Place::Host,
            guest::build,
            boot::unknown_card,
        ));
        trials.extend(self.hardware());
        trials
    }

    /// The image in other machines: all suites in one with real devices, the short ones in one of
    /// which the firmware drives all; when asked for, all suites with every pair of card and disk.
    fn hardware(&self) -> Vec<Trial> {
        let second = (Card::Intel, DiskModel::Nvme);
        let by_firmware = (Card::Firmware, DiskModel::Scsi);
        let mut trials = Vec::new();
        for card in Card::ALL {
            for (_, disk) in DiskModel::ALL {
                let hardware = Hardware { card, disk };
                if hardware == Hardware::default() {
                    continue;
                }
                let (place, node) = (Place::Machine(hardware), Lazy::default());
                let build = guest::build;
                if matrix::is_whole() || (card, disk) == second {
                    trials.extend(common_suites!(self, place, build, node, machine(hardware)));
                } else if (card, disk) == by_firmware {
                    trials.extend(short_suites!(self, place, build, node, machine(hardware)));
                }
            }
        }
        trials
    }

    /// A trial of one suite. What it needs to be built or installed comes first and does not count.
    fn trial<F>(
        &self,
        name: &str,
        place: Place,
        build: fn() -> Result<()>,
        suite: impl FnOnce() -> F + Send + 'static,
    ) -> Trial
    where
        F: Future<Output = Result<()>>,
    {
        let runtime = self.runtime.clone();
        let matrix = self.matrix.clone();
        let lanes = self.lanes.clone();
        let lane = match name {
            "hosted/ccp" => Lane::Computing,
            name if name.starts_with("image/") => Lane::Computing,
            _ => Lane::Waiting,
        };
        let title = name.to_owned();
        let timed = move || {
            let _turn = runtime.block_on(lanes.turn(lane));
            let start = Instant::now();
            crate::client::js::install().and_then(|()| build())?;
            let built = start.elapsed();
            let outcome = runtime.block_on(async {
                let limit = match lane {
                    Lane::Waiting if title.starts_with("matrix/") => LIMIT_OF_MATRIX,
                    _ => LIMIT.max(LIMIT_PER_CUT * disks::cuts()),
                };
                let outcome = tokio::time::timeout(limit, suite()).await;
                outcome.context("out of time")?
            });
            let ran = start.elapsed() - built;
            eprintln!(
                "suite {title}: {:.1} s after {:.1} s of building",
                ran.as_secs_f64(),
                built.as_secs_f64()
            );
            outcome
        };
        Trial::test(name, move || {
            let outcome = timed();
            if let Place::Machine(hardware) = place {
                matrix.record(hardware, outcome.is_ok());
            }
            outcome.map_err(|error: anyhow::Error| Failed::from(format!("{error:#}")))
        })
    }
}

async fn started(lazy: &Lazy, start: impl Future<Output = Result<Station>>) -> Result<&Station> {
    let first = lazy.get().is_none();
    let station = lazy.get_or_init(async || start.await.map_err(|error| format!("{error:#}")));
    let station: &Result<Station, String> = station.await;
    station.as_ref().map_err(|reason| match first {
        true => anyhow!("{reason}"),
        false => anyhow!("the node does not run, see the first trial of this kind"),
    })
}

/// Adds the nodes' logs to an error.
fn with_logs(outcome: Result<()>, stations: &[&Station]) -> Result<()> {
    outcome.map_err(|error| {
        let logs: String = stations
            .iter()
            .map(|station| {
                format!(
                    "\n  the log of {}:\n{}",
                    station.target.peer_id,
                    station.host.tail()
                )
            })
            .collect();
        anyhow!("{error:#}{logs}")
    })
}

async fn two_cores() -> Result<Station> {
    let disk = guest::Installed::with_seed([0xba; 32], &[]).await?;
    disk.station(2).await
}

async fn machine(hardware: Hardware) -> Result<Station> {
    let disk = guest::Installed::with_seed([0xbc; 32], &[]).await?;
    disk.in_machine(hardware).station(2).await
}

/// Two relays, and three hosts of workers: two know the first relay, one the second.
async fn subnet() -> Result<()> {
    let (chain_port, _) = hosted::free_ports()?;
    let start = async |others: &[&Station], more: &str| {
        let others: Vec<String> = others
            .iter()
            .map(|other| other.target.tcp.to_string())
            .collect();
        hosted::start_with(&others, more, &["--no-system-services"]).await
    };
    let chain = format!(
        "[chain]\nendpoint = \"http://127.0.0.1:{chain_port}/\"\ndiamond = \"0x{}\"\nchain_id = 31337\nwallet_key = \"{}\"\n",
        "d1".repeat(20),
        "11".repeat(32),
    );
    let relay1 = start(&[], &chain).await?;
    let relay2 = start(&[&relay1], "").await?;
    let near = start(&[&relay1], "").await?;
    let doomed = start(&[&relay1], "").await?;
    let far = start(&[&relay2], "").await?;
    let outcome = js::subnet([&relay1, &relay2], [&near, &doomed, &far], chain_port).await;
    with_logs(outcome, &[&relay1, &relay2, &near, &doomed, &far])
}

fn both() -> Result<()> {
    guest::build().and_then(|()| hosted::build())
}

fn nothing() -> Result<()> {
    Ok(())
}
