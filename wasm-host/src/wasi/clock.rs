//! Clocks, sleeping and waiting.

use alloc::vec::Vec;

use super::{Call, Errno, descriptors::Descriptor};

/// Most subscriptions of one poll; bounds the work of a call. Linux bounds it by the number of open
/// files.
const MAX_SUBSCRIPTIONS: u32 = 16 * 1024;
const SUBSCRIPTION_SIZE: u32 = 48;
const EVENT_SIZE: u32 = 32;
/// Event types.
const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
/// Clock subscription flag: the time is absolute.
const ABSOLUTE: u16 = 1;
/// Nanoseconds between two readings of a clock that can differ. Hosts keep wall-clock time in
/// milliseconds and their monotonic clock in microseconds.
const RESOLUTIONS: [u64; 2] = [1_000_000, 1_000];
/// CPU clocks, whose times guests cannot have.
const CPU_CLOCKS: core::ops::RangeInclusive<u32> = 2..=3;

/// What a guest waits for.
struct Subscription {
    userdata: u64,
    kind: u8,
    what: Awaited,
}

enum Awaited {
    /// Nanoseconds from now.
    Time(u64),
    /// A descriptor that is ready, with the bytes that can be read.
    Ready(u64),
}

impl Call<'_> {
    /// 0 is wall-clock time, 1 monotonic; guests have no CPU clocks.
    fn clock(&mut self, id: u32) -> Result<u64, Errno> {
        match id {
            0 => Ok(self.host.now()),
            1 => Ok(self.host.monotonic()),
            _ => Err(Errno::INVAL),
        }
    }

    pub(super) fn clock_time_get(&mut self) -> Result<(), Errno> {
        let time = self.clock(self.arg(0))?;
        self.memory.write_u64(self.arg(2), time)
    }

    pub(super) fn clock_res_get(&mut self) -> Result<(), Errno> {
        let resolution = RESOLUTIONS.get(self.arg(0) as usize);
        self.memory
            .write_u64(self.arg(1), *resolution.ok_or(Errno::INVAL)?)
    }

    /// Files and streams are always ready. Without them it sleeps until the first time that is
    /// asked for, but never past the call's deadline. Whatever is ready or due is reported, in the
    /// order of the subscriptions.
    pub(super) fn poll_oneoff(&mut self) -> Result<(), Errno> {
        let (input, output, count) = (self.arg(0), self.arg(1), self.arg(2));
        if count == 0 || count > MAX_SUBSCRIPTIONS {
            return Err(Errno::INVAL);
        }
        self.wasi.work += u64::from(count) * u64::from(SUBSCRIPTION_SIZE);
        // All are read before anything is written: the two lists may overlap.
        let subscriptions: Vec<Subscription> = (0..count)
            .map(|index| self.subscription(input, index))
            .collect::<Result<_, _>>()?;
        let times = subscriptions
            .iter()
            .map(|subscription| match subscription.what {
                Awaited::Time(left) => left,
                Awaited::Ready(_) => 0,
            });
        let mut wait = times.min().unwrap_or(0);
        // Sleeping costs no fuel, so only the deadline ends it.
        if let Some(deadline) = self.deadline {
            wait = wait.min(deadline.saturating_sub(self.host.monotonic()));
        }
        if wait > 0 {
            self.host.sleep(wait);
        }
        let mut events = 0;
        for Subscription {
            userdata,
            kind,
            what,
        } in subscriptions
        {
            let bytes = match what {
                // Judged by what was waited for, not by the clock: a host that returns at once
                // still wakes the guest.
                Awaited::Time(left) if left > wait => continue,
                Awaited::Time(_) => 0,
                Awaited::Ready(bytes) => bytes,
            };
            let at = output
                .checked_add(events * EVENT_SIZE)
                .ok_or(Errno::FAULT)?;
            let mut event = [0; EVENT_SIZE as usize];
            event[0..8].copy_from_slice(&userdata.to_le_bytes());
            event[10] = kind;
            event[16..24].copy_from_slice(&bytes.to_le_bytes());
            self.memory.write(at, &event)?;
            events += 1;
        }
        self.memory.write_u32(self.arg(3), events)
    }

    fn subscription(&mut self, input: u32, index: u32) -> Result<Subscription, Errno> {
        let at = input
            .checked_add(index * SUBSCRIPTION_SIZE)
            .ok_or(Errno::FAULT)?;
        let mut bytes = [0; SUBSCRIPTION_SIZE as usize];
        bytes.copy_from_slice(self.memory.slice(at, SUBSCRIPTION_SIZE)?);
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(number)
        };
        let kind = bytes[8];
        let what = match kind {
            CLOCK => {
                let flags = u16::from_le_bytes([bytes[40], bytes[41]]);
                self.time_left(number(16) as u32, number(24), flags)?
            }
            READ | WRITE => self.ready(number(16) as u32, kind)?,
            _ => return Err(Errno::INVAL),
        };
        Ok(Subscription {
            userdata: number(0),
            kind,
            what,
        })
    }

    /// Absolute times are taken relative to now; a span of time is the same on every clock.
    fn time_left(&mut self, clock: u32, time: u64, flags: u16) -> Result<Awaited, Errno> {
        let left = match flags {
            0 if CPU_CLOCKS.contains(&clock) => time,
            0 => self.clock(clock).map(|_| time)?,
            ABSOLUTE => time.saturating_sub(self.clock(clock)?),
            _ => return Err(Errno::INVAL),
        };
        Ok(Awaited::Time(left))
    }

    /// Whether a descriptor can be waited for, and how much there is to read. A descriptor that
    /// cannot be fails the call, as in the reference.
    fn ready(&self, fd: u32, kind: u8) -> Result<Awaited, Errno> {
        let bytes = match self.wasi.descriptors.get(fd)? {
            Descriptor::Directory { .. } => return Err(Errno::BADF),
            Descriptor::File(file) if kind == READ => {
                let size = file.volume.with(|tree| tree.stat(file.ino))?.size;
                size.saturating_sub(file.offset)
            }
            // A stream without data is at its end, which is ready to be read.
            _ => 0,
        };
        Ok(Awaited::Ready(bytes))
    }
}
