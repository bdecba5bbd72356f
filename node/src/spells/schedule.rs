//! Which spells run when.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::config::Config;

/// Subscriptions of spells: one timer each, and connections; and the runs that have no particle
/// yet.
#[derive(Default)]
pub(crate) struct Schedule {
    spells: BTreeMap<String, (Config, Option<u64>)>,
    /// Times in Unix milliseconds.
    times: BTreeSet<(u64, String)>,
    beginning: BTreeMap<String, usize>,
}

impl Schedule {
    /// Subscribes a spell in place of what it was subscribed to.
    pub(super) fn set(&mut self, id: &str, config: Config, first: Option<u64>) {
        self.remove(id);
        if let Some(at) = first {
            self.times.insert((at, id.to_string()));
        }
        if first.is_some() || config.connect || config.disconnect {
            self.spells.insert(id.to_string(), (config, first));
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some((_, Some(at))) = self.spells.remove(id) {
            self.times.remove(&(at, id.to_string()));
        }
    }

    /// A spell whose time has come; its next time is set.
    pub(crate) fn due(&mut self, now_ms: u64) -> Option<String> {
        let (at, id) = self.times.first()?.clone();
        if at > now_ms {
            return None;
        }
        if let Some((config, _)) = self.spells.get(&id) {
            let config = *config;
            self.set(&id, config, config.next(now_ms));
        }
        Some(id)
    }

    /// The next time, in Unix milliseconds.
    pub(crate) fn next(&self) -> Option<u64> {
        self.times.first().map(|(at, _)| *at)
    }

    /// The spells that run when a peer connects, or disconnects.
    pub(crate) fn of_connections(&self, connected: bool) -> Vec<String> {
        let spells = self
            .spells
            .iter()
            .filter(|(_, (config, _))| match connected {
                true => config.connect,
                false => config.disconnect,
            });
        spells.map(|(id, _)| id.clone()).collect()
    }

    /// A spell is asked for its script.
    pub(super) fn begins(&mut self, id: &str) {
        *self.beginning.entry(id.to_string()).or_default() += 1;
    }

    /// It has answered.
    pub(super) fn begun(&mut self, id: &str) {
        if let Some(count) = self.beginning.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                self.beginning.remove(id);
            }
        }
    }

    /// Runs of a spell that have begun and have no particle yet.
    pub(crate) fn beginning(&self, id: &str) -> usize {
        self.beginning.get(id).copied().unwrap_or(0)
    }

    /// Spells that wait for something.
    pub(crate) fn len(&self) -> usize {
        self.spells.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spells::Clock;

    #[test]
    fn a_period_goes_on_and_a_new_subscription_replaces_the_old() {
        let mut schedule = Schedule::default();
        let every = Config {
            clock: Clock {
                start: 1,
                end: 0,
                period: 5,
            },
            ..Config::default()
        };
        schedule.set("a", every, Some(1_000));
        assert_eq!(schedule.due(999), None);
        assert_eq!(schedule.due(1_500).as_deref(), Some("a"));
        assert_eq!((schedule.due(1_500), schedule.next()), (None, Some(6_500)));
        let on_connect = Config {
            connect: true,
            ..Config::default()
        };
        schedule.set("a", on_connect, None);
        assert_eq!(schedule.next(), None);
        assert_eq!(schedule.of_connections(true), ["a"]);
        assert!(schedule.of_connections(false).is_empty());
        schedule.set("a", Config::default(), None);
        assert_eq!(schedule.len(), 0);
    }

    #[test]
    fn runs_that_begin_are_counted() {
        let mut schedule = Schedule::default();
        schedule.begins("a");
        schedule.begins("a");
        schedule.begun("a");
        assert_eq!((schedule.beginning("a"), schedule.beginning("b")), (1, 0));
        schedule.begun("a");
        schedule.begun("a");
        assert_eq!(schedule.beginning("a"), 0);
    }

    #[test]
    fn a_spell_that_runs_once_is_done_then() {
        let mut schedule = Schedule::default();
        schedule.set("a", Config::default(), Some(1_000));
        assert_eq!(schedule.due(1_000).as_deref(), Some("a"));
        assert_eq!((schedule.next(), schedule.len()), (None, 0));
    }
}
