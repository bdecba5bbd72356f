//! Clocks and sleeping.

use super::{Call, Errno};

/// Subscriptions looked at in one poll; bounds the work of a call.
const MAX_SUBSCRIPTIONS: u32 = 1024;
const SUBSCRIPTION_SIZE: u32 = 48;
const EVENT_SIZE: u32 = 32;
/// Event type of clocks.
const CLOCK_EVENT: u8 = 0;

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

    /// Clock subscriptions only: sleeps until the first, but never past the call's deadline, and
    /// reports those that are due. Any other subscription is reported at once as unsupported.
    pub(super) fn poll_oneoff(&mut self) -> Result<(), Errno> {
        let (input, output, count) = (self.arg(0), self.arg(1), self.arg(2).min(MAX_SUBSCRIPTIONS));
        if count == 0 {
            return Err(Errno::INVAL);
        }
        let mut wait = u64::MAX;
        for index in 0..count {
            wait = wait.min(self.subscription(input, index)?.2.unwrap_or(0));
        }
        // Sleeping costs no fuel, so only the deadline ends it.
        if let Some(deadline) = self.deadline {
            wait = wait.min(deadline.saturating_sub(self.host.monotonic()));
        }
        if wait > 0 {
            self.host.sleep(wait);
        }
        let mut events = 0;
        for index in 0..count {
            let (userdata, kind, left) = self.subscription(input, index)?;
            let error = match left {
                // Judged by what was waited for, not by the clock: a host that returns at once
                // still wakes the guest.
                Some(left) if left > wait => continue,
                Some(_) => Errno::SUCCESS,
                None => Errno::NOTSUP,
            };
            let at = output
                .checked_add(events * EVENT_SIZE)
                .ok_or(Errno::FAULT)?;
            self.memory.write(at, &[0; EVENT_SIZE as usize])?;
            self.memory.write_u64(at, userdata)?;
            self.memory.write(at + 8, &error.0.to_le_bytes())?;
            self.memory.write(at + 10, &[kind])?;
            events += 1;
        }
        self.memory.write_u32(self.arg(3), events)
    }

    /// User data, kind, and for a clock the nanoseconds it asks for. Absolute times are taken
    /// relative to now.
    fn subscription(&mut self, input: u32, index: u32) -> Result<(u64, u8, Option<u64>), Errno> {
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
        let (userdata, kind) = (number(0), bytes[8]);
        if kind != CLOCK_EVENT {
            return Ok((userdata, kind, None));
        }
        let timeout = number(24);
        let absolute = bytes[40] & 1 != 0;
        let left = if absolute {
            timeout.saturating_sub(self.clock(number(16) as u32)?)
        } else {
            timeout
        };
        Ok((userdata, kind, Some(left)))
    }
}
