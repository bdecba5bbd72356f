//! What all disks have in common: the safe face over a driver's engine.
//!
//! An [`Engine`] executes one [`Request`] at a time, on memory that belongs to the [`Disk`]; the
//! disk checks, cuts into pieces, copies, counts, and decides what a failure means. The device
//! never sees memory of anybody else, so that one that answers late can do no harm.

pub mod firmware;

mod counters;
mod fault;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use basalt_store::BlockDevice;

use super::dma::Dma;

pub use self::counters::{Counters, Counts};
pub use self::fault::{Failure, Fault, Operation};

/// Most bytes that move in one request.
pub const MAX_TRANSFER: usize = 1 << 20;
/// Most blocks of one discard.
const MAX_DISCARD: u32 = 1 << 16;

/// What a driver found out about its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Name of the driver.
    pub driver: &'static str,
    /// What the disk calls itself.
    pub model: String,
    /// Its serial number; may be empty.
    pub serial: String,
    /// Bytes of a block, 512 or 4096.
    pub block_size: usize,
    /// Number of blocks.
    pub blocks: u64,
    /// Most bytes that one request may move.
    pub max_transfer: usize,
    /// Whether writes are refused.
    pub read_only: bool,
    /// Whether there is a cache that [`Operation::Flush`] empties.
    pub flush: bool,
    /// Whether it wants to know which blocks hold nothing any more.
    pub discard: bool,
}

/// What a device calls itself, as text that can be printed: blanks at the ends removed, whatever is
/// no printable ASCII replaced.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let printable = |&byte: &u8| match byte {
        b' '..=b'~' => char::from(byte),
        _ => '?',
    };
    bytes.trim_ascii().iter().map(printable).collect()
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            driver,
            model,
            serial,
            block_size,
            blocks,
            ..
        } = self;
        let mib = (u128::from(*blocks) * *block_size as u128) >> 20;
        write!(f, "{driver} disk \"{model}\"")?;
        if !serial.is_empty() {
            write!(f, ", serial number \"{serial}\"")?;
        }
        write!(f, ", {mib} MiB in blocks of {block_size}")?;
        if self.read_only {
            f.write_str(", read-only")?;
        }
        Ok(())
    }
}

/// One thing for an engine to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub operation: Operation,
    /// First block.
    pub block: u64,
    /// Number of blocks: as many bytes as [`Facts::max_transfer`] at most, or, of a discard, any
    /// number of 32 bits.
    pub count: u32,
    /// Physical address of the data, at the beginning of a page.
    pub memory: u64,
}

/// The part of a driver that talks to the device.
pub trait Engine: Send {
    /// Executes a request and waits for its end.
    ///
    /// # Errors
    /// [`Failure`]: the device's refusal, or its silence.
    fn execute(&mut self, request: &Request) -> Result<(), Failure>;

    /// Sets the device up anew, after silence. When it returns the device has forgotten all
    /// requests.
    ///
    /// # Errors
    /// [`Failure`] if the device does not come back. It is given no more requests then.
    fn reset(&mut self) -> Result<(), Failure>;
}

/// Any disk, as the store takes it.
pub type AnyDisk = Box<dyn BlockDevice<Error = Fault> + Send>;

/// A disk in use.
pub struct Disk<E> {
    engine: E,
    facts: Facts,
    memory: Dma,
    counters: Arc<Counters>,
    /// There were writes since the last flush.
    unflushed: bool,
    /// A reset came between writes and their flush: they may be lost.
    lost: bool,
    /// The device does not come back.
    dead: bool,
}

impl<E: Engine> Disk<E> {
    /// A disk over an engine that is ready for requests.
    ///
    /// # Errors
    /// What is wrong with the disk, or that there is no memory, in words.
    pub fn new(engine: E, mut facts: Facts) -> Result<Self, String> {
        if !matches!(facts.block_size, 512 | 4096) {
            return Err(alloc::format!(
                "it has blocks of {} bytes; 512 and 4096 are supported",
                facts.block_size
            ));
        }
        facts.max_transfer =
            facts.max_transfer.min(MAX_TRANSFER) / facts.block_size * facts.block_size;
        if facts.max_transfer == 0 || facts.blocks == 0 {
            return Err("it has no blocks, or moves none".into());
        }
        let memory = Dma::new(facts.max_transfer).map_err(|error| alloc::format!("{error}"))?;
        Ok(Self {
            engine,
            facts,
            memory,
            counters: Arc::default(),
            unflushed: false,
            lost: false,
            dead: false,
        })
    }

