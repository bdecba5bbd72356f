//! The driver against a model of the card, which keeps to the datasheet: it moves frames by the
//! rings, counts, resets, and fails when told to.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::vec::Vec;

use super::model::VENDOR;
use super::registers::*;
use super::ring::Descriptor;
use super::*;
use crate::pci::Function;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const LINK: u32 = status::LINK_UP | status::FULL_DUPLEX | 2 << status::SPEED_SHIFT;

/// What of the card the tests see and do.
#[derive(Default)]
struct State {
    values: RefCell<BTreeMap<u32, u32>>,
    phy: RefCell<BTreeMap<u32, u16>>,
    sent: RefCell<Vec<Vec<u8>>>,
    waiting: RefCell<VecDeque<Vec<u8>>>,
    resets: Cell<u32>,
    tail_writes: Cell<u32>,
    paused: Cell<Duration>,
    reset_hangs: Cell<bool>,
    sending_hangs: Cell<bool>,
    engine_keeps_phy: Cell<bool>,
    gone: Cell<bool>,
}

#[derive(Clone, Default)]
struct Fake(Rc<State>);

// SAFETY: each test uses its card on one thread.
unsafe impl Send for Fake {}

impl Fake {
    fn new() -> Self {
        let fake = Self::default();
        fake.after_reset();
        fake
    }

    fn get(&self, register: u32) -> u32 {
        self.0.values.borrow().get(&register).copied().unwrap_or(0)
    }

    fn set(&self, register: u32, value: u32) {
        self.0.values.borrow_mut().insert(register, value);
    }

    fn after_reset(&self) {
        self.0.values.borrow_mut().clear();
        self.set(STATUS, LINK);
        self.set(RAL0, u32::from_le_bytes([MAC[0], MAC[1], MAC[2], MAC[3]]));
        self.set(RAH0, 1 << 31 | u32::from_le_bytes([MAC[4], MAC[5], 0, 0]));
    }

    fn descriptor(&self, first: u32, slot: u32) -> *mut Descriptor {
        let low = u64::from(self.get(first + queue::BASE_LOW));
        let base = low | u64::from(self.get(first + queue::BASE_HIGH)) << 32;
        let count = self.get(first + queue::BYTES) / 16;
        assert!(slot < count, "the card stays in the ring");
        core::ptr::with_exposed_provenance_mut::<Descriptor>(base as usize)
            .wrapping_add(slot as usize)
    }

    /// Moves the head of a queue by one.
    fn advance(&self, first: u32) {
        let count = self.get(first + queue::BYTES) / 16;
        let head = self.get(first + queue::HEAD);
        self.set(first + queue::HEAD, (head + 1) % count);
    }

    fn transmit(&self) {
        while self.get(TCTL) & tctl::ENABLE != 0
            && !self.0.sending_hangs.get()
            && self.get(queue::TRANSMIT + queue::HEAD) != self.get(queue::TRANSMIT + queue::TAIL)
        {
            let at = self.descriptor(queue::TRANSMIT, self.get(queue::TRANSMIT + queue::HEAD));
            // SAFETY: the driver has handed the descriptor over and its buffer with it.
            unsafe {
                let mut descriptor = at.read_volatile();
                assert_eq!(
                    descriptor.command, 0b1011,
                    "end of frame, check sequence, report"
                );
                let from = core::ptr::with_exposed_provenance::<u8>(descriptor.address as usize);
                let frame = core::slice::from_raw_parts(from, descriptor.len.into());
                self.0.sent.borrow_mut().push(frame.to_vec());
                descriptor.status |= ring::DONE;
                at.write_volatile(descriptor);
            }
            self.advance(queue::TRANSMIT);
        }
    }

