//! When a spell runs (protocol description, section 10).

use alloc::string::{String, ToString};
use core::fmt;

use serde_json::{Value, json};

/// Longest period, in seconds: a hundred years.
const MAX_PERIOD: u32 = 3_153_600_000;

/// The times of a spell, in seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    /// First run; 0: none at all.
    pub start: u32,
    /// After this no more runs; 0: for ever.
    pub end: u32,
    /// Seconds between runs; 0: one run only.
    pub period: u32,
}

/// What makes a spell run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Config {
    /// Times.
    pub clock: Clock,
    /// A peer connects.
    pub connect: bool,
    /// A peer disconnects.
    pub disconnect: bool,
    /// Blocks of the chain: kept, without effect.
    pub blocks: (u32, u32),
}

/// Why a configuration is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadConfig {
    /// A field is missing or of another type.
    Field(String),
    /// The period is longer than 100 years.
    Period,
    /// The end is before the start or now.
    End,
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadConfig::Field(field) => {
                write!(f, "invalid config: `{field}` is missing or of another type")
            }
            BadConfig::Period => write!(
                f,
                "invalid config: period is too big. Max period is {MAX_PERIOD} seconds (or approx 100 years)"
            ),
            BadConfig::End => {
                f.write_str("invalid config: end_sec is less than start_sec or in the past")
            }
        }
    }
}

impl core::error::Error for BadConfig {}

/// Seconds between runs of a worker's main spell.
const WORKER_PERIOD: u32 = 900;

impl Config {
    /// Of a worker's main spell when its deal becomes active: at once, then again and again.
    pub(crate) fn of_worker() -> Config {
        Config {
            clock: Clock {
                start: 1,
                end: 0,
                period: WORKER_PERIOD,
            },
            ..Config::default()
        }
    }

    /// Reads the exact JSON shape.
    ///
    /// # Errors
    /// A field is missing or of another type.
    pub fn read(value: &Value) -> Result<Config, BadConfig> {
        let bad = |name: &str| BadConfig::Field(name.to_string());
        let number = |section: &str, name: &str| {
            let field = value.get(section).and_then(|section| section.get(name));
            let field = field.and_then(Value::as_u64);
            field
                .and_then(|number| u32::try_from(number).ok())
                .ok_or_else(|| bad(name))
        };
        let flag = |name: &str| {
            let field = value.get("connections").and_then(|all| all.get(name));
            field.and_then(Value::as_bool).ok_or_else(|| bad(name))
        };
        Ok(Config {
            clock: Clock {
                start: number("clock", "start_sec")?,
                end: number("clock", "end_sec")?,
                period: number("clock", "period_sec")?,
            },
            connect: flag("connect")?,
            disconnect: flag("disconnect")?,
            blocks: (
                number("blockchain", "start_block")?,
                number("blockchain", "end_block")?,
            ),
        })
    }

    /// The exact JSON shape.
    pub fn value(&self) -> Value {
        json!({
            "clock": {
                "start_sec": self.clock.start,
                "end_sec": self.clock.end,
                "period_sec": self.clock.period,
            },
            "connections": { "connect": self.connect, "disconnect": self.disconnect },
            "blockchain": { "start_block": self.blocks.0, "end_block": self.blocks.1 },
        })
    }

    /// Checks what a new configuration must keep, at a time in seconds.
    ///
    /// # Errors
    /// See [`BadConfig`].
    pub fn check(&self, now: u64) -> Result<(), BadConfig> {
        let Clock { start, end, period } = self.clock;
        if period > MAX_PERIOD {
            return Err(BadConfig::Period);
        }
        let ends = start != 0 && end != 0;
        match ends && (end < start || u64::from(end) < now) {
            true => Err(BadConfig::End),
            false => Ok(()),
        }
    }

    /// The first run by the clock of a spell that is subscribed at a time (milliseconds). `again`:
    /// after a reboot, when what was due once has been done.
    pub(super) fn first(&self, now_ms: u64, again: bool) -> Option<u64> {
        let Clock { start, period, .. } = self.clock;
        if start == 0 {
            return None;
        }
        let start_ms = u64::from(start) * 1000;
        if again && period == 0 && start_ms < now_ms {
            return None;
        }
        self.before_end(start_ms.max(now_ms))
    }

    /// The run after one at a time.
    pub(super) fn next(&self, now_ms: u64) -> Option<u64> {
        match self.clock.period {
            0 => None,
            period => self.before_end(now_ms + u64::from(period) * 1000),
        }
    }

    fn before_end(&self, at_ms: u64) -> Option<u64> {
        let end_ms = u64::from(self.clock.end) * 1000;
        (end_ms == 0 || at_ms <= end_ms).then_some(at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(start: u32, end: u32, period: u32) -> Config {
        Config {
            clock: Clock { start, end, period },
            ..Config::default()
        }
    }

    #[test]
    fn the_shape_is_exact() {
        let config = Config {
            clock: Clock {
                start: 1,
                end: 2,
                period: 3,
            },
            connect: true,
            disconnect: false,
            blocks: (4, 5),
        };
        let value = config.value();
        assert_eq!(Config::read(&value), Ok(config));
        let mut broken = value.clone();
        broken["clock"]["start_sec"] = json!(-1);
        assert_eq!(
            Config::read(&broken),
            Err(BadConfig::Field("start_sec".into()))
        );
        assert_eq!(
            Config::read(&json!({})),
            Err(BadConfig::Field("start_sec".into()))
        );
    }

    #[test]
    fn ends_and_periods_are_checked() {
        for (config, result) in [
            (clock(0, 0, 0), Ok(())),
            (clock(1, 0, MAX_PERIOD), Ok(())),
            (clock(1, 0, MAX_PERIOD + 1), Err(BadConfig::Period)),
            (clock(200, 150, 1), Err(BadConfig::End)),
            (clock(1, 99, 1), Err(BadConfig::End)),
            (clock(1, 100, 1), Ok(())),
            (clock(0, 1, 0), Ok(())),
        ] {
            assert_eq!(config.check(100), result, "{config:?}");
        }
    }

    #[test]
    fn runs_follow_each_other_until_the_end() {
        assert_eq!(clock(0, 0, 5).first(1_000, false), None);
        assert_eq!(clock(1, 0, 5).first(9_000, false), Some(9_000));
        assert_eq!(clock(20, 0, 5).first(9_000, false), Some(20_000));
        assert_eq!(clock(1, 0, 0).first(9_000, false), Some(9_000));
        assert_eq!(clock(1, 0, 0).first(9_000, true), None);
        assert_eq!(clock(1, 0, 5).first(9_000, true), Some(9_000));
        assert_eq!(clock(1, 8, 5).first(9_000, true), None);
        assert_eq!(clock(1, 0, 5).next(9_000), Some(14_000));
        assert_eq!(clock(1, 13, 5).next(9_000), None);
        assert_eq!(clock(1, 0, 0).next(9_000), None);
    }
}
