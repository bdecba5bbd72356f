//! Finds the rate of the time-stamp counter: told by the processor or the hypervisor, or measured
//! against a timer of known rate (ACPI power-management timer, HPET, or the PIT's second channel).

use core::fmt;
use core::hint;

use raw_cpuid::CpuId;
use x86_64::instructions::port::Port;

use super::ticks;
use super::tsc::{Rate, hz_by_reference, wrapping_steps};
use crate::acpi::Platform;
use crate::mem::mmio;

const PM_TIMER_HZ: u64 = 3_579_545;
const PIT_HZ: u64 = 1_193_182;
const FEMTOS_PER_SECOND: u64 = 1_000_000_000_000_000;

/// Where a rate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// CPUID leaf 15h.
    Cpuid,
    /// The hypervisor's timing leaf (4000_0010h).
    Hypervisor,
    /// Measured against the ACPI power-management timer.
    PmTimer,
    /// Measured against the HPET.
    Hpet,
    /// Measured against the legacy timer.
    Pit,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpuid => "CPUID",
            Self::Hypervisor => "hypervisor",
            Self::PmTimer => "ACPI PM timer",
            Self::Hpet => "HPET",
            Self::Pit => "PIT",
        })
    }
}

/// The rate as processor or hypervisor state it.
#[must_use]
pub fn stated() -> Option<(Rate, Source)> {
    let cpuid = CpuId::new();
    let by_processor = cpuid.get_tsc_info().and_then(|info| info.tsc_frequency());
    if let Some(rate) = by_processor.and_then(Rate::from_hz) {
        return Some((rate, Source::Cpuid));
    }
    let by_hypervisor = cpuid
        .get_hypervisor_info()
        .and_then(|info| info.tsc_frequency());
    let rate = by_hypervisor.and_then(|khz| Rate::from_hz(u64::from(khz) * 1000))?;
    Some((rate, Source::Hypervisor))
}

/// A free-running counter of known rate.
#[derive(Clone, Copy, Debug)]
enum Reference {
    PmTimer { port: u16, mask: u64 },
    Hpet { counter: u64, hz: u64, mask: u64 },
    Pit,
}

impl Reference {
    fn of(platform: &Platform) -> Self {
        if let Some(timer) = platform.pm_timer {
            let mask = if timer.is_32_bit {
                u64::from(u32::MAX)
            } else {
                0xff_ffff
            };
            return Self::PmTimer {
                port: timer.port,
                mask,
            };
        }
        platform.hpet.and_then(Self::hpet).unwrap_or_else(Self::pit)
    }

    fn hpet(base: u64) -> Option<Self> {
        const CAPABILITIES: u64 = 0x00;
        const CONFIGURATION: u64 = 0x10;
        const COUNTER: u64 = 0xf0;
        // SAFETY: `base` is the HPET's register block by its ACPI table, identity mapped; starting
        // the counter has no effect beyond it.
        unsafe {
            let capabilities = mmio::read::<u64>(base + CAPABILITIES);
            let period_femtos = capabilities >> 32;
            let mask = if capabilities & 1 << 13 != 0 {
                u64::MAX
            } else {
                u64::from(u32::MAX)
            };
            let hz = FEMTOS_PER_SECOND.checked_div(period_femtos)?;
            mmio::write(
                base + CONFIGURATION,
                mmio::read::<u64>(base + CONFIGURATION) | 1,
            );
            Some(Self::Hpet {
                counter: base + COUNTER,
                hz,
                mask,
            })
        }
    }

    /// Lets channel 2 of the legacy timer count down from its top once (55 ms).
    fn pit() -> Self {
        // SAFETY: the ports of the legacy timer and of its speaker gate; no memory is touched and
        // the speaker stays off.
        unsafe {
            let mut gate = Port::<u8>::new(0x61);
            let enabled = (gate.read() & !0x02) | 0x01;
            Port::<u8>::new(0x43).write(0xb0); // channel 2, both bytes, one shot
            Port::<u8>::new(0x42).write(0xff);
            Port::<u8>::new(0x42).write(0xff);
            gate.write(enabled & !0x01);
            gate.write(enabled);
        }
        Self::Pit
    }

    fn read(self) -> u64 {
        match self {
            // SAFETY: reading the timer's port, named by the FADT, has no effect.
            Self::PmTimer { port, .. } => unsafe { u64::from(Port::<u32>::new(port).read()) },
            // SAFETY: `counter` is the main counter of the HPET, readable at any time.
            Self::Hpet { counter, .. } => unsafe { mmio::read::<u64>(counter) },
            // SAFETY: latches and reads channel 2, which `pit` programmed.
            Self::Pit => unsafe {
                Port::<u8>::new(0x43).write(0x80);
                let mut data = Port::<u8>::new(0x42);
                let (low, high) = (data.read(), data.read());
                u64::from(u16::MAX) - u64::from(u16::from_le_bytes([low, high]))
            },
        }
    }

    const fn hz(self) -> u64 {
        match self {
            Self::PmTimer { .. } => PM_TIMER_HZ,
            Self::Hpet { hz, .. } => hz,
            Self::Pit => PIT_HZ,
        }
    }

    const fn mask(self) -> u64 {
        match self {
            Self::PmTimer { mask, .. } | Self::Hpet { mask, .. } => mask,
            Self::Pit => 0xffff,
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::PmTimer { .. } => Source::PmTimer,
            Self::Hpet { .. } => Source::Hpet,
            Self::Pit => Source::Pit,
        }
    }
}

/// Both counters read at nearly the same moment.
#[derive(Clone, Copy, Debug)]
struct Pair {
    ticks: u64,
    reference: u64,
}

/// A measurement under way: the longer it runs, the finer its result.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    reference: Reference,
    start: Pair,
}

impl Measurement {
    /// Starts against the best timer of the platform.
    #[must_use]
    pub fn start(platform: &Platform) -> Self {
        let reference = Reference::of(platform);
        Self {
            reference,
            start: Self::sample(reference),
        }
    }

    /// Where this measurement's rates come from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.reference.source()
    }

    /// The tightest of a few readings: one may be interrupted by the hypervisor.
    fn sample(reference: Reference) -> Pair {
        let read = || {
            let before = ticks();
            let value = reference.read();
            let width = ticks() - before;
            (
                width,
                Pair {
                    ticks: before + width / 2,
                    reference: value,
                },
            )
        };
        let mut best = read();
        for _ in 0..4 {
            let next = read();
            if next.0 < best.0 {
                best = next;
            }
        }
        best.1
    }

    /// The rate by what has passed since the start, if that is enough to tell and the reference
    /// cannot have wrapped meanwhile (half its range).
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        let now = Self::sample(self.reference);
        let mask = self.reference.mask();
        let steps = wrapping_steps(self.start.reference, now.reference, mask);
        if steps == 0 || steps > mask / 2 {
            return None;
        }
        let hz = hz_by_reference(
            now.ticks.checked_sub(self.start.ticks)?,
            steps,
            self.reference.hz(),
        )?;
        Rate::from_hz(hz)
    }

    /// A first rate after `millis` of waiting.
    #[must_use]
    pub fn rate_after(&self, millis: u64) -> Option<Rate> {
        /// Readings after which a timer that stands still is given up.
        const READ_LIMIT: u32 = 10_000_000;
        let wanted = self.reference.hz() * millis / 1000;
        for _ in 0..READ_LIMIT {
            let steps = wrapping_steps(
                self.start.reference,
                self.reference.read(),
                self.reference.mask(),
            );
            if steps >= wanted {
                return self.rate();
            }
            hint::spin_loop();
        }
        None
    }
}