    /// Puts what is waiting into the ring, as far as there are buffers.
    fn receive(&self) {
        while self.get(RCTL) & rctl::ENABLE != 0
            && self.get(queue::RECEIVE + queue::HEAD) != self.get(queue::RECEIVE + queue::TAIL)
        {
            let Some(frame) = self.0.waiting.borrow_mut().pop_front() else {
                return;
            };
            let at = self.descriptor(queue::RECEIVE, self.get(queue::RECEIVE + queue::HEAD));
            // SAFETY: the driver has handed the descriptor over and its buffer with it.
            unsafe {
                let mut descriptor = at.read_volatile();
                assert_eq!(descriptor.status, 0, "no leftover status");
                let to = core::ptr::with_exposed_provenance_mut::<u8>(descriptor.address as usize);
                assert!(frame.len() <= ring::BUFFER);
                core::ptr::copy_nonoverlapping(frame.as_ptr(), to, frame.len());
                descriptor.len = frame.len() as u16;
                descriptor.status = ring::DONE | ring::END_OF_FRAME;
                descriptor.errors = if frame.starts_with(b"damaged") { 1 } else { 0 };
                at.write_volatile(descriptor);
            }
            self.advance(queue::RECEIVE);
        }
    }

    fn arrive(&self, frame: &[u8]) {
        self.0.waiting.borrow_mut().push_back(frame.to_vec());
        self.receive();
    }

    fn mdic(&self, command: u32) -> u32 {
        let register = command >> 16 & 31;
        let page = u32::from(self.0.phy.borrow().get(&31).copied().unwrap_or(0));
        let place = if register == 31 {
            31
        } else {
            page << 16 | register
        };
        let mut phy = self.0.phy.borrow_mut();
        match command >> 26 & 3 {
            1 => {
                phy.insert(place, command as u16);
                command | 1 << 28
            }
            _ => command & !0xffff | u32::from(phy.get(&place).copied().unwrap_or(0)) | 1 << 28,
        }
    }
}

impl Registers for Fake {
    fn read(&self, register: u32) -> u32 {
        if self.0.gone.get() {
            return u32::MAX;
        }
        let value = self.get(register);
        if count::ALL.contains(&register) || register == ICR {
            self.set(register, 0);
        }
        value
    }

    fn write(&self, register: u32, value: u32) {
        match register {
            CTRL if value & ctrl::RESET != 0 => {
                self.0.resets.set(self.0.resets.get() + 1);
                self.after_reset();
                let stuck = if self.0.reset_hangs.get() {
                    ctrl::RESET
                } else {
                    0
                };
                self.set(CTRL, stuck);
            }
            EXTCNF_CTRL if self.0.engine_keeps_phy.get() => {}
            IMS => self.set(IMS, self.get(IMS) | value),
            IMC => self.set(IMS, self.get(IMS) & !value),
            ICR => self.set(ICR, self.get(ICR) & !value),
            MDIC => self.set(MDIC, self.mdic(value)),
            _ => self.set(register, value),
        }
        if register == queue::TRANSMIT + queue::TAIL {
            self.0.tail_writes.set(self.0.tail_writes.get() + 1);
            self.transmit();
        }
        if register == queue::RECEIVE + queue::TAIL {
            self.receive();
        }
    }

    fn pause(&self, duration: Duration) {
        self.0.paused.set(self.0.paused.get() + duration);
    }
}

fn memory(bytes: usize) -> &'static mut [u8] {
    let words = std::vec![0_u128; bytes.div_ceil(16)].leak();
    // SAFETY: plain bytes inside leaked words, aligned to 16.
    unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), bytes) }
}

fn known(device: u16) -> Model {
    let function = Function {
        address: pci_types::PciAddress::new(0, 0, 2, 0),
        vendor: VENDOR,
        device,
        class: 2,
        subclass: 0,
    };
    model(&function).unwrap()
}

fn open(fake: &Fake, device: u16, signal: Signal) -> Result<Intel<Fake>, mac::Error> {
    let memory = Memory {
        receive: memory(ring::BYTES),
        transmit: memory(ring::BYTES),
        receive_buffers: memory(ring::SLOTS * ring::BUFFER),
        transmit_buffers: memory(ring::SLOTS * ring::BUFFER),
    };
    Intel::start(fake.clone(), known(device), signal, memory)
}

fn send(card: &mut Intel<Fake>, text: &[u8]) {
    assert!(card.can_send());
    card.send(text.len(), &mut |bytes| bytes.copy_from_slice(text));
}

/// Takes all frames that have come in.
fn drain(card: &mut Intel<Fake>) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(Received { buffer, range }) = card.receive() {
        frames.push(buffer[range].to_vec());
        card.recycle(buffer);
    }
    card.flush();
    frames
}

