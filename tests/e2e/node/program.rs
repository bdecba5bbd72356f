//! The binary of the hosted node.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The binary that the environment's `BASALT_HOSTED` names, or the one of this profile, which is
/// built when it is stale, together with other packages: with their features its dependencies were
/// built before.
pub(crate) fn hosted(together: &[&str]) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("BASALT_HOSTED") {
        return Ok(path.into());
    }
    let profile = match cfg!(debug_assertions) {
        true => "dev",
        false => "release",
    };
    let together = together.iter().flat_map(|name| ["--package", name]);
    let output = Command::new(env!("CARGO"))
        .args(["build", "--profile", profile, "--package", "basalt-hosted"])
        .args(together)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .context("starting cargo")?;
    ensure!(
        output.status.success(),
        "building basalt-hosted:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8(output.stdout)?;
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_hosted = message["target"]["name"] == "basalt-hosted";
        let path = message["executable"].as_str().filter(|_| is_hosted)?;
        Some(PathBuf::from(path))
    };
    messages
        .lines()
        .find_map(executable)
        .context("cargo named no binary of basalt-hosted")
}
