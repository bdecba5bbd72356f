//! The virtio network card.
//!
//! The queues are the library's; features, headers and buffers are handled here, for what pays is
//! not in its own network driver: checksums that nobody computes between a host and its guest,
//! received segments as large as the host has them (spread over as many buffers as it takes,
//! "merged"), and one notification per poll instead of one per frame.
//!
//! Source: virtio specification 1.2, section 5.1 ("Network Device").

mod header;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};
use core::time::Duration;

use smoltcp::phy::{Checksum, ChecksumCapabilities};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport};

use self::header::{Header, feature};
use super::buffer::Buffer;
use super::card::{Card, Counters, Interrupt, Link, Received};
use super::checksum;
use crate::drivers::dma::Dma;
use crate::drivers::virtio::{self as common, hal::KernelHal, transport::MsixTransport};
use crate::pci::{Ecam, Function, msix};

/// What these cards are called.
pub const NAME: &str = "virtio-net";

/// Buffers each way: what hosts offer as the size of a queue at least.
const SLOTS: usize = 256;
/// Bytes per buffer: header and largest frame, and a power of two so that none crosses a page.
const BUFFER: usize = 2048;
/// Most bytes of a merged frame: the largest IP packet, its Ethernet header and tag.
const MERGED: usize = 65_535 + 18;
const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
/// Frames that may wait before the card is told of them: a long poll should not delay the first.
const BATCH: usize = 32;

/// Where hardware address and link status lie in the configuration space.
const CONFIG_MAC: usize = 0;
const CONFIG_STATUS: usize = 6;
const STATUS_LINK_UP: u16 = 1;

type Queue = VirtQueue<KernelHal, SLOTS>;

/// Whether the function is such a card.
#[must_use]
pub fn matches(function: &Function) -> bool {
    function.vendor == common::VENDOR && common::NETWORK.contains(&function.device)
}

/// Sets the card up.
///
/// # Errors
/// What went wrong, in words.
pub fn open(
    ecam: &Ecam,
    function: &Function,
    interrupt: Interrupt,
) -> Result<Box<dyn Card>, String> {
    let address = function.address;
    let inner = common::open(ecam, function)?;
    let Interrupt { apic_id, vector } = interrupt;
    let interrupts = msix::route(ecam, address, apic_id, vector).is_some();
    let transport = MsixTransport::new(inner, ecam, address, interrupts.then_some(RECEIVE))
        .ok_or("its registers are not where its capabilities say")?;
    Ok(Box::new(VirtioNet::start(transport, interrupts)?))
}

/// A queue, and the buffers that the device has.
struct Ring {
    queue: Queue,
    lent: [Option<Buffer>; SLOTS],
    unflushed: usize,
}

impl Ring {
    fn new(transport: &mut MsixTransport, index: u16) -> Result<Self, String> {
        // Notifications by event index are left alone: the library's comparison does not survive
        // the index's wrapping.
        let queue = Queue::new(transport, index, false, false);
        Ok(Self {
            queue: queue.map_err(|error| error.to_string())?,
            lent: [const { None }; SLOTS],
            unflushed: 0,
        })
    }

    /// Lends the device a buffer to write to, or `len` bytes to read. A buffer that does not fit
    /// comes back.
    fn lend(&mut self, mut buffer: Buffer, len: Option<usize>) -> Result<(), Buffer> {
        // SAFETY: the buffer's memory lives for ever, and nobody looks at it before `take_back`: it
        // lies in `lent`.
        let added = unsafe {
            match len {
                Some(len) => self.queue.add(&[&buffer[..len]], &mut []),
                None => self.queue.add(&[], &mut [&mut buffer[..]]),
            }
        };
        match added {
            Ok(token) => {
                self.lent[usize::from(token) % SLOTS] = Some(buffer);
                self.unflushed += 1;
                Ok(())
            }
            Err(_) => Err(buffer),
        }
    }

    /// The next buffer that the device has finished with, and how many bytes it wrote.
    fn take_back(&mut self, reading: bool) -> Option<(Buffer, usize)> {
        let token = self.queue.peek_used()?;
        let mut buffer = self.lent.get_mut(usize::from(token))?.take()?;
        // SAFETY: the buffer that was lent for this token. The library keeps the length that was
        // added in its own table and uses the slice for nothing but the address.
        let written = unsafe {
            match reading {
                true => self.queue.pop_used(token, &[&buffer[..]], &mut []),
                false => self.queue.pop_used(token, &[], &mut [&mut buffer[..]]),
            }
        };
        Some((buffer, written.map_or(0, |len| len as usize)))
    }