fn numbered(numbers: core::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|n| n.to_le_bytes().to_vec()).collect()
}

#[test]
fn the_card_is_set_up_as_the_datasheet_says() {
    let fake = Fake::new();
    let card = open(&fake, 0x10d3, Signal::Msix).unwrap();
    assert_eq!(card.mac(), MAC);
    assert_eq!(
        card.link(),
        Link {
            up: true,
            speed: 1000,
            full_duplex: true
        }
    );
    assert_eq!(fake.0.resets.get(), 1);
    assert_eq!(fake.get(queue::RECEIVE + queue::BYTES), 4096);
    assert_eq!(fake.get(queue::RECEIVE + queue::TAIL), 255);
    assert_eq!(fake.get(queue::TRANSMIT + queue::TAIL), 0);
    assert_eq!(fake.get(IVAR), 8);
    assert_eq!(fake.get(EIAC), cause::RECEIVE_QUEUE);
    assert_eq!(fake.get(IMS), cause::RECEIVE_QUEUE);
    assert_ne!(fake.get(CTRL) & ctrl::SET_LINK_UP, 0);
    // Buffers of 2048 bytes, and no frames to other cards.
    assert_eq!(
        fake.get(RCTL),
        rctl::ENABLE | rctl::ACCEPT_MULTICAST | rctl::ACCEPT_BROADCAST | rctl::STRIP_CRC
    );
}

#[test]
fn frames_go_both_ways_in_order_many_times_around_the_rings() {
    let fake = Fake::new();
    let mut card = open(&fake, 0x10d3, Signal::Msix).unwrap();
    let mut seen = Vec::new();
    for n in 0..1000_u32 {
        send(&mut card, &n.to_le_bytes());
        fake.arrive(&n.to_le_bytes());
        if n % 7 == 0 {
            seen.extend(drain(&mut card));
        }
    }
    seen.extend(drain(&mut card));
    assert_eq!(seen, numbered(0..1000));
    assert_eq!(*fake.0.sent.borrow(), numbered(0..1000));
    assert_eq!(
        (card.counters().received, card.counters().sent),
        (1000, 1000)
    );
    // One telling per flush or batch, not one per frame.
    assert!(fake.0.tail_writes.get() < 200);
}

#[test]
fn a_burst_waits_in_the_card_and_a_full_ring_refuses() {
    let fake = Fake::new();
    let mut card = open(&fake, 0x10d3, Signal::Msix).unwrap();
    for n in 0..300_u32 {
        fake.arrive(&n.to_le_bytes());
    }
    assert_eq!(drain(&mut card).len(), 255);
    assert_eq!(drain(&mut card).len(), 45);

    fake.0.sending_hangs.set(true);
    for n in 0..255_u32 {
        send(&mut card, &n.to_le_bytes());
    }
    assert!(!card.can_send());
    fake.0.sending_hangs.set(false);
    fake.transmit();
    assert!(card.can_send());
    assert_eq!(fake.0.sent.borrow().len(), 255);
}

#[test]
fn damaged_frames_and_frames_too_large_go_no_further() {
    let fake = Fake::new();
    let mut card = open(&fake, 0x10d3, Signal::Msix).unwrap();
    fake.arrive(b"good");
    fake.arrive(b"damaged");
    fake.arrive(b"good again");
    assert_eq!(drain(&mut card), [b"good".to_vec(), b"good again".to_vec()]);
    let large = std::vec![0; ring::BUFFER + 1];
    card.send(large.len(), &mut |bytes| bytes.fill(1));
    card.flush();
    assert!(fake.0.sent.borrow().is_empty());
    assert_eq!(card.counters().failed, 2);
    fake.set(count::MISSED, 3);
    fake.set(count::CRC_ERRORS, 4);
    card.look_after(Duration::ZERO);
    card.look_after(Duration::from_secs(1));
    assert_eq!((card.counters().missed, card.counters().damaged), (3, 4));
}

