//! The page of metrics, in the OpenMetrics format, with the names of the network's nodes where they
//! have one.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Display, Write};

use basalt_net::swarm;
use serde_json::Value;

use super::report::Report;
use crate::intake::Account;
use crate::metrics::Histogram;
use crate::refusal::Refusal;

/// Text in the OpenMetrics format.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, arguments: fmt::Arguments<'_>) {
        // Text takes whatever is written to it.
        let _ = self.0.write_fmt(arguments);
        self.0.push('\n');
    }

    /// The head of a family.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}.\n# TYPE {name} {kind}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.gauges(name, help, [("", value)]);
    }

    /// A gauge with a value per set of labels.
    fn gauges<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.family(name, "gauge", help);
        for (labels, value) in values {
            self.line(format_args!("{name}{labels} {value}"));
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.counters(name, help, [("", value)]);
    }

    /// A counter with a value per set of labels.
    fn counters<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.family(name, "counter", help);
        for (labels, value) in values {
            self.line(format_args!("{name}_total{labels} {value}"));
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.histograms(name, help, &[("", histogram)]);
    }

    /// A histogram per set of labels, which are given without braces and with a comma at their end.
    fn histograms(&mut self, name: &str, help: &str, values: &[(&str, &Histogram)]) {
        self.family(name, "histogram", help);
        for (labels, histogram) in values {
            let own = match labels.trim_end_matches(',') {
                "" => String::new(),
                own => format!("{{{own}}}"),
            };
            self.line(format_args!("{name}_sum{own} {:?}", histogram.sum()));
            self.line(format_args!("{name}_count{own} {}", histogram.count()));
            for (bound, count) in histogram.buckets() {
                let bound = match bound.is_finite() {
                    true => format!("{bound:?}"),
                    false => "+Inf".to_string(),
                };
                self.line(format_args!(
                    "{name}_bucket{{{labels}le=\"{bound}\"}} {count}"
                ));
            }
        }
    }
}

const SPELL: &str = "{particle_type=\"Spell\"}";
const COMMON: &str = "{particle_type=\"Common\"}";
const SERVICE: &str = "function_kind=\"Service\",";
const BUILTIN: &str = "function_kind=\"BuiltIn\",";

/// All metrics.
pub(super) fn text(report: &Report<'_>) -> String {
    let mut text = Text::default();
    connections(&mut text, report);
    particles(&mut text, report);
    calls(&mut text, report);
    services(&mut text, report);
    budgets(&mut text, report);
    machine(&mut text, report);
    text.0 += report.machine;
    text.0 += "# EOF\n";
    text.0
}

fn connections(text: &mut Text, report: &Report<'_>) {
    let (swarm, rooms, contacts) = (&report.status.swarm, report.rooms, report.contacts);
    text.counters(
        "connection_pool_received_particles",
        "Particles received from the network, and those that spells made",
        [(COMMON, swarm.particles_in), (SPELL, rooms.spell_runs())],
    );
    text.histogram(
        "connection_pool_particle_sizes",
        "Sizes of particles in bytes",
        &rooms.tally.meters.particle_sizes,
    );
    text.gauge(
        "connection_pool_connected_peers",
        "Connected peers",
        swarm.peers,
    );
    text.gauge(
        "connection_pool_particle_queue_size",
        "Particles that came in and wait for their turn",
        report.status.inbox_particles,
    );
    text.counters(
        "connectivity_contact_resolve",
        "How peers were reached that particles were for",
        [
            ("Local", contacts.local),
            ("Kademlia", contacts.found),
            ("KademliaNotFound", contacts.not_found),
            ("KademliaError", contacts.cannot_ask),
            ("ConnectionFailed", contacts.not_reached),
        ]
        .map(|(action, count)| (format!("{{action=\"{action}\"}}"), count)),
    );
    text.counter(
        "connectivity_particle_send_success",
        "Particles sent",
        swarm.particles_out,
    );
    text.counter(
        "connectivity_particle_send_failure",
        "Particles not sent",
        swarm.sends_failed,
    );
    text.counter(
        "connectivity_bootstrap_connected",
        "Connections with bootstrap peers",
        contacts.bootstrap_connected,
    );
    text.counter(
        "connectivity_bootstrap_disconnected",
        "Connections with bootstrap peers that ended",
        contacts.bootstrap_disconnected,
    );
}

