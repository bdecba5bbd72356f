//! Runs the js-client's scripts (`tests/js`) under Node.js: sets npm up once, reads the verdict
//! lines.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

/// How long one script may take in all.
const PATIENCE: Duration = Duration::from_secs(600);

/// The lock file that `node_modules` was installed from.
const INSTALLED: &str = "node_modules/.installed-lock.json";

/// What a script printed.
pub(crate) struct Report {
    /// Names of the checks that passed, in order.
    pub(crate) passed: Vec<String>,
    /// What it told besides verdicts.
    pub(crate) facts: Vec<Value>,
}

/// Runs `script` with `arguments`; fails unless every check passed and the script came to its end.
pub(crate) async fn run(script: &str, arguments: &[&str]) -> Result<Report> {
    let mut child = node(script)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting node")?;
    let stdout = child.stdout.take().context("node has no stdout")?;
    let mut stderr = child.stderr.take().context("node has no stderr")?;
    let mut report = Report {
        passed: Vec::new(),
        facts: Vec::new(),
    };
    let mut failed = Vec::new();
    let read_verdicts = async {
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            let value: Value =
                serde_json::from_str(&line).with_context(|| format!("{script} printed {line}"))?;
            match (&value["check"], &value["ok"]) {
                (Value::String(check), Value::Bool(true)) => report.passed.push(check.clone()),
                (Value::String(check), _) => failed.push(format!("{check}: {}", value["error"])),
                _ => report.facts.push(value),
            }
        }
        anyhow::Ok(())
    };
    let mut complaints = String::new();
    let whole = async {
        let (verdicts, noise) = tokio::join!(read_verdicts, stderr.read_to_string(&mut complaints));
        verdicts?;
        noise?;
        anyhow::Ok(child.wait().await?)
    };
    let status = tokio::time::timeout(PATIENCE, whole).await;
    ensure!(
        failed.is_empty(),
        "{script}: {} checks failed ({} passed):\n  {}\n{complaints}",
        failed.len(),
        report.passed.len(),
        failed.join("\n  ")
    );
    match status {
        Ok(status) => {
            let status = status?;
            ensure!(
                status.success(),
                "{script} ended with {status}: {complaints}"
            );
        }
        Err(_) => bail!(
            "{script} was not done after {PATIENCE:?}; passed: {}",
            report.passed.join(", ")
        ),
    }
    Ok(report)
}

/// A command that runs `script` of the installed package; its process ends with its handle.
pub(crate) fn node(script: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("node");
    command
        .arg(folder().join(script))
        .current_dir(folder())
        .kill_on_drop(true);
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js")
}

/// Makes sure, once, of Node.js and of the packages that the lock file names.
pub(crate) fn install() -> Result<()> {
    static ONCE: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| set_up().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

fn set_up() -> Result<()> {
    if !(runs("node") && runs("npm")) {
        apt(&["update"])?;
        apt(&["install", "-y", "--no-install-recommends", "nodejs", "npm"])?;
    }
    install_in(&folder())
}

/// Installs the packages that the lock file of `folder` names, unless they are there.
pub(super) fn install_in(folder: &Path) -> Result<()> {
    let lock = fs::read(folder.join("package-lock.json")).context("package-lock.json")?;
    let stamp = folder.join(INSTALLED);
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    // The packages are plain JavaScript and Wasm: none needs its install scripts.
    execute(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-progress"])
            .current_dir(folder),
    )?;
    fs::write(stamp, lock).context("noting what was installed")
}

fn runs(program: impl AsRef<OsStr>) -> bool {
    let mut command = Command::new(program);
    let quiet = command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn apt(arguments: &[&str]) -> Result<()> {
    execute(
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
    .context(
        "the js-client needs Node.js 18 or newer and npm: install them, then run the tests again",
    )
}

pub(super) fn execute(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
