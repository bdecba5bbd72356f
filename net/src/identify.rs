//! Identify: each side tells the other what it is (libp2p "identify v1.0.0"), on
//! `/ipfs/id/1.0.0` when asked and on `/ipfs/id/push/1.0.0` when it changes.
//!
//! One message, a varint length in front, then the end of the stream.

use alloc::string::String;
use alloc::vec::Vec;

use crate::identity_key::IdentityKey;
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::protobuf::{self, Fields, ProtobufError};

/// The protocol on which a peer is asked.
pub const PROTOCOL: &str = "/ipfs/id/1.0.0";
/// The protocol on which a peer tells unasked.
pub const PUSH_PROTOCOL: &str = "/ipfs/id/push/1.0.0";

/// Largest message taken, in bytes: what rust-libp2p takes. Bounds what a peer can make us hold.
pub const MAX_MESSAGE: usize = 4096;

/// Field numbers of the message.
mod field {
    pub(super) const PUBLIC_KEY: u32 = 1;
    pub(super) const LISTEN_ADDRS: u32 = 2;
    pub(super) const PROTOCOLS: u32 = 3;
    pub(super) const OBSERVED_ADDR: u32 = 4;
    pub(super) const PROTOCOL_VERSION: u32 = 5;
    pub(super) const AGENT_VERSION: u32 = 6;
}

/// What a peer tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Its key. Noise has proven one already; this one is only checked to be the same.
    pub public_key: Option<IdentityKey>,
    /// The family of protocols it belongs to.
    pub protocol_version: String,
    /// The program it runs.
    pub agent_version: String,
    /// Where it says it can be dialed.
    pub listen_addrs: Vec<Multiaddr>,
    /// The address from which it sees us connect.
    pub observed_addr: Option<Multiaddr>,
    /// The protocols it speaks.
    pub protocols: Vec<String>,
}

impl Info {
    /// Reads the message without its length. Addresses and keys of kinds that are not known are
    /// left out.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProtobufError> {
        let mut info = Self::default();
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                field::PUBLIC_KEY => {
                    info.public_key = IdentityKey::from_protobuf(field.bytes()?).ok();
                }
                field::LISTEN_ADDRS => {
                    info.listen_addrs
                        .extend(Multiaddr::from_bytes(field.bytes()?));
                }
                field::PROTOCOLS => info.protocols.push(field.text()?.into()),
                field::OBSERVED_ADDR => {
                    info.observed_addr = Multiaddr::from_bytes(field.bytes()?).ok();
                }
                field::PROTOCOL_VERSION => info.protocol_version = field.text()?.into(),
                field::AGENT_VERSION => info.agent_version = field.text()?.into(),
                _ => {}
            }
        }
        Ok(info)
    }

    /// Writes the message without its length.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(key) = &self.public_key {
            protobuf::write_bytes(field::PUBLIC_KEY, &key.to_protobuf(), &mut out);
        }
        for address in &self.listen_addrs {
            protobuf::write_bytes(field::LISTEN_ADDRS, address.as_bytes(), &mut out);
        }
        for protocol in &self.protocols {
            protobuf::write_bytes(field::PROTOCOLS, protocol.as_bytes(), &mut out);
        }
        if let Some(address) = &self.observed_addr {
            protobuf::write_bytes(field::OBSERVED_ADDR, address.as_bytes(), &mut out);
        }
        protobuf::write_bytes(
            field::PROTOCOL_VERSION,
            self.protocol_version.as_bytes(),
            &mut out,
        );
        protobuf::write_bytes(
            field::AGENT_VERSION,
            self.agent_version.as_bytes(),
            &mut out,
        );
        out
    }

    /// Appends the address we see a peer at to an encoded message.
    pub fn append_observed(observed: &Multiaddr, message: &mut Vec<u8>) {
        protobuf::write_bytes(field::OBSERVED_ADDR, observed.as_bytes(), message);
    }

    /// Whether the peer speaks `protocol`.
    pub fn speaks(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| known == protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypair::Keypair;
    use alloc::vec;

    fn info() -> Info {
        Info {
            public_key: Some(Keypair::from_seed([1; 32]).public().into()),
            protocol_version: "/fluence/particle/2.0.0".into(),
            agent_version: "0.1.0".into(),
            listen_addrs: vec!["/ip4/10.0.0.1/tcp/977".parse().unwrap()],
            observed_addr: Some("/ip4/10.0.0.2/tcp/5".parse().unwrap()),
            protocols: vec![PROTOCOL.into(), crate::particle::PROTOCOL.into()],
        }
    }

    #[test]
    fn round_trip() {
        assert_eq!(Info::decode(&info().encode()), Ok(info()));
        assert!(info().speaks("/fluence/particle/2.0.0"));
        assert!(!info().speaks("/fluence/particle/3.0.0"));
    }

    #[test]
    fn foreign_addresses_and_keys_are_left_out() {
        let mut message = info().encode();
        protobuf::write_bytes(field::LISTEN_ADDRS, &[6, 1], &mut message);
        protobuf::write_bytes(8, b"signed record", &mut message);
        assert_eq!(Info::decode(&message), Ok(info()));
        protobuf::write_bytes(field::PUBLIC_KEY, &[8, 0], &mut message);
        assert_eq!(Info::decode(&message).unwrap().public_key, None);
        protobuf::write_bytes(field::PROTOCOLS, &[0xff], &mut message);
        assert_eq!(
            Info::decode(&message),
            Err(ProtobufError::Utf8 { field: 3 })
        );
    }
}