fn particles(text: &mut Text, report: &Report<'_>) {
    let (node, rooms) = (&report.status.node, report.rooms);
    text.counter(
        "dispatcher_particles_expired",
        "Particles that came too late",
        node.refusals.of(Refusal::Expired),
    );
    text.histogram(
        "particle_executor_interpretation_time_sec",
        "Seconds of a particle's turn",
        &rooms.tally.meters.interpretation,
    );
    text.histogram(
        "particle_executor_avm_call_time_sec",
        "Seconds of a run of the interpreter",
        &rooms.tally.meters.avm_call,
    );
    text.counter(
        "particle_executor_interpretation_successes",
        "Runs of scripts",
        node.runs - node.failed_runs,
    );
    text.counter(
        "particle_executor_interpretation_failures",
        "Runs of scripts that failed",
        node.failed_runs,
    );
    text.gauge(
        "particle_executor_total_actors_mailbox",
        "Arrivals that wait in the mailboxes of particles",
        node.mailboxes,
    );
    let of_workers: usize = node.workers.iter().map(|(_, account)| account.actors).sum();
    let host = format!(
        "{{worker_type=\"Host\",peer_id=\"{}\"}}",
        report.status.peer_id
    );
    let host = [(host, node.actors.saturating_sub(of_workers))];
    let workers = node.workers.iter().map(|(id, account)| {
        let labels = format!("{{worker_type=\"Worker\",peer_id=\"{id}\"}}");
        (labels, account.actors)
    });
    text.gauges(
        "particle_executor_alive_actors",
        "Particles alive",
        host.into_iter().chain(workers),
    );
    text.gauge(
        "basalt_particles_memory_bytes",
        "Memory of particles",
        node.memory,
    );
    text.counter(
        "spell_particles_created",
        "Particles of spells",
        rooms.spell_runs(),
    );
    text.gauge(
        "spell_scheduled_now",
        "Spells that wait for something",
        rooms.scheduled_spells(),
    );
    text.histogram(
        "spell_periods",
        "Seconds between the runs of spells",
        &rooms.tally.meters.periods,
    );
}

fn calls(text: &mut Text, report: &Report<'_>) {
    let (node, rooms) = (&report.status.node, report.rooms);
    let services = rooms.calls();
    text.histograms(
        "particle_executor_service_call_time_sec",
        "Seconds of calls",
        &[
            (BUILTIN, &rooms.tally.meters.builtin_call),
            (SERVICE, &rooms.tally.meters.service_call),
        ],
    );
    let good = node.calls.saturating_sub(node.failed_calls);
    let kinds = |builtin: u64, service: u64| {
        [(BUILTIN, builtin), (SERVICE, service)]
            .map(|(kind, count)| (format!("{{{}}}", kind.trim_end_matches(',')), count))
    };
    text.counters(
        "particle_executor_service_call_success",
        "Calls answered",
        kinds(good.saturating_sub(services.succeeded), services.succeeded),
    );
    text.counters(
        "particle_executor_service_call_failure",
        "Calls that failed",
        kinds(
            node.failed_calls.saturating_sub(services.failed),
            services.failed,
        ),
    );
}

fn services(text: &mut Text, report: &Report<'_>) {
    let rooms = report.rooms;
    let (meters, services, calls) = (&rooms.tally.meters, rooms.services(), rooms.calls());
    text.gauge("services_services_count", "Services", services.len());
    text.histogram(
        "services_creation_time_msec",
        "Milliseconds of the creation of services",
        &meters.creation,
    );
    text.histogram(
        "services_removal_time_msec",
        "Milliseconds of the removal of services",
        &meters.removal,
    );
    for (name, help, count) in [
        ("creation_count", "Services created", meters.created),
        ("removal_count", "Services removed", meters.removed),
        (
            "creation_failure_count",
            "Services that could not be created",
            meters.creation_failures,
        ),
        ("call_success_count", "Calls of services", calls.succeeded),
        (
            "call_failed_count",
            "Calls of services that failed",
            calls.failed,
        ),
    ] {
        text.counter(&format!("services_{name}"), help, count);
    }
    for (name, help, histogram) in [
        (
            "modules_in_services_count",
            "Modules of created services",
            &meters.modules,
        ),
        (
            "mem_max_per_module_bytes",
            "Memory that modules may have",
            &meters.memory_max,
        ),
        (
            "mem_used_bytes",
            "Memory of services after their calls",
            &meters.memory,
        ),
        (
            "mem_used_per_module_bytes",
            "Memory of modules after calls",
            &meters.module_memory,
        ),
        (
            "call_time_msec",
            "Milliseconds of calls of services",
            &meters.service_call_msec,
        ),
        (
            "lock_wait_time_sec",
            "Seconds that calls wait for their service",
            &meters.lock_wait,
        ),
    ] {
        text.histogram(&format!("services_{name}"), help, histogram);
    }
    text.gauge(
        "services_mem_used_total_bytes",
        "Memory of services",
        rooms.memory().used(),
    );
    text.gauge(
        "basalt_services_memory_limit_bytes",
        "Memory that all services may have",
        rooms.memory().limit(),
    );
    text.gauge(
        "basalt_services_resting",
        "Services that rest between calls",
        services.resting(),
    );
    let (vaults, bytes) = rooms.vaults();
    text.gauge("basalt_vaults", "Particles that have a vault", vaults);
    text.gauge("basalt_vaults_bytes", "Bytes of files in vaults", bytes);
    text.gauge(
        "basalt_jobs_waiting",
        "Jobs that wait for compute cores",
        rooms.waiting_jobs(),
    );
}

