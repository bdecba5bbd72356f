//! Stacks with a guard page under each: running out of stack faults instead of overwriting.

use core::fmt;
use core::ptr;

use super::PAGE;
use super::frames::{FRAMES, OutOfMemory};
use super::map::Span;
use super::paging::NoTable;
use super::space;

/// Stands above the first frame of every stack. Whoever searches a stack stops here: the next page
/// may be the guard of another one.
pub const END: u64 = 0x646e_6520_6b63_6174;
/// Bytes that the end takes, so that the first frame is aligned.
const END_BYTES: u64 = 16;

/// Why a stack could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No memory for the stack.
    Memory(OutOfMemory),
    /// No memory for the page tables of its guard.
    Guard(NoTable),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => write!(f, "no stack: {error}"),
            Self::Guard(error) => write!(f, "no guard page: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// A stack that lives for ever.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    usable: Span,
}

impl Stack {
    /// Takes `bytes` of stack and a guard page below.
    ///
    /// # Errors
    /// [`Error`] if memory ran out.
    pub fn new(bytes: u64) -> Result<Self, Error> {
        let len = bytes.next_multiple_of(PAGE) + PAGE;
        let start = FRAMES.lock().allocate(len, PAGE).map_err(Error::Memory)?;
        let stack = Self {
            usable: Span {
                start: start + PAGE,
                end: start + len,
            },
        };
        space::guard(stack.guard()).map_err(Error::Guard)?;
        let Span { start, end } = stack.usable;
        let memory = ptr::with_exposed_provenance_mut::<u8>(start as usize);
        // The firmware's code may have run here. An emulator keeps its translation of such code,
        // and checks each write to the same page against it, which is slow, until the code itself
        // is overwritten.
        // SAFETY: the frames were free until just now, are mapped writable and nobody else's.
        unsafe { ptr::write_bytes(memory, 0, (end - start) as usize) };
        let mark = ptr::with_exposed_provenance_mut::<u64>(stack.top() as usize);
        // SAFETY: the last bytes of the same memory, aligned.
        unsafe { mark.write(END) };
        Ok(stack)
    }

    /// The address behind the stack's highest byte, aligned to 16 bytes: the first push goes below
    /// it.
    #[must_use]
    pub const fn top(&self) -> u64 {
        self.usable.end - END_BYTES
    }

    /// The page below the stack.
    #[must_use]
    pub const fn guard(&self) -> Span {
        Span {
            start: self.usable.start - PAGE,
            end: self.usable.start,
        }
    }
}
