//! The model of a controller with one port and a disk behind a [`Window`], for tests: it executes
//! what the command list says at the moment the command is issued, and fails as it is told.

use core::cell::Cell;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::vec;
use std::vec::Vec;

use super::command::code;
use super::registers::{host, port, port_base};
use crate::drivers::memory::{peek, poke, u32_at, u64_at};
use crate::drivers::window::Window;

/// Number of the port with the disk.
pub(super) const PORT: u32 = 2;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The next command for blocks is never answered.
    Silence,
    /// The next command for blocks fails.
    Failed,
    /// At the next command for blocks the controller is removed.
    Removal,
}

pub(super) struct State {
    pub(super) fault: Fault,
    pub(super) disk: Vec<u8>,
    pub(super) identity: Vec<u8>,
    pub(super) signature: u32,
    pub(super) link: u32,
    pub(super) flushes: usize,
    pub(super) trimmed: Vec<(u64, u64)>,
    pub(super) link_resets: usize,
    registers: BTreeMap<u64, u32>,
    gone: bool,
}

/// The model; clones are the same controller.
#[derive(Clone)]
pub(super) struct Model {
    state: Arc<Mutex<State>>,
    now: Cell<Duration>,
}

impl Model {
    /// A disk of `blocks` blocks of 512 bytes.
    pub(super) fn new(blocks: usize) -> Self {
        let mut identity = vec![0; 512];
        let mut put = |word: usize, value: u16| {
            identity[2 * word..2 * word + 2].copy_from_slice(&value.to_le_bytes());
        };
        for word in 10..47 {
            put(word, u16::from_be_bytes(*b"  "));
        }
        put(10, u16::from_be_bytes(*b"S1"));
        put(27, u16::from_be_bytes(*b"mo"));
        put(83, 1 << 10 | 1 << 13);
        put(100, blocks as u16);
        put(101, (blocks >> 16) as u16);
        put(169, 1);
        let state = State {
            fault: Fault::None,
            disk: vec![0; blocks * 512],
            identity,
            signature: port::DISK,
            link: port::LINK_UP,
            flushes: 0,
            trimmed: Vec::new(),
            link_resets: 0,
            registers: BTreeMap::new(),
            gone: false,
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

impl State {
    fn get(&self, register: u64) -> u32 {
        let at = port_base(PORT) + register;
        self.registers.get(&at).copied().unwrap_or_default()
    }

    fn set(&mut self, register: u64, value: u32) {
        self.registers.insert(port_base(PORT) + register, value);
    }

    fn command(&mut self, value: u32) {
        let mirror = |from: u32, to: u32| if value & from != 0 { to } else { 0 };
        let running = mirror(port::START, port::RUNNING) | mirror(port::RECEIVE, port::RECEIVING);
        if value & port::START == 0 {
            self.set(port::ISSUED, 0);
        }
        self.set(
            port::COMMAND,
            value & !(port::RUNNING | port::RECEIVING) | running,
        );
    }

    fn issue(&mut self) {
        assert_ne!(
            self.get(port::COMMAND) & port::RUNNING,
            0,
            "the port is stopped"
        );
        self.set(port::ISSUED, 1);
        let list = u64::from(self.get(port::LIST)) | u64::from(self.get(port::LIST + 4)) << 32;
        let header = peek(list, 16);
        let words = u32_at(&header, 0);
        assert_eq!(words & 0x1f, 5);
        let table = peek(u64_at(&header, 8), 0x90);
        assert_eq!(table[..2], [0x27, 0x80]);
        let (address, len) = match words >> 16 {
            0 => (0, 0),
            1 => (u64_at(&table, 0x80), u32_at(&table, 0x8c) as usize + 1),
            more => panic!("{more} pieces"),
        };
        let code = table[2];
        if code != code::IDENTIFY {
            match core::mem::take(&mut self.fault) {
                Fault::None => {}
                Fault::Silence => return,
                Fault::Failed => {
                    self.set(port::TASK, 0x4051);
                    self.set(port::INTERRUPTS, 1 << 30);
                    return;
                }
                Fault::Removal => {
                    self.gone = true;
                    return;
                }
            }
        }
        let block = (0..3)
            .rev()
            .fold(0, |sum, at| sum << 8 | u64::from(table[8 + at]));
        let block = (0..3)
            .rev()
            .fold(block, |sum, at| sum << 8 | u64::from(table[4 + at]));
        let start = block as usize * 512;
        match code {
            code::IDENTIFY => poke(address, &self.identity),
            code::READ => poke(address, &self.disk[start..start + len]),
            code::WRITE => {
                assert_ne!(words & 1 << 6, 0);
                self.disk[start..start + len].copy_from_slice(&peek(address, len));
            }
            code::FLUSH => self.flushes += 1,
            code::MANAGE => {
                assert_eq!((table[3], len), (1, 512));
                for range in peek(address, 512).chunks(8) {
                    let word = u64_at(range, 0);
                    if word >> 48 > 0 {
                        self.trimmed.push((word & 0xffff_ffff_ffff, word >> 48));
                    }
                }
            }
            other => panic!("command {other:#x}"),
        }
        self.set(port::ISSUED, 0);
    }
}

impl Window for Model {
    fn read(&self, offset: u64) -> u32 {
        let state = self.state();
        if state.gone {
            return u32::MAX;
        }
        let in_port = offset.wrapping_sub(port_base(PORT));
        match (offset, in_port) {
            (host::CAPABILITIES, _) => host::WIDE,
            (_, port::SIGNATURE) => state.signature,
            (_, port::LINK) => state.link,
            _ => state.registers.get(&offset).copied().unwrap_or_default(),
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        let mut state = self.state();
        match offset.wrapping_sub(port_base(PORT)) {
            port::COMMAND => state.command(value),
            port::ISSUED => state.issue(),
            // Ones clear.
            at @ (port::INTERRUPTS | port::LINK_ERRORS) => {
                let left = state.get(at) & !value;
                state.set(at, left);
                state.set(port::TASK, 0);
            }
            port::LINK_CONTROL if value == port::LINK_RESET => state.link_resets += 1,
            _ => {
                state.registers.insert(offset, value);
            }
        }
    }

    fn now(&self) -> Duration {
        self.now.set(self.now.get() + Duration::from_millis(1));
        self.now.get()
    }
}
