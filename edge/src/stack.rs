//! The node's own IP stack as sockets.

use alloc::vec::Vec;
use core::net::SocketAddr;

use basalt_net::dns::{Kind, Record};
use basalt_net::ip::{self, QueryId, SocketId, Stack};
use basalt_net::multiaddr::HostName;
use basalt_net::time::Instant;

use crate::sockets::{Found, Question, Reason, Received, Sent, Sockets};

impl Sockets for Stack {
    type Socket = SocketId;
    type Lookup = QueryId;

    fn connect(&mut self, remote: SocketAddr) -> Result<SocketId, Reason> {
        Stack::connect(self, remote).map_err(reason)
    }

    fn questions(&self, host: &HostName) -> Result<&'static [Question], Reason> {
        let has_v6 = self
            .configuration()
            .is_some_and(|configuration| configuration.ipv6.is_some());
        match host {
            HostName::Ip(_) => Ok(&[]),
            HostName::Dns6(_) if !has_v6 => Err("this node has no IPv6 address".into()),
            HostName::Dns6(_) => Ok(&[Question::V6]),
            // Where there is IPv6 at all, IPv4 is still the one that works more often.
            HostName::Dns(_) if has_v6 => Ok(&[Question::V4, Question::V6]),
            HostName::Dns(_) | HostName::Dns4(_) => Ok(&[Question::V4]),
        }
    }

    fn look_up(&mut self, name: &str, question: Question) -> Result<QueryId, Reason> {
        let kind = match question {
            Question::Addresses | Question::V4 => Kind::A,
            Question::V6 => Kind::Aaaa,
            Question::Texts => Kind::Txt,
        };
        self.resolve(name, kind).map_err(reason)
    }

    fn remote(&self, socket: SocketId) -> Option<SocketAddr> {
        Stack::remote(self, socket)
    }

    fn receive(
        &mut self,
        socket: SocketId,
        limit: usize,
        take: impl FnOnce(&mut [u8]),
    ) -> Received {
        // Its end is told by events.
        match self.receive_with(socket, limit, take) {
            0 => Received::Nothing,
            len => Received::Bytes(len),
        }
    }

    fn send(&mut self, socket: SocketId, fill: impl FnOnce(&mut [u8]) -> usize) -> Sent {
        let mut room = 0;
        let written = self.send_with(socket, |buffer| {
            room = buffer.len();
            fill(buffer)
        });
        match (room, written) {
            (0, _) => Sent::Full,
            (_, 0) => Sent::Nothing,
            (_, len) => Sent::Bytes(len),
        }
    }

    fn shut(&mut self, now: Instant, socket: SocketId) {
        self.close(now, socket);
    }

    fn abort(&mut self, now: Instant, socket: SocketId) {
        Stack::abort(self, now, socket);
    }
}

fn reason(error: ip::Error) -> Reason {
    error.reason().into()
}

/// What records say. Those of one answer are all of the kind that was asked for.
pub(crate) fn found(records: Vec<Record>) -> Found {
    let (mut addresses, mut texts) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Record::Address(ip) => addresses.push(ip),
            Record::Text(text) => texts.push(text),
        }
    }
    match texts.is_empty() {
        true => Found::Addresses(addresses),
        false => Found::Texts(texts),
    }
}
