//! Requests, answers and frames from a stranger.

use basalt_net::websocket::handshake::{self, Request};
use basalt_net::websocket::{Reader, Side};

fn frames(side: Side, bytes: &[u8], piece: usize) -> Option<(Vec<u8>, usize)> {
    let (mut reader, mut data, mut controls) = (Reader::new(side), vec![], 0);
    for mut chunk in bytes.chunks(piece) {
        while reader.read(&mut chunk, &mut data).ok()?.is_some() {
            controls += 1;
        }
    }
    assert!(data.len() <= bytes.len());
    Some((data, controls))
}

/// The first byte sizes the pieces.
pub fn check(data: &[u8]) {
    let Some((&piece, bytes)) = data.split_first() else {
        return;
    };
    for side in [Side::Client, Side::Server] {
        let whole = frames(side, bytes, bytes.len().max(1));
        assert_eq!(frames(side, bytes, usize::from(piece) + 1), whole);
    }
    let mut answer = vec![];
    if let Ok(Some(size)) = handshake::accept(bytes, &mut answer) {
        assert!(size <= bytes.len() && answer.starts_with(b"HTTP/1.1 101 "));
    }
    let request = Request::new("host", "", [0; 16], &mut vec![]);
    if let Ok(Some(size)) = request.read_answer(bytes) {
        assert!(size <= bytes.len());
    }
}