    /// Tells the device of what it was lent.
    fn flush(&mut self, transport: &mut MsixTransport, index: u16) {
        if core::mem::take(&mut self.unflushed) > 0 && self.queue.should_notify() {
            transport.notify(index);
        }
    }
}

/// A card in use.
struct VirtioNet {
    transport: MsixTransport,
    features: u64,
    interrupts: bool,
    mac: [u8; 6],
    receive: Ring,
    transmit: Ring,
    free: Vec<Buffer>,
    /// Where frames of more than one buffer are put together; with the stack while it reads one.
    merged: Option<Buffer>,
    armed: bool,
    link: Link,
    counters: Counters,
}

impl VirtioNet {
    fn start(mut transport: MsixTransport, interrupts: bool) -> Result<Self, String> {
        let features = negotiate(&mut transport)?;
        let mac = transport
            .read_config_space::<[u8; 6]>(CONFIG_MAC)
            .map_err(|error| error.to_string())?;
        let receive = Ring::new(&mut transport, RECEIVE)?;
        let transmit = Ring::new(&mut transport, TRANSMIT)?;
        transport.finish_init();
        let allocate = |bytes| {
            Dma::new(bytes)
                .map(|memory| memory.into_bytes())
                .map_err(|error| error.to_string())
        };
        let mut card = Self {
            transport,
            features,
            interrupts,
            mac,
            receive,
            transmit,
            free: Buffer::carve(allocate(SLOTS * BUFFER)?, BUFFER).collect(),
            merged: Buffer::carve(allocate(MERGED)?, MERGED).next(),
            armed: true,
            link: Link::default(),
            counters: Counters::default(),
        };
        for buffer in Buffer::carve(allocate(SLOTS * BUFFER)?, BUFFER) {
            card.offer(buffer);
        }
        card.transmit.queue.set_dev_notify(false);
        card.look_after(Duration::ZERO);
        card.flush();
        Ok(card)
    }

    const fn has(&self, feature: u64) -> bool {
        self.features & feature != 0
    }

    /// Hands a buffer to the device to receive into.
    fn offer(&mut self, buffer: Buffer) {
        if self.receive.lend(buffer, None).is_err() {
            self.counters.failed += 1;
        }
    }

    /// Puts a frame together whose first part is in `first`: `len` bytes with the header.
    fn merge(&mut self, first: Buffer, len: usize, parts: usize) -> Option<Received> {
        let mut merged = self.merged.take();
        let mut end = 0;
        let mut part = Some((first, header::LEN, len));
        for left in (0..parts).rev() {
            let Some((buffer, start, len)) = part.take() else {
                break;
            };
            match (&mut merged, buffer.get(start..len)) {
                (Some(whole), Some(bytes)) if end + bytes.len() <= whole.len() => {
                    whole[end..end + bytes.len()].copy_from_slice(bytes);
                    end += bytes.len();
                }
                _ => end = usize::MAX,
            }
            self.offer(buffer);
            if end == usize::MAX {
                // The other parts would be taken for frames of their own.
                for _ in 0..left {
                    if let Some((buffer, _)) = self.receive.take_back(false) {
                        self.offer(buffer);
                    }
                }
                break;
            }
            if left > 0 {
                part = self
                    .receive
                    .take_back(false)
                    .map(|(buffer, len)| (buffer, 0, len));
                if part.is_none() {
                    end = usize::MAX;
                }
            }
        }
        if end == usize::MAX {
            self.merged = merged;
            return None;
        }
        let range = 0..end;
        merged.map(|buffer| Received { buffer, range })
    }
}

/// Tells the device what the driver can do; returns what both can.
fn negotiate(transport: &mut MsixTransport) -> Result<u64, String> {
    let known = DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER;
    transport.set_status(DeviceStatus::empty());
    transport.set_status(known);
    let features = header::choose(transport.read_device_features())
        .ok_or("it has only the legacy interface")?;
    transport.write_driver_features(features);
    let agreed = known | DeviceStatus::FEATURES_OK;
    transport.set_status(agreed);
    if !transport.get_status().contains(agreed) {
        return Err("it does not accept the features that it offers".to_string());
    }
    Ok(features)
}

