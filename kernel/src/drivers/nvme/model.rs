//! The model of an NVMe controller behind a [`Window`], for tests: it executes what the rings say
//! at the moment a doorbell rings, and fails as it is told. Time passes as it is looked at.

use core::cell::Cell;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::vec;
use std::vec::Vec;

use super::prp::LISTED;
use super::registers::{self, PAGE};
use crate::drivers::memory::{peek, poke, u32_at, u64_at};
use crate::drivers::window::Window;

/// Pages of 4 KiB, NVM command set, 64 places, ready within 1 s.
const CAPABILITIES: u64 = 1 << 37 | 2 << 24 | 63;
/// What time passes from one look at the clock to the next.
const TICK: Duration = Duration::from_millis(1);

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The next command for blocks is never answered.
    Silence,
    /// The next command for blocks ends with this status.
    Status(u32),
    /// At the next command for blocks the controller breaks down.
    Fatal,
    /// At the next command for blocks the controller is removed.
    Removal,
    /// It never becomes ready.
    NeverReady,
    /// At the next command for blocks the controller breaks down, and never becomes ready again.
    FatalForGood,
}

pub(super) struct State {
    pub(super) fault: Fault,
    pub(super) disk: Vec<u8>,
    pub(super) flushes: usize,
    pub(super) discarded: Vec<(u64, u32)>,
    pub(super) resets: usize,
    pub(super) controller: Vec<u8>,
    pub(super) namespace: Vec<u8>,
    pub(super) namespaces: Vec<u32>,
    /// Whether it knows the list of namespaces.
    pub(super) lists: bool,
    registers: BTreeMap<u64, u32>,
    ready: bool,
    fatal: bool,
    gone: bool,
    queues: [Queue; 2],
}

#[derive(Clone, Copy, Default)]
struct Queue {
    submissions: u64,
    completions: u64,
    places: u16,
    head: u16,
    tail: u16,
    phase: bool,
}

/// The model; clones are the same controller.
#[derive(Clone)]
pub(super) struct Model {
    state: Arc<Mutex<State>>,
    now: Cell<Duration>,
}

