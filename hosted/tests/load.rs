//! The scenarios of `examples/load`, a few particles each: every answer is what it must be. Nothing
//! is timed.

#[allow(dead_code, reason = "the command uses the rest")]
#[path = "../examples/load/driver.rs"]
mod driver;
#[allow(dead_code, reason = "the command uses the rest")]
#[path = "../examples/load/nodes.rs"]
mod nodes;
#[allow(dead_code, reason = "the command uses the rest")]
#[path = "../examples/load/report.rs"]
mod report;
#[allow(dead_code, reason = "the command uses the rest")]
#[path = "../examples/load/scenario.rs"]
mod scenario;

use std::path::Path;
use std::time::Duration;

use basalt_net::keypair::Keypair;
use driver::Driver;
use nodes::Nodes;
use scenario::{Scenario, Stage};

/// Particles of each scenario.
const PARTICLES: usize = 24;
const IN_FLIGHT: usize = 8;

#[test]
fn each_scenario_brings_what_it_must() {
    let operator = Keypair::from_seed([9; 32]);
    let program = Path::new(env!("CARGO_BIN_EXE_basalt-hosted"));
    let nodes = Nodes::start(program, Vec::new(), 3, &operator).unwrap();
    let addresses: Vec<_> = nodes
        .places
        .iter()
        .map(|place| place.address.clone())
        .collect();
    let driver = Driver::connect(operator, &addresses).unwrap();
    let peers = nodes.places.iter().map(|place| place.peer).collect();
    let mut stage = Stage::new(driver, peers);
    for scenario in Scenario::ALL {
        let mut told = 0;
        let taken = stage.run(scenario, PARTICLES, IN_FLIGHT, |done| told = done);
        let taken = taken.unwrap_or_else(|error| panic!("{scenario:?}: {error:#}"));
        let mut numbers: Vec<_> = taken.arrived.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..PARTICLES).collect::<Vec<_>>(), "{scenario:?}");
        assert_eq!((taken.latencies.len(), told), (PARTICLES, PARTICLES));
    }
    stage.clear().unwrap();
}

#[test]
fn percentiles_are_ranks() {
    let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
    for (percent, millis) in [(1, 2), (50, 100), (90, 180), (99, 198), (100, 200)] {
        let found = report::percentile(&times, percent);
        assert_eq!(found, Duration::from_millis(millis), "{percent}");
    }
    assert_eq!(report::percentile(&times[..1], 50), times[0]);
}
