//! QEMU's control connection, QMP: JSON objects, one a line, over a Unix socket.
//!
//! Source: QEMU documentation, "QEMU Machine Protocol Specification".

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use crate::Error;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open connection.
#[derive(Debug)]
pub struct Qmp {
    input: BufReader<UnixStream>,
    output: UnixStream,
}

impl Qmp {
    /// Connects; QEMU accepts one connection at a time.
    ///
    /// # Errors
    /// When there is no socket at `path` yet, or what is there does not speak QMP.
    pub fn connect(path: &Path) -> Result<Self, Error> {
        let open = || {
            let output = UnixStream::connect(path)?;
            output.set_read_timeout(Some(PATIENCE))?;
            output.set_write_timeout(Some(PATIENCE))?;
            Ok((BufReader::new(output.try_clone()?), output))
        };
        let (input, output) = open().map_err(Error::host("QEMU's control socket"))?;
        let mut qmp = Self { input, output };
        let greeting = qmp.receive()?;
        if greeting.get("QMP").is_none() {
            return Err(Error::Control(format!("it greets with {greeting}")));
        }
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Executes a command and returns its answer; events in between are skipped.
    ///
    /// # Errors
    /// When the command is refused or the connection breaks, as it does when QEMU quits.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, Error> {
        let line = json!({ "execute": command, "arguments": arguments }).to_string() + "\n";
        self.output
            .write_all(line.as_bytes())
            .map_err(|error| Error::Control(format!("{command} cannot be sent: {error}")))?;
        loop {
            let mut answer = self.receive()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                return Err(Error::Control(format!("{command} is refused: {error}")));
            }
        }
    }

    /// Executes a command of the human monitor, for what QMP itself does not tell.
    ///
    /// # Errors
    /// As [`Qmp::execute`].
    pub fn human(&mut self, command: &str) -> Result<String, Error> {
        let answer = self.execute("human-monitor-command", json!({ "command-line": command }))?;
        answer
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Error::Control(format!("{command} is answered with {answer}")))
    }

    fn receive(&mut self) -> Result<Value, Error> {
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) => Err(Error::Control("it was closed".into())),
            Ok(_) => serde_json::from_str(&line)
                .map_err(|error| Error::Control(format!("it sends no JSON: {error}"))),
            Err(error) => Err(Error::Control(format!("no answer: {error}"))),
        }
    }
}
