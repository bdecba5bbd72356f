//! Handshake messages and payloads from a stranger.

use basalt_net::Keypair;
use basalt_net::noise::{Handshake, Identity, Payload};

/// As a payload, as the first message to a listener, as the second one to a dialer.
pub fn check(data: &[u8]) {
    if let Ok(payload) = Payload::read(data) {
        // Nobody guesses a signature.
        assert!(payload.verify(&[7; 32]).is_err());
    }
    let identity = Identity::new(&Keypair::from_seed([1; 32]), [2; 32]);
    let mut listener = Handshake::new(&identity, [3; 32], false);
    if listener.read(&identity, data).is_ok() {
        assert!(data.len() >= 32);
        let _ = listener.write(&identity, &mut Vec::new());
    }
    let mut dialer = Handshake::new(&identity, [3; 32], true);
    assert!(dialer.write(&identity, &mut Vec::new()).is_ok());
    assert!(dialer.read(&identity, data).is_err());
}
