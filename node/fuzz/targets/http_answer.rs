//! An answer to a request of the node: it is not longer than allowed, and the same however it comes
//! in pieces.

use basalt_node::outgoing::read_answer;

/// Longest body.
const MAX: usize = 1024;

/// Where the answer is cut, then the answer.
pub fn check(data: &[u8]) {
    let Some((&cut, answer)) = data.split_first() else {
        return;
    };
    let whole = read_answer(answer, false, MAX);
    let ended = read_answer(answer, true, MAX);
    for (_, body) in [&whole, &ended]
        .into_iter()
        .filter_map(|read| read.as_ref().ok()?.as_ref())
    {
        assert!(body.len() <= MAX);
    }
    if matches!(whole, Ok(Some(_))) {
        assert_eq!(whole, ended);
    }
    let start = &answer[..answer.len() * usize::from(cut) / 255];
    let early = read_answer(start, false, MAX);
    if early != Ok(None) {
        assert_eq!(early, whole, "cut after {}", start.len());
    }
}
