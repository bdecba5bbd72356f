//! Lines of the log about single connections: a flood of these must not fill the log, nor a slow
//! console.

use core::time::Duration;

use basalt_net::time::Instant;

/// Lines at once.
const BURST: u32 = 32;
/// Time in which another line may be written.
const PAUSE: Duration = Duration::from_millis(500);

/// How many such lines may be written now.
#[derive(Debug)]
pub(super) struct Chatter {
    left: u32,
    since: Instant,
    skipped: u64,
}

impl Default for Chatter {
    fn default() -> Chatter {
        Chatter {
            left: BURST,
            since: Instant::ZERO,
            skipped: 0,
        }
    }
}

impl Chatter {
    /// Whether a line may be written; says how many were not before it.
    pub(super) fn may_speak(&mut self, now: Instant) -> Option<u64> {
        let earned = now.since(self.since).as_millis() / PAUSE.as_millis();
        if earned > 0 {
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(earned).min(BURST);
            self.since = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(core::mem::take(&mut self.skipped))
            }
            None => {
                self.skipped += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_in_few_lines_and_nothing_is_hidden() {
        let mut chatter = Chatter::default();
        let (mut lines, mut told) = (0, 0);
        for milli in 0..20_000 {
            let now = Instant::from_millis(10_000 + milli);
            if let Some(skipped) = chatter.may_speak(now) {
                lines += 1;
                told += skipped;
            }
        }
        assert!((32..80).contains(&lines), "{lines}");
        assert!(told + lines >= 19_000, "{told}");
        let later = Instant::from_millis(100_000);
        assert!(chatter.may_speak(later).is_some());
        assert_eq!(chatter.may_speak(later), Some(0));
    }
}
