//! Both sides of multistream-select come to the same end whatever pieces the bytes come in.

use basalt_net::multistream::{Dialer, MultistreamError, Responder};

fn respond(bytes: &[u8], piece: usize) -> (Result<bool, MultistreamError>, Vec<u8>, usize) {
    let (mut responder, mut out, mut used) = (Responder::default(), vec![], 0);
    for mut chunk in bytes.chunks(piece) {
        let len = chunk.len();
        let choose = |line: &str| (line == "/noise").then_some(());
        match responder.push(&mut chunk, &mut out, choose) {
            Ok(None) => used += len - chunk.len(),
            Ok(Some(())) => return (Ok(true), out, used + len - chunk.len()),
            Err(error) => return (Err(error), vec![], 0),
        }
    }
    (Ok(false), out, used)
}

fn dial(bytes: &[u8], piece: usize) -> Result<bool, MultistreamError> {
    let mut dialer = Dialer::new("/noise", &mut vec![]);
    for mut chunk in bytes.chunks(piece) {
        if dialer.push(&mut chunk, "/noise")? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first byte sizes the pieces.
pub fn check(data: &[u8]) {
    let Some((&piece, bytes)) = data.split_first() else {
        return;
    };
    let piece = usize::from(piece) + 1;
    assert_eq!(respond(bytes, piece), respond(bytes, bytes.len().max(1)));
    assert_eq!(dial(bytes, piece), dial(bytes, bytes.len().max(1)));
}
