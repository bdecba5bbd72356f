//! The controller's registers (NVMe 1.4, section 3.1).

use core::time::Duration;

use crate::drivers::window::Window;

const CAPABILITIES: u64 = 0x00;
/// Interrupt mask set.
pub(super) const MASK: u64 = 0x0c;
/// Controller configuration.
pub(super) const CONFIGURATION: u64 = 0x14;
/// Controller status.
pub(super) const STATUS: u64 = 0x1c;
/// Admin queue attributes: places of both rings.
pub(super) const ADMIN_PLACES: u64 = 0x24;
/// Address of the admin submission ring.
pub(super) const ADMIN_SUBMISSIONS: u64 = 0x28;
/// Address of the admin completion ring.
pub(super) const ADMIN_COMPLETIONS: u64 = 0x30;
const DOORBELLS: u64 = 0x1000;

/// What a register of a device that is not there any more reads.
const ABSENT: u32 = u32::MAX;

/// Bytes of a page, as the controller is told.
pub(super) const PAGE: usize = 4096;

/// The configuration that switches the controller on: pages of 4 KiB, the NVM command set, round
/// robin, submissions of 64 bytes and completions of 16.
pub(super) const ON: u32 = 1 | 6 << 16 | 4 << 20;

/// What the controller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capabilities(pub(super) u64);

impl Capabilities {
    pub(super) fn read<W: Window>(window: &W) -> Self {
        Self(window.read_wide(CAPABILITIES))
    }

    /// Most places of a ring.
    pub(super) const fn places(self) -> u32 {
        (self.0 & 0xffff) as u32 + 1
    }

    /// Longest that switching on or off takes.
    pub(super) fn ready(self) -> Duration {
        // Zero is what some devices say that need a moment all the same.
        Duration::from_millis(500) * ((self.0 >> 24 & 0xff) as u32).max(2)
    }

    /// Bytes from one doorbell to the next.
    const fn stride(self) -> u64 {
        4 << (self.0 >> 32 & 0xf)
    }

    /// Whether the NVM command set and pages of 4 KiB are there.
    pub(super) const fn fit(self) -> bool {
        self.0 >> 37 & 1 == 1 && self.0 >> 48 & 0xf == 0
    }

    /// Smallest page, the unit of the transfer limit, in bytes.
    pub(super) const fn smallest_page(self) -> usize {
        PAGE << (self.0 >> 48 & 0xf)
    }

    /// The doorbell of the submission ring `queue`: its tail.
    pub(super) const fn tail_doorbell(self, queue: u16) -> u64 {
        DOORBELLS + 2 * queue as u64 * self.stride()
    }

    /// The doorbell of the completion ring `queue`: its head.
    pub(super) const fn head_doorbell(self, queue: u16) -> u64 {
        DOORBELLS + (2 * queue as u64 + 1) * self.stride()
    }

    /// The end of the doorbells of the queues 0 and 1.
    pub(super) const fn doorbells_end(self) -> u64 {
        self.head_doorbell(1) + 4
    }
}

/// The status register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(pub(super) u32);

impl Status {
    pub(super) fn read<W: Window>(window: &W) -> Self {
        Self(window.read(STATUS))
    }

    /// Whether the controller takes commands.
    pub(super) const fn is_ready(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether it broke down.
    pub(super) const fn is_fatal(self) -> bool {
        self.0 & 2 == 2
    }

    /// Whether it was removed.
    pub(super) const fn is_absent(self) -> bool {
        self.0 == ABSENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_where_the_specification_says() {
        // QEMU's: 2048 places, 7.5 s, stride 4, NVM command set, pages of 4 KiB to 64 KiB.
        let found = Capabilities(0x0040_0020_0f01_07ff);
        assert_eq!(found.places(), 2048);
        assert_eq!(found.ready(), Duration::from_millis(7500));
        assert_eq!(
            (found.tail_doorbell(0), found.head_doorbell(0)),
            (0x1000, 0x1004)
        );
        assert_eq!(
            (found.tail_doorbell(1), found.head_doorbell(1)),
            (0x1008, 0x100c)
        );
        let wide = Capabilities(2 << 32 | 1 << 48);
        assert_eq!(
            (wide.tail_doorbell(1), wide.doorbells_end()),
            (0x1020, 0x1034)
        );
        assert!(!wide.fit());
        assert_eq!(wide.smallest_page(), 8192);
        assert_eq!(Capabilities(0).ready(), Duration::from_secs(1));
    }
}
