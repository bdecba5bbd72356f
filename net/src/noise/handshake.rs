//! The three messages of the XX handshake:
//!
//! ```text
//! -> e
//! <- e, ee, s, es  + identity
//! -> s, se         + identity
//! ```

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use noise_protocol::patterns::noise_xx;
use noise_protocol::{ErrorKind, HandshakeState};

use super::crypto::{ChaChaPoly, Sha256, X25519, key_pair};
use super::error::NoiseError;
use super::payload::{self, Payload};
use super::proven::Proven;
use super::transport::{Opener, Sealer};
use crate::direction::Direction;
use crate::keypair::Keypair;
use basalt_terms::peer_id::PeerId;

/// What this peer shows in every handshake: its X25519 key and the payload that binds it to the
/// identity key. Made once; signing is not repeated per connection, and checking the other's only
/// when it is new.
pub struct Identity {
    static_key: [u8; 64],
    payload: Vec<u8>,
    proven: RefCell<Proven>,
}

impl Identity {
    /// The identity of `keypair` with an X25519 key made of `entropy`.
    pub fn new(keypair: &Keypair, entropy: [u8; 32]) -> Self {
        let static_key = key_pair(entropy);
        let mut public = [0; 32];
        public.copy_from_slice(&static_key[32..]);
        Self {
            static_key,
            payload: payload::write(keypair, &public),
            proven: RefCell::default(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// A handshake under way.
pub struct Handshake {
    state: Box<HandshakeState<X25519, ChaChaPoly, Sha256>>,
    initiator: bool,
    remote: Option<PeerId>,
}

impl Handshake {
    /// Starts a handshake; `entropy` becomes its ephemeral key and must never be used again.
    pub fn new(identity: &Identity, entropy: [u8; 32], initiator: bool) -> Self {
        let keys = (Some(identity.static_key), Some(key_pair(entropy)));
        let state = HandshakeState::new(noise_xx(), initiator, [], keys.0, keys.1, None, None);
        Self {
            state: Box::new(state),
            initiator,
            remote: None,
        }
    }

    /// Who opened the connection.
    pub fn direction(&self) -> Direction {
        if self.initiator {
            Direction::Outbound
        } else {
            Direction::Inbound
        }
    }

    /// Whether the next message is ours to write.
    pub fn is_write_turn(&self) -> bool {
        !self.state.completed() && self.state.is_write_turn()
    }

    /// Appends our next message, length in front, to `out`. Only on our turn.
    pub fn write(&mut self, identity: &Identity, out: &mut Vec<u8>) -> Result<(), NoiseError> {
        // Message 1 is not encrypted and carries nothing.
        let first = self.initiator && self.state.get_re().is_none();
        let payload = if first { &[][..] } else { &identity.payload };
        let len = self.state.get_next_message_overhead() + payload.len();
        out.extend_from_slice(&(len as u16).to_be_bytes());
        let start = out.len();
        out.resize(start + len, 0);
        self.state
            .write_message(payload, &mut out[start..])
            .map_err(error)
    }

    /// Reads the other side's next message, without its length. Only on its turn.
    pub fn read(&mut self, identity: &Identity, message: &[u8]) -> Result<(), NoiseError> {
        let len = message
            .len()
            .checked_sub(self.state.get_next_message_overhead())
            .ok_or(NoiseError::Short)?;
        let mut payload = vec![0; len];
        self.state
            .read_message(message, &mut payload)
            .map_err(error)?;
        if let Some(static_key) = self.state.get_rs() {
            let payload = Payload::read(&payload)?;
            let mut proven = identity.proven.borrow_mut();
            self.remote = Some(proven.verify(&payload, &static_key)?);
        }
        Ok(())
    }

    /// After the last message: the ciphers of both directions and the peer that the other side
    /// has proven to be.
    pub fn finish(&self) -> Option<(Sealer, Opener, PeerId)> {
        let remote = self.remote?;
        if !self.state.completed() {
            return None;
        }
        let (first, second) = self.state.get_ciphers();
        let (send, receive) = if self.initiator {
            (first, second)
        } else {
            (second, first)
        };
        let ((send, send_n), (receive, receive_n)) = (send.extract(), receive.extract());
        Some((
            Sealer::new(&send, send_n),
            Opener::new(&receive, receive_n),
            remote,
        ))
    }
}

fn error(error: noise_protocol::Error) -> NoiseError {
    match error.kind() {
        ErrorKind::DH => NoiseError::Key,
        ErrorKind::Decryption => NoiseError::Decrypt,
        _ => NoiseError::Short,
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handshake {{ initiator: {} }}", self.initiator)
    }
}

#[cfg(test)]
mod tests {
    use super::super::transport::{MAX_MESSAGE, PREFIX, message_len};
    use super::*;
    use crate::aead::TAG;
    use crate::keypair::KeyError;

    fn keypair(seed: u8) -> Keypair {
        Keypair::from_seed([seed; 32])
    }

    /// Hands the one message in `wire` to `reader`.
    fn deliver(
        wire: &mut Vec<u8>,
        reader: &mut Handshake,
        identity: &Identity,
    ) -> Result<(), NoiseError> {
        assert_eq!(message_len(wire), Some(wire.len() - PREFIX));
        let result = reader.read(identity, &wire[PREFIX..]);
        wire.clear();
        result
    }

    #[test]
    fn three_messages_and_both_know_each_other() {
        let (a, b) = (
            Identity::new(&keypair(1), [1; 32]),
            Identity::new(&keypair(2), [2; 32]),
        );
        let mut dialer = Handshake::new(&a, [3; 32], true);
        let mut listener = Handshake::new(&b, [4; 32], false);
        let mut wire = Vec::new();
        assert!(dialer.is_write_turn() && !listener.is_write_turn());
        dialer.write(&a, &mut wire).unwrap();
        assert_eq!(wire.len(), 2 + 32);
        deliver(&mut wire, &mut listener, &b).unwrap();
        listener.write(&b, &mut wire).unwrap();
        assert_eq!(wire.len(), 2 + 200);
        deliver(&mut wire, &mut dialer, &a).unwrap();
        dialer.write(&a, &mut wire).unwrap();
        assert_eq!(wire.len(), 2 + 168);
        assert!(listener.finish().is_none());
        deliver(&mut wire, &mut listener, &b).unwrap();
        let (mut a_seal, mut a_open, key_of_b) = dialer.finish().unwrap();
        let (mut b_seal, mut b_open, key_of_a) = listener.finish().unwrap();
        assert_eq!(
            (key_of_a, key_of_b),
            (keypair(1).peer_id(), keypair(2).peer_id())
        );

        for (seal, open) in [(&mut a_seal, &mut b_open), (&mut b_seal, &mut a_open)] {
            for len in [0, 1, 1400, MAX_MESSAGE - TAG] {
                let mut message = vec![7; PREFIX + len + TAG];
                assert_eq!(seal.seal(&mut message, len), message.len());
                assert_eq!(message_len(&message), Some(len + TAG));
                assert_eq!(
                    open.open(&mut message[PREFIX..]).unwrap(),
                    &vec![7; len][..]
                );
            }
            let mut message = vec![7; PREFIX + 10 + TAG];
            seal.seal(&mut message, 10);
            message[5] ^= 1;
            assert_eq!(open.open(&mut message[PREFIX..]), Err(NoiseError::Decrypt));
            assert_eq!(open.open(&mut [0; 15]), Err(NoiseError::Short));
        }
    }

    #[test]
    fn an_identity_that_did_not_sign_the_key_is_refused() {
        let (a, mut b) = (
            Identity::new(&keypair(1), [1; 32]),
            Identity::new(&keypair(2), [2; 32]),
        );
        b.payload = Identity::new(&keypair(2), [9; 32]).payload;
        let mut dialer = Handshake::new(&a, [3; 32], true);
        let mut listener = Handshake::new(&b, [4; 32], false);
        let mut wire = Vec::new();
        dialer.write(&a, &mut wire).unwrap();
        deliver(&mut wire, &mut listener, &b).unwrap();
        listener.write(&b, &mut wire).unwrap();
        let refused = deliver(&mut wire, &mut dialer, &a);
        assert_eq!(refused, Err(NoiseError::Identity(KeyError::Mismatch)));
    }

    #[test]
    fn short_forged_and_useless_messages_are_refused() {
        let a = Identity::new(&keypair(1), [1; 32]);
        let listener = || Handshake::new(&a, [4; 32], false);
        assert_eq!(listener().read(&a, &[0; 31]), Err(NoiseError::Short));
        let mut small_order = listener();
        assert_eq!(small_order.read(&a, &[0; 32]), Ok(()));
        assert_eq!(small_order.write(&a, &mut Vec::new()), Err(NoiseError::Key));
        let mut dialer = Handshake::new(&a, [3; 32], true);
        dialer.write(&a, &mut Vec::new()).unwrap();
        assert_eq!(dialer.read(&a, &[9; 200]), Err(NoiseError::Decrypt));
    }
}
