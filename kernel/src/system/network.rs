//! The system core's loop: the network card, the node, and what the compute cores report.
//!
//! The loop sleeps when nothing is left to do. A received frame wakes it by the card's interrupt, a
//! report by its core's message, the node's next deadline by the one-shot timer.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_distro::Distro;
use basalt_edge::appliance::{Appliance, Boot, Listening};
use basalt_edge::coroutines::Progress;
use basalt_node::chain;
use basalt_node::compute::{NoPause, Resources};
use basalt_node::rooms::Parts;
use basalt_node::state::State;
use basalt_node::status::{self, DeviceReport};

use super::compute::{self, Lane, Report};
use super::metrics::{Seen, Turns};
use super::platform::Kernel;
use super::storage::{self, Outcome, Storage};
use super::system_core::{self, now};
use crate::boot::Configuration;
use crate::cpu::{self, apic};
use crate::drivers::network::Nic;
use crate::mem::frames::FRAMES;
use crate::mem::heap;
use crate::prover::{self, Manager};
use crate::{entropy, log, time};

/// Longest sleep while a card cannot interrupt.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Longest sleep while the serial line has something to send: about what it sends at once.
const LOG_INTERVAL: Duration = Duration::from_millis(1);

/// Memory that nobody uses, in bytes.
fn free_memory() -> u64 {
    let heap = heap::claimed_bytes().saturating_sub(heap::used_bytes());
    FRAMES.lock().free_bytes() + heap as u64
}

/// Runs the appliance for ever, with the key of `identity_seed`. `image_bytes` is the size of the
/// loaded image, for the boot report.
pub fn run(
    configuration: Configuration,
    (mut card, reports): (Nic, Vec<DeviceReport>),
    state: Option<State>,
    distro: Option<Distro>,
    identity_seed: [u8; 32],
    mut lanes: Vec<Lane>,
    image_bytes: u64,
) -> ! {
    let boot = Boot {
        now: now(),
        wall_ms: time::wall_millis(),
        seed: entropy::seed_bytes(),
        identity_seed,
        mac: card.mac(),
        memory: free_memory().saturating_sub(prover::memory_needed(
            &configuration.manifest.prover,
            &lanes,
        )),
        version: env!("BASALT_VERSION").to_string(),
    };
    let parts = Parts {
        state,
        compute: Some(Resources {
            platform: Arc::new(Kernel),
            cores: lanes.len(),
            homes: prover::homes(&configuration.manifest.prover, &lanes),
        }),
        distro,
        chain: chain::Settings::from_manifest(&configuration.manifest),
    };
    let mut appliance = match Appliance::new(&configuration.manifest, boot, parts) {
        Ok(appliance) => appliance,
        // The manifest was checked: a node that cannot be made from it is a fault of the code.
        Err(error) => panic!("the node cannot start: {error}"),
    };
    appliance.set_watch(now);
    for report in reports {
        appliance.add_device_report(report);
    }
    let mut prover = Manager::start(
        &configuration.manifest.prover,
        &mut lanes,
        appliance.state(),
    );
    let mut storage = appliance.take_state().map(|state| {
        storage::start(state).unwrap_or_else(|error| panic!("the node cannot start: {error}"))
    });
    let mut announced = false;
    let mut turns = Turns::default();
    log::defer(system_core::wake);
    loop {
        let begin = time::since_entry();
        // Before the node's turn: a page that is asked for in this one tells it.
        if turns.is_due(begin) {
            appliance.set_machine_metrics(told(&turns, prover.as_ref()));
        }
        let activity = appliance.poll(now(), time::wall_millis(), &mut card);
        collect_reports(&mut lanes, &mut appliance, &mut prover);
        hand_out_jobs(&mut lanes, &mut appliance);
        if let (Some(prover), Some(cores)) = (&mut prover, appliance.deal_cores()) {
            prover.serve(&cores, &mut lanes);
        }
        if let Some(prover) = &mut prover
            && prover.poll()
        {
            appliance.set_machine_metrics(told(&turns, Some(prover)));
        }
        let uses_disk = use_disk(&mut storage, &mut appliance, &mut prover, &mut lanes);
        if !announced && let Some(listening) = appliance.is_listening() {
            announce(listening, image_bytes);
            announced = true;
        }
        card.settle(time::since_entry());
        let logs = log::pump();
        turns.count(time::since_entry() - begin);
        // While the disk works it is looked at each time round.
        if !activity.did_work && !uses_disk && !card.arm() {
            let prover = prover.as_ref().map(Manager::wake_at);
            let node = activity
                .wake_at
                .map(|at| Duration::from_micros(at.as_micros()));
            let log = logs.then(|| time::since_entry() + LOG_INTERVAL);
            let wakes = prover.into_iter().chain(node).chain(log);
            sleep(wakes.min(), card.interrupts());
        }
    }
}