impl Model {
    /// A controller with one namespace of `blocks` blocks of 512 bytes.
    pub(super) fn new(blocks: usize) -> Self {
        let mut controller = vec![0; PAGE];
        controller[4..24].copy_from_slice(b"SN-1                ");
        controller[24..64].fill(b' ');
        controller[24..29].copy_from_slice(b"model");
        controller[77] = 5;
        controller[516] = 1;
        controller[520] = 1 << 2;
        controller[525] = 1;
        let mut namespace = vec![0; PAGE];
        namespace[..8].copy_from_slice(&(blocks as u64).to_le_bytes());
        namespace[128 + 2] = 9;
        let state = State {
            fault: Fault::None,
            disk: vec![0; blocks * 512],
            flushes: 0,
            discarded: Vec::new(),
            resets: 0,
            controller,
            namespace,
            namespaces: vec![1],
            lists: true,
            registers: BTreeMap::new(),
            ready: false,
            fatal: false,
            gone: false,
            queues: [Queue::default(); 2],
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            now: Cell::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// The pieces of `len` bytes of data that a command names.
fn pieces(command: &[u8], len: usize) -> Vec<(u64, usize)> {
    let (first, second) = (u64_at(command, 24), u64_at(command, 32));
    let mut pieces = vec![(first, len.min(PAGE - first as usize % PAGE))];
    let mut rest = len - pieces[0].1;
    let pages = match rest.div_ceil(PAGE) {
        0 => Vec::new(),
        1 => vec![second],
        count => {
            assert!(count <= LISTED, "a list of one page");
            let list = peek(second, 8 * count);
            list.chunks(8).map(|entry| u64_at(entry, 0)).collect()
        }
    };
    for page in pages {
        assert_eq!(
            page % PAGE as u64,
            0,
            "pages behind the first begin at their start"
        );
        let len = rest.min(PAGE);
        pieces.push((page, len));
        rest -= len;
    }
    pieces
}

impl State {
    fn configure(&mut self, value: u32) {
        let on = value & 1 != 0;
        if !on {
            self.resets += 1;
            self.ready = false;
            self.fatal = false;
            self.queues = [Queue::default(); 2];
            return;
        }
        assert_eq!(value, registers::ON);
        let places = self.registers[&registers::ADMIN_PLACES];
        assert_eq!(places >> 16, places & 0xffff);
        let address =
            |at| u64::from(self.registers[&at]) | u64::from(self.registers[&(at + 4)]) << 32;
        self.queues[0] = Queue {
            submissions: address(registers::ADMIN_SUBMISSIONS),
            completions: address(registers::ADMIN_COMPLETIONS),
            places: places as u16 + 1,
            phase: true,
            ..Queue::default()
        };
        self.ready = self.fault != Fault::NeverReady;
    }

    fn doorbell(&mut self, index: usize, value: u32) {
        let (number, is_completion) = (index / 2, index % 2 == 1);
        if is_completion || !self.ready {
            return;
        }
        self.queues[number].tail = value as u16;
        while self.queues[number].head != self.queues[number].tail {
            let queue = &mut self.queues[number];
            let command = peek(queue.submissions + 64 * u64::from(queue.head), 64);
            queue.head = (queue.head + 1) % queue.places;
            let status = if number == 0 {
                Some(self.administer(&command))
            } else {
                self.move_blocks(&command)
            };
            if let Some(status) = status {
                self.complete(number, &command, status);
            }
        }
    }

    fn complete(&mut self, number: usize, command: &[u8], status: u32) {
        let queue = &mut self.queues[number];
        // One command at a time: the places of both rings go together.
        let place = (queue.head + queue.places - 1) % queue.places;
        let id = u32::from(command[2]) | u32::from(command[3]) << 8;
        let word = id | u32::from(queue.phase) << 16 | status << 17;
        poke(
            queue.completions + 16 * u64::from(place) + 12,
            &word.to_le_bytes(),
        );
        if place + 1 == queue.places {
            queue.phase = !queue.phase;
        }
    }

    fn administer(&mut self, command: &[u8]) -> u32 {
        let data = u64_at(command, 24);
        let words = [u32_at(command, 40), u32_at(command, 44)];
        match command[0] {
            0x06 if words[0] == 0 => poke(data, &self.namespace),
            0x06 if words[0] == 1 => poke(data, &self.controller),
            0x06 if words[0] == 2 && self.lists => {
                let list: Vec<u8> = self
                    .namespaces
                    .iter()
                    .flat_map(|number| number.to_le_bytes())
                    .collect();
                poke(data, &list);
            }
            0x09 => assert_eq!(words, [7, 0]),
            0x05 => {
                assert_eq!((words[0] & 0xffff, words[1]), (1, 1));
                self.queues[1].places = (words[0] >> 16) as u16 + 1;
                self.queues[1].completions = data;
                self.queues[1].phase = true;
            }
            0x01 => {
                assert_eq!((words[0] & 0xffff, words[1]), (1, 1 << 16 | 1));
                self.queues[1].submissions = data;
            }
            _ => return 0x02,
        }
        0
    }

    /// The status of a command for blocks; `None`: it is never answered.
    fn move_blocks(&mut self, command: &[u8]) -> Option<u32> {
        match core::mem::take(&mut self.fault) {
            Fault::Silence => return None,
            Fault::Status(status) => return Some(status),
            Fault::Fatal => {
                self.fatal = true;
                return None;
            }
            Fault::FatalForGood => {
                self.fatal = true;
                self.fault = Fault::NeverReady;
                return None;
            }
            Fault::Removal => {
                self.gone = true;
                return None;
            }
            other => self.fault = other,
        }
        assert!(self.namespaces.contains(&u32_at(command, 4)));
        let block = u64_at(command, 40) as usize;
        let len = (u32_at(command, 48) as usize + 1) * 512;
        match command[0] {
            0x00 => self.flushes += 1,
            0x01 | 0x02 => {
                assert!(len <= PAGE << self.controller[77], "more than its limit");
                let mut at = block * 512;
                for (address, len) in pieces(command, len) {
                    if command[0] == 0x01 {
                        self.disk[at..at + len].copy_from_slice(&peek(address, len));
                    } else {
                        poke(address, &self.disk[at..at + len]);
                    }
                    at += len;
                }
            }
            0x09 => {
                assert_eq!((u32_at(command, 40), u32_at(command, 44)), (0, 4));
                let range = peek(u64_at(command, 24), 16);
                self.discarded.push((u64_at(&range, 8), u32_at(&range, 4)));
            }
            _ => return Some(0x01),
        }
        Some(0)
    }
}

impl Window for Model {
    fn read(&self, offset: u64) -> u32 {
        let state = self.state();
        if state.gone {
            return u32::MAX;
        }
        match offset {
            0x00 => CAPABILITIES as u32,
            0x04 => (CAPABILITIES >> 32) as u32,
            registers::STATUS => u32::from(state.ready) | u32::from(state.fatal) << 1,
            other => state.registers.get(&other).copied().unwrap_or_default(),
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        let mut state = self.state();
        state.registers.insert(offset, value);
        match offset {
            registers::CONFIGURATION => state.configure(value),
            0x1000.. => state.doorbell((offset - 0x1000) as usize / 4, value),
            _ => {}
        }
    }

    fn now(&self) -> Duration {
        self.now.set(self.now.get() + TICK);
        self.now.get()
    }
}
