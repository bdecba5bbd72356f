//! Bringing the controller up, and the disk's engine over it.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::command::{self, Command, opcode};
use super::identify::{self, Namespace};
use super::prp;
use super::queue::Pair;
use super::registers::{self, Capabilities, PAGE, Status};
use crate::drivers::disk::{Engine, Facts, Failure, MAX_TRANSFER, Operation, Request};
use crate::drivers::dma::Dma;
use crate::drivers::window::Window;
use crate::mem::frames::OutOfMemory;

/// Longest wait for the answer to a command of the admin queue.
const ADMIN: Duration = Duration::from_secs(10);
/// Longest wait for the answer to a command that moves blocks: disks that recover take seconds.
const BLOCKS: Duration = Duration::from_secs(30);
/// Most blocks of one transfer, as its field has 16 bits.
const MAX_BLOCKS: usize = 1 << 16;

/// Why there is no disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// The controller cannot work as this driver does.
    Unfit,
    /// It does not become ready, or breaks down.
    Start(Failure),
    /// It does not execute a command of the set-up.
    Command(&'static str, Failure),
    /// It has no disk that could be used, for this reason.
    Unusable(String),
    /// No memory for the rings.
    Memory(OutOfMemory),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit => f.write_str("it has no pages of 4 KiB or no NVM command set"),
            Self::Start(failure) => write!(f, "it does not start: {failure}"),
            Self::Command(what, failure) => write!(f, "it does not {what}: {failure}"),
            Self::Unusable(reason) => f.write_str(reason),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<OutOfMemory> for Error {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

/// An NVMe controller with one namespace.
pub struct Nvme<W> {
    window: W,
    capabilities: Capabilities,
    admin: Pair,
    blocks: Pair,
    /// Pages of the data behind its first, as the commands name them.
    list: Dma,
    /// The memory whose pages stand in the list.
    listed: u64,
    /// Answers of the controller, and ranges to be managed.
    page: Dma,
    namespace: u32,
    block_size: usize,
}

impl<W: Window> Nvme<W> {
    /// Brings the controller up and looks at its disk.
    pub(super) fn new(window: W) -> Result<(Self, Facts), Error> {
        let capabilities = Capabilities::read(&window);
        if !capabilities.fit() {
            return Err(Error::Unfit);
        }
        let mut nvme = Self {
            window,
            capabilities,
            admin: Pair::new(0, capabilities.places())?,
            blocks: Pair::new(1, capabilities.places())?,
            list: Dma::new(PAGE)?,
            listed: 0,
            page: Dma::new(PAGE)?,
            namespace: 0,
            block_size: 512,
        };
        nvme.start()?;
        let facts = nvme.look()?;
        Ok((nvme, facts))
    }

    /// Switches the controller off and on, and makes its queues anew (NVMe 1.4, section 7.6.1).
    fn start(&mut self) -> Result<(), Error> {
        let status = Status::read(&self.window);
        if status.is_absent() {
            return Err(Error::Start(Failure::Gone));
        }
        self.window.write(registers::CONFIGURATION, 0);
        self.wait_until(false)?;
        self.admin.restart();
        self.blocks.restart();
        let places = u32::from(self.admin.places()) - 1;
        let (submissions, completions) = self.admin.rings();
        self.window.write(registers::MASK, u32::MAX);
        self.window
            .write(registers::ADMIN_PLACES, places << 16 | places);
        self.window
            .write_wide(registers::ADMIN_SUBMISSIONS, submissions);
        self.window
            .write_wide(registers::ADMIN_COMPLETIONS, completions);
        self.window.write(registers::CONFIGURATION, registers::ON);
        self.wait_until(true)?;

        let (number, places) = (self.blocks.number(), self.blocks.places());
        let (submissions, completions) = self.blocks.rings();
        self.administer("give a queue", &Command::one_queue())?;
        self.administer(
            "make a completion queue",
            &Command::create_completions(number, places, completions),
        )?;
        self.administer(
            "make a submission queue",
            &Command::create_submissions(number, places, submissions),
        )
    }

    fn wait_until(&self, ready: bool) -> Result<(), Error> {
        let answer = self.window.wait(self.capabilities.ready(), |window| {
            let status = Status::read(window);
            if status.is_absent() {
                Some(Err(Failure::Gone))
            } else if ready && status.is_fatal() {
                Some(Err(Failure::Broken(status.0)))
            } else {
                (status.is_ready() == ready).then_some(Ok(()))
            }
        });
        answer.unwrap_or(Err(Failure::Silent)).map_err(Error::Start)
    }

    fn administer(&mut self, what: &'static str, command: &Command) -> Result<(), Error> {
        self.admin
            .execute(&mut self.window, self.capabilities, command, ADMIN)
            .map_err(|failure| Error::Command(what, failure))
    }

    fn identify(
        &mut self,
        what: &'static str,
        number: u32,
        namespace: u32,
    ) -> Result<[u8; identify::LEN], Error> {
        let command = Command::identify(number, namespace, self.page.address());
        self.page.clear(0, identify::LEN);
        self.administer(what, &command)?;
        let mut answer = [0; identify::LEN];
        self.page.read(0, &mut answer);
        Ok(answer)
    }

    /// Finds out what the controller and its namespace are.
    fn look(&mut self) -> Result<Facts, Error> {
        let answer = self.identify("identify itself", command::identify::CONTROLLER, 0)?;
        let controller = identify::Controller::parse(&answer);
        let list = self.identify("list its namespaces", command::identify::NAMESPACES, 0);
        self.namespace = match list {
            Ok(list) => identify::only_one(&list).map_err(Error::Unusable)?,
            // Controllers of the first version have no such list.
            Err(Error::Command(_, Failure::Refused(_))) if controller.namespaces == 1 => 1,
            Err(error) => return Err(error),
        };
        let answer = self.identify(
            "identify its namespace",
            command::identify::NAMESPACE,
            self.namespace,
        )?;
        let namespace = Namespace::parse(&answer).map_err(Error::Unusable)?;
        self.block_size = namespace.block_size;
        let limit = controller.max_pages.map_or(usize::MAX, |pages| {
            pages.saturating_mul(self.capabilities.smallest_page())
        });
        Ok(Facts {
            driver: "NVMe",
            model: controller.model,
            serial: controller.serial,
            block_size: namespace.block_size,
            blocks: namespace.blocks,
            max_transfer: limit
                .min(prp::LISTED * PAGE)
                .min(MAX_BLOCKS * namespace.block_size),
            read_only: namespace.read_only,
            flush: controller.cache,
            discard: controller.manages,
        })
    }

    /// The entries that name `len` bytes of data at `memory`.
    fn data(&mut self, memory: u64, len: usize) -> [u64; 2] {
        // The memory is always the same: its pages are listed once.
        if self.listed != memory {
            for (index, page) in prp::behind_first(memory, MAX_TRANSFER).enumerate() {
                self.list.store(8 * index, page);
            }
            self.listed = memory;
        }
        prp::entries(memory, len, self.list.address())
    }
}

impl<W: Window> Engine for Nvme<W> {
    fn execute(&mut self, request: &Request) -> Result<(), Failure> {
        let Request {
            operation,
            block,
            count,
            memory,
        } = *request;
        let len = count as usize * self.block_size;
        let command = match operation {
            Operation::Read => {
                Command::transfer(opcode::READ, block, count, self.data(memory, len))
            }
            Operation::Write => {
                Command::transfer(opcode::WRITE, block, count, self.data(memory, len))
            }
            Operation::Flush => Command::flush(),
            Operation::Discard => {
                self.page.write(0, &command::range(block, count));
                Command::deallocate(self.page.address())
            }
        };
        self.blocks.execute(
            &mut self.window,
            self.capabilities,
            &command.on(self.namespace),
            BLOCKS,
        )
    }

    fn reset(&mut self) -> Result<(), Failure> {
        self.start().map_err(|error| {
            ::log::error!(target: "disk", "NVMe: {error}");
            match error {
                Error::Start(failure) | Error::Command(_, failure) => failure,
                _ => Failure::Silent,
            }
        })
    }
}

const _: () = assert!(MAX_TRANSFER / PAGE <= prp::LISTED);
