//! The virtio network card as a smoltcp device: frames go between the rings and the IP stack
//! without copies on the way in and with one buffer each way.
//!
//! Buffers are owned by exactly one party at a time: the device (in a ring), the stack (in a
//! token), or the free list. The tokens give them back when they are dropped.

use alloc::string::{String, ToString};
use core::cell::RefCell;
use core::ptr;
use core::slice;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use virtio_drivers::device::net::VirtIONetRaw;

use super::virtio;
use super::virtio::hal::KernelHal;
use super::virtio::transport::MsixTransport;
use crate::mem::PAGE;
use crate::mem::frames::FRAMES;
use crate::pci::{Ecam, Function, msix};

/// Slots per ring, and buffers each way.
const SLOTS: usize = 64;
/// Bytes per buffer: header and largest frame, a power of two so that no buffer crosses a page.
const BUFFER: usize = 2048;
/// Largest Ethernet frame without its check sequence, for an MTU of 1500.
const FRAME: usize = 1514;
/// Length of the virtio header of the modern interface.
const HEADER: usize = 12;
const RECEIVE_QUEUE: u16 = 0;

type Raw = VirtIONetRaw<KernelHal, MsixTransport, SLOTS>;

/// Whether the function is such a card.
#[must_use]
pub fn matches(function: &Function) -> bool {
    function.vendor == virtio::VENDOR && virtio::NETWORK.contains(&function.device)
}

/// Counts since boot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Frames received.
    pub received: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames or buffers that the device or the ring refused.
    pub failed: u64,
}

/// A block of [`SLOTS`] buffers.
struct Buffers {
    base: *mut u8,
}

// SAFETY: the memory belongs to the card's driver alone, whichever core drives it.
unsafe impl Send for Buffers {}

impl Buffers {
    fn new() -> Result<Self, String> {
        let len = (SLOTS * BUFFER) as u64;
        let start = FRAMES
            .lock()
            .allocate(len, PAGE)
            .map_err(|error| error.to_string())?;
        let base = ptr::with_exposed_provenance_mut::<u8>(start as usize);
        // SAFETY: the frames are mapped writable and ours since the line above.
        unsafe { base.write_bytes(0, len as usize) };
        Ok(Self { base })
    }

    /// The buffer of `slot`.
    ///
    /// # Safety
    /// The caller is the one party that owns the buffer now, for as long as `'a`.
    unsafe fn get<'a>(&self, slot: usize) -> &'a mut [u8] {
        assert!(slot < SLOTS);
        // SAFETY: within the block; exclusive by the caller's promise.
        unsafe { slice::from_raw_parts_mut(self.base.add(slot * BUFFER), BUFFER) }
    }
}

struct Card {
    raw: Raw,
    receive: Buffers,
    transmit: Buffers,
    /// Which buffer the ring's token stands for.
    receive_slot: [u8; SLOTS],
    transmit_slot: [u8; SLOTS],
    transmit_len: [u16; SLOTS],
    transmit_free: heapless::Vec<u8, SLOTS>,
    counters: Counters,
}

impl Card {
    /// Hands a receive buffer to the device.
    fn offer(&mut self, slot: u8) {
        // SAFETY: the caller took the buffer from a token or from nobody; the ring has it next.
        let buffer = unsafe { self.receive.get(usize::from(slot)) };
        // SAFETY: nothing touches the buffer until `take` gets it back with the same token.
        match unsafe { self.raw.receive_begin(buffer) } {
            Ok(token) => self.receive_slot[usize::from(token) % SLOTS] = slot,
            Err(_) => self.counters.failed += 1,
        }
    }

    /// Takes a received frame from the device: its buffer, and where the frame lies in it.
    fn take(&mut self) -> Option<(u8, usize, usize)> {
        let token = self.raw.poll_receive()?;
        let slot = self.receive_slot[usize::from(token) % SLOTS];
        // SAFETY: this token's buffer, which the device has finished with.
        let buffer = unsafe { self.receive.get(usize::from(slot)) };
        // SAFETY: the buffer is the one passed to `receive_begin` for this token.
        match unsafe { self.raw.receive_complete(token, buffer) } {
            Ok((header, len)) if header + len <= BUFFER => {
                self.counters.received += 1;
                Some((slot, header, len))
            }
            _ => {
                self.counters.failed += 1;
                self.offer(slot);
                None
            }
        }
    }