    /// What the disk is.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    fn check(&self, block: u64, bytes: usize) -> Result<u64, Fault> {
        let count = (bytes / self.facts.block_size) as u64;
        let inside = block
            .checked_add(count)
            .is_some_and(|end| end <= self.facts.blocks);
        if !inside || !bytes.is_multiple_of(self.facts.block_size) {
            return Err(Fault::Outside(block, bytes as u64));
        }
        Ok(count)
    }

    /// Executes one request. After silence the device is reset; a read is tried once more then.
    fn execute(&mut self, operation: Operation, block: u64, count: u32) -> Result<(), Fault> {
        if self.dead {
            return Err(Fault::Dead);
        }
        let request = Request {
            operation,
            block,
            count,
            memory: self.memory.address(),
        };
        let mut failure = match self.engine.execute(&request) {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if failure == Failure::Gone {
            self.dead = true;
            self.counters.failed();
            ::log::error!(target: "disk", "{failure}");
            return Err(Fault::Dead);
        }
        if matches!(failure, Failure::Silent | Failure::Broken(_)) {
            self.counters.timed_out();
            ::log::warn!(target: "disk", "{} of {count} blocks from {block} on: {failure}", operation.name());
            self.lost |= self.unflushed;
            self.counters.reset();
            if let Err(error) = self.engine.reset() {
                self.dead = true;
                self.counters.failed();
                ::log::error!(target: "disk", "the disk does not come back after a reset: {error}");
                return Err(Fault::Dead);
            }
            if operation == Operation::Read {
                match self.engine.execute(&request) {
                    Ok(()) => return Ok(()),
                    Err(again) => failure = again,
                }
            }
        }
        self.counters.failed();
        Err(Fault::Failed(operation, block, failure))
    }
}

impl<E: Engine> BlockDevice for Disk<E> {
    type Error = Fault;

    fn block_size(&self) -> usize {
        self.facts.block_size
    }

    fn block_count(&self) -> u64 {
        self.facts.blocks
    }

    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Fault> {
        self.check(block, buf.len())?;
        let mut at = block;
        for piece in buf.chunks_mut(self.facts.max_transfer) {
            let count = (piece.len() / self.facts.block_size) as u32;
            self.execute(Operation::Read, at, count)?;
            self.memory.read(0, piece);
            self.counters.read(piece.len());
            at += u64::from(count);
        }
        Ok(())
    }

    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Fault> {
        self.check(block, data.len())?;
        if self.facts.read_only {
            return Err(Fault::ReadOnly);
        }
        let mut at = block;
        for piece in data.chunks(self.facts.max_transfer) {
            let count = (piece.len() / self.facts.block_size) as u32;
            self.memory.write(0, piece);
            self.unflushed = true;
            self.execute(Operation::Write, at, count)?;
            self.counters.written(piece.len());
            at += u64::from(count);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if self.facts.flush {
            let done = self.execute(Operation::Flush, 0, 0);
            // What it then gives back need not be what it has: nothing it says may be relied on.
            self.dead |= matches!(done, Err(Fault::Failed(_, _, Failure::Refused(_))));
            done?;
            self.counters.flushed();
        }
        self.unflushed = false;
        // The flush itself went well, but of what was written before the reset nobody knows.
        if core::mem::take(&mut self.lost) {
            return Err(Fault::Lost);
        }
        Ok(())
    }

    fn discard(&mut self, block: u64, count: u64) -> Result<(), Fault> {
        let end = block
            .checked_add(count)
            .filter(|&end| end <= self.facts.blocks);
        let Some(end) = end else {
            return Err(Fault::Outside(block, count));
        };
        if !self.facts.discard || self.facts.read_only {
            return Ok(());
        }
        let mut at = block;
        while at < end {
            let piece = u32::try_from(end - at)
                .unwrap_or(MAX_DISCARD)
                .min(MAX_DISCARD);
            self.execute(Operation::Discard, at, piece)?;
            self.counters.discarded();
            at += u64::from(piece);
        }
        Ok(())
    }
}
