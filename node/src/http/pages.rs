//! What the pages say.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display, Write};

use basalt_manifest::{Addressing, Compute, Manifest};
use basalt_net::swarm::Refusal;
use serde_json::{Map, Value, json};

use super::Page;
use crate::host::Versions;
use crate::peer::Status;
use crate::world::World;

/// What the pages know.
pub(crate) struct Report<'a> {
    pub(crate) status: Status,
    pub(crate) world: &'a World,
    pub(crate) versions: &'a Versions,
    /// Bootstrap peers that are configured, and whether one is connected.
    pub(crate) bootstrap: (usize, bool),
    /// The effective configuration, without secrets.
    pub(crate) config: &'a str,
    /// Metrics of the machine around the node, in the OpenMetrics format without its end mark.
    pub(crate) machine: &'a str,
}

/// The page at a path.
pub(crate) fn page(path: &str, report: &Report<'_>) -> Page {
    let json = |status, value: Value| Page {
        status,
        content_type: "application/json",
        body: value.to_string(),
    };
    match path {
        "/peer_id" => json(200, json!({ "peer_id": report.status.peer_id.to_string() })),
        "/versions" => json(200, versions(report.versions)),
        "/health" => {
            let (status, value) = health(report);
            json(status, value)
        }
        "/metrics" => Page {
            status: 200,
            content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
            body: metrics(report),
        },
        "/config" => Page::text(200, report.config),
        _ => Page::text(404, "No such endpoint"),
    }
}

fn versions(versions: &Versions) -> Value {
    let of = |name: &str| {
        let service = versions.services.iter().find(|(known, _)| known == name);
        service.map_or("", |(_, version)| version.as_str())
    };
    json!({
        "node": versions.node,
        "avm": versions.air,
        "spell": versions.spell,
        "aqua_ipfs": of("aqua-ipfs"),
        "trust_graph": of("trust-graph"),
        "registry": of("registry"),
        "decider": of("decider"),
    })
}

/// One key per check, as service registries read it: 200 when all is well, 429 when some is not, 503 when nothing is.
fn health(report: &Report<'_>) -> (u16, Value) {
    let (configured, connected) = report.bootstrap;
    let joined = configured == 0 || connected;
    let checks = [
        ("bootstrap_nodes", joined),
        ("kademlia_bootstrap", joined),
        ("vm_pool", true),
        ("persisted_services", report.world.is_restored()),
    ];
    let good = checks.iter().filter(|(_, good)| *good).count();
    let status = match good {
        0 => 503,
        _ if good == checks.len() => 200,
        _ => 429,
    };
    let checks = checks.iter().map(|(name, good)| {
        let word = if *good { "Ok" } else { "Fail" };
        let check = (name.to_string(), word.into());
        Value::Object(Map::from_iter([check]))
    });
    (status, checks.collect())
}

/// Text in the OpenMetrics format.
#[derive(Default)]
struct Metrics(String);

impl Metrics {
    fn line(&mut self, arguments: fmt::Arguments<'_>) {
        // Text takes whatever is written to it.
        let _ = self.0.write_fmt(arguments);
        self.0.push('\n');
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.line(format_args!("# HELP {name} {help}.\n# TYPE {name} gauge"));
        self.line(format_args!("{name} {value}"));
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.labelled(name, help, &[(String::new(), value)]);
    }

    /// A counter with a value per set of labels.
    fn labelled(&mut self, name: &str, help: &str, values: &[(String, impl Display)]) {
        self.line(format_args!("# HELP {name} {help}.\n# TYPE {name} counter"));
        for (labels, value) in values {
            self.line(format_args!("{name}_total{labels} {value}"));
        }
    }
}

