//! The registers of the e1000e family that the driver uses, and how they are reached.
//!
//! Source: Intel 82574 GbE Controller Family datasheet, chapter 10 ("Programming Interface"). The
//! integrated I217 to I219 have the same registers at the same places (Intel PCH datasheets, volume
//! 2, "GbE Memory Mapped I/O"), and so have I210 and I350 but for the queues' and the interrupts'
//! registers.

use core::time::Duration;

use crate::mem::mmio;
use crate::time;

/// Bytes of registers that the driver maps; the largest offset here lies below.
pub(super) const LEN: u64 = 128 << 10;

/// Device control.
pub(super) const CTRL: u32 = 0x0000;
/// Device status.
pub(super) const STATUS: u32 = 0x0008;
/// Extended device control.
pub(super) const CTRL_EXT: u32 = 0x0018;
/// Access to the PHY's registers.
pub(super) const MDIC: u32 = 0x0020;
/// Interrupt causes; reading clears them.
pub(super) const ICR: u32 = 0x00c0;
/// Least time between interrupts, in units of 256 ns.
pub(super) const ITR: u32 = 0x00c4;
/// Interrupts to be let through: set.
pub(super) const IMS: u32 = 0x00d0;
/// Interrupts to be let through: clear.
pub(super) const IMC: u32 = 0x00d8;
/// Causes that clear themselves when their MSI-X message was sent.
pub(super) const EIAC: u32 = 0x00dc;
/// Which cause uses which MSI-X table entry.
pub(super) const IVAR: u32 = 0x00e4;
/// Least time between interrupts of MSI-X table entry 0, in units of 256 ns.
pub(super) const EITR0: u32 = 0x00e8;
/// Receive control.
pub(super) const RCTL: u32 = 0x0100;
/// Transmit control.
pub(super) const TCTL: u32 = 0x0400;
/// Gaps between sent frames.
pub(super) const TIPG: u32 = 0x0410;
/// Who of firmware and software uses the PHY (integrated controllers).
pub(super) const EXTCNF_CTRL: u32 = 0x0f00;
/// Receive checksums.
pub(super) const RXCSUM: u32 = 0x5000;
/// Receive filters and descriptor format.
pub(super) const RFCTL: u32 = 0x5008;
/// Multicast table: 128 registers, 32 in the integrated controllers.
pub(super) const MTA: u32 = 0x5200;
/// First receive address.
pub(super) const RAL0: u32 = 0x5400;
/// First receive address, high half.
pub(super) const RAH0: u32 = 0x5404;

/// A queue's registers: their distances from the queue's first.
pub(super) mod queue {
    /// The receive queue.
    pub(in super::super) const RECEIVE: u32 = 0x2800;
    /// The transmit queue.
    pub(in super::super) const TRANSMIT: u32 = 0x3800;

    pub(in super::super) const BASE_LOW: u32 = 0x00;
    pub(in super::super) const BASE_HIGH: u32 = 0x04;
    pub(in super::super) const BYTES: u32 = 0x08;
    pub(in super::super) const HEAD: u32 = 0x10;
    pub(in super::super) const TAIL: u32 = 0x18;
    pub(in super::super) const CONTROL: u32 = 0x28;
}

/// Statistics that the driver adds up; each clears itself when it is read.
pub(super) mod count {
    /// Frames with a wrong check sequence.
    pub(in super::super) const CRC_ERRORS: u32 = 0x4000;
    /// Frames with errors of the line.
    pub(in super::super) const RECEIVE_ERRORS: u32 = 0x400c;
    /// Frames missed because the card's memory was full.
    pub(in super::super) const MISSED: u32 = 0x4010;
    /// Frames whose length field is wrong.
    pub(in super::super) const LENGTH_ERRORS: u32 = 0x4040;
    /// First and last of all statistics registers.
    pub(in super::super) const ALL: core::ops::RangeInclusive<u32> = 0x4000..=0x4124;
}

