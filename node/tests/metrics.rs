//! The page of metrics: every name that the network's nodes have, in a format that a scraper reads.

use std::collections::BTreeMap;

use basalt_manifest::Manifest;
use basalt_net::keypair::Keypair;
use basalt_net::swarm::Input;
use basalt_net::time::Instant;
use basalt_node::host::Clock;
use basalt_node::machine::Machine;
use basalt_node::peer::{Config, Peer};

/// The names of protocol description, section 13, by prefix, as far as there is something behind
/// them here: there is no pool of virtual machines (`aqua_vm_pool`), no runtime of tasks (`tokio`),
/// and commitments are not followed (`chain_listener`).
const NAMES: &[(&str, &str)] = &[
    (
        "connection_pool",
        "received_particles particle_sizes connected_peers particle_queue_size",
    ),
    (
        "connectivity",
        "contact_resolve particle_send_success particle_send_failure bootstrap_disconnected bootstrap_connected",
    ),
    ("dispatcher", "particles_expired"),
    (
        "particle_executor",
        "interpretation_time_sec avm_call_time_sec interpretation_successes interpretation_failures total_actors_mailbox \
         alive_actors service_call_time_sec service_call_success service_call_failure",
    ),
    (
        "services",
        "services_count creation_time_msec removal_time_msec creation_count removal_count creation_failure_count \
         modules_in_services_count mem_max_per_module_bytes mem_used_bytes mem_used_per_module_bytes mem_used_total_bytes \
         call_time_msec lock_wait_time_sec call_success_count call_failed_count",
    ),
    ("spell", "particles_created scheduled_now periods"),
    ("nox", "build"),
];

fn page() -> String {
    let clock = Clock {
        now: Instant::from_millis(1),
        wall_ms: 1_700_000_000_000,
    };
    let config = Config::from_manifest(&Manifest::default(), "1.2.3").unwrap();
    let mut peer = Peer::new(config, Keypair::from_seed([1; 32]), [2; 32]);
    let conn = peer
        .accept_http(clock, ([127, 0, 0, 1], 1).into(), &mut Vec::new())
        .unwrap();
    let input = Input::Received {
        conn,
        bytes: &mut b"GET /metrics HTTP/1.1\r\n\r\n".to_owned(),
    };
    peer.handle(clock, input, &mut Vec::new());
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while peer.has_output(conn) {
        let len = peer.transmit(conn, &mut buffer);
        answer.extend_from_slice(&buffer[..len]);
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/openmetrics-text"), "{head}");
    body.to_string()
}

#[test]
fn the_names_are_those_of_the_network() {
    let page = page();
    let families: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    for (prefix, names) in NAMES {
        for name in names.split_whitespace() {
            let family = format!("{prefix}_{name} ");
            let found = families.iter().filter(|line| line.starts_with(&family));
            assert_eq!(found.count(), 1, "{family}");
        }
    }
    // All others are this node's own.
    for family in families {
        let known = NAMES.iter().any(|(prefix, names)| {
            let mut names = names.split_whitespace();
            names.any(|name| family.starts_with(&format!("{prefix}_{name} ")))
        });
        assert!(known || family.starts_with("basalt_"), "{family}");
    }
}

#[test]
fn families_stand_together_and_histograms_add_up() {
    let page = page();
    assert!(page.ends_with("# EOF\n"), "{page}");
    let mut kind = ("", "");
    let mut buckets: BTreeMap<String, Vec<(f64, u64)>> = BTreeMap::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.ends_with('.') && help.split(' ').count() > 1, "{line}");
            continue;
        }
        if let Some(family) = line.strip_prefix("# TYPE ") {
            kind = family.split_once(' ').unwrap();
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let name = sample.split('{').next().unwrap();
        let suffixes: &[&str] = match kind.1 {
            "gauge" => &[""],
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_sum", "_count", "_bucket"],
            other => panic!("{other}"),
        };
        let suffix = name
            .strip_prefix(kind.0)
            .unwrap_or_else(|| panic!("{line} under {kind:?}"));
        assert!(suffixes.contains(&suffix), "{line}");
        if suffix == "_bucket" {
            let (labels, bound) = sample.split_once("le=\"").unwrap();
            let bound = match bound.trim_end_matches("\"}") {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().unwrap(),
            };
            buckets
                .entry(labels.into())
                .or_default()
                .push((bound, value as u64));
        }
    }
    assert_eq!(buckets.len(), 14, "{buckets:?}");
    for (name, buckets) in buckets {
        let grows = buckets
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        assert!(
            grows && buckets.last().unwrap().0.is_infinite(),
            "{name}: {buckets:?}"
        );
    }
    let seconds = "particle_executor_interpretation_time_sec_bucket{le=\"0.0001\"} 0";
    assert!(page.lines().any(|line| line == seconds), "{page}");
}
