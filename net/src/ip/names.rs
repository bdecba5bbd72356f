//! Name lookups over UDP: each has a socket of its own, on a random port.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;
use smoltcp::wire::{IpEndpoint, Ipv4Address};

use super::config::Limits;
use super::error::Error;
use super::event::{Event, QueryId};
use super::sockets::{EPHEMERAL, to_socket_address};
use crate::dns::{self, Kind, Lookup, Step};
use basalt_terms::time::{Instant, earliest};

/// Where name servers listen.
const PORT: u16 = 53;
/// Packets that wait to be read. Only a server that repeats its answer sends more, or somebody who
/// forges answers.
const PACKETS: usize = 4;

struct Query {
    id: QueryId,
    handle: SocketHandle,
    lookup: Lookup,
    wake: Option<Instant>,
}

pub(super) struct Names {
    max_queries: usize,
    limits: dns::Limits,
    servers: Vec<SocketAddr>,
    queries: Vec<Query>,
    next: u32,
    rng: ChaCha20Rng,
}

impl Names {
    pub(super) fn new(limits: &Limits, seed: u64) -> Names {
        Names {
            max_queries: limits.max_queries,
            limits: limits.dns.clone(),
            servers: Vec::new(),
            queries: Vec::new(),
            next: 0,
            rng: ChaCha20Rng::seed_from_u64(seed),
        }
    }

    pub(super) fn set_servers(&mut self, servers: &[Ipv4Address]) {
        let at = |server: &Ipv4Address| SocketAddr::new((*server).into(), PORT);
        self.servers = servers.iter().map(at).collect();
    }

    pub(super) fn start(
        &mut self,
        set: &mut SocketSet<'static>,
        name: &str,
        kind: Kind,
    ) -> Result<QueryId, Error> {
        if self.queries.len() >= self.max_queries {
            return Err(Error::TooManyQueries);
        }
        let limits = self.limits.clone();
        let number = self.rng.next_u32() as u16;
        let lookup = Lookup::new(name, kind, self.servers.clone(), number, limits);
        let lookup = lookup.map_err(Error::Name)?;
        let id = QueryId(self.next);
        self.next = self.next.wrapping_add(1);
        let handle = set.add(self.socket(set));
        let wake = Some(Instant::ZERO);
        self.queries.push(Query {
            id,
            handle,
            lookup,
            wake,
        });
        Ok(id)
    }

    /// A socket on a free port.
    fn socket(&mut self, set: &SocketSet<'static>) -> udp::Socket<'static> {
        let buffer = |packets, bytes| {
            udp::PacketBuffer::new(
                vec![udp::PacketMetadata::EMPTY; packets],
                vec![0; packets * bytes],
            )
        };
        let mut socket = udp::Socket::new(
            buffer(PACKETS, self.limits.max_answer),
            // A name and what stands around it.
            buffer(1, 512),
        );
        let span = u32::from(EPHEMERAL.end() - EPHEMERAL.start()) + 1;
        loop {
            let port = EPHEMERAL.start() + (self.rng.next_u32() % span) as u16;
            let taken = self
                .queries
                .iter()
                .any(|query| set.get::<udp::Socket<'_>>(query.handle).endpoint().port == port);
            if !taken && socket.bind(port).is_ok() {
                return socket;
            }
        }
    }

    /// Takes what came in and asks what is to be asked.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        set: &mut SocketSet<'static>,
        out: &mut Vec<Event>,
    ) {
        self.queries.retain_mut(|query| {
            let socket = set.get_mut::<udp::Socket<'_>>(query.handle);
            let Some(result) = query.step(now, socket) else {
                return true;
            };
            set.remove(query.handle);
            out.push(Event::Resolved {
                query: query.id,
                result,
            });
            false
        });
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.queries
            .iter()
            .fold(None, |at, query| earliest(at, query.wake))
    }
}

impl Query {
    fn step(
        &mut self,
        now: Instant,
        socket: &mut udp::Socket<'_>,
    ) -> Option<Result<Vec<dns::Record>, dns::Error>> {
        while let Ok((bytes, meta)) = socket.recv() {
            let from = to_socket_address(meta.endpoint);
            if let Some(result) = self.lookup.receive(from, bytes) {
                return Some(result);
            }
        }
        loop {
            match self.lookup.poll(now) {
                // A question that finds no room is lost, as any packet can be.
                Step::Send(to, bytes) => drop(socket.send_slice(&bytes, IpEndpoint::from(to))),
                Step::Wait(until) => {
                    self.wake = Some(until);
                    return None;
                }
                Step::Failed(error) => return Some(Err(error)),
            }
        }
    }
}
