//! TLS below the link, for connections that have it.

use alloc::vec::Vec;

use super::error::Error;
use crate::tls::{MAX_RECORD, Session, State};

/// A TLS session and what it has for the transport.
#[derive(Debug)]
pub(super) struct Secure {
    session: Session,
    wire: Vec<u8>,
    /// Bytes of `wire` that are sent.
    sent: usize,
    /// Whether our side ends as soon as everything is encrypted.
    ends: bool,
}

impl Secure {
    /// Starts a session: the side that dials speaks first.
    pub(super) fn new(session: Session) -> Result<Self, Error> {
        let mut secure = Self {
            session,
            wire: Vec::new(),
            sent: 0,
            ends: false,
        };
        secure.receive(&[], &mut Vec::new())?;
        Ok(secure)
    }

    /// Takes bytes of the transport and appends what they carry to `plain`. False once the other
    /// side has closed.
    pub(super) fn receive(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Result<bool, Error> {
        let state = self.session.receive(bytes, plain, &mut self.wire)?;
        Ok(state != State::Closed)
    }

    /// Ends our side, after what there is to encrypt.
    pub(super) fn end(&mut self) {
        self.ends = true;
    }

    /// Whether there is something for the transport; `more` says whether there is something to
    /// encrypt.
    pub(super) fn has_output(&self, more: bool) -> bool {
        self.sent < self.wire.len() || self.ends || (more && self.session.is_open())
    }

    /// Fills `buf` with bytes for the transport. What it encrypts comes from `fill`, which fills a
    /// buffer and gives how many bytes there are.
    pub(super) fn transmit(
        &mut self,
        buf: &mut [u8],
        mut fill: impl FnMut(&mut [u8]) -> usize,
    ) -> usize {
        let mut at = 0;
        while at < buf.len() {
            let rest = &self.wire[self.sent..];
            let len = rest.len().min(buf.len() - at);
            buf[at..at + len].copy_from_slice(&rest[..len]);
            at += len;
            self.sent += len;
            if self.sent < self.wire.len() {
                break;
            }
            self.wire = Vec::new();
            self.sent = 0;
            let mut plain = Vec::new();
            if self.session.is_open() {
                plain.resize(MAX_RECORD, 0);
                let len = fill(&mut plain);
                plain.truncate(len);
            }
            if plain.is_empty() {
                if core::mem::take(&mut self.ends) {
                    self.session.close(&mut self.wire);
                }
                if self.wire.is_empty() {
                    break;
                }
            // A failure to encrypt is not reported here: the session is over, and the other side
            // closes the connection.
            } else if self.session.send(&plain, &mut self.wire).is_err() {
                break;
            }
        }
        at
    }
}
