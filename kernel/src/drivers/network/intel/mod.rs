//! Intel gigabit cards of the e1000e family: 82571 to 82574L and 82583V, and the controllers in
//! chipsets with the PHYs I217, I218 and I219.
//!
//! | file | room |
//! |---|---|
//! | `model.rs` | which cards, and what is special about them |
//! | `registers.rs` | offsets and bits, and access to them |
//! | `ring.rs` | descriptor rings |
//! | `mac.rs`, `phy.rs` | reset, address, link, statistics; PHY registers |
//! | here | the card as a [`Card`] |
//!
//! One queue each way. The card is told of new descriptors once per poll, not once per frame.
//! Segmentation is never left to the card (the I219 can hang over it), and Energy Efficient
//! Ethernet is switched off where there is a PHY to tell. A card that has stopped sending is reset.

mod mac;
mod model;
mod phy;
mod registers;
mod ring;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::time::Duration;

use smoltcp::phy::ChecksumCapabilities;

pub use self::model::{Family, Model, VENDOR, model};

use self::mac::{Losses, Signal};
use self::registers::{Mapped, Registers, queue};
use self::ring::{Receive, Transmit};
use super::buffer::Buffer;
use super::card::{Card, Counters, Interrupt, Link, Received};
use crate::drivers::dma::Dma;
use crate::mem::map::Span;
use crate::mem::space;
use crate::pci::{self, Ecam, Function, msi, msix};

/// Frames that may wait before the card is told of them: a long poll should not delay the first.
const BATCH: usize = 32;
/// How long the card may take to send a frame while there is a link: pause frames are off, so a
/// frame is on the line within a millisecond.
const STALL: Duration = Duration::from_secs(2);

/// Memory of one card.
struct Memory {
    receive: &'static mut [u8],
    transmit: &'static mut [u8],
    receive_buffers: &'static mut [u8],
    transmit_buffers: &'static mut [u8],
}

/// Sets the card up.
///
/// # Errors
/// What went wrong, in words.
pub fn open(
    ecam: &Ecam,
    function: &Function,
    model: Model,
    interrupt: Interrupt,
) -> Result<Box<dyn Card>, String> {
    let address = function.address;
    pci::enable(ecam, address);
    let base = pci::memory_bar(ecam, address, 0).ok_or("the firmware has not placed it")?;
    let end = base.checked_add(registers::LEN);
    let end = end.ok_or("the firmware has placed it at the end of all addresses")?;
    space::map_device(Span { start: base, end }).map_err(|error| error.to_string())?;
    // SAFETY: mapped above; `model` tells that it is a card of this family, and devices are opened
    // once, by the system core.
    let registers = unsafe { Mapped::new(base) };
    let Interrupt { apic_id, vector } = interrupt;
    let signal = if model.msix && msix::route(ecam, address, apic_id, vector).is_some() {
        Signal::Msix
    } else if msi::route(ecam, address, apic_id, vector).is_some() {
        Signal::Msi
    } else {
        Signal::None
    };
    let allocate = |bytes| {
        Dma::new(bytes)
            .map(|memory| memory.into_bytes())
            .map_err(|error| error.to_string())
    };
    let memory = Memory {
        receive: allocate(ring::BYTES)?,
        transmit: allocate(ring::BYTES)?,
        receive_buffers: allocate(ring::SLOTS * ring::BUFFER)?,
        transmit_buffers: allocate(ring::SLOTS * ring::BUFFER)?,
    };
    let card = Intel::start(registers, model, signal, memory);
    Ok(Box::new(card.map_err(|error| error.to_string())?))
}

/// Notices that the card has stopped sending.
#[derive(Clone, Copy, Debug, Default)]
struct Watchdog {
    oldest: usize,
    since: Option<Duration>,
}

impl Watchdog {
    /// Whether the card has been at the same frame for too long.
    fn has_stalled(&mut self, now: Duration, transmit: &Transmit, link: Link) -> bool {
        let working = transmit.pending() == 0 || !link.up || transmit.oldest() != self.oldest;
        self.oldest = transmit.oldest();
        if working {
            self.since = None;
            return false;
        }
        now.saturating_sub(*self.since.get_or_insert(now)) >= STALL
    }
}

