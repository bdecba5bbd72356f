//! Calendar date to Unix time. Pure.

/// A date as firmware gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Gregorian year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Nanoseconds within the second.
    pub nanosecond: u32,
    /// Minutes that local time is behind UTC (UEFI: localtime = UTC - zone); `None` means UTC.
    pub zone: Option<i16>,
}

impl Date {
    /// Unix time in milliseconds. `None` for a date that does not exist or lies before 1970.
    #[must_use]
    pub fn unix_millis(&self) -> Option<u64> {
        let in_range = (1970..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
            && self.nanosecond < 1_000_000_000;
        if !in_range {
            return None;
        }
        let minutes =
            (days_since_epoch(self.year, self.month, self.day) * 24 + i64::from(self.hour)) * 60
                + i64::from(self.minute)
                + i64::from(self.zone.unwrap_or(0));
        let millis =
            (minutes * 60 + i64::from(self.second)) * 1000 + i64::from(self.nanosecond / 1_000_000);
        u64::try_from(millis).ok()
    }
}

const fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01, counted in years that start in March so that leap days come last.
fn days_since_epoch(year: u16, month: u8, day: u8) -> i64 {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    const DAYS_FROM_MARCH_OF_YEAR_0: i64 = 719_469;
    365 * year + leap_days + (153 * month + 2) / 5 + day - DAYS_FROM_MARCH_OF_YEAR_0
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn date(year: u16, month: u8, day: u8) -> Date {
        Date {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            zone: None,
        }
    }

    #[test]
    fn known_dates() {
        assert_eq!(date(1970, 1, 1).unix_millis(), Some(0));
        assert_eq!(date(2000, 2, 29).unix_millis(), Some(951_782_400_000));
        let late = Date {
            hour: 22,
            minute: 27,
            second: 24,
            nanosecond: 5_999_999,
            ..date(2026, 11, 22)
        };
        assert_eq!(late.unix_millis(), Some(1_795_386_444_005));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = 0;
        for year in 1970..2200 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_since_epoch(year, month, day), expected);
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn zones_are_minutes_behind_utc() {
        let berlin = Date {
            hour: 1,
            zone: Some(-60),
            ..date(2026, 1, 1)
        };
        assert_eq!(berlin.unix_millis(), date(2026, 1, 1).unix_millis());
    }

    #[test]
    fn impossible_dates_are_refused() {
        assert_eq!(date(2023, 2, 29).unix_millis(), None);
        assert_eq!(date(1900, 1, 1).unix_millis(), None);
        assert_eq!(
            Date {
                hour: 24,
                ..date(2026, 1, 1)
            }
            .unix_millis(),
            None
        );
        assert_eq!(
            Date {
                zone: Some(-60),
                ..date(1970, 1, 1)
            }
            .unix_millis(),
            None
        );
    }
}
