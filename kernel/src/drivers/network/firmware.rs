//! A card that only the firmware can drive, as a [`Card`] of the system core.
//!
//! The boot core stays in the firmware's boot services and carries frames between the firmware's
//! driver and four queues without locks: full and empty buffers each way. Each buffer is always
//! with exactly one of: a queue, the system core's end [`Firmware`], the boot core's end [`Proxy`].
//! This is slower than any driver of our own, and costs a core: the status says "degraded".

use alloc::boxed::Box;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;

use heapless::spsc::{Consumer, Producer, Queue};
use smoltcp::phy::ChecksumCapabilities;

use super::buffer::Buffer;
use super::card::{Card, Counters, Link, Received};

/// What these cards are called.
pub const NAME: &str = "card driven by the firmware (degraded)";

/// Buffers each way. A queue holds one less than its size.
const SLOTS: usize = 64;
const PLACES: usize = SLOTS + 1;
/// Bytes per buffer: the largest frame with a VLAN tag, and a power of two.
const BUFFER: usize = 2048;
/// Memory that [`pair`] needs, in bytes.
pub const MEMORY: usize = 2 * SLOTS * BUFFER;

/// A buffer and the frame in it.
struct Frame {
    buffer: Buffer,
    len: usize,
}

type Sender<T> = Producer<'static, T>;
type Receiver<T> = Consumer<'static, T>;

/// What the boot core tells beside frames.
#[derive(Default)]
struct Notes {
    link: AtomicBool,
    failed: AtomicU64,
}

/// What the firmware's driver does.
pub trait Driver {
    /// Sends a frame; false if the card did not take it.
    fn send(&mut self, frame: &mut [u8]) -> bool;

    /// Receives a frame into `buffer`, if one waits; returns its length.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize>;

    /// Whether there is a cable with another end.
    fn has_link(&self) -> bool;
}

/// The boot core's end.
pub struct Proxy {
    to_send: Receiver<Frame>,
    sent: Sender<Buffer>,
    empty: Receiver<Buffer>,
    received: Sender<Frame>,
    /// The empty buffer that the firmware is asked to fill.
    open: Option<Buffer>,
    notes: &'static Notes,
}

/// The system core's end.
pub struct Firmware {
    mac: [u8; 6],
    to_send: Sender<Frame>,
    sent: Receiver<Buffer>,
    empty: Sender<Buffer>,
    received: Receiver<Frame>,
    notes: &'static Notes,
    counters: Counters,
}

fn queue<T: Send + 'static>() -> (Sender<T>, Receiver<T>) {
    Box::leak(Box::new(Queue::<T, PLACES>::new())).split()
}

/// Both ends over `memory`, [`MEMORY`] bytes of it, for the card with the address `mac`.
#[must_use]
pub fn pair(memory: &'static mut [u8], mac: [u8; 6]) -> (Firmware, Proxy) {
    let notes: &'static Notes = Box::leak(Box::default());
    let (to_send, to_send_end) = queue();
    let (mut sent, sent_end) = queue();
    let (mut empty, empty_end) = queue();
    let (received, received_end) = queue();
    let mut buffers = Buffer::carve(memory, BUFFER);
    for buffer in buffers.by_ref().take(SLOTS) {
        // There are as many places as buffers, here and wherever they go.
        let _ = sent.enqueue(buffer);
    }
    for buffer in buffers.take(SLOTS) {
        let _ = empty.enqueue(buffer);
    }
    let firmware = Firmware {
        mac,
        to_send,
        sent: sent_end,
        empty,
        received: received_end,
        notes,
        counters: Counters::default(),
    };
    let proxy = Proxy {
        to_send: to_send_end,
        sent,
        empty: empty_end,
        received,
        open: None,
        notes,
    };
    (firmware, proxy)
}

impl Proxy {
    /// Moves one frame each way, if there is one. Returns whether there was.
    pub fn turn(&mut self, driver: &mut impl Driver) -> bool {
        let mut moved = false;
        if let Some(mut frame) = self.to_send.dequeue() {
            moved = true;
            if !driver.send(&mut frame.buffer[..frame.len]) {
                self.notes.failed.fetch_add(1, Ordering::Relaxed);
            }
            let _ = self.sent.enqueue(frame.buffer);
        }
        if self.open.is_none() {
            self.open = self.empty.dequeue();
        }
        if let Some(mut buffer) = self.open.take() {
            match driver.receive(&mut buffer) {
                Some(len) if len <= buffer.len() => {
                    moved = true;
                    let _ = self.received.enqueue(Frame { buffer, len });
                }
                _ => self.open = Some(buffer),
            }
        }
        if !moved {
            self.notes.link.store(driver.has_link(), Ordering::Relaxed);
        }
        moved
    }
}

