//! Peers of libraries in other languages (`tests/peers`): processes that get orders as lines of
//! JSON and answer each with one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::js;

/// How long one order may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// A library, in one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// js-libp2p of this folder of `tests/peers`.
    Js(&'static str),
    /// py-libp2p.
    Python,
}

/// The newest js-libp2p.
pub(crate) const NEWEST: Library = Library::Js("js-3");

impl Library {
    /// All of them, the oldest first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Js("js-0.46"),
        Self::Js("js-1"),
        Self::Js("js-2"),
        NEWEST,
        Self::Python,
    ];

    /// A short name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Js(folder) => folder,
            Self::Python => "py",
        }
    }

    /// Installs what the lock file, or the list of requirements, names.
    pub(crate) fn install(self) -> Result<()> {
        match self {
            Self::Js(name) => js::install_in(&folder().join(name)),
            Self::Python => {
                let requirements = folder().join("py/requirements.txt");
                let wanted = std::fs::read(&requirements)?;
                let stamp = environment().join("installed.txt");
                if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
                    return Ok(());
                }
                let venv = ["-m", "venv"];
                js::execute(Command::new("python3").args(venv).arg(environment()))
                    .context("py-libp2p needs Python 3.10 or newer with venv")?;
                let install = ["-m", "pip", "install", "--quiet", "--requirement"];
                js::execute(Command::new(python()).args(install).arg(requirements))?;
                std::fs::write(stamp, wanted).context("noting what was installed")
            }
        }
    }

    fn command(self) -> tokio::process::Command {
        match self {
            Self::Js(name) => {
                let mut command = tokio::process::Command::new("node");
                command.arg(folder().join("peer.mjs")).arg(name);
                command
            }
            Self::Python => {
                let mut command = tokio::process::Command::new(python());
                command.arg(folder().join("py/peer.py"));
                command
            }
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn environment() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("py-libp2p")
}

fn python() -> PathBuf {
    environment().join("bin/python")
}

/// A running peer; it ends when dropped.
pub(crate) struct Foreign {
    /// Its id.
    pub(crate) id: String,
    /// Where it listens, with its id at the end.
    pub(crate) address: String,
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Foreign {
    /// Starts a peer with these options (see `tests/peers/peer.mjs`). It trusts the authority in
    /// the file `authority`.
    pub(crate) async fn start(library: Library, options: &Value, authority: &Path) -> Result<Self> {
        let mut child = library
            .command()
            .arg(options.to_string())
            .env("NODE_EXTRA_CA_CERTS", authority)
            .env("SSL_CERT_FILE", authority)
            .current_dir(folder())
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting a peer of {}", library.name()))?;
        let orders = child.stdin.take().context("no stdin")?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut answers = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(PATIENCE, answers.next_line()).await;
        let Some(first) = first.context("it does not start")?? else {
            let mut complaints = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut complaints).await?;
            }
            bail!("{} ended at once: {complaints}", library.name());
        };
        if let Some(stderr) = child.stderr.take() {
            // Some write much, and stop when nobody reads it.
            tokio::spawn(async move {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(_)) = lines.next_line().await {}
            });
        }
        let said: Value = serde_json::from_str(&first).with_context(|| first.clone())?;
        let id = said["peer"].as_str().context("no id")?.to_owned();
        let address = said["addresses"][0].as_str().context("no address")?;
        let address = match address.contains("/p2p/") {
            true => address.to_owned(),
            false => format!("{address}/p2p/{id}"),
        };
        Ok(Self {
            id,
            address,
            child,
            orders,
            answers,
        })
    }

    /// Gives an order and waits for its outcome.
    pub(crate) async fn order(&mut self, what: &str, mut arguments: Value) -> Result<Value> {
        arguments["do"] = json!(what);
        self.orders
            .write_all(format!("{arguments}\n").as_bytes())
            .await?;
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let line = answer.context("no answer within the limit")??;
        let answer: Value = serde_json::from_str(&line.context("the peer's process ended")?)?;
        ensure!(answer["ok"] == true, "{}", answer["error"]);
        Ok(answer["value"].clone())
    }

    /// Kills its process.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}
