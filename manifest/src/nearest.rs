//! "Did you mean": the valid name nearest to what was written.

use alloc::vec::Vec;

/// Longest written name that is compared at all: bounds the work on hostile names.
const MAX_NAME: usize = 64;

/// Number of insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`
/// (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && y == a[i - 1] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The candidate nearest to `written`, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    if written.len() > MAX_NAME {
        return None;
    }
    let fold = |name: &str| -> Vec<char> {
        name.chars()
            .map(|c| {
                if c == '-' {
                    '_'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect()
    };
    let from = fold(written);
    candidates
        .map(|name| (distance(&from, &fold(name)), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= 1.max(name.len() * 2 / 5))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let of = |a: &str, b: &str| {
            distance(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(of("", "dns"), 3);
        assert_eq!(of("dns", "dns"), 0);
        assert_eq!(of("dsn", "dns"), 1);
        assert_eq!(of("tcp_prot", "tcp_port"), 1);
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("gäteway", "gateway"), 1);
    }

    #[test]
    fn only_near_names_are_suggested() {
        let keys = ["tcp_port", "websocket_port", "dns"];
        assert_eq!(nearest("TCP-Port", keys.into_iter()), Some("tcp_port"));
        assert_eq!(
            nearest("websocket", keys.into_iter()),
            Some("websocket_port")
        );
        assert_eq!(nearest("colour", keys.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(100_000), keys.into_iter()), None);
    }
}