/// A card in use.
struct Intel<R> {
    registers: R,
    model: Model,
    signal: Signal,
    mac: [u8; 6],
    receive: Receive,
    transmit: Transmit,
    unflushed: usize,
    watchdog: Watchdog,
    link: Link,
    losses: Losses,
    counters: Counters,
}

impl<R: Registers + Send> Intel<R> {
    fn start(
        registers: R,
        model: Model,
        signal: Signal,
        memory: Memory,
    ) -> Result<Self, mac::Error> {
        mac::reset(&registers)?;
        let mac = mac::address(&registers)?;
        Losses::clear(&registers);
        let mut card = Self {
            receive: Receive::new(
                memory.receive,
                Buffer::carve(memory.receive_buffers, ring::BUFFER),
            ),
            transmit: Transmit::new(
                memory.transmit,
                Buffer::carve(memory.transmit_buffers, ring::BUFFER).collect(),
            ),
            registers,
            model,
            signal,
            mac,
            unflushed: 0,
            watchdog: Watchdog::default(),
            link: Link::default(),
            losses: Losses::default(),
            counters: Counters::default(),
        };
        card.set_up();
        Ok(card)
    }

    /// Everything between a reset and the first frame.
    fn set_up(&mut self) {
        let registers = &self.registers;
        if self.model.family == Family::Integrated
            && let Err(error) = phy::disable_energy_efficient(registers)
        {
            ::log::warn!(target: "net", "Energy Efficient Ethernet may be on: {error}");
        }
        mac::accept(registers, self.model);
        mac::start_interrupts(registers, self.signal);
        mac::start_queues(registers, self.receive.address(), self.transmit.address());
        mac::start_link(registers);
        self.link = mac::link(registers);
        self.flush();
        mac::arm(&self.registers, self.signal);
    }

    /// Gets a card going again that has stopped.
    fn recover(&mut self) {
        self.counters.resets += 1;
        self.watchdog = Watchdog::default();
        match mac::reset(&self.registers) {
            Ok(()) => {
                self.receive.restart();
                self.transmit.restart();
                self.set_up();
            }
            // The rings stay the card's: it may still use them. The next look tries again.
            Err(error) => ::log::error!(target: "net", "the card has stopped: {error}"),
        }
    }
}

impl<R: Registers + Send> Card for Intel<R> {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn interrupts(&self) -> bool {
        self.signal != Signal::None
    }

    fn checksums(&self) -> ChecksumCapabilities {
        ChecksumCapabilities::default()
    }

    fn receive(&mut self) -> Option<Received> {
        loop {
            let (buffer, descriptor) = self.receive.take()?;
            let len = usize::from(descriptor.len);
            let whole = descriptor.status & ring::END_OF_FRAME != 0;
            if whole && descriptor.errors & ring::DAMAGED == 0 && len <= buffer.len() {
                self.counters.received += 1;
                let range = 0..len;
                return Some(Received { buffer, range });
            }
            self.counters.failed += 1;
            self.receive.put(buffer);
        }
    }

    fn recycle(&mut self, buffer: Buffer) {
        self.receive.put(buffer);
    }

    fn can_send(&mut self) -> bool {
        if !self.transmit.has_room() {
            self.flush();
        }
        self.transmit.reclaim();
        self.transmit.has_room()
    }

    fn send(&mut self, len: usize, fill: &mut dyn FnMut(&mut [u8])) {
        if !self.transmit.put(len, fill) {
            self.counters.failed += 1;
            return;
        }
        self.counters.sent += 1;
        self.unflushed += 1;
        if self.unflushed >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.unflushed = 0;
        if let Some(tail) = self.transmit.news() {
            self.registers.write(queue::TRANSMIT + queue::TAIL, tail);
        }
        if let Some(tail) = self.receive.news() {
            self.registers.write(queue::RECEIVE + queue::TAIL, tail);
        }
    }

    fn arm(&mut self) -> bool {
        mac::arm(&self.registers, self.signal);
        self.receive.has_next()
    }

    fn look_after(&mut self, now: Duration) {
        self.link = mac::link(&self.registers);
        self.losses.update(&self.registers);
        self.counters.missed = self.losses.missed;
        self.counters.damaged = self.losses.damaged;
        self.transmit.reclaim();
        if self.watchdog.has_stalled(now, &self.transmit, self.link) {
            self.recover();
        }
    }

    fn link(&self) -> Link {
        self.link
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
