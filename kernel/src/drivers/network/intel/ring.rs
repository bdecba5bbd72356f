//! Descriptor rings: memory in which driver and card hand each other buffers.
//!
//! Descriptors have the legacy format, 16 bytes, which all cards from 82571 to I350 understand
//! (82574 datasheet sections 7.1.4 and 7.2.10). The card owns those from head to tail; the driver
//! moves the tail on, and the card sets "done" in a descriptor when it has finished with it.

use alloc::vec::Vec;
use core::mem::size_of;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

use crate::drivers::network::buffer::Buffer;

/// Descriptors per ring; a multiple of 8, as the card's register for the length wants it.
pub(super) const SLOTS: usize = 256;
/// Bytes of a ring.
pub(super) const BYTES: usize = SLOTS * size_of::<Descriptor>();
/// Bytes per buffer: what RCTL's buffer size of 0 means.
pub(super) const BUFFER: usize = 2048;

/// Status bit: the card has finished.
pub(super) const DONE: u8 = 1 << 0;
/// Status bit of a received buffer: the frame ends here.
pub(super) const END_OF_FRAME: u8 = 1 << 1;
/// Errors of a received frame: symbol, sequence and data errors, check sequence.
pub(super) const DAMAGED: u8 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 7;

/// Command of a sent frame: it ends here, gets its check sequence, and the card reports it.
const SEND: u8 = 1 << 0 | 1 << 1 | 1 << 3;

/// A descriptor. In received ones `command` has no meaning but that of the checksum's high byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub(super) struct Descriptor {
    /// The buffer.
    pub(super) address: u64,
    /// Bytes in it.
    pub(super) len: u16,
    /// Sending: where a checksum goes.
    pub(super) checksum: u8,
    /// Sending: what to do.
    pub(super) command: u8,
    /// What became of it.
    pub(super) status: u8,
    /// Receiving: what was wrong with the frame.
    pub(super) errors: u8,
    /// VLAN tag.
    pub(super) special: u16,
}

/// The descriptors in memory that the card reads and writes.
struct Table {
    first: NonNull<Descriptor>,
}

// SAFETY: the memory belongs to the ring alone, whichever core drives it.
unsafe impl Send for Table {}

impl Table {
    fn new(memory: &'static mut [u8]) -> Self {
        assert!(memory.len() >= BYTES, "a ring has room for its descriptors");
        let first = NonNull::from(memory).cast::<Descriptor>();
        assert!(first.is_aligned(), "a ring is aligned");
        Self { first }
    }

    fn address(&self) -> u64 {
        self.first.as_ptr().expose_provenance() as u64
    }

    fn read(&self, slot: usize) -> Descriptor {
        assert!(slot < SLOTS);
        // SAFETY: within the table; volatile, for the card may write to it.
        unsafe { self.first.add(slot).read_volatile() }
    }

    fn write(&mut self, slot: usize, descriptor: Descriptor) {
        assert!(slot < SLOTS);
        // SAFETY: within the table. The card does not look at it until the tail has passed it.
        unsafe { self.first.add(slot).write_volatile(descriptor) };
    }

    /// The descriptor, if the card has finished with it.
    fn done(&self, slot: usize) -> Option<Descriptor> {
        if self.read(slot).status & DONE == 0 {
            return None;
        }
        // What the card wrote before it set the bit is read after it was seen.
        fence(Ordering::Acquire);
        Some(self.read(slot))
    }
}

const fn next(slot: usize) -> usize {
    (slot + 1) % SLOTS
}

/// The ring of received frames.
pub(super) struct Receive {
    table: Table,
    buffers: [Option<Buffer>; SLOTS],
    /// The next descriptor to be filled by the card.
    head: usize,
    /// The next descriptor without a buffer; one stays so, or the card would take full for empty.
    tail: usize,
    told: usize,
}

impl Receive {
    /// A ring in `memory` ([`BYTES`] of it, aligned to a page) with `buffers`, [`SLOTS`] - 1 of
    /// them.
    pub(super) fn new(
        memory: &'static mut [u8],
        buffers: impl IntoIterator<Item = Buffer>,
    ) -> Self {
        let mut ring = Self {
            table: Table::new(memory),
            buffers: [const { None }; SLOTS],
            head: 0,
            tail: 0,
            told: 0,
        };
        for buffer in buffers.into_iter().take(SLOTS - 1) {
            ring.put(buffer);
        }
        ring
    }

    pub(super) fn address(&self) -> u64 {
        self.table.address()
    }

