//! A particle comes in, or goes from one scope of this machine to another.

use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use bytes::Bytes;

use super::node::Node;
use super::table::Delivery;
use crate::host::Clock;
use crate::intake::Verified;
use crate::refusal::Refusal;
use crate::script::Interpreter;
use crate::shares::{Origin, Payer};

impl<I: Interpreter> Node<I> {
    /// Takes in a particle of this machine's own, as [`Node::receive_from`].
    ///
    /// # Errors
    /// It is refused; the reason is counted.
    pub fn receive(&mut self, clock: Clock, particle: Particle) -> Result<(), Refusal> {
        self.receive_from(clock, Origin::default(), particle)
    }

    /// Takes in a particle. It runs on the host first, whatever scope it is meant for.
    ///
    /// # Errors
    /// It is refused; the reason is counted.
    pub fn receive_from(
        &mut self,
        clock: Clock,
        origin: Origin,
        particle: Particle,
    ) -> Result<(), Refusal> {
        self.turns.set_now(clock.now);
        let taken = Verified::check(particle, clock.wall_ms, &self.limits)
            .and_then(|(particle, data)| self.take_in(clock, origin, particle, data));
        match taken {
            Ok(()) => self.counts.received += 1,
            Err(reason) => self.count(reason),
        }
        taken
    }

    fn take_in(
        &mut self,
        clock: Clock,
        origin: Origin,
        particle: Verified,
        data: Bytes,
    ) -> Result<(), Refusal> {
        let author = particle.init_peer_id;
        let payer = match self.host().may_operate(&author) {
            true => Payer::HOUSE,
            false => Payer::author(author, origin),
        };
        if !self.is_free(&author) {
            let bytes = particle.script.len() + data.len();
            self.table.count_author(clock.now, author, &payer, bytes)?;
        }
        let size = particle.size() + data.len();
        self.rooms.tally.meters.particle_sizes.observe(size as f64);
        let own = data.len();
        self.deliver(clock, self.host().peer_id, payer, particle, (data, own))
    }

    /// Whether an author is free of the limits of authors.
    fn is_free(&self, author: &PeerId) -> bool {
        self.host().may_operate(author) || self.host().is_local(author)
    }

    /// Puts a particle in the mailbox of its actor in a scope, and gives that a turn. Its data had
    /// `own` bytes when it came in.
    pub(super) fn deliver(
        &mut self,
        clock: Clock,
        scope: PeerId,
        payer: Payer,
        particle: Verified,
        (data, own): (Bytes, usize),
    ) -> Result<(), Refusal> {
        self.table.may_hold(&payer, data.len())?;
        let author = particle.init_peer_id;
        let is_operators = self.host().may_operate(&author);
        if !self.host().is_active(&scope) && !is_operators {
            return Err(Refusal::WorkerInactive);
        }
        let delivery = Delivery {
            author_pays: !self.is_free(&author),
            worker_pays: scope != self.host().peer_id && !is_operators,
            is_own: self.host().is_local(&author),
            scope,
            particle,
            data,
            own,
            payer,
        };
        let id = self.table.deliver(clock, delivery)?;
        self.wake(id);
        Ok(())
    }
}