fn metrics(report: &Report<'_>) -> String {
    let mut text = Metrics::default();
    let (swarm, node) = (&report.status.swarm, &report.status.node);
    let world = report.world;
    text.labelled(
        "connection_pool_received_particles",
        "Particles received from the network, and those that spells made",
        &[
            ("{particle_type=\"Common\"}".into(), swarm.particles_in),
            ("{particle_type=\"Spell\"}".into(), world.spell_runs()),
        ],
    );
    text.gauge(
        "connection_pool_connected_peers",
        "Connected peers",
        swarm.peers,
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
        "dispatcher_particles_expired",
        "Particles that came too late",
        node.refusals.of(crate::refusal::Refusal::Expired),
    );
    let good = node.runs - node.failed_runs;
    text.counter(
        "particle_executor_interpretation_successes",
        "Runs of scripts",
        good,
    );
    text.counter(
        "particle_executor_interpretation_failures",
        "Runs of scripts that failed",
        node.failed_runs,
    );
    text.gauge(
        "particle_executor_alive_actors",
        "Particles alive",
        node.actors,
    );
    text.gauge(
        "particle_executor_memory_bytes",
        "Memory of particles",
        node.memory,
    );
    let calls = world.calls();
    text.counter(
        "particle_executor_service_call_success",
        "Calls answered",
        node.calls - node.failed_calls.min(node.calls),
    );
    text.counter(
        "particle_executor_service_call_failure",
        "Calls that failed",
        node.failed_calls,
    );
    let services = world.services();
    text.gauge("services_services_count", "Services", services.len());
    text.counter(
        "services_call_success_count",
        "Calls of services",
        calls.succeeded,
    );
    text.counter(
        "services_call_failed_count",
        "Calls of services that failed",
        calls.failed,
    );
    text.counter(
        "services_call_time_sec",
        "Time of calls on compute cores",
        calls.time.as_secs_f64(),
    );
    text.gauge(
        "services_mem_used_total_bytes",
        "Memory of services",
        services.memory(),
    );
    text.counter(
        "spell_particles_created",
        "Particles of spells",
        world.spell_runs(),
    );
    text.gauge(
        "spell_scheduled_now",
        "Spells that wait for something",
        world.scheduled_spells(),
    );
    text.gauge(
        "basalt_jobs_waiting",
        "Jobs that wait for compute cores",
        world.waiting_jobs(),
    );
    let refusals: Vec<(String, u64)> = node
        .refusals
        .iter()
        .map(|(reason, times)| (alloc::format!("{{reason=\"{}\"}}", reason.name()), times))
        .collect();
    text.labelled(
        "basalt_refused",
        "What the node refused, by reason",
        &refusals,
    );
    let refusals = Refusal::ALL.map(|reason| {
        let label = alloc::format!("{{reason=\"{}\"}}", reason.name());
        (label, swarm.refused(reason))
    });
    text.labelled(
        "basalt_network_refused",
        "What the network's budgets and rules refused, by reason",
        &refusals,
    );
    if let Some(state) = world.state() {
        let store = state.status();
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
    }
    if !report.status.devices.is_empty() {
        text.line(format_args!(
            "# HELP basalt_device Devices in use.\n# TYPE basalt_device info"
        ));
    }
    for device in &report.status.devices {
        let name = Value::from(device.name.as_str());
        let (kind, degraded) = (device.kind, device.degraded);
        text.line(format_args!(
            "basalt_device_info{{kind=\"{kind}\",degraded=\"{degraded}\",name={name}}} 1"
        ));
    }
    let build = [(
        alloc::format!(
            "{{version=\"{}\",air_version=\"{}\",spell_version=\"{}\"}}",
            report.versions.node,
            report.versions.air,
            report.versions.spell
        ),
        1,
    )];
    text.line(format_args!(
        "# HELP nox_build Versions.\n# TYPE nox_build info"
    ));
    text.line(format_args!("nox_build_info{} {}", build[0].0, build[0].1));
    text.0 += report.machine;
    text.0 += "# EOF\n";
    text.0
}

/// A manifest's values as TOML, without its secrets.
pub(crate) fn config_text(manifest: &Manifest) -> String {
    let mut text = Metrics::default();
    let quoted = |value: &str| Value::String(value.into()).to_string();
    let list = |values: &[String]| Value::from(values.to_vec()).to_string();
    text.line(format_args!("[node]"));
    text.line(format_args!(
        "network = {}",
        quoted(&manifest.node.network.to_string())
    ));
    if manifest.node.seed.is_some() {
        text.line(format_args!("seed = \"(redacted)\""));
    }
    if let Some(peer) = &manifest.node.management_peer_id {
        text.line(format_args!("management_peer_id = {}", quoted(peer)));
    }
    text.line(format_args!(
        "bootstrap = {}",
        list(&manifest.node.bootstrap)
    ));
    let network = &manifest.network;
    text.line(format_args!("\n[network]"));
    match &network.addressing {
        Addressing::Dhcp => text.line(format_args!("address = \"dhcp\"")),
        Addressing::Static(fixed) => {
            text.line(format_args!(
                "address = \"{}/{}\"",
                fixed.address, fixed.prefix
            ));
        }
    }
    text.line(format_args!("hostname = {}", quoted(&network.hostname)));
    text.line(format_args!("tcp_port = {}", network.tcp_port));
    text.line(format_args!("websocket_port = {}", network.websocket_port));
    text.line(format_args!(
        "external_addresses = {}",
        list(&network.external_addresses)
    ));
    text.line(format_args!(
        "\n[cores]\nsystem = {}",
        manifest.cores.system
    ));
    match manifest.cores.compute {
        Compute::All => text.line(format_args!("compute = \"all\"")),
        Compute::Count(count) => text.line(format_args!("compute = {count}")),
    }
    if let Some(chain) = &manifest.chain {
        let host = quoted(&chain.endpoint.host);
        text.line(format_args!("\n[chain]\n# host of the endpoint: {host}"));
        text.line(format_args!("endpoint = \"(redacted)\""));
        text.line(format_args!("chain_id = {}", chain.chain_id));
        text.line(format_args!("wallet_key = \"(redacted)\""));
    }
    let level = manifest.log.level.as_str().to_ascii_lowercase();
    text.line(format_args!("\n[log]\nlevel = \"{level}\""));
    text.0
}
