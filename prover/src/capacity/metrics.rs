//! Metrics under the reference prover's names, as OpenMetrics text.

use super::prover::{Prover, UnitState};
use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of `prover` at `now`, as a whole document. The counters start anew with every epoch,
/// as the reference's do; the gauges per unit behind them are our own.
pub fn encode(prover: &Prover, now: Duration) -> String {
    families(prover, now) + "# EOF\n"
}

/// The metrics without the end mark, for a document that has others, too.
pub fn families(prover: &Prover, now: Duration) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, prover, now);
    text
}

fn write(text: &mut String, prover: &Prover, now: Duration) -> core::fmt::Result {
    let age = prover
        .epoch_began()
        .map_or(0, |began| now.saturating_sub(began).as_secs());
    writeln!(
        text,
        "# HELP ccp_epoch_age_seconds Time since the epoch was first heard of."
    )?;
    writeln!(
        text,
        "# TYPE ccp_epoch_age_seconds gauge\nccp_epoch_age_seconds {age}"
    )?;
    let counts = prover.counts();
    writeln!(
        text,
        "# HELP ccp_allocated_logical_cores Cores that worked in this epoch."
    )?;
    writeln!(text, "# TYPE ccp_allocated_logical_cores gauge")?;
    writeln!(text, "ccp_allocated_logical_cores {}", counts.len())?;
    writeln!(
        text,
        "# HELP ccp_checked_hashes Hashes checked in this epoch."
    )?;
    writeln!(text, "# TYPE ccp_checked_hashes counter")?;
    for (core, count) in counts {
        let core = core.0;
        writeln!(
            text,
            "ccp_checked_hashes_total{{logical_core_id=\"{core}\"}} {}",
            count.hashes
        )?;
    }
    writeln!(text, "# HELP ccp_founds_proofs Proofs found in this epoch.")?;
    writeln!(text, "# TYPE ccp_founds_proofs counter")?;
    for (core, count) in counts {
        let core = core.0;
        writeln!(
            text,
            "ccp_founds_proofs_total{{logical_core_id=\"{core}\"}} {}",
            count.proofs
        )?;
    }
    writeln!(
        text,
        "# HELP ccp_unit_hash_rate Hashes per second over the last 15 minutes."
    )?;
    writeln!(text, "# TYPE ccp_unit_hash_rate gauge")?;
    let status = prover.status(now);
    for unit in &status {
        writeln!(
            text,
            "ccp_unit_hash_rate{{cu_id=\"{}\"}} {:.3}",
            unit.cu, unit.rates[2]
        )?;
    }
    writeln!(
        text,
        "# HELP ccp_unit_expected_proofs Proofs expected per epoch at this rate."
    )?;
    writeln!(text, "# TYPE ccp_unit_expected_proofs gauge")?;
    for unit in &status {
        writeln!(
            text,
            "ccp_unit_expected_proofs{{cu_id=\"{}\"}} {:.3}",
            unit.cu, unit.expected
        )?;
    }
    writeln!(
        text,
        "# HELP ccp_unit_fill_percent How much of the dataset is there."
    )?;
    writeln!(text, "# TYPE ccp_unit_fill_percent gauge")?;
    for unit in &status {
        let percent = match unit.state {
            UnitState::Hashing | UnitState::AtMaximum => 100.0,
            UnitState::Filling(percent) => percent,
            UnitState::Waiting | UnitState::Cache | UnitState::InDeal => 0.0,
        };
        writeln!(
            text,
            "ccp_unit_fill_percent{{cu_id=\"{}\"}} {percent:.1}",
            unit.cu
        )?;
    }
    Ok(())
}
