//! A port: bringing it up, and the disk's engine over it.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::command::{Command, Page};
use super::identify::Identity;
use super::registers::{host, port, port_base};
use crate::drivers::disk::{Engine, Facts, Failure, MAX_TRANSFER, Operation, Request};
use crate::drivers::dma::{self, Dma};
use crate::drivers::wait;
use crate::drivers::window::Window;
use crate::mem::frames::OutOfMemory;

/// Longest wait for the answer to a command: disks that look for a bad block take seconds.
const ANSWER: Duration = Duration::from_secs(30);
/// Longest wait for a port to stop or start (AHCI 1.3.1, section 10.1.2).
const TURN: Duration = Duration::from_millis(500);
/// Longest wait for the link of a disk that is there.
pub(super) const LINK: Duration = Duration::from_millis(100);
/// Longest wait for a disk that spins up.
const SPIN_UP: Duration = Duration::from_secs(15);
/// How long the link is held in reset.
const HOLD: Duration = Duration::from_millis(2);
/// How often errors are looked for while an answer is waited for.
const GLANCE: Duration = Duration::from_millis(1);
/// What a register of a controller that is not there any more reads.
const ABSENT: u32 = u32::MAX;
/// The one place of the command list that is used.
const PLACE: u32 = 1;

/// Why there is no disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// Nothing is connected, or no disk.
    Empty,
    /// The controller cannot reach the memory above 4 GiB that the kernel has to give.
    Narrow,
    /// The port does not start.
    Start(Failure),
    /// The disk does not identify itself.
    Identify(Failure),
    /// The disk cannot be used, for this reason.
    Unusable(String),
    /// No memory.
    Memory(OutOfMemory),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no disk is connected"),
            Self::Narrow => f.write_str("it cannot reach memory above 4 GiB"),
            Self::Start(failure) => write!(f, "it does not start: {failure}"),
            Self::Identify(failure) => write!(f, "it does not identify itself: {failure}"),
            Self::Unusable(reason) => f.write_str(reason),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

/// A port with a disk.
pub struct Port<W> {
    window: W,
    base: u64,
    page: Page,
    wide: bool,
    block_size: usize,
}

/// Lets the disk at a port begin to spin and to talk.
pub(super) fn wake<W: Window>(window: &mut W, number: u32) {
    let at = port_base(number) + port::COMMAND;
    let command = window.read(at);
    window.write(at, command | port::POWER | port::SPIN_UP);
}

impl<W: Window> Port<W> {
    /// Looks at the disk of a port that was woken. `window` shows the whole controller; the link
    /// has to be there by its time `links_by`.
    pub(super) fn new(window: W, number: u32, links_by: Duration) -> Result<(Self, Facts), Error> {
        let wide = window.read(host::CAPABILITIES) & host::WIDE != 0;
        let page = Dma::new(4096).map_err(Error::Memory)?;
        let mut port = Self {
            window,
            base: port_base(number),
            page: Page::new(page),
            wide,
            block_size: 512,
        };
        if !port.reaches(port.page.list()) {
            return Err(Error::Narrow);
        }
        if !port.has_link(links_by.saturating_sub(port.window.now())) {
            return Err(Error::Empty);
        }
        port.start().map_err(Error::Start)?;
        if port.read(port::SIGNATURE) != port::DISK {
            return Err(Error::Empty);
        }
        let command = Command::identify(port.page.small());
        port.run(&command).map_err(Error::Identify)?;
        let identity = Identity::parse(&port.page.answer()).map_err(Error::Unusable)?;
        port.block_size = identity.block_size;
        let facts = Facts {
            driver: "AHCI",
            model: identity.model,
            serial: identity.serial,
            block_size: identity.block_size,
            blocks: identity.blocks,
            max_transfer: MAX_TRANSFER,
            read_only: false,
            flush: identity.flush,
            discard: identity.trim,
        };
        Ok((port, facts))
    }

    fn read(&self, register: u64) -> u32 {
        self.window.read(self.base + register)
    }

    fn write(&mut self, register: u64, value: u32) {
        self.window.write(self.base + register, value);
    }

    /// Whether the controller can reach an address.
    fn reaches(&self, address: u64) -> bool {
        self.wide || address + MAX_TRANSFER as u64 <= 1 << 32
    }

