//! Arithmetic of the time-stamp counter's rate. Pure.

/// Nanoseconds per tick as a fixed-point number with 32 fraction bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u64);

const FRACTION_BITS: u32 = 32;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

impl Rate {
    /// The rate of a counter with `hz` ticks per second. `None` below 1 MHz or above 1 THz: no
    /// time-stamp counter runs there, the measurement was wrong.
    #[must_use]
    pub const fn from_hz(hz: u64) -> Option<Self> {
        if hz < 1_000_000 || hz > 1_000_000_000_000 {
            return None;
        }
        Some(Self(
            ((NANOS_PER_SECOND << FRACTION_BITS) / hz as u128) as u64,
        ))
    }

    /// The raw fixed-point number.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Inverse of [`Self::to_bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Nanoseconds that `ticks` take.
    #[must_use]
    pub const fn nanos(self, ticks: u64) -> u64 {
        ((ticks as u128 * self.0 as u128) >> FRACTION_BITS) as u64
    }

    /// Ticks within `nanos`, at most `u64::MAX`.
    #[must_use]
    pub const fn ticks(self, nanos: u64) -> u64 {
        if self.0 == 0 {
            return 0;
        }
        let ticks = ((nanos as u128) << FRACTION_BITS) / self.0 as u128;
        if ticks > u64::MAX as u128 {
            u64::MAX
        } else {
            ticks as u64
        }
    }

    /// Ticks per second.
    #[must_use]
    pub const fn hz(self) -> u64 {
        self.ticks(NANOS_PER_SECOND as u64)
    }
}

/// Ticks per second of a counter that advanced by `ticks` while a reference of `reference_hz`
/// advanced by `reference_ticks`.
#[must_use]
pub fn hz_by_reference(ticks: u64, reference_ticks: u64, reference_hz: u64) -> Option<u64> {
    let hz =
        (u128::from(ticks) * u128::from(reference_hz)).checked_div(u128::from(reference_ticks))?;
    u64::try_from(hz).ok()
}

/// Steps from `earlier` to `later` of a counter that wraps at `mask`.
#[must_use]
pub const fn wrapping_steps(earlier: u64, later: u64, mask: u64) -> u64 {
    later.wrapping_sub(earlier) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_exact_to_a_part_in_a_billion() {
        for hz in [
            1_000_000_u64,
            1_193_182,
            999_999_937,
            2_600_000_000,
            5_700_000_000,
        ] {
            let rate = Rate::from_hz(hz).unwrap();
            let nanos = rate.nanos(hz * 3600);
            let error = nanos.abs_diff(3_600_000_000_000);
            assert!(
                error < 3_600_000_000_000 / 500_000_000,
                "{hz} Hz is off by {error} ns in an hour"
            );
        }
    }

    #[test]
    fn ticks_and_nanos_are_inverse() {
        let rate = Rate::from_hz(2_400_000_000).unwrap();
        assert_eq!(rate.nanos(rate.ticks(1_000_000)).abs_diff(1_000_000), 1);
        assert!(rate.hz().abs_diff(2_400_000_000) < 10);
    }

    #[test]
    fn a_century_of_ticks_does_not_overflow() {
        let rate = Rate::from_hz(5_000_000_000).unwrap();
        let century = 100 * 366 * 86_400_u64;
        let seconds = rate.nanos(century * 5_000_000_000) / 1_000_000_000;
        assert!(seconds.abs_diff(century) <= 1);
        assert_eq!(rate.ticks(u64::MAX), u64::MAX);
    }

    #[test]
    fn nonsense_rates_are_refused() {
        assert_eq!(Rate::from_hz(0), None);
        assert_eq!(Rate::from_hz(u64::MAX), None);
        assert_eq!(hz_by_reference(100, 0, 1), None);
        assert_eq!(Rate::from_bits(0).ticks(5), 0);
    }

    #[test]
    fn a_24_bit_reference_may_wrap() {
        assert_eq!(wrapping_steps(0xff_fff0, 0x10, 0xff_ffff), 0x20);
        assert_eq!(
            hz_by_reference(24_000_000, 35_795, 3_579_545),
            Some(2_400_030_171)
        );
    }
}
