//! Frames as the prover's memory: contiguous, in the identity map's largest pages, without rounding
//! to these; and pages for code, which stay code for ever.

use core::ptr::{self, NonNull};

use basalt_prover::memory::{Memory, OutOfMemory, Purpose, Region};
use hermit_sync::TicketMutex;

use crate::mem::frames::FRAMES;
use crate::mem::map::Span;
use crate::mem::{LARGE_PAGE, PAGE, space};

/// The machine's free memory, lent to the prover.
#[derive(Clone, Copy, Debug)]
pub struct FreeFrames;

/// Code is lent in multiples of this, so that what one hash no longer needs fits another.
const CODE_BLOCK: u64 = 64 << 10;
/// Most blocks of code that wait for the next borrower: two per core are in use at once.
const MAX_CODE: usize = 1024;

/// Code memory that nobody uses at the moment.
static CODE: TicketMutex<heapless::Vec<Span, MAX_CODE>> = TicketMutex::new(heapless::Vec::new());

impl Memory for FreeFrames {
    fn lend(&self, purpose: Purpose, bytes: usize) -> Result<Region, OutOfMemory> {
        let none = OutOfMemory { purpose, bytes };
        if purpose == Purpose::Code {
            return lend_code(bytes).ok_or(none);
        }
        let len = round_up(bytes, LARGE_PAGE).ok_or(none)?;
        // Large pages are alignment enough for whole gigabytes: the identity map shows all memory
        // in its largest pages, wherever in them a dataset begins.
        let start = FRAMES.lock().allocate(len, LARGE_PAGE).map_err(|_| none)?;
        let start: *mut u8 = ptr::with_exposed_provenance_mut(start as usize);
        // SAFETY: the frames were free until just now and are mapped writable.
        unsafe { start.write_bytes(0, len as usize) };
        let start = NonNull::new(start).ok_or(none)?;
        // SAFETY: zeroed, aligned to a large page, ours alone, and given back as they were taken.
        Ok(unsafe { Region::from_raw(start, bytes, release) })
    }
}

fn round_up(bytes: usize, unit: u64) -> Option<u64> {
    (bytes.max(1) as u64).checked_next_multiple_of(unit)
}

fn span(start: NonNull<u8>, bytes: usize, unit: u64) -> Span {
    let start = start.as_ptr().expose_provenance() as u64;
    Span {
        start,
        end: start + (bytes.max(1) as u64).next_multiple_of(unit),
    }
}

fn release(start: NonNull<u8>, bytes: usize) {
    FRAMES.lock().free(span(start, bytes, LARGE_PAGE));
}

fn lend_code(bytes: usize) -> Option<Region> {
    let len = round_up(bytes, CODE_BLOCK)?;
    let span = match take_kept(len) {
        Some(span) => span,
        None => {
            let start = FRAMES.lock().allocate(len, PAGE).ok()?;
            Span {
                start,
                end: start + len,
            }
        }
    };
    // Mapping again what is mapped changes nothing.
    let entry = space::map_code(span).ok()?;
    let start: *mut u8 = ptr::with_exposed_provenance_mut(span.start as usize);
    let len = span.len() as usize;
    // SAFETY: code memory is mapped writable here, and no borrower has it.
    unsafe { start.write_bytes(0, len) };
    let start = NonNull::new(start)?;
    let entry = ptr::with_exposed_provenance(entry as usize);
    // SAFETY: zeroed, aligned to a page, ours alone until it is released; `map_code` shows the same
    // memory at `entry`, for ever.
    Some(unsafe { Region::from_raw(start, len, release_code).with_entry(entry) })
}

/// The smallest of the kept blocks that is large enough.
fn take_kept(len: u64) -> Option<Span> {
    let mut code = CODE.lock();
    let fitting = code
        .iter()
        .enumerate()
        .filter(|(_, span)| span.len() >= len);
    let (place, _) = fitting.min_by_key(|(_, span)| span.len())?;
    Some(code.swap_remove(place))
}

/// Keeps the memory for the next code: it must not become anything else while some core could still
/// execute there.
fn release_code(start: NonNull<u8>, bytes: usize) {
    // A full list loses the block, which is then never used again.
    let _ = CODE.lock().push(span(start, bytes, CODE_BLOCK));
}