    /// Whether a frame waits.
    pub(super) fn has_next(&self) -> bool {
        self.head != self.tail && self.table.done(self.head).is_some()
    }

    /// The next buffer that the card has filled, with its descriptor.
    pub(super) fn take(&mut self) -> Option<(Buffer, Descriptor)> {
        if self.head == self.tail {
            return None;
        }
        let descriptor = self.table.done(self.head)?;
        let buffer = self.buffers[self.head].take()?;
        self.head = next(self.head);
        Some((buffer, descriptor))
    }

    /// Offers a buffer to the card, which hears of it by the next [`Receive::news`].
    pub(super) fn put(&mut self, buffer: Buffer) {
        let descriptor = Descriptor {
            address: buffer.address(),
            ..Descriptor::default()
        };
        self.table.write(self.tail, descriptor);
        self.buffers[self.tail] = Some(buffer);
        self.tail = next(self.tail);
    }

    /// The tail, if the card does not know it yet.
    pub(super) fn news(&mut self) -> Option<u32> {
        if self.told == self.tail {
            return None;
        }
        self.told = self.tail;
        // Descriptors are in memory before the card is told.
        fence(Ordering::Release);
        Some(self.tail as u32)
    }

    /// Starts again after a reset of the card, which must own nothing any more.
    pub(super) fn restart(&mut self) {
        let buffers: Vec<Buffer> = self.buffers.iter_mut().filter_map(Option::take).collect();
        for slot in 0..SLOTS {
            self.table.write(slot, Descriptor::default());
        }
        (self.head, self.tail, self.told) = (0, 0, 0);
        for buffer in buffers {
            self.put(buffer);
        }
    }
}

/// The ring of frames to be sent. Each descriptor has its own buffer.
pub(super) struct Transmit {
    table: Table,
    buffers: Vec<Buffer>,
    /// The oldest descriptor that the card has not finished with.
    head: usize,
    tail: usize,
    told: usize,
}

impl Transmit {
    /// A ring in `memory` ([`BYTES`] of it, aligned to a page) with [`SLOTS`] buffers.
    pub(super) fn new(memory: &'static mut [u8], buffers: Vec<Buffer>) -> Self {
        assert_eq!(buffers.len(), SLOTS, "a buffer for each descriptor");
        Self {
            table: Table::new(memory),
            buffers,
            head: 0,
            tail: 0,
            told: 0,
        }
    }

    pub(super) fn address(&self) -> u64 {
        self.table.address()
    }

    /// Takes back what the card has sent.
    pub(super) fn reclaim(&mut self) {
        while self.head != self.tail && self.table.done(self.head).is_some() {
            self.head = next(self.head);
        }
    }

    /// Whether there is room for a frame.
    pub(super) fn has_room(&self) -> bool {
        next(self.tail) != self.head
    }

    /// Frames that the card has not reported as sent.
    pub(super) fn pending(&self) -> usize {
        (self.tail + SLOTS - self.head) % SLOTS
    }

    /// The oldest of them: it changes as long as the card works.
    pub(super) fn oldest(&self) -> usize {
        self.head
    }

    /// Puts a frame of `len` bytes, written by `fill`, into the ring; the card hears of it by the
    /// next [`Transmit::news`]. Returns false, and drops the frame, if the ring is full or the
    /// frame does not fit a buffer.
    pub(super) fn put(&mut self, len: usize, fill: &mut dyn FnMut(&mut [u8])) -> bool {
        if !self.has_room() || len > BUFFER {
            fill(&mut alloc::vec![0; len]);
            return false;
        }
        let buffer = &mut self.buffers[self.tail];
        fill(&mut buffer[..len]);
        let descriptor = Descriptor {
            address: buffer.address(),
            len: len as u16,
            command: SEND,
            ..Descriptor::default()
        };
        self.table.write(self.tail, descriptor);
        self.tail = next(self.tail);
        true
    }

    /// The tail, if the card does not know it yet.
    pub(super) fn news(&mut self) -> Option<u32> {
        if self.told == self.tail {
            return None;
        }
        self.told = self.tail;
        // Frames and descriptors are in memory before the card is told.
        fence(Ordering::Release);
        Some(self.tail as u32)
    }

    /// Starts again after a reset of the card, which must own nothing any more. What was not sent
    /// is lost, as on a bad line.
    pub(super) fn restart(&mut self) {
        for slot in 0..SLOTS {
            self.table.write(slot, Descriptor::default());
        }
        (self.head, self.tail, self.told) = (0, 0, 0);
    }
}
