//! Dials: to addresses that are given, and to those where a peer may be.

use alloc::vec::Vec;

use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{self, ConnId};

use super::contacts::can_dial;
use super::joined::Peer;
use crate::host::Clock;
use crate::machine::Effect;

/// Where an address that is dialed comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// From the manifest, or from whoever asks for this dial.
    Given,
    /// From other peers, who may name any address.
    Told,
}

impl Peer {
    /// Dials an address that ends in `/p2p/<id>`.
    ///
    /// # Errors
    /// It cannot be dialed.
    pub fn dial(
        &mut self,
        clock: Clock,
        address: &Multiaddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, swarm::CannotDial> {
        let conn = self.start_dial(clock, address, Origin::Given)?;
        self.apply_effects(clock, out);
        Ok(conn)
    }

    /// Begins a dial; what the swarm asks for stays in its effects.
    fn start_dial(
        &mut self,
        clock: Clock,
        address: &Multiaddr,
        origin: Origin,
    ) -> Result<ConnId, swarm::CannotDial> {
        let (swarm, out) = (&mut self.swarm, &mut self.swarm_effects);
        let conn = match origin {
            Origin::Given => swarm.dial(clock.now, address, out),
            Origin::Told => swarm.dial_told(clock.now, address, out),
        }?;
        if let Some(peer) = address.peer_id() {
            self.dials.insert(conn, peer);
            self.trace
                .peer(&peer, format_args!("dialed at {address} ({conn})"));
            self.contacts.dialing(peer, address.clone());
        }
        Ok(conn)
    }

    /// Where a peer may be: as it said itself, else as the routing table has it.
    pub(super) fn known_addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let mut said = self.contacts.addresses(peer);
        said.retain(can_dial);
        match said.is_empty() {
            true => self.swarm.addresses(peer).unwrap_or_default().to_vec(),
            false => said,
        }
    }

    pub(super) fn dial_peer(
        &mut self,
        clock: Clock,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        origin: Origin,
    ) {
        let mut left = self.seeks.max_dials();
        for address in addresses {
            if left == 0 {
                break;
            }
            let address = match address.peer_id() {
                Some(named) if named != peer => continue,
                Some(_) => address,
                None => address.with(Protocol::P2p(peer)),
            };
            match self.start_dial(clock, &address, origin) {
                Ok(_) => left -= 1,
                Err(error) => log::debug!(target: "peer", "{address} is not dialed: {error}"),
            }
        }
        if !self.is_dialing(&peer) {
            self.dials_failed(clock, &peer);
        }
    }

    pub(super) fn is_dialing(&self, peer: &PeerId) -> bool {
        self.dials.values().any(|dialed| dialed == peer)
    }

    /// A dial is over; returns whom it was to reach.
    pub(super) fn end_dial(&mut self, conn: ConnId) -> Option<PeerId> {
        let peer = self.dials.remove(&conn)?;
        self.contacts.dial_ended(&peer);
        Some(peer)
    }
}
