//! Whom the peer knows: connected peers, peers being dialed, and where they are.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::multiaddr::{Endpoint, Multiaddr, Protocol};
use basalt_net::peer_id::PeerId;

use basalt_net::swarm::Swarm;

use crate::host::Network;

/// Addresses kept of one peer. Against peers that announce endless lists. One that can be dialed
/// takes the place of one that cannot, so that those hide none.
const MAX_ADDRESSES: usize = 16;

/// The connection pool's view of other peers. An entry lives while the peer is connected or dialed,
/// so the number of entries is bounded by the number of connections.
#[derive(Default)]
pub(super) struct Contacts {
    peers: BTreeMap<PeerId, Contact>,
    own: Vec<Multiaddr>,
}

#[derive(Default)]
struct Contact {
    connected: bool,
    dials: usize,
    addresses: Vec<Multiaddr>,
}

impl Contacts {
    pub(super) fn set_own(&mut self, addresses: Vec<Multiaddr>) {
        self.own = addresses;
    }

    pub(super) fn connected(&mut self, peer: PeerId, address: Option<Multiaddr>) {
        let contact = self.peers.entry(peer).or_default();
        contact.connected = true;
        contact.learn(address);
    }

    pub(super) fn disconnected(&mut self, peer: &PeerId) {
        if let Some(contact) = self.peers.get_mut(peer) {
            contact.connected = false;
        }
        self.forget_if_gone(peer);
    }

    pub(super) fn dialing(&mut self, peer: PeerId, address: Multiaddr) {
        let contact = self.peers.entry(peer).or_default();
        contact.dials += 1;
        contact.learn([address]);
    }

    pub(super) fn dial_ended(&mut self, peer: &PeerId) {
        if let Some(contact) = self.peers.get_mut(peer) {
            contact.dials = contact.dials.saturating_sub(1);
        }
        self.forget_if_gone(peer);
    }

    pub(super) fn identified(&mut self, peer: &PeerId, addresses: Vec<Multiaddr>) {
        if let Some(contact) = self.peers.get_mut(peer) {
            contact.learn(addresses);
        }
    }

    pub(super) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.peers
            .get(peer)
            .map(|contact| contact.addresses.clone())
            .unwrap_or_default()
    }

    fn forget_if_gone(&mut self, peer: &PeerId) {
        if self
            .peers
            .get(peer)
            .is_some_and(|contact| !contact.connected && contact.dials == 0)
        {
            self.peers.remove(peer);
        }
    }
}

impl Contact {
    fn learn(&mut self, addresses: impl IntoIterator<Item = Multiaddr>) {
        for address in addresses {
            if self.addresses.contains(&address) {
                continue;
            }
            if self.addresses.len() >= MAX_ADDRESSES {
                let useless = self.addresses.iter().position(|kept| !can_dial(kept));
                let Some(useless) = useless.filter(|_| can_dial(&address)) else {
                    continue;
                };
                self.addresses.remove(useless);
            }
            self.addresses.push(address);
        }
    }
}

/// Whether an address is of a kind that is dialed here.
pub(super) fn can_dial(address: &Multiaddr) -> bool {
    let records = matches!(address.iter().next(), Some(Protocol::Dnsaddr(_)));
    records || Endpoint::try_from(address).is_ok()
}

fn texts(addresses: &[Multiaddr]) -> Vec<String> {
    addresses.iter().map(Multiaddr::to_string).collect()
}

/// What scripts see of the network: the connections, and the routing table behind them.
pub(super) struct View<'a> {
    pub(super) contacts: &'a Contacts,
    pub(super) swarm: &'a Swarm,
}

impl Network for View<'_> {
    fn is_connected(&self, peer: &PeerId) -> bool {
        self.contacts.peers.contains_key(peer)
    }

    fn contact(&self, peer: &PeerId) -> Option<Vec<String>> {
        match self.contacts.peers.get(peer) {
            Some(contact) => Some(texts(&contact.addresses)),
            None => self.swarm.addresses(peer).map(texts),
        }
    }

    fn routing_peers(&self) -> Vec<PeerId> {
        self.swarm.routing_table().copied().collect()
    }

    fn own_addresses(&self) -> Vec<String> {
        texts(&self.contacts.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn addresses_that_cannot_be_dialed_hide_none_that_can() {
        let address = |text: String| text.parse::<Multiaddr>().unwrap();
        let quic = |port| address(format!("/ip4/127.0.0.1/udp/{port}/quic-v1"));
        let tcp = |port| address(format!("/ip4/127.0.0.1/tcp/{port}"));
        let mut contact = Contact::default();
        contact.learn((0..40).map(quic).chain((0..3).map(tcp)));
        assert_eq!(contact.addresses.len(), MAX_ADDRESSES);
        assert!((0..3).all(|port| contact.addresses.contains(&tcp(port))));
        contact.learn((0..40).map(tcp).chain((0..40).map(quic)));
        let expected: Vec<_> = (0..MAX_ADDRESSES as u16).map(tcp).collect();
        assert_eq!(contact.addresses, expected);
    }
}
