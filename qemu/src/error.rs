//! What can go wrong, for people at a terminal.

use core::fmt;
use std::{io, time::Duration};

/// Why a guest does not run or does not say what was expected.
#[derive(Debug)]
pub enum Error {
    /// QEMU or the firmware is missing; what to do.
    Missing(String),
    /// A file or process of the host cannot be used: what for, and why not.
    Host(String, io::Error),
    /// QEMU ended by itself; what it said.
    Ended(String),
    /// QEMU's control connection: what was asked and what came.
    Control(String),
    /// The guest did not say it in time: what, how long, and its last lines.
    Timeout(String, Duration, Vec<String>),
}

impl Error {
    pub(crate) fn host(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Host(what, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => f.write_str(what),
            Self::Host(what, error) => write!(f, "{what}: {error}"),
            Self::Ended(said) if said.is_empty() => f.write_str("the guest has ended"),
            Self::Ended(said) => write!(f, "the guest has ended: {said}"),
            Self::Control(what) => write!(f, "QEMU's control connection: {what}"),
            Self::Timeout(what, limit, last) => {
                write!(
                    f,
                    "no {what} within {} s; the last serial lines:",
                    limit.as_secs()
                )?;
                last.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
        }
    }
}

impl core::error::Error for Error {}