impl Card for Firmware {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn interrupts(&self) -> bool {
        false
    }

    fn checksums(&self) -> ChecksumCapabilities {
        ChecksumCapabilities::default()
    }

    fn receive(&mut self) -> Option<Received> {
        let Frame { buffer, len } = self.received.dequeue()?;
        self.counters.received += 1;
        let range = 0..len;
        Some(Received { buffer, range })
    }

    fn recycle(&mut self, buffer: Buffer) {
        let _ = self.empty.enqueue(buffer);
    }

    fn can_send(&mut self) -> bool {
        self.sent.ready()
    }

    fn send(&mut self, len: usize, fill: &mut dyn FnMut(&mut [u8])) {
        let buffer = (len <= BUFFER).then(|| self.sent.dequeue());
        let Some(mut buffer) = buffer.flatten() else {
            fill(&mut alloc::vec![0; len]);
            self.counters.failed += 1;
            return;
        };
        fill(&mut buffer[..len]);
        self.counters.sent += 1;
        let _ = self.to_send.enqueue(Frame { buffer, len });
    }

    fn flush(&mut self) {}

    fn arm(&mut self) -> bool {
        self.received.ready()
    }

    fn look_after(&mut self, _now: Duration) {
        self.counters.missed = self.notes.failed.load(Ordering::Relaxed);
    }

    fn link(&self) -> Link {
        Link {
            up: self.notes.link.load(Ordering::Relaxed),
            ..Link::default()
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::vec::Vec;

    /// A card whose wire leads back to itself; it refuses frames that begin with 0xff.
    #[derive(Default)]
    struct Loop(VecDeque<Vec<u8>>);

    impl Driver for Loop {
        fn send(&mut self, frame: &mut [u8]) -> bool {
            let takes = frame[0] != 0xff;
            if takes {
                self.0.push_back(frame.to_vec());
            }
            takes
        }

        fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
            let frame = self.0.pop_front()?;
            buffer[..frame.len()].copy_from_slice(&frame);
            Some(frame.len())
        }

        fn has_link(&self) -> bool {
            true
        }
    }

    fn ends() -> (Firmware, Proxy) {
        pair(std::vec![0; MEMORY].leak(), [2, 0, 0, 0, 0, 1])
    }

    fn take(card: &mut Firmware) -> Option<Vec<u8>> {
        let Received { buffer, range } = card.receive()?;
        let frame = buffer[range].to_vec();
        card.recycle(buffer);
        Some(frame)
    }

    #[test]
    fn frames_cross_between_two_cores_in_order() {
        const COUNT: u32 = 20_000;
        let (mut card, mut proxy) = ends();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut wire = Loop::default();
                while !done.load(Ordering::Relaxed) {
                    if !proxy.turn(&mut wire) {
                        std::thread::yield_now();
                    }
                }
            });
            let (mut sent, mut received) = (0, 0);
            while received < COUNT {
                while sent < COUNT && card.can_send() {
                    let len = 4 + sent as usize % 1500;
                    card.send(len, &mut |bytes| {
                        bytes[..4].copy_from_slice(&sent.to_be_bytes())
                    });
                    sent += 1;
                }
                match take(&mut card) {
                    Some(frame) => {
                        assert_eq!(frame.len(), 4 + received as usize % 1500);
                        assert_eq!(frame[..4], received.to_be_bytes());
                        received += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(card.counters().received, u64::from(COUNT));
    }

    #[test]
    fn a_proxy_that_sleeps_costs_frames_nothing_else() {
        let (mut card, mut proxy) = ends();
        for _ in 0..SLOTS {
            assert!(card.can_send());
            card.send(60, &mut |bytes| bytes.fill(1));
        }
        assert!(!card.can_send());
        let mut wire = Loop::default();
        while proxy.turn(&mut wire) {}
        assert!(card.can_send() && card.arm());
        let mut back = 0;
        while take(&mut card).is_some() {
            back += 1;
        }
        assert_eq!(back, SLOTS);
        card.look_after(Duration::ZERO);
        assert!(card.link().up);
    }

    #[test]
    fn what_the_card_does_not_take_is_counted() {
        let (mut card, mut proxy) = ends();
        card.send(60, &mut |bytes| bytes.fill(0xff));
        card.send(BUFFER + 1, &mut |bytes| bytes.fill(1));
        let mut wire = Loop::default();
        while proxy.turn(&mut wire) {}
        card.look_after(Duration::ZERO);
        assert_eq!((card.counters().missed, card.counters().failed), (1, 1));
        assert_eq!(take(&mut card), None);
    }
}
