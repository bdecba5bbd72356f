//! A running machine.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    Accel, Error, Verdict,
    qmp::Qmp,
    serial::{Serial, Unheard},
};

/// A running machine. It ends, at the latest, when this value is dropped or this process ends.
#[derive(Debug)]
pub struct Guest {
    process: Mutex<Child>,
    serial: Serial,
    qmp: Mutex<Option<Qmp>>,
    forwards: Vec<Forward>,
    /// The folder with its files, which goes when the guest does.
    folder: TempDir,
    accel: Accel,
}

/// A forwarded port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    /// Port of the host's loopback address; 0: any free one.
    pub(crate) host: u16,
    pub(crate) guest: u16,
}

/// How long a guest may take to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(30);

/// Lines that an error shows.
const SHOWN: usize = 12;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guest {
    pub(crate) fn new(process: Child, serial: Serial, folder: TempDir, accel: Accel) -> Self {
        Self {
            process: Mutex::new(process),
            serial,
            qmp: Mutex::new(None),
            forwards: Vec::new(),
            folder,
            accel,
        }
    }

    pub(crate) fn complete(&mut self, qmp: Qmp, forwards: Vec<Forward>) {
        self.qmp = Mutex::new(Some(qmp));
        self.forwards = forwards;
    }

    pub(crate) fn control_path(&self) -> PathBuf {
        self.folder.path().join("qmp")
    }

    /// What QEMU itself said on standard error.
    #[must_use]
    pub fn messages(&self) -> String {
        let said = fs::read(self.folder.path().join("messages")).unwrap_or_default();
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    /// How the guest's instructions are executed: never [`Accel::Auto`].
    #[must_use]
    pub fn accel(&self) -> Accel {
        self.accel
    }

    /// The id of QEMU's process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        locked(&self.process).id()
    }

    /// Whether QEMU still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(locked(&self.process).try_wait(), Ok(None))
    }

    /// The serial line.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Where the host reaches a forwarded port of the guest.
    #[must_use]
    pub fn forwarded(&self, port: u16) -> Option<SocketAddr> {
        let forward = self.forwards.iter().find(|forward| forward.guest == port)?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, forward.host)))
    }

    /// Waits for a serial line that contains `text`, said at any time, and returns the whole line.
    ///
    /// # Errors
    /// When it does not come in time or the guest ends.
    pub fn wait_for_line(&self, text: &str, limit: Duration) -> Result<String, Error> {
        self.wait_for_line_from(0, text, limit)
    }

    /// As [`Guest::wait_for_line`], but from a [`Serial::mark`] on: for what is said more than
    /// once.
    ///
    /// # Errors
    /// When it does not come in time or the guest ends.
    pub fn wait_for_line_from(
        &self,
        mark: usize,
        text: &str,
        limit: Duration,
    ) -> Result<String, Error> {
        self.wait(mark, &format!("line with \"{text}\""), limit, |line| {
            line.contains(text).then(|| line.to_owned())
        })
    }

    /// Waits for what the kernel says about how it is.
    ///
    /// # Errors
    /// When it says nothing of the kind in time or the guest ends.
    pub fn wait_for_verdict(&self, limit: Duration) -> Result<Verdict, Error> {
        self.wait_for_verdict_from(0, limit)
    }

    /// As [`Guest::wait_for_verdict`], but from a [`Serial::mark`] on.
    ///
    /// # Errors
    /// When it says nothing of the kind in time or the guest ends.
    pub fn wait_for_verdict_from(&self, mark: usize, limit: Duration) -> Result<Verdict, Error> {
        self.wait(mark, "verdict of the kernel", limit, Verdict::of_line)
    }

    fn wait<T>(
        &self,
        mark: usize,
        what: &str,
        limit: Duration,
        wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<T, Error> {
        self.serial
            .wait(mark, limit, wanted)
            .map_err(|unheard| match unheard {
                Unheard::Ended => Error::Ended(self.messages()),
                Unheard::Timeout => Error::Timeout(what.into(), limit, self.serial.last(SHOWN)),
            })
    }

    /// Executes a QMP command.
    ///
    /// # Errors
    /// When it is refused or the guest has ended.
    pub fn control(
        &self,
        command: &str,
        arguments: serde_json::Value,
    ) -> Result<serde_json::Value, Error> {
        match &mut *locked(&self.qmp) {
            Some(qmp) => qmp.execute(command, arguments),
            None => Err(Error::Ended(self.messages())),
        }
    }

    /// Resets the machine, as its reset button would.
    ///
    /// # Errors
    /// When the guest has ended.
    pub fn reset(&self) -> Result<(), Error> {
        self.control("system_reset", json!({})).map(drop)
    }

    /// Presses the machine's power button.
    ///
    /// # Errors
    /// When the guest has ended.
    pub fn power_down(&self) -> Result<(), Error> {
        self.control("system_powerdown", json!({})).map(drop)
    }

    /// Ends the guest in order, so that what it wrote to its disk is in the image; kills it when it
    /// does not end.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn quit(&self) -> io::Result<ExitStatus> {
        // QEMU may close the connection before it answers, and may be gone already.
        let _ = self.control("quit", json!({}));
        let start = Instant::now();
        while start.elapsed() < FAREWELL {
            if let Some(status) = locked(&self.process).try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.kill()
    }

    /// Kills the guest like a power cut.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill(&self) -> io::Result<ExitStatus> {
        let mut process = locked(&self.process);
        // It may have ended by itself a moment ago.
        let _ = process.kill();
        process.wait()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.kill();
    }
}