    /// Waits for bits of a register to become what they shall be.
    fn settle(
        &self,
        register: u64,
        mask: u32,
        wanted: u32,
        limit: Duration,
    ) -> Result<(), Failure> {
        let at = self.base + register;
        let answer = self.window.wait(limit, |window| match window.read(at) {
            ABSENT => Some(Err(Failure::Gone)),
            value => (value & mask == wanted).then_some(Ok(())),
        });
        answer.unwrap_or(Err(Failure::Silent))
    }

    fn has_link(&self, limit: Duration) -> bool {
        self.settle(port::LINK, port::LINK_MASK, port::LINK_UP, limit)
            .is_ok()
    }

    /// Stops the port: it touches no memory afterwards.
    fn stop(&mut self) -> Result<(), Failure> {
        let command = self.read(port::COMMAND);
        self.write(port::COMMAND, command & !port::START);
        self.settle(port::COMMAND, port::RUNNING, 0, TURN)?;
        let command = self.read(port::COMMAND);
        self.write(port::COMMAND, command & !port::RECEIVE);
        self.settle(port::COMMAND, port::RECEIVING, 0, TURN)
    }

    /// Stops the port, forgets its errors, and starts it (AHCI 1.3.1, sections 10.3 and 6.2.2).
    fn start(&mut self) -> Result<(), Failure> {
        self.stop()?;
        let (list, received) = (self.page.list(), self.page.received());
        let base = self.base;
        self.window.write_wide(base + port::LIST, list);
        self.window.write_wide(base + port::RECEIVED, received);
        self.write(port::INTERRUPTS_ON, 0);
        let errors = self.read(port::LINK_ERRORS);
        self.write(port::LINK_ERRORS, errors);
        let causes = self.read(port::INTERRUPTS);
        self.write(port::INTERRUPTS, causes);
        let command = self.read(port::COMMAND);
        self.write(port::COMMAND, command | port::RECEIVE);
        self.settle(port::TASK, port::BUSY | port::DATA, 0, SPIN_UP)?;
        self.write(port::COMMAND, command | port::RECEIVE | port::START);
        Ok(())
    }

    /// Lets the disk execute a command, and waits for its end. After an error the port is started
    /// anew, as it has stopped.
    fn run(&mut self, command: &Command) -> Result<(), Failure> {
        self.page.put(command);
        dma::barrier();
        self.write(port::ISSUED, PLACE);
        let end = self.window.now() + ANSWER;
        let mut glance = self.window.now() + GLANCE;
        loop {
            let issued = self.read(port::ISSUED);
            if issued == ABSENT {
                return Err(Failure::Gone);
            }
            let now = self.window.now();
            let is_done = issued & PLACE == 0;
            if is_done || now >= glance {
                let (causes, task) = (self.read(port::INTERRUPTS), self.read(port::TASK));
                if causes & port::ERRORS != 0 || (is_done && task & port::FAILED != 0) {
                    self.start()?;
                    return Err(Failure::Refused(task & 0xffff));
                }
                glance = now + GLANCE;
            }
            if is_done {
                dma::barrier();
                return Ok(());
            }
            if now >= end {
                return Err(Failure::Silent);
            }
            wait::relax();
        }
    }

    fn discard(&mut self, block: u64, count: u64) -> Result<(), Failure> {
        let mut done = 0;
        while done < count {
            done += self.page.put_ranges(block + done, count - done);
            self.run(&Command::trim(self.page.small()))?;
        }
        Ok(())
    }
}

impl<W: Window> Engine for Port<W> {
    fn execute(&mut self, request: &Request) -> Result<(), Failure> {
        let Request {
            operation,
            block,
            count,
            memory,
        } = *request;
        if !self.reaches(memory) {
            return Err(Failure::Refused(0));
        }
        let data = (memory, count as usize * self.block_size);
        match operation {
            Operation::Read => self.run(&Command::transfer(false, block, count, data)),
            Operation::Write => self.run(&Command::transfer(true, block, count, data)),
            Operation::Flush => self.run(&Command::flush()),
            Operation::Discard => self.discard(block, count.into()),
        }
    }

    fn reset(&mut self) -> Result<(), Failure> {
        // A port that does not stop is stopped by the reset of its link.
        if let Err(failure) = self.stop() {
            ::log::warn!(target: "disk", "AHCI: the port does not stop: {failure}");
        }
        self.write(port::LINK_CONTROL, port::LINK_RESET);
        let until = self.window.now() + HOLD;
        while self.window.now() < until {
            wait::relax();
        }
        self.write(port::LINK_CONTROL, 0);
        self.settle(port::LINK, port::LINK_MASK, port::LINK_UP, SPIN_UP)?;
        self.start()
    }
}
