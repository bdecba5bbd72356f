//! What a driver of a network card offers.

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use smoltcp::phy::ChecksumCapabilities;

use super::buffer::Buffer;

/// Largest Ethernet frame without VLAN tag and check sequence, for an MTU of 1500.
pub const FRAME: usize = 1514;

/// Where the card's interrupts go.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt {
    /// APIC identifier of the core.
    pub apic_id: u32,
    /// The core's vector.
    pub vector: u8,
}

/// State of the cable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Whether there is another end.
    pub up: bool,
    /// Megabits per second, 0 if the card does not say.
    pub speed: u32,
    /// Whether both ends may send at once.
    pub full_duplex: bool,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { up: false, .. } => f.write_str("down"),
            Self { speed: 0, .. } => f.write_str("up"),
            Self {
                speed, full_duplex, ..
            } => {
                let duplex = if *full_duplex { "full" } else { "half" };
                write!(f, "up, {speed} Mbit/s, {duplex} duplex")
            }
        }
    }
}

/// Counts since the card was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub received: u64,
    /// Frames given to the card to send.
    pub sent: u64,
    /// Frames or buffers that made no sense to the driver or were refused by the ring.
    pub failed: u64,
    /// Frames that the card dropped for want of buffers.
    pub missed: u64,
    /// Frames that came in damaged.
    pub damaged: u64,
    /// Times the card was reset because it had stopped.
    pub resets: u64,
}

/// A frame that came in.
#[derive(Debug)]
pub struct Received {
    /// The buffer that holds it.
    pub buffer: Buffer,
    /// Where in the buffer it lies.
    pub range: Range<usize>,
}

/// What a driver does.
pub trait Card: Send {
    /// The card's hardware address.
    fn mac(&self) -> [u8; 6];

    /// Whether received frames interrupt; else they have to be polled for.
    fn interrupts(&self) -> bool;

    /// Which checksums the stack has to see to.
    fn checksums(&self) -> ChecksumCapabilities;

    /// The next received frame. Its buffer must come back by [`Card::recycle`].
    fn receive(&mut self) -> Option<Received>;

    /// Takes back the buffer of a received frame.
    fn recycle(&mut self, buffer: Buffer);

    /// Whether there is room for one more frame to send.
    fn can_send(&mut self) -> bool;

    /// Sends a frame of `len` bytes that `fill` writes. There is room: [`Card::can_send`] said so.
    fn send(&mut self, len: usize, fill: &mut dyn FnMut(&mut [u8]));

    /// Tells the device of everything since the last call.
    fn flush(&mut self);

    /// Lets the next received frame interrupt. Returns true if one waits already.
    fn arm(&mut self) -> bool;

    /// Looks after the card; called about once a second.
    fn look_after(&mut self, now: Duration);

    /// State of the cable as last seen.
    fn link(&self) -> Link;

    /// What was counted so far.
    fn counters(&self) -> Counters;
}
