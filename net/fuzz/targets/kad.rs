//! What Kademlia tells is the same after it is written again.

use basalt_net::kad::Message;

/// Bytes of a message.
pub fn check(data: &[u8]) {
    if let Ok(Some(message)) = Message::decode(data) {
        assert_eq!(Message::decode(&message.encode()), Ok(Some(message)));
    }
}