    /// Takes back the buffers of frames that were sent.
    fn reclaim(&mut self) {
        while let Some(token) = self.raw.poll_transmit() {
            let slot = self.transmit_slot[usize::from(token) % SLOTS];
            // SAFETY: this token's buffer, which the device has finished with.
            let buffer = unsafe { self.transmit.get(usize::from(slot)) };
            let len = usize::from(self.transmit_len[usize::from(slot)]);
            // SAFETY: the bytes are those passed to `transmit_begin` for this token.
            if unsafe { self.raw.transmit_complete(token, &buffer[..len]) }.is_err() {
                self.counters.failed += 1;
                return;
            }
            // There are as many places as buffers.
            let _ = self.transmit_free.push(slot);
        }
    }

    fn send(&mut self, slot: u8, len: usize) {
        // SAFETY: the token that calls this owns the buffer; the ring has it next.
        let buffer = unsafe { self.transmit.get(usize::from(slot)) };
        let bytes = &mut buffer[..HEADER + len];
        self.transmit_len[usize::from(slot)] = (HEADER + len) as u16;
        let filled = self.raw.fill_buffer_header(bytes).is_ok();
        // SAFETY: nothing touches the buffer until `reclaim` gets it back with the same token.
        match unsafe { self.raw.transmit_begin(bytes) } {
            Ok(token) if filled => {
                self.transmit_slot[usize::from(token) % SLOTS] = slot;
                self.counters.sent += 1;
            }
            _ => {
                self.counters.failed += 1;
                let _ = self.transmit_free.push(slot);
            }
        }
    }
}

/// A network card in use.
pub struct VirtioNet {
    card: RefCell<Card>,
    interrupts: bool,
}

impl VirtioNet {
    /// Sets the card up; what it receives interrupts the core `apic_id` with `vector`, if possible.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub fn open(
        ecam: &Ecam,
        function: &Function,
        apic_id: u32,
        vector: u8,
    ) -> Result<Self, String> {
        let inner = virtio::open(ecam, function)?;
        let interrupts = msix::route(ecam, function.address, apic_id, vector).is_some();
        let transport = MsixTransport::new(
            inner,
            ecam,
            function.address,
            interrupts.then_some(RECEIVE_QUEUE),
        )
        .ok_or("its registers are not where its capabilities say")?;
        let raw = Raw::new(transport).map_err(|error| error.to_string())?;
        let mut card = Card {
            raw,
            receive: Buffers::new()?,
            transmit: Buffers::new()?,
            receive_slot: [0; SLOTS],
            transmit_slot: [0; SLOTS],
            transmit_len: [0; SLOTS],
            transmit_free: (0..SLOTS as u8).collect(),
            counters: Counters::default(),
        };
        for slot in 0..SLOTS as u8 {
            card.offer(slot);
        }
        Ok(Self {
            card: RefCell::new(card),
            interrupts,
        })
    }

    /// The card's hardware address.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.card.borrow().raw.mac_address()
    }

    /// Whether received frames interrupt; else they have to be polled for.
    #[must_use]
    pub const fn interrupts(&self) -> bool {
        self.interrupts
    }

    /// Whether a received frame waits.
    #[must_use]
    pub fn has_received(&self) -> bool {
        self.card.borrow().raw.poll_receive().is_some()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.card.borrow().counters
    }
}

impl phy::Device for VirtioNet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let card = &self.card;
        let mut borrowed = card.borrow_mut();
        borrowed.reclaim();
        // Without room for an answer the frame waits in the ring.
        if borrowed.transmit_free.is_empty() {
            return None;
        }
        let (slot, start, len) = borrowed.take()?;
        Some((
            Received {
                card,
                slot,
                start,
                len,
            },
            Sending { card },
        ))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_>> {
        let mut card = self.card.borrow_mut();
        card.reclaim();
        let free = !card.transmit_free.is_empty();
        drop(card);
        free.then_some(Sending { card: &self.card })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(SLOTS);
        capabilities
    }
}

/// A received frame. Its buffer goes back to the device when this is dropped.
pub struct Received<'a> {
    card: &'a RefCell<Card>,
    slot: u8,
    start: usize,
    len: usize,
}

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        // SAFETY: the token owns the buffer until it is dropped, which is after `f`.
        let buffer = unsafe { self.card.borrow().receive.get(usize::from(self.slot)) };
        f(&buffer[self.start..self.start + self.len])
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        self.card.borrow_mut().offer(self.slot);
    }
}

/// The right to send one frame.
pub struct Sending<'a> {
    card: &'a RefCell<Card>,
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let len = len.min(BUFFER - HEADER);
        let slot = self.card.borrow_mut().transmit_free.pop();
        let slot = slot.expect("a sending token is only made while a buffer is free");
        // SAFETY: the slot is off the free list and not in the ring yet: it is ours.
        let buffer = unsafe { self.card.borrow().transmit.get(usize::from(slot)) };
        let result = f(&mut buffer[HEADER..HEADER + len]);
        self.card.borrow_mut().send(slot, len);
        result
    }
}
