//! The MAC: reset, address, link, set-up of rings and interrupts, statistics.
//!
//! Source: 82574 datasheet section 4.6 ("Software Initialization Sequence") and chapter 10. What
//! works the same in igb cards (I210, I350) has no mention of queues or interrupt causes:
//! [`reset`], [`address`], [`link`], [`accept`], [`Losses`].

use core::fmt;
use core::time::Duration;

use super::model::{Family, Model};
use super::registers::{
    CTRL, CTRL_EXT, EIAC, EITR0, ICR, IMC, IMS, ITR, IVAR, MTA, RAH0, RAL0, RCTL, RFCTL, RXCSUM,
    Registers, STATUS, TCTL, TIPG, cause, count, ctrl, ctrl_ext, queue, rctl, status, tctl,
};
use super::ring;
use crate::drivers::network::Link;

/// Why a card cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// It reads as all ones.
    Absent,
    /// Its reset does not end.
    ResetStays,
    /// It has no hardware address.
    NoAddress([u8; 6]),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("its registers do not answer"),
            Self::ResetStays => f.write_str("its reset does not end within 100 ms"),
            Self::NoAddress(address) => {
                write!(f, "{address:02x?} is not a hardware address of a card")
            }
        }
    }
}

/// Both waits of a reset are far longer than any card needs.
const STEP: Duration = Duration::from_millis(1);
const STEPS: u32 = 100;
/// After a reset the card reads its settings from its memory chip; the longest time that a
/// datasheet of the family names.
const SETTLE: Duration = Duration::from_millis(20);

fn wait(registers: &impl Registers, done: impl Fn() -> bool) -> bool {
    for _ in 0..STEPS {
        if done() {
            return true;
        }
        registers.pause(STEP);
    }
    false
}

/// Stops the card and puts it in its first state, interrupts masked. Afterwards it uses no memory.
pub(super) fn reset(registers: &impl Registers) -> Result<(), Error> {
    if registers.read(STATUS) == u32::MAX {
        return Err(Error::Absent);
    }
    registers.write(IMC, u32::MAX);
    registers.write(RCTL, 0);
    registers.write(TCTL, tctl::PAD_SHORT);
    let control = registers.read(CTRL);
    registers.write(CTRL, control | ctrl::MASTER_DISABLE);
    // A card whose accesses hang is reset all the same: that is what ends them.
    wait(registers, || {
        registers.read(STATUS) & status::MASTER_ENABLED == 0
    });
    registers.write(CTRL, control | ctrl::RESET);
    registers.pause(SETTLE);
    if !wait(registers, || registers.read(CTRL) & ctrl::RESET == 0) {
        return Err(Error::ResetStays);
    }
    registers.write(IMC, u32::MAX);
    registers.read(ICR);
    Ok(())
}

/// The hardware address that the card has read from its memory chip.
pub(super) fn address(registers: &impl Registers) -> Result<[u8; 6], Error> {
    let [a, b, c, d] = registers.read(RAL0).to_le_bytes();
    let [e, f, ..] = registers.read(RAH0).to_le_bytes();
    let address = [a, b, c, d, e, f];
    match address {
        [0, 0, 0, 0, 0, 0] => Err(Error::NoAddress(address)),
        // Group addresses, among them all ones, are nobody's own.
        [first, ..] if first & 1 != 0 => Err(Error::NoAddress(address)),
        _ => Ok(address),
    }
}

/// Brings the link up, at what both ends agree on, without pause frames.
pub(super) fn start_link(registers: &impl Registers) {
    let off = ctrl::MASTER_DISABLE
        | ctrl::INVERT_LOSS_OF_SIGNAL
        | ctrl::FORCE_SPEED
        | ctrl::FORCE_DUPLEX
        | ctrl::RECEIVE_PAUSE
        | ctrl::SEND_PAUSE
        | ctrl::VLAN_MODE;
    registers.write(CTRL, registers.read(CTRL) & !off | ctrl::SET_LINK_UP);
}

/// State of the cable.
pub(super) fn link(registers: &impl Registers) -> Link {
    let value = registers.read(STATUS);
    if value & status::LINK_UP == 0 || value == u32::MAX {
        return Link::default();
    }
    Link {
        up: true,
        speed: match value >> status::SPEED_SHIFT & 0b11 {
            0 => 10,
            1 => 100,
            _ => 1000,
        },
        full_duplex: value & status::FULL_DUPLEX != 0,
    }
}

/// Lets in frames to the card's own address and to groups: IPv6 finds neighbours by multicast.
pub(super) fn accept(registers: &impl Registers, model: Model) {
    let tables = match model.family {
        Family::Discrete => 128,
        Family::Integrated => 32,
    };
    for entry in 0..tables {
        registers.write(MTA + 4 * entry, 0);
    }
    // Legacy descriptors; checksums are the stack's business.
    registers.write(RFCTL, 0);
    registers.write(RXCSUM, 0);
}

