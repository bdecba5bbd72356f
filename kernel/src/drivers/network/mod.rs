//! Network cards: what all drivers do the same way, and the card as smoltcp sees it.
//!
//! A driver implements [`Card`]: frames in, frames out, whole buffers that change owner. [`Nic`]
//! puts smoltcp's tokens over it, and looks after the card between polls: it tells the device of
//! all new buffers at once, watches the link, and reports what was lost.
//!
//! | room | what |
//! |---|---|
//! | [`buffer`] | memory with one owner: driver, device or stack |
//! | [`card`] | what a driver offers |
//! | [`checksum`] | TCP and UDP checksums that cards complete or check |
//! | [`firmware`] | a card that only the firmware can drive |
//! | [`intel`] | e1000e: 82574L and its family, I217 to I219 |
//! | [`virtio`] | virtio-net |

pub mod buffer;
pub mod card;
pub mod checksum;
pub mod firmware;
pub mod intel;
pub mod virtio;

use alloc::boxed::Box;
use alloc::string::String;
use core::cell::RefCell;
use core::ops::Range;
use core::time::Duration;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use self::buffer::Buffer;
pub use self::card::{Card, Counters, FRAME, Interrupt, Link, Received};
use crate::pci::{Ecam, Function};

/// How often a card is looked after.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A network card in use.
pub struct Nic {
    card: RefCell<Box<dyn Card>>,
    next_look: Duration,
    link: Link,
    reported: Counters,
}

/// Whether there is a driver for the function.
#[must_use]
pub fn has_driver(function: &Function) -> bool {
    virtio::matches(function) || intel::model(function).is_some()
}

/// Opens the card at `function`, if there is a driver for it.
///
/// # Errors
/// What went wrong, in words.
pub fn open(
    ecam: &Ecam,
    function: &Function,
    interrupt: Interrupt,
) -> Option<Result<(Nic, &'static str), String>> {
    let (card, name) = if virtio::matches(function) {
        (virtio::open(ecam, function, interrupt), virtio::NAME)
    } else if let Some(model) = intel::model(function) {
        (intel::open(ecam, function, model, interrupt), model.name)
    } else {
        return None;
    };
    Some(card.map(|card| (Nic::new(card), name)))
}

impl Nic {
    /// Puts a card to use.
    #[must_use]
    pub fn new(card: Box<dyn Card>) -> Self {
        Self {
            link: card.link(),
            card: RefCell::new(card),
            next_look: Duration::ZERO,
            reported: Counters::default(),
        }
    }

    /// The card's hardware address.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.card.borrow().mac()
    }

    /// Whether received frames interrupt; else they have to be polled for.
    #[must_use]
    pub fn interrupts(&self) -> bool {
        self.card.borrow().interrupts()
    }

    /// Lets the next received frame interrupt. Returns true if one waits already.
    pub fn arm(&mut self) -> bool {
        self.card.get_mut().arm()
    }

    /// State of the cable as last seen.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.link
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.card.borrow().counters()
    }

    /// To be called after each poll of the stack: sends what the poll has produced.
    pub fn settle(&mut self, now: Duration) {
        let card = self.card.get_mut();
        card.flush();
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK_INTERVAL;
        card.look_after(now);
        let (link, counters) = (card.link(), card.counters());
        if link != self.link {
            ::log::info!(target: "net", "link {link}");
            self.link = link;
        }
        let before = core::mem::replace(&mut self.reported, counters);
        let lost = |c: &Counters| [c.failed, c.missed, c.damaged, c.resets];
        if lost(&before) != lost(&counters) {
            let [failed, missed, damaged, resets] = lost(&counters);
            ::log::warn!(
                target: "net",
                "the card so far: {failed} frames refused, {missed} missed, {damaged} damaged, {resets} resets",
            );
        }
    }
}

impl phy::Device for Nic {
    type RxToken<'a> = Incoming<'a>;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        let card = self.card.get_mut();
        // Without room for an answer the frame waits in the ring.
        if !card.can_send() {
            return None;
        }
        let Received { buffer, range } = card.receive()?;
        let card = &self.card;
        let buffer = Some(buffer);
        Some((
            Incoming {
                card,
                buffer,
                range,
            },
            Outgoing { card },
        ))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        let free = self.card.get_mut().can_send();
        free.then_some(Outgoing { card: &self.card })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities.checksum = self.card.borrow().checksums();
        capabilities
    }
}

/// A received frame. Its buffer goes back to the driver when this is dropped.
pub struct Incoming<'a> {
    card: &'a RefCell<Box<dyn Card>>,
    buffer: Option<Buffer>,
    range: Range<usize>,
}

impl phy::RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let frame = self.buffer.as_deref();
        f(frame
            .and_then(|bytes| bytes.get(self.range.clone()))
            .unwrap_or_default())
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.card.borrow_mut().recycle(buffer);
        }
    }
}

/// The right to send one frame.
pub struct Outgoing<'a> {
    card: &'a RefCell<Box<dyn Card>>,
}

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut f = Some(f);
        let mut result = None;
        self.card.borrow_mut().send(len, &mut |bytes| {
            result = f.take().map(|f| f(bytes));
        });
        result.expect("a driver lets a frame be filled once")
    }
}
