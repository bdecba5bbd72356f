//! The peer as its edge drives it.

use alloc::vec::Vec;
use core::net::SocketAddr;

use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{self, ConnId, Input, Transport};
use basalt_net::time::Instant;

use super::contacts::View;
use super::joined::Peer;
use crate::compute::Done;
use crate::disk::DiskDone;
use crate::host::Clock;
use crate::machine::{Effect, Machine};
use crate::pages::{self, Report};

/// Microseconds of charged work after which a turn ends.
const TURN: u64 = 1_000;
/// Microseconds that it takes to check a particle's signature, roughly.
const CHECK: u64 = 60;

impl Peer {
    /// What pages are made of.
    fn report(&self) -> Report<'_> {
        let connected = |peer: &PeerId| self.swarm.is_connected(peer);
        Report {
            status: self.status(),
            rooms: self.node.rooms(),
            versions: &self.node.host().versions,
            bootstrap: (self.bootstrap.len(), self.bootstrap.iter().any(connected)),
            contacts: &self.reached,
            config: &self.config_text,
            machine: &self.machine_metrics,
        }
    }

    /// Answers a request for one of the operator's pages.
    fn on_page(&mut self, clock: Clock, input: &Input<'_>, conn: ConnId, out: &mut Vec<Effect>) {
        match input {
            Input::Received { bytes, .. } => {
                let mut pages = core::mem::take(&mut self.pages);
                // Not before the request is whole: it may come in a thousand pieces.
                let page = |path: &str| pages::page(path, &self.report());
                pages.receive(conn, (clock.now, bytes), page, out);
                self.pages = pages;
            }
            Input::RemoteClosed { .. } => self.pages.remote_closed(conn, out),
            _ => self.pages.lost(conn),
        }
    }
}

impl Machine for Peer {
    fn accept(
        &mut self,
        clock: Clock,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, swarm::Refusal> {
        let accepted = self
            .swarm
            .accept(clock.now, transport, remote, &mut self.swarm_effects);
        self.apply_effects(clock, out);
        accepted
    }

    fn accept_http(
        &mut self,
        clock: Clock,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Option<ConnId> {
        Some(self.pages.accept(clock.now, remote, out))
    }

    fn handle(&mut self, clock: Clock, input: Input<'_>, out: &mut Vec<Effect>) {
        if let Some(tls) = &self.tls {
            tls.set_wall(clock.wall_ms);
        }
        match &input {
            Input::Timer => {
                self.node.timer(clock);
                self.pages.timer(clock.now, out);
                for (owner, answer) in self.client.timer(clock.now, out) {
                    self.node.http_done(clock, owner, answer);
                }
            }
            Input::Dialed { conn, .. }
            | Input::DialFailed { conn, .. }
            | Input::Received { conn, .. }
            | Input::RemoteClosed { conn }
            | Input::Lost { conn }
                if self.client.has(*conn) =>
            {
                if let Some((owner, answer)) = self.client.handle(*conn, &input, out) {
                    self.node.http_done(clock, owner, answer);
                    self.apply_effects(clock, out);
                }
                return;
            }
            Input::Received { conn, .. } | Input::RemoteClosed { conn } | Input::Lost { conn }
                if self.pages.has(*conn) =>
            {
                return self.on_page(clock, &input, *conn, out);
            }
            _ => {}
        }
        self.swarm.handle(clock.now, input, &mut self.swarm_effects);
        self.apply_effects(clock, out);
    }

    fn work(&mut self, clock: Clock, out: &mut Vec<Effect>) -> bool {
        // Guests on compute cores may have made HTTP requests.
        self.apply_effects(clock, out);
        let more = self.node.maintain();
        let begin = self.node.charged();
        let mut received = 0;
        self.listen_again();
        for _ in 0..self.steps_per_turn {
            received += self.receive(clock);
            let network = View {
                contacts: &self.contacts,
                swarm: &self.swarm,
            };
            if !self.node.step(clock, &network, &mut self.node_effects) && self.inbox.is_empty() {
                return more;
            }
            self.apply_effects(clock, out);
            // Connections are served between turns.
            if self.node.charged() - begin + received * CHECK > TURN {
                break;
            }
        }
        true
    }

    fn wake_at(&self, clock: Clock) -> Option<Instant> {
        if !self.inbox.is_empty() {
            return Some(clock.now);
        }
        [
            self.swarm.wake_at(),
            self.node.wake_at(clock),
            self.pages.wake_at(),
            self.client.wake_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        if self.pages.has(conn) {
            self.pages.transmit(conn, buffer)
        } else if self.client.has(conn) {
            self.client.transmit(conn, buffer)
        } else {
            self.swarm.transmit(conn, buffer)
        }
    }

    fn has_output(&mut self, conn: ConnId) -> bool {
        if self.pages.has(conn) {
            self.pages.has_output(conn)
        } else if self.client.has(conn) {
            self.client.has_output(conn)
        } else {
            self.swarm.has_output(conn)
        }
    }

    fn receive_capacity(&mut self, conn: ConnId) -> usize {
        if self.pages.has(conn) {
            self.pages.receive_capacity(conn)
        } else if self.client.has(conn) {
            self.client.receive_capacity(conn)
        } else {
            self.swarm.receive_capacity(conn)
        }
    }

    fn done(&mut self, clock: Clock, done: Done, out: &mut Vec<Effect>) {
        self.node.done(clock, done);
        self.apply_effects(clock, out);
    }

    fn disk_done(&mut self, clock: Clock, done: DiskDone, out: &mut Vec<Effect>) {
        self.node.disk_done(clock, done);
        self.apply_effects(clock, out);
    }
}