#[test]
fn a_card_that_stops_sending_is_reset_and_goes_on() {
    let fake = Fake::new();
    let mut card = open(&fake, 0x15b8, Signal::Msi).unwrap();
    fake.0.sending_hangs.set(true);
    send(&mut card, b"lost");
    card.flush();
    card.look_after(Duration::from_secs(10));
    card.look_after(Duration::from_secs(11));
    assert_eq!(card.counters().resets, 0, "it gets its time");
    card.look_after(Duration::from_millis(12_100));
    card.look_after(Duration::from_millis(14_200));
    assert_eq!(card.counters().resets, 1);
    fake.0.sending_hangs.set(false);
    send(&mut card, b"sent");
    card.flush();
    assert_eq!(*fake.0.sent.borrow(), [b"sent".to_vec()]);
    for n in 0..600_u32 {
        fake.arrive(&n.to_le_bytes());
        assert_eq!(drain(&mut card).len(), 1);
    }
    card.look_after(Duration::from_secs(20));
    card.look_after(Duration::from_secs(30));
    assert_eq!(card.counters().resets, 1);
}

#[test]
fn without_a_cable_nothing_is_a_stall() {
    let fake = Fake::new();
    let mut card = open(&fake, 0x10d3, Signal::Msix).unwrap();
    fake.set(STATUS, 0);
    fake.0.sending_hangs.set(true);
    send(&mut card, b"waits");
    card.flush();
    for second in 0..10 {
        card.look_after(Duration::from_secs(second));
    }
    assert_eq!(card.counters().resets, 0);
    assert_eq!(card.link(), Link::default());
}

#[test]
fn a_card_that_does_not_come_up_is_refused() {
    let refused = |fake: &Fake| open(fake, 0x10d3, Signal::Msix).err();
    let fake = Fake::new();
    fake.0.reset_hangs.set(true);
    assert_eq!(refused(&fake), Some(mac::Error::ResetStays));
    assert!(fake.0.paused.get() < Duration::from_secs(1));
    let fake = Fake::new();
    fake.0.gone.set(true);
    assert_eq!(refused(&fake), Some(mac::Error::Absent));
}

#[test]
fn integrated_controllers_lose_energy_efficient_ethernet() {
    let low_power = 772 << 5 << 16 | 20;
    let fake = Fake::new();
    fake.0.phy.borrow_mut().insert(low_power, 0xffff);
    let card = open(&fake, 0x15b8, Signal::Msi).unwrap();
    assert_eq!(card.model.name, "Intel I219");
    assert_eq!(fake.0.phy.borrow()[&low_power], 0x9fff);
    assert_eq!(fake.0.phy.borrow()[&31], 0, "back on the first page");
    assert_eq!(fake.get(EXTCNF_CTRL) & 1 << 5, 0, "the PHY is given back");

    // The engine's refusal costs the setting, not the card.
    let fake = Fake::new();
    fake.0.engine_keeps_phy.set(true);
    assert!(open(&fake, 0x15b8, Signal::Msi).is_ok());

    // A card of its own has nobody to share the PHY with.
    let fake = Fake::new();
    open(&fake, 0x10d3, Signal::Msix).unwrap();
    assert!(fake.0.phy.borrow().is_empty());
}

#[test]
fn arming_lets_the_next_frame_through_and_tells_of_one_that_waits() {
    let fake = Fake::new();
    let mut card = open(&fake, 0x10d3, Signal::Msix).unwrap();
    assert!(!card.arm());
    // The message has gone out: the card has cleared its mask.
    fake.set(IMS, 0);
    fake.arrive(b"frame");
    assert!(card.arm());
    assert_eq!(fake.get(IMS), cause::RECEIVE_QUEUE);
    assert_eq!(drain(&mut card).len(), 1);
    assert!(!card.arm());
}

#[test]
fn only_cards_of_the_family_are_known() {
    let function = |vendor, device| Function {
        address: pci_types::PciAddress::new(0, 0, 2, 0),
        vendor,
        device,
        class: 2,
        subclass: 0,
    };
    assert!(model(&function(VENDOR, 0x10d3)).is_some_and(|model| model.msix));
    // I210 and I350 need other queue registers; 82540EM is older.
    for device in [0x1533, 0x1521, 0x100e] {
        assert_eq!(model(&function(VENDOR, device)), None);
    }
    assert_eq!(model(&function(0x1af4, 0x10d3)), None);
}
