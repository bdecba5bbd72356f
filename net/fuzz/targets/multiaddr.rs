//! What is read as a multiaddr reads again from its text and from its bytes.

use basalt_net::Multiaddr;

/// Bytes as binary, and as text.
pub fn check(data: &[u8]) {
    if let Ok(address) = Multiaddr::from_bytes(data) {
        let mut written = Multiaddr::default();
        for protocol in address.iter() {
            written = written.with(protocol);
        }
        if let Ok(again) = Multiaddr::from_bytes(written.as_bytes()) {
            assert_eq!(again, written);
            // An empty address has no text.
            let text = again.to_string();
            assert!(text.is_empty() || text.parse() == Ok(again), "{text}");
        }
    }
    if let Ok(text) = core::str::from_utf8(data)
        && let Ok(address) = text.parse::<Multiaddr>()
    {
        assert_eq!(
            Multiaddr::from_bytes(address.as_bytes()),
            Ok(address.clone())
        );
        assert_eq!(address.to_string().parse(), Ok(address));
    }
}