impl Card for VirtioNet {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn interrupts(&self) -> bool {
        self.interrupts
    }

    fn checksums(&self) -> ChecksumCapabilities {
        let both = match (
            self.has(feature::CHECKSUM),
            self.has(feature::GUEST_CHECKSUM),
        ) {
            (true, true) => Checksum::None,
            (true, false) => Checksum::Rx,
            (false, true) => Checksum::Tx,
            (false, false) => Checksum::Both,
        };
        let mut capabilities = ChecksumCapabilities::default();
        capabilities.tcp = both;
        capabilities.udp = both;
        capabilities
    }

    fn receive(&mut self) -> Option<Received> {
        loop {
            let (buffer, len) = self.receive.take_back(false)?;
            if core::mem::take(&mut self.armed) {
                // Until the loop wants to sleep again it looks by itself.
                self.receive.queue.set_dev_notify(false);
            }
            let Some(header) = buffer.get(..len).and_then(Header::parse) else {
                self.counters.failed += 1;
                self.offer(buffer);
                continue;
            };
            let received = match header.buffers {
                0 | 1 => {
                    let range = header::LEN..len;
                    Some(Received { buffer, range })
                }
                parts => self.merge(buffer, len, usize::from(parts)),
            };
            let Some(received) = received else {
                self.counters.failed += 1;
                continue;
            };
            let frame = &received.buffer[received.range.clone()];
            if self.has(feature::GUEST_CHECKSUM)
                && !header.is_checked()
                && !checksum::is_sound(frame)
            {
                self.counters.damaged += 1;
                self.recycle(received.buffer);
                continue;
            }
            self.counters.received += 1;
            return Some(received);
        }
    }

    fn recycle(&mut self, buffer: Buffer) {
        if buffer.len() == MERGED {
            self.merged = Some(buffer);
            return;
        }
        self.offer(buffer);
        if self.receive.unflushed >= BATCH {
            self.receive.flush(&mut self.transport, RECEIVE);
        }
    }

    fn can_send(&mut self) -> bool {
        while let Some((buffer, _)) = self.transmit.take_back(true) {
            self.free.push(buffer);
        }
        if self.free.is_empty() {
            self.transmit.flush(&mut self.transport, TRANSMIT);
        }
        !self.free.is_empty()
    }

    fn send(&mut self, len: usize, fill: &mut dyn FnMut(&mut [u8])) {
        let end = header::LEN + len;
        let buffer = self.free.pop().filter(|buffer| end <= buffer.len());
        let Some(mut buffer) = buffer else {
            fill(&mut alloc::vec![0; len]);
            self.counters.failed += 1;
            return;
        };
        let (head, frame) = buffer[..end].split_at_mut(header::LEN);
        fill(frame);
        let mut header = Header::default();
        if self.has(feature::CHECKSUM)
            && let Some(place) = checksum::prepare(frame)
        {
            header.ask_for_checksum(place);
        }
        header.emit(head);
        match self.transmit.lend(buffer, Some(end)) {
            Ok(()) => self.counters.sent += 1,
            Err(buffer) => {
                self.counters.failed += 1;
                self.free.push(buffer);
            }
        }
        if self.transmit.unflushed >= BATCH {
            self.transmit.flush(&mut self.transport, TRANSMIT);
        }
    }

    fn flush(&mut self) {
        self.receive.flush(&mut self.transport, RECEIVE);
        self.transmit.flush(&mut self.transport, TRANSMIT);
    }

    fn arm(&mut self) -> bool {
        self.armed = true;
        self.receive.queue.set_dev_notify(true);
        // The device may have looked at the flag just before it was written.
        fence(Ordering::SeqCst);
        self.receive.queue.can_pop()
    }

    fn look_after(&mut self, _now: Duration) {
        let status = match self.has(feature::STATUS) {
            true => self.transport.read_config_space::<u16>(CONFIG_STATUS).ok(),
            false => None,
        };
        self.link = Link {
            up: status.is_none_or(|status| status & STATUS_LINK_UP != 0),
            ..Link::default()
        };
    }

    fn link(&self) -> Link {
        self.link
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
