//! One question, asked of each server in turn until one knows.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::error::Error;
use super::limits::Limits;
use super::message::{question, read_answer};
use super::record::{Kind, Record};
use basalt_terms::time::Instant;

/// What is to be done for a [`Lookup`].
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, then come back.
    Send(SocketAddr, Vec<u8>),
    /// Wait for a packet until then, then come back.
    Wait(Instant),
    /// No server has the answer.
    Failed(Error),
}

/// A lookup under way. Each one has a socket of its own on a random port. Together with the
/// transaction number it keeps others from forging an answer.
#[derive(Debug)]
pub struct Lookup {
    id: u16,
    name: String,
    kind: Kind,
    servers: Vec<SocketAddr>,
    limits: Limits,
    attempts: usize,
    /// The server asked last, and until when its answer is awaited.
    waiting: Option<(SocketAddr, Instant)>,
    failure: Error,
}

impl Lookup {
    /// A lookup of `name` at `servers`, the best first; `id` must not be guessable.
    pub fn new(
        name: &str,
        kind: Kind,
        servers: Vec<SocketAddr>,
        id: u16,
        limits: Limits,
    ) -> Result<Lookup, Error> {
        question(id, name, kind, &limits)?;
        if servers.is_empty() {
            return Err(Error::NoServer);
        }
        Ok(Lookup {
            id,
            name: name.into(),
            kind,
            servers,
            limits,
            attempts: 0,
            waiting: None,
            failure: Error::Silence,
        })
    }

    /// What to do at this time.
    pub fn poll(&mut self, now: Instant) -> Step {
        match self.waiting {
            Some((_, until)) if now < until => return Step::Wait(until),
            _ if self.attempts >= self.limits.attempts => return Step::Failed(self.failure),
            _ => {}
        }
        let server = self.servers[self.attempts % self.servers.len()];
        self.attempts += 1;
        self.waiting = Some((server, now + self.limits.patience));
        match question(self.id, &self.name, self.kind, &self.limits) {
            Ok(bytes) => Step::Send(server, bytes),
            Err(error) => Step::Failed(error),
        }
    }

    /// Takes a packet; gives the result once it is final.
    pub fn receive(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<Result<Vec<Record>, Error>> {
        if self.waiting.is_none_or(|(server, _)| server != from) {
            return None;
        }
        match read_answer(self.id, &self.name, self.kind, &self.limits, bytes) {
            Err(Error::NotOurs) => None,
            // Another server may do better, at once.
            Err(error @ (Error::Malformed | Error::ServerFailure)) => {
                self.failure = error;
                self.waiting = None;
                None
            }
            known => Some(known),
        }
    }
}
