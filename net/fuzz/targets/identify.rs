//! What identify tells is the same after it is written again.

use basalt_net::identify::Info;

/// Bytes of a message.
pub fn check(data: &[u8]) {
    if let Ok(info) = Info::decode(data) {
        assert_eq!(Info::decode(&info.encode()), Ok(info));
    }
}