/// Gaps between frames for copper (82574 datasheet section 10.2.6.3).
const GAPS: u32 = 8 | 8 << 10 | 6 << 20;
/// Descriptors are written back at once, and thresholds count descriptors, not cache lines. Bit 22
/// must be set in the transmit queue's control.
const GRANULARITY: u32 = 1 << 24;
const WRITE_BACK_AT_ONCE: u32 = 1 << 16;
const COUNT_DESCRIPTORS: u32 = 1 << 22;

fn start_queue(registers: &impl Registers, first: u32, address: u64, control: u32) {
    registers.write(first + queue::BASE_LOW, address as u32);
    registers.write(first + queue::BASE_HIGH, (address >> 32) as u32);
    registers.write(first + queue::BYTES, ring::BYTES as u32);
    registers.write(first + queue::HEAD, 0);
    registers.write(first + queue::TAIL, 0);
    registers.write(first + queue::CONTROL, control);
}

/// Starts both directions. The receive ring's tail must be written afterwards.
pub(super) fn start_queues(registers: &impl Registers, receive: u64, transmit: u64) {
    start_queue(
        registers,
        queue::RECEIVE,
        receive,
        GRANULARITY | WRITE_BACK_AT_ONCE,
    );
    let control = GRANULARITY | WRITE_BACK_AT_ONCE | COUNT_DESCRIPTORS;
    start_queue(registers, queue::TRANSMIT, transmit, control);
    registers.write(TIPG, GAPS);
    registers.write(
        TCTL,
        tctl::ENABLE
            | tctl::PAD_SHORT
            | tctl::COLLISION_THRESHOLD
            | tctl::COLLISION_DISTANCE
            | tctl::RETRANSMIT_LATE,
    );
    registers.write(
        RCTL,
        rctl::ENABLE | rctl::ACCEPT_MULTICAST | rctl::ACCEPT_BROADCAST | rctl::STRIP_CRC,
    );
}

/// How the card interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// By MSI-X table entry 0: a write to IMS lets the next one through.
    Msix,
    /// By MSI: causes must be read to go away.
    Msi,
    /// Not at all.
    None,
}

/// Interrupts at least 50 microseconds apart, in units of 256 ns: a burst costs one.
const INTERVAL: u32 = 195;
/// Entry 0 for the receive queue, in the field's low bits; bit 3 makes it valid.
const RECEIVE_BY_ENTRY_0: u32 = 1 << 3;

/// Sets up which cause interrupts how. Nothing interrupts before [`arm`].
pub(super) fn start_interrupts(registers: &impl Registers, signal: Signal) {
    match signal {
        Signal::Msix => {
            let extended = registers.read(CTRL_EXT);
            let extended = extended & !ctrl_ext::KEEP_MASK;
            registers.write(CTRL_EXT, extended | ctrl_ext::PBA_SUPPORT);
            registers.write(IVAR, RECEIVE_BY_ENTRY_0);
            registers.write(EIAC, cause::RECEIVE_QUEUE);
            registers.write(EITR0, INTERVAL);
        }
        Signal::Msi => registers.write(ITR, INTERVAL),
        Signal::None => {}
    }
}

/// Lets the next received frame interrupt.
pub(super) fn arm(registers: &impl Registers, signal: Signal) {
    match signal {
        Signal::Msix => {
            // What came in before was seen by polling.
            registers.write(ICR, cause::RECEIVE_QUEUE);
            registers.write(IMS, cause::RECEIVE_QUEUE);
        }
        Signal::Msi => {
            registers.read(ICR);
            let causes = cause::RECEIVE_TIMER | cause::RECEIVE_OVERRUN | cause::LINK_CHANGE;
            registers.write(IMS, causes);
        }
        Signal::None => {}
    }
}

/// What the card has counted of lost frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// Frames for which there was no room.
    pub(super) missed: u64,
    /// Frames that came in damaged.
    pub(super) damaged: u64,
}

impl Losses {
    /// Forgets what was counted before the driver came.
    pub(super) fn clear(registers: &impl Registers) {
        for register in count::ALL.step_by(4) {
            registers.read(register);
        }
    }

    /// Adds what was counted since the last time.
    pub(super) fn update(&mut self, registers: &impl Registers) {
        let read = |register| u64::from(registers.read(register));
        self.missed += read(count::MISSED);
        let errors = [
            count::CRC_ERRORS,
            count::RECEIVE_ERRORS,
            count::LENGTH_ERRORS,
        ];
        self.damaged += errors.into_iter().map(read).sum::<u64>();
    }
}
