//! Messages of Kademlia's RPC (libp2p "kad-dht", section "RPC messages").

use alloc::vec::Vec;

use basalt_terms::multiaddr::{Endpoint, Multiaddr};
use basalt_terms::peer_id::PeerId;
use basalt_terms::protobuf::{self, Fields, ProtobufError};

/// Largest message taken, in bytes. Twenty peers with all their addresses need a fraction of it.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// Peers taken from one message. Bounds what one answer makes us keep.
const MAX_PEERS: usize = 32;
/// Addresses taken from one peer, of those in the public internet and of the others, since it
/// depends on who tells them which are of use. Those that cannot be dialed are passed over without
/// being counted: looking at them costs no more than the message's size. Bounds the same.
const MAX_ADDRESSES: usize = 16;

mod field {
    pub(super) const KIND: u32 = 1;
    pub(super) const KEY: u32 = 2;
    pub(super) const CLOSER: u32 = 8;

    pub(super) const PEER_ID: u32 = 1;
    pub(super) const PEER_ADDRS: u32 = 2;
    pub(super) const PEER_CONNECTION: u32 = 3;
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stores a record.
    PutValue,
    /// Asks for a record.
    GetValue,
    /// Announces a provider; has no answer.
    AddProvider,
    /// Asks for providers.
    GetProviders,
    /// Asks for the peers closest to a key.
    FindNode,
    /// Asks whether the peer is alive.
    Ping,
}

impl Kind {
    fn parse(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::PutValue,
            1 => Self::GetValue,
            2 => Self::AddProvider,
            3 => Self::GetProviders,
            4 => Self::FindNode,
            5 => Self::Ping,
            _ => return None,
        })
    }
}

/// A peer and where it can be dialed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The peer.
    pub peer: PeerId,
    /// Its addresses.
    pub addresses: Vec<Multiaddr>,
    /// Whether whoever tells of it is connected to it.
    pub connected: bool,
}

/// A request or an answer. Records and providers are not kept here and left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is; an answer has the kind of its request.
    pub kind: Kind,
    /// What it is about. For `FindNode` the bytes of a peer id.
    pub key: Vec<u8>,
    /// The closest peers that the sender knows.
    pub closer: Vec<Contact>,
}

impl Message {
    /// Asks for the peers closest to `peer`.
    pub fn find_node(peer: &PeerId) -> Self {
        Self {
            kind: Kind::FindNode,
            key: peer.as_bytes().to_vec(),
            closer: Vec::new(),
        }
    }

    /// Reads a message. Peers and addresses of kinds that are not known are left out; so is what
    /// exceeds the budget. `Ok(None)` is a message of a kind that is not known.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, ProtobufError> {
        let (mut kind, mut key, mut closer) = (0, &[][..], Vec::new());
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                field::KIND => kind = field.varint()?,
                field::KEY => key = field.bytes()?,
                field::CLOSER if closer.len() < MAX_PEERS => {
                    closer.extend(Contact::decode(field.bytes()?)?);
                }
                _ => {}
            }
        }
        Ok(Kind::parse(kind).map(|kind| Self {
            kind,
            key: key.to_vec(),
            closer,
        }))
    }

    /// Writes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        protobuf::write_varint(field::KIND, self.kind as u64, &mut out);
        protobuf::write_bytes(field::KEY, &self.key, &mut out);
        for contact in &self.closer {
            protobuf::write_bytes(field::CLOSER, &contact.encode(), &mut out);
        }
        out
    }
}

impl Contact {
    fn decode(bytes: &[u8]) -> Result<Option<Self>, ProtobufError> {
        let (mut peer, mut addresses, mut connected) = (None, Vec::new(), false);
        let mut taken = [0; 2];
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                field::PEER_ID => peer = PeerId::from_bytes(field.bytes()?).ok(),
                field::PEER_ADDRS => {
                    if let Ok(address) = Multiaddr::from_bytes(field.bytes()?)
                        && let Ok(endpoint) = Endpoint::try_from(&address)
                    {
                        let taken = &mut taken[usize::from(endpoint.is_admitted())];
                        if *taken < MAX_ADDRESSES {
                            *taken += 1;
                            addresses.push(address);
                        }
                    }
                }
                field::PEER_CONNECTION => connected = field.varint()? == 1,
                _ => {}
            }
        }
        Ok(peer.map(|peer| Self {
            peer,
            addresses,
            connected,
        }))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        protobuf::write_bytes(field::PEER_ID, self.peer.as_bytes(), &mut out);
        for address in &self.addresses {
            protobuf::write_bytes(field::PEER_ADDRS, address.as_bytes(), &mut out);
        }
        protobuf::write_varint(field::PEER_CONNECTION, u64::from(self.connected), &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypair::Keypair;
    use alloc::vec;

    fn contact(seed: u8) -> Contact {
        Contact {
            peer: Keypair::from_seed([seed; 32]).peer_id(),
            addresses: vec!["/ip4/10.0.0.1/tcp/977".parse().unwrap()],
            connected: seed == 1,
        }
    }

    #[test]
    fn a_question_as_it_is_written() {
        let peer = contact(1).peer;
        let message = Message::find_node(&peer).encode();
        assert_eq!(message[..4], [0x08, 4, 0x12, 38]);
        assert_eq!(&message[4..], peer.as_bytes());
    }

    #[test]
    fn round_trip() {
        let closer = vec![contact(1), contact(2)];
        let message = Message {
            kind: Kind::FindNode,
            key: vec![1, 2, 3],
            closer,
        };
        assert_eq!(Message::decode(&message.encode()), Ok(Some(message)));
    }

    #[test]
    fn addresses_that_cannot_be_dialed_hide_none_that_can() {
        let address = |text: std::string::String| text.parse::<Multiaddr>().unwrap();
        let local: Vec<_> = (0..20)
            .map(|port| address(std::format!("/ip4/127.0.0.1/tcp/{port}")))
            .collect();
        let public: Vec<_> = (0..20)
            .map(|port| address(std::format!("/ip4/1.1.1.1/tcp/{port}/ws")))
            .collect();
        let mut contact = contact(1);
        contact.addresses = (0..1000)
            .map(|port| address(std::format!("/ip4/1.1.1.1/udp/{port}/quic-v1")))
            .chain([address("/ip4/1.1.1.1/tcp/1/p2p-circuit".into())])
            .chain([local.clone(), public.clone()].concat())
            .collect();
        let read = Contact::decode(&contact.encode()).unwrap().unwrap();
        assert_eq!(read.addresses, [&local[..16], &public[..16]].concat());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut bytes = Message::find_node(&contact(1).peer).encode();
        protobuf::write_bytes(field::CLOSER, &[0x0a, 1, 9], &mut bytes);
        protobuf::write_bytes(3, b"record", &mut bytes);
        for _ in 0..100 {
            protobuf::write_bytes(field::CLOSER, &contact(2).encode(), &mut bytes);
        }
        let message = Message::decode(&bytes).unwrap().unwrap();
        assert_eq!(message.closer, vec![contact(2); MAX_PEERS]);
        assert_eq!(Message::decode(&[0x08, 9]), Ok(None));
        assert_eq!(Message::decode(&[0x12, 9]), Err(ProtobufError::Truncated));
    }
}