/// What is refused, and what is taken of the shares.
fn budgets(text: &mut Text, report: &Report<'_>) {
    let node = &report.status.node;
    let refusals = node.refusals.iter();
    text.counters(
        "basalt_refused",
        "What the node refused, by reason",
        refusals.map(|(reason, times)| (format!("{{reason=\"{}\"}}", reason.name()), times)),
    );
    let swarm = &report.status.swarm;
    text.counters(
        "basalt_network_refused",
        "What the network's budgets and rules refused, by reason",
        swarm::Refusal::ALL.map(|reason| {
            (
                format!("{{reason=\"{}\"}}", reason.name()),
                swarm.refused(reason),
            )
        }),
    );
    text.counter(
        "basalt_interpreter_steps",
        "Instructions of scripts executed",
        node.steps,
    );
    text.counter(
        "basalt_charged_seconds",
        "Time that runs of scripts were charged at",
        node.charged as f64 / 1e6,
    );
    text.gauge(
        "basalt_turns_waiting",
        "Particles that wait for their turn to run, or to have their calls answered",
        node.waiting,
    );
    text.counter(
        "basalt_turns_deferred",
        "Turns of particles that others went before, because their author or worker had more than its share",
        node.deferred,
    );
    text.gauge(
        "basalt_authors",
        "Authors of particles that are counted",
        node.authors,
    );
    let label = |id| format!("{{peer_id=\"{id}\"}}");
    text.gauges(
        "basalt_worker_memory_bytes",
        "Memory of the particles of a worker",
        node.workers
            .iter()
            .map(|(id, account)| (label(id), account.memory)),
    );
    for (name, help, pick) in [
        (
            "basalt_worker_particles",
            "Particles that came for a worker",
            (|account| account.received) as fn(&Account) -> u64,
        ),
        (
            "basalt_worker_refused",
            "Particles for a worker that were refused",
            |account| account.refused,
        ),
        (
            "basalt_worker_interpreter_steps",
            "Instructions of scripts executed for a worker",
            |account| account.steps,
        ),
        (
            "basalt_worker_turns_deferred",
            "Turns of a worker's particles that others went before",
            |account| account.deferred,
        ),
    ] {
        let workers = node.workers.iter();
        text.counters(
            name,
            help,
            workers.map(|(id, account)| (label(id), pick(account))),
        );
    }
}

fn machine(text: &mut Text, report: &Report<'_>) {
    if let Some(state) = report.rooms.store() {
        let store = &state.store;
        text.gauge(
            "basalt_store_capacity_bytes",
            "Size of the store",
            store.capacity,
        );
        text.gauge(
            "basalt_store_free_bytes",
            "Free room of the store",
            store.free,
        );
        text.counter("basalt_store_batches", "Batches committed", store.batches);
        text.counter(
            "basalt_store_reopened",
            "Times that the store was opened again after the disk had failed",
            state.reopened,
        );
    }
    if let Some(chain) = &report.rooms.chain {
        text.gauge(
            "basalt_chain_transactions_pending",
            "Transactions that were sent and are not known to be mined",
            chain.pending(),
        );
    }
    if !report.status.devices.is_empty() {
        text.family("basalt_device", "info", "Devices in use");
    }
    for device in &report.status.devices {
        let name = Value::from(device.name.as_str());
        let (kind, degraded) = (device.kind, device.degraded);
        text.line(format_args!(
            "basalt_device_info{{kind=\"{kind}\",degraded=\"{degraded}\",name={name}}} 1"
        ));
    }
    text.family("nox_build", "info", "Versions");
    let versions = report.versions;
    text.line(format_args!(
        "nox_build_info{{version=\"{}\",air_version=\"{}\",spell_version=\"{}\"}} 1",
        versions.node, versions.air, versions.spell
    ));
}
