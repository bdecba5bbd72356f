//! Any bytes either are a manifest or are refused with a readable report.

use basalt_manifest::{MAX_PROBLEMS, Machine, Manifest};

/// Panics if the parser breaks a promise on `data`.
pub fn check(data: &[u8]) {
    match Manifest::from_bytes(data) {
        Ok(manifest) => {
            assert_ne!(manifest.network.tcp_port, manifest.network.websocket_port);
            assert!(manifest.cores.system > 0);
            let page = manifest.page();
            assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
            for cores in [0, 1, 2, 64] {
                let _ = manifest.check(&Machine {
                    cores,
                    memory: 1 << 30,
                });
            }
        }
        Err(problems) => {
            assert!(problems.count() > 0);
            assert!(problems.iter().count() <= MAX_PROBLEMS);
            let report = problems.to_string();
            assert!(
                report.len() < 1024 * (MAX_PROBLEMS + 1),
                "{} bytes",
                report.len()
            );
            assert!(
                !report.contains(|c: char| c.is_control() && c != '\n'),
                "{report:?}"
            );
            let places = problems
                .iter()
                .map(|problem| (problem.line, problem.column));
            assert!(places.is_sorted(), "{report}");
        }
    }
}
