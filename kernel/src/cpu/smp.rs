//! Starting the other cores.
//!
//! Each is woken by INIT and a start-up message, begins in 16-bit mode in a page below 1 MiB, and
//! goes from there straight to 64-bit mode with the kernel's page tables. They come one after the
//! other through one mailbox, and a core that does not answer is left behind.
//!
//! Source: Intel SDM volume 3, "Multiple-Processor Management" and "Initializing IA-32e Mode".

use alloc::vec::Vec;
use core::arch::naked_asm;
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use hermit_sync::OnceCell;

use super::features::{self, Features};
use super::local::Local;
use super::{apic, gdt, halt, idt};
use crate::mem::map::Span;
use crate::mem::stack::{self, Stack};
use crate::mem::{PAGE, mmio, paging::NoTable, space};
use crate::time;

/// Stack of a compute core, in bytes. Jobs run on it; deep recursion in one hits the guard page.
const STACK_BYTES: u64 = 512 << 10;
/// Time between INIT and the start-up message that every processor accepts.
const INIT_WAIT: Duration = Duration::from_millis(10);
/// Time after which the start-up message is sent again, and after which a core is left behind.
const FIRST_ANSWER: Duration = Duration::from_millis(20);
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// Why a core does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No memory for its stacks.
    Stack(stack::Error),
    /// No memory for page tables.
    Table(NoTable),
    /// Its APIC identifier is too large for messages without x2APIC mode.
    Unreachable,
    /// It did not answer.
    Silent,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack(error) => error.fmt(f),
            Self::Table(error) => error.fmt(f),
            Self::Unreachable => {
                f.write_str("its identifier needs x2APIC mode, which is not there")
            }
            Self::Silent => f.write_str("it did not answer"),
        }
    }
}

impl core::error::Error for Error {}

/// What a starting core is told: last words of the start-up page, at [`MAILBOX`].
#[repr(C)]
struct Mailbox {
    /// Offset and selector for the jump to 64-bit code.
    far_offset: u32,
    far_selector: u32,
    /// Descriptor table register: limit and base.
    gdt_limit: u16,
    gdt_base: [u16; 2],
    _pad: u16,
    /// Null and 64-bit code descriptors.
    gdt: [u64; 2],
    root: u64,
    stack: u64,
    entry: u64,
    local: u64,
}

const MAILBOX: u64 = 0xf80;
const GDT_OFFSET: u64 = MAILBOX + 16;
const CODE_64: u64 = 0x00af_9a00_0000_ffff;

const _: () = assert!(size_of::<Mailbox>() <= 0x80 && core::mem::offset_of!(Mailbox, gdt) == 16);

/// Offset of the 64-bit code in the start-up page.
const LONG_MODE: u64 = 0x80;

/// The code of the start-up page. Position independent: it finds its page by the code segment.
#[unsafe(naked)]
unsafe extern "C" fn trampoline() {
    naked_asm!(
        "3:",
        ".code16",
        "cli",
        "cld",
        "mov ax, cs",
        "mov ds, ax",
        // lgdt with a 32-bit base, which the assembler has no portable name for.
        ".byte 0x66, 0x0f, 0x01, 0x16",
        ".word {mailbox} + 8",
        // Physical address extension, global pages, and the SSE state that compiled code expects.
        "mov eax, 0x6a0",
        "mov cr4, eax",
        "mov eax, [{mailbox} + 32]",
        "mov cr3, eax",
        // Long mode and no-execute.
        "mov ecx, 0xc0000080",
        "rdmsr",
        "or eax, 0x900",
        "wrmsr",
        // Paging, write protection, numeric errors, protected mode; caches on.
        "mov eax, 0x80010033",
        "mov cr0, eax",
        // A far jump through the mailbox, with a 32-bit offset.
        ".byte 0x66, 0xff, 0x2e",
        ".word {mailbox}",
        ".skip {long_mode} - (. - 3b), 0xcc",
        ".code64",
        "2:",
        "lea rbx, [rip + 2b]",
        "and rbx, -4096",
        "mov rsp, [rbx + {mailbox} + 40]",
        "mov rdi, [rbx + {mailbox} + 56]",
        // A return address of 0 ends the stack and aligns it as a call would.
        "xor ebp, ebp",
        "push rbp",
        "jmp [rbx + {mailbox} + 48]",
        mailbox = const MAILBOX,
        long_mode = const LONG_MODE,
    );
}

