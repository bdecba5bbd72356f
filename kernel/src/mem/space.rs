//! The kernel's address space: every address means the same physically and virtually, and a page is
//! writable or executable, never both. Code made at run time is written at its address and executed
//! at another ([`map_code`]).

use core::ptr;

use hermit_sync::TicketMutex;
use x86_64::instructions::tlb;
use x86_64::registers::control::{Cr3, Cr3Flags, Cr4, Cr4Flags};
use x86_64::structures::paging::PhysFrame;
use x86_64::{PhysAddr, VirtAddr};

use super::frames::FRAMES;
use super::image::Section;
use super::map::{MemoryMap, Span};
use super::paging::{Access, CODE_OFFSET, NoTable, PageTables, TableSource};
use super::{HUGE_PAGE, PAGE};

/// Cores that start in 16-bit mode can only load a root below this address.
const ROOT_LIMIT: u64 = 4 * HUGE_PAGE;

/// Changes of more than this many bytes flush all translations instead of each page's.
const FLUSH_LIMIT: u64 = 16 * PAGE;

static SPACE: TicketMutex<Option<PageTables<FreeFrames>>> = TicketMutex::new(None);

struct FreeFrames;

// SAFETY: a fresh frame is aligned, memory, mapped onto itself and nobody else's.
unsafe impl TableSource for FreeFrames {
    fn table(&mut self) -> Option<*mut [u64; 512]> {
        let frame = FRAMES.lock().allocate(PAGE, PAGE).ok()?;
        Some(ptr::with_exposed_provenance_mut(frame as usize))
    }
}

/// Builds the kernel's page tables and switches to them.
///
/// # Errors
/// [`NoTable`] if there is no memory for the tables.
///
/// # Safety
/// The current stack and everything in use lies in `map`'s memory; `sections` are those of the
/// running image. Must run once, on the only running core.
pub unsafe fn enter(
    map: &MemoryMap,
    sections: &[Section],
    huge_pages: bool,
) -> Result<(), NoTable> {
    let root = FRAMES
        .lock()
        .allocate_below(PAGE, PAGE, ROOT_LIMIT)
        .map_err(|_| NoTable)?;
    let root = ptr::with_exposed_provenance_mut(root as usize);
    let mut tables = PageTables::new(FreeFrames, Some(root), huge_pages)?;
    for span in map.memory() {
        tables.map(span.above(PAGE), Access::Write)?;
    }
    for section in sections {
        tables.map(section.span, section.access)?;
    }
    let top = if Cr4::read().contains(Cr4Flags::L5_PAGING) {
        five_level_root(tables.root())?
    } else {
        tables.root()
    };
    let root = PhysFrame::containing_address(PhysAddr::new(top));
    // SAFETY: the tables map the image with the rights it needs and all other memory onto itself.
    unsafe { Cr3::write(root, Cr3Flags::empty()) };
    *SPACE.lock() = Some(tables);
    Ok(())
}

/// A table above `root`: firmware may have switched five-level paging on, which cannot be switched
/// off in 64-bit mode. The other cores start with four levels, from `root` itself.
fn five_level_root(root: u64) -> Result<u64, NoTable> {
    const PRESENT_AND_WRITABLE: u64 = 0b11;
    let table = FreeFrames.table().ok_or(NoTable)?;
    // SAFETY: a fresh table of ours.
    unsafe {
        table.write([0; 512]);
        (*table)[0] = root | PRESENT_AND_WRITABLE;
    }
    Ok(table.expose_provenance() as u64)
}

/// Physical address of the root table.
#[must_use]
pub fn root() -> u64 {
    SPACE.lock().as_ref().map_or(0, PageTables::root)
}

/// Changes what may be done with `span` on this core.
///
/// Other cores may still hold the old rights of a page that was mapped before, so rights are only
/// taken away while they do not run yet or do not use the pages.
fn change(span: Span, access: Option<Access>) -> Result<(), NoTable> {
    let mut space = SPACE.lock();
    let Some(tables) = space.as_mut() else {
        return Ok(());
    };
    match access {
        Some(access) => tables.map(span, access)?,
        None => tables.unmap(span)?,
    }
    if span.len() > FLUSH_LIMIT {
        tlb::flush_all();
    } else {
        for page in (span.start / PAGE * PAGE..span.end).step_by(PAGE as usize) {
            tlb::flush(VirtAddr::new_truncate(page));
        }
    }
    Ok(())
}

/// Makes the device registers in `span` reachable. Before [`enter`] the firmware's tables do.
///
/// # Errors
/// [`NoTable`] if there is no memory for the tables.
pub fn map_device(span: Span) -> Result<(), NoTable> {
    change(span, Some(Access::Device))
}

/// Makes a framebuffer reachable, with combined writes.
///
/// # Errors
/// [`NoTable`] if there is no memory for the tables.
pub fn map_framebuffer(span: Span) -> Result<(), NoTable> {
    change(span, Some(Access::Combine))
}

/// Lets the code in `span` be executed instead of written, or the other way round.
///
/// # Errors
/// [`NoTable`] if there is no memory for the tables.
pub fn set_executable(span: Span, executable: bool) -> Result<(), NoTable> {
    change(
        span,
        Some(if executable {
            Access::Execute
        } else {
            Access::Write
        }),
    )
}

/// Makes the writable memory in `span` executable at another address, which is returned. That lasts
/// for ever: no core has to forget a translation. Nothing but code may ever be written there.
///
/// # Errors
/// [`NoTable`] if there is no memory for the tables.
pub fn map_code(span: Span) -> Result<u64, NoTable> {
    let mut space = SPACE.lock();
    let tables = space.as_mut().ok_or(NoTable)?;
    tables.map_code(span)?;
    Ok(span.start + CODE_OFFSET)
}

/// Makes every access to `span` fault.
///
/// # Errors
/// [`NoTable`] if there is no memory for the tables.
pub fn guard(span: Span) -> Result<(), NoTable> {
    change(span, None)
}
