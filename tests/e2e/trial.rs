//! The plan of trials.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use crate::suite::clients;

/// How long one suite may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs what the arguments select.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let plan = Plan {
        runtime: Arc::new(runtime.expect("threads for the clients")),
    };
    libtest_mimic::run(arguments, plan.trials()).exit_code()
}

struct Plan {
    runtime: Arc<Runtime>,
}

impl Plan {
    fn trials(&self) -> Vec<Trial> {
        vec![
            self.trial("clients/codec", clients::codec),
            self.trial("clients/rust_meets_rust", clients::rust_meets_rust),
            self.trial("clients/js_meets_rust", clients::js_meets_rust),
        ]
    }

    fn trial<F>(&self, name: &'static str, suite: impl FnOnce() -> F + Send + 'static) -> Trial
    where
        F: Future<Output = Result<()>>,
    {
        let runtime = self.runtime.clone();
        Trial::test(name, move || {
            let start = Instant::now();
            let outcome = runtime.block_on(async {
                tokio::time::timeout(PATIENCE, suite())
                    .await
                    .context("out of time")?
            });
            eprintln!("suite {name}: {:.1} s", start.elapsed().as_secs_f64());
            outcome.map_err(|error| Failed::from(format!("{error:#}")))
        })
    }
}