/// What the machine tells of itself and the prover.
fn told(turns: &Turns, prover: Option<&Manager>) -> String {
    let seen = Seen {
        heap_used: heap::used_bytes(),
        heap_taken: heap::claimed_bytes(),
        free: free_memory(),
        lines_left_out: log::left_out(),
    };
    turns.families(seen) + &prover.map(Manager::metrics).unwrap_or_default()
}

/// Files what the compute cores have done.
fn collect_reports(lanes: &mut [Lane], appliance: &mut Appliance, prover: &mut Option<Manager>) {
    for index in 0..lanes.len() {
        while let Some(report) = lanes[index].report() {
            match report {
                Report::SelfTest(report) => {
                    let (core, passed) = (lanes[index].core(), report.is_sound());
                    let summary = report.to_string();
                    if passed {
                        ::log::info!(target: "cpu", "core {core}: {summary}");
                    } else {
                        ::log::error!(target: "cpu", "core {core} is unsound: {summary}");
                    }
                    appliance.set_core_report(status::CoreReport {
                        core,
                        passed,
                        summary,
                    });
                }
                Report::Node(done) => appliance.done(now(), time::wall_millis(), done),
                Report::Prover(job, report) => {
                    if let Some(prover) = prover {
                        prover.report(index, job, report, lanes);
                    }
                }
            }
        }
    }
}

/// Gives the node's jobs to their cores; without compute cores they run here.
fn hand_out_jobs(lanes: &mut [Lane], appliance: &mut Appliance) {
    while let Some(job) = appliance.next_job() {
        match lanes.get_mut(job.core()) {
            Some(lane) => {
                if let Err(error) = lane.submit(compute::Job::Node(job)) {
                    // The node never gives a core more than it takes.
                    ::log::error!(target: "cpu", "a job is lost: {error}");
                }
            }
            None => appliance.done(now(), time::wall_millis(), job.run(Arc::new(NoPause))),
        }
    }
}

/// Lets the disk do what the node and the prover want of it; true while it has something to do.
fn use_disk(
    storage: &mut Option<Storage>,
    appliance: &mut Appliance,
    prover: &mut Option<Manager>,
    lanes: &mut [Lane],
) -> bool {
    if let Some(storage) = storage {
        while let Some(job) = appliance.next_disk_job() {
            storage.submit(move |state| Outcome::Node(job.run(state)));
        }
    }
    if let Some(prover) = prover {
        while let Some(task) = prover.next_disk_task() {
            match storage {
                Some(storage) => storage.submit(move |state| Outcome::Prover(task.run(state))),
                None => prover.kept(task.run_without_disk(), lanes),
            }
        }
    }
    let Some(storage) = storage else {
        return false;
    };
    if let Progress::Done(outcome) = storage.turn(now()) {
        match (outcome, prover) {
            (Outcome::Node(done), _) => appliance.disk_done(now(), time::wall_millis(), done),
            (Outcome::Prover(kept), Some(prover)) => prover.kept(kept, lanes),
            (Outcome::Prover(_), None) => {}
        }
        // What follows from it goes first.
        return true;
    }
    storage.is_busy()
}

/// The one line that tools wait for.
fn announce(listening: &Listening, image_bytes: u64) {
    log::verdict(format_args!(
        "basalt: listening peer_id={} addrs={} after_ms={} memory_kib={} image_kib={}",
        listening.peer_id,
        listening.addresses.join(","),
        time::since_entry().as_millis(),
        heap::used_bytes() >> 10,
        image_bytes >> 10,
    ));
}

/// Sleeps until an interrupt, at most until `wake_at`, and not for long if the card must be polled.
pub(super) fn sleep(wake_at: Option<Duration>, card_interrupts: bool) {
    let poll = (!card_interrupts).then(|| time::since_entry() + POLL_INTERVAL);
    match wake_at.into_iter().chain(poll).min() {
        Some(moment) if moment <= time::since_entry() => return,
        Some(moment) => apic::set_timer(moment),
        None => apic::clear_timer(),
    }
    cpu::idle();
}
