//! A frame that is read is the same after it is written again, whatever pieces it comes in.

use basalt_net::particle::frame::{Reader, encode};

/// The first byte sizes the pieces, the rest is the frame.
pub fn check(data: &[u8]) {
    let Some((&piece, frame)) = data.split_first() else {
        return;
    };
    let whole = Reader::new(1 << 20).push(frame);
    let mut reader = Reader::new(1 << 20);
    let mut pieces = Ok(None);
    for bytes in frame.chunks(usize::from(piece) + 1) {
        pieces = reader.push(bytes);
        if !matches!(pieces, Ok(None)) {
            break;
        }
        assert!(reader.held() <= 16 * 1024 + 2 * frame.len());
    }
    assert_eq!(pieces, whole);
    if let Ok(Some(particle)) = whole {
        let again = encode(&particle);
        assert_eq!(
            Reader::new(1 << 21).push(&again.to_vec()),
            Ok(Some(particle))
        );
    }
}