pub(super) mod ctrl {
    pub(in super::super) const MASTER_DISABLE: u32 = 1 << 2;
    pub(in super::super) const SET_LINK_UP: u32 = 1 << 6;
    pub(in super::super) const INVERT_LOSS_OF_SIGNAL: u32 = 1 << 7;
    pub(in super::super) const FORCE_SPEED: u32 = 1 << 11;
    pub(in super::super) const FORCE_DUPLEX: u32 = 1 << 12;
    pub(in super::super) const RESET: u32 = 1 << 26;
    pub(in super::super) const RECEIVE_PAUSE: u32 = 1 << 27;
    pub(in super::super) const SEND_PAUSE: u32 = 1 << 28;
    pub(in super::super) const VLAN_MODE: u32 = 1 << 30;
}

pub(super) mod status {
    pub(in super::super) const FULL_DUPLEX: u32 = 1 << 0;
    pub(in super::super) const LINK_UP: u32 = 1 << 1;
    pub(in super::super) const SPEED_SHIFT: u32 = 6;
    pub(in super::super) const MASTER_ENABLED: u32 = 1 << 19;
}

pub(super) mod ctrl_ext {
    /// Interrupt masks stay when a cause clears itself.
    pub(in super::super) const KEEP_MASK: u32 = 1 << 27;
    /// The driver uses MSI-X.
    pub(in super::super) const PBA_SUPPORT: u32 = 1 << 31;
}

pub(super) mod cause {
    pub(in super::super) const LINK_CHANGE: u32 = 1 << 2;
    pub(in super::super) const RECEIVE_OVERRUN: u32 = 1 << 6;
    pub(in super::super) const RECEIVE_TIMER: u32 = 1 << 7;
    /// The receive queue's cause in MSI-X mode.
    pub(in super::super) const RECEIVE_QUEUE: u32 = 1 << 20;
}

pub(super) mod rctl {
    pub(in super::super) const ENABLE: u32 = 1 << 1;
    pub(in super::super) const ACCEPT_MULTICAST: u32 = 1 << 4;
    pub(in super::super) const ACCEPT_BROADCAST: u32 = 1 << 15;
    pub(in super::super) const STRIP_CRC: u32 = 1 << 26;
}

pub(super) mod tctl {
    pub(in super::super) const ENABLE: u32 = 1 << 1;
    pub(in super::super) const PAD_SHORT: u32 = 1 << 3;
    pub(in super::super) const COLLISION_THRESHOLD: u32 = 0x0f << 4;
    pub(in super::super) const COLLISION_DISTANCE: u32 = 0x3f << 12;
    pub(in super::super) const RETRANSMIT_LATE: u32 = 1 << 24;
}

/// Where the card's registers are, and how long a moment is: hardware, or a model of it in tests.
pub(super) trait Registers {
    /// Reads a register.
    fn read(&self, register: u32) -> u32;

    /// Writes a register.
    fn write(&self, register: u32, value: u32);

    /// Waits.
    fn pause(&self, duration: Duration);
}

/// Registers in memory.
pub(super) struct Mapped {
    base: u64,
}

impl Mapped {
    /// Registers at `base`.
    ///
    /// # Safety
    /// From `base` on, [`LEN`] bytes are mapped registers of a card of this family that nobody else
    /// drives.
    pub(super) unsafe fn new(base: u64) -> Self {
        Self { base }
    }
}

impl Registers for Mapped {
    fn read(&self, register: u32) -> u32 {
        // SAFETY: a register of the card, by the promise given to `new`; those that change by being
        // read belong to this driver.
        unsafe { mmio::read(self.base + u64::from(register)) }
    }

    fn write(&self, register: u32, value: u32) {
        // SAFETY: a register of the card, by the promise given to `new`. The addresses that the
        // driver writes are those of rings and buffers that it keeps for ever.
        unsafe { mmio::write(self.base + u64::from(register), value) };
    }

    fn pause(&self, duration: Duration) {
        time::spin(duration);
    }
}