/// Bytes of [`trampoline`] that are copied, generously.
const CODE_LEN: usize = 256;

/// Index of the core that reported last.
static ONLINE: AtomicU32 = AtomicU32::new(0);
/// What a core does once it is set up.
static LOOP: OnceCell<fn(usize) -> !> = OnceCell::new();

/// First code of a core on its own stack.
extern "sysv64" fn enter(local: &'static mut Local) -> ! {
    let features = Features::detect();
    features::enable(&features);
    let index = local.index();
    local.install();
    idt::load();
    // The registers are mapped since the boot core enabled its own.
    let enabled = apic::enable(&features);
    ONLINE.store(index, Ordering::Release);
    match (enabled, LOOP.get()) {
        (Ok(()), Some(run)) => run(index as usize),
        _ => halt(),
    }
}

/// A core that runs, or the reason why it does not.
pub type Outcome = (u32, Result<usize, Error>);

/// Starts the cores with the identifiers `apic_ids`, which get the indices 1, 2, ... as far as they
/// run, and lets each run `run` with its index. `page` is a free page below 1 MiB. Appends what
/// became of each to `outcomes`.
pub fn start(apic_ids: &[u32], page: u64, run: fn(usize) -> !, outcomes: &mut Vec<Outcome>) {
    let page_span = Span {
        start: page,
        end: page + PAGE,
    };
    // Only the first call sets it; there is only one.
    let _ = LOOP.set(run);
    // SAFETY: the page is free and mapped writable, the code fits before the mailbox, and reading a
    // little beyond the function stays within the image's text or its padding.
    unsafe {
        let target = ptr::with_exposed_provenance_mut::<u8>(page as usize);
        ptr::copy_nonoverlapping(trampoline as *const u8, target, CODE_LEN);
    }
    let reachable = apic_ids.iter().copied().filter(|&id| apic::reaches(id));
    reachable.for_each(apic::send_init);
    time::spin(INIT_WAIT);
    let mut next_index = 1;
    for &id in apic_ids {
        let outcome = start_one(id, next_index, page_span);
        if outcome.is_ok() {
            next_index += 1;
        }
        outcomes.push((id, outcome));
    }
    // A page that was never made executable needs no undoing, and a failure here has no remedy but
    // is harmless: the page stays readable code.
    let _ = space::set_executable(page_span, false);
}

fn start_one(id: u32, index: u32, page: Span) -> Result<usize, Error> {
    if !apic::reaches(id) {
        return Err(Error::Unreachable);
    }
    let tables = gdt::Tables::new().map_err(Error::Stack)?;
    let stack = Stack::new(STACK_BYTES).map_err(Error::Stack)?;
    let local = Local::new(index, tables);
    let base = page.start;
    let gdt_base = base + GDT_OFFSET;
    let mailbox = Mailbox {
        far_offset: (base + LONG_MODE) as u32,
        far_selector: 8,
        gdt_limit: 15,
        gdt_base: [gdt_base as u16, (gdt_base >> 16) as u16],
        _pad: 0,
        gdt: [0, CODE_64],
        root: space::root(),
        stack: stack.top(),
        entry: enter as *const () as u64,
        local: ptr::from_mut(local).expose_provenance() as u64,
    };
    space::set_executable(page, false).map_err(Error::Table)?;
    // SAFETY: the page is ours and writable now, and no starting core reads it at the moment.
    unsafe { mmio::write(base + MAILBOX, mailbox) };
    space::set_executable(page, true).map_err(Error::Table)?;

    for wait in [FIRST_ANSWER, LAST_ANSWER] {
        apic::send_startup(id, (base / PAGE) as u8);
        let deadline = time::since_entry() + wait;
        while time::since_entry() < deadline {
            if ONLINE.load(Ordering::Acquire) == index {
                return Ok(index as usize);
            }
            core::hint::spin_loop();
        }
    }
    // Back to waiting, so that it cannot come up late with another core's mailbox.
    apic::send_init(id);
    Err(Error::Silent)
}
