//! Panics: what a core reports when it cannot go on, and what happens then.
//!
//! Nothing here takes a lock, allocates, or trusts the state that led here: the serial port and the
//! screen are driven by writers of their own. What the log has not written yet comes first. A
//! second fault while the first is reported stops the core at once.

use core::fmt::{self, Write};
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use x86_64::instructions::port::Port;
use x86_64::registers::control::{Cr2, Cr3};

use crate::acpi::ResetRegister;
use crate::cpu::idt::{self, Frame};
use crate::cpu::{self, local};
use crate::log;
use crate::log::format::Line;
use crate::log::screen::{Colour, Geometry, PixelOrder, Screen};
use crate::log::serial::{self, Serial};
use crate::mem::map::Span;
use crate::mem::{PAGE, mmio, stack};
use crate::time;

/// Return addresses shown at most.
const BACKTRACE_LIMIT: usize = 24;
/// Bytes of stack that are searched for return addresses.
const STACK_SEARCH: u64 = 64 << 10;

const PAGE_FAULT: u64 = 14;

/// What follows a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// The machine restarts.
    Reset = 0,
    /// It stays as it is, to be read.
    Halt = 1,
}

static ACTION: AtomicU8 = AtomicU8::new(Action::Halt as u8);
static FAILING_EARLY: AtomicBool = AtomicBool::new(false);

static TEXT_START: AtomicU64 = AtomicU64::new(0);
static TEXT_END: AtomicU64 = AtomicU64::new(0);
static IMAGE_BASE: AtomicU64 = AtomicU64::new(0);

static PIXELS: AtomicU64 = AtomicU64::new(0);
static PIXEL_COUNT: AtomicU64 = AtomicU64::new(0);
static WIDTH_HEIGHT: AtomicU64 = AtomicU64::new(0);
static STRIDE_ORDER: AtomicU64 = AtomicU64::new(0);

/// How to reset, by [`set_reset`]: 0 nothing known, 1 a port, 2 a byte in memory.
static RESET_KIND: AtomicU8 = AtomicU8::new(0);
static RESET_VALUE: AtomicU8 = AtomicU8::new(0);
static RESET_PLACE: AtomicU64 = AtomicU64::new(0);

/// Says what follows a panic; until then it is halting.
pub fn set_action(action: Action) {
    ACTION.store(action as u8, Ordering::Relaxed);
}

/// Tells where the kernel's code lies, so that return addresses are recognised, and where its ELF
/// file's address 0 is.
pub fn set_text(text: Span, image_base: u64) {
    TEXT_START.store(text.start, Ordering::Relaxed);
    TEXT_END.store(text.end, Ordering::Relaxed);
    IMAGE_BASE.store(image_base, Ordering::Relaxed);
}

/// Tells how the machine is reset. A register in memory must be mapped.
pub fn set_reset(register: ResetRegister) {
    let (kind, value, place) = match register {
        ResetRegister::Port { port, value } => (1, value, u64::from(port)),
        ResetRegister::Memory { address, value } => (2, value, address),
    };
    RESET_VALUE.store(value, Ordering::Relaxed);
    RESET_PLACE.store(place, Ordering::Relaxed);
    RESET_KIND.store(kind, Ordering::Release);
}

/// Tells where the screen is. The pixels stay mapped for ever.
pub fn set_screen(pixels: Span, geometry: Geometry) {
    PIXEL_COUNT.store(pixels.len() / 4, Ordering::Relaxed);
    WIDTH_HEIGHT.store(
        (geometry.width as u64) << 32 | geometry.height as u64,
        Ordering::Relaxed,
    );
    let order = u64::from(geometry.order == PixelOrder::Rgb);
    STRIDE_ORDER.store((geometry.stride as u64) << 32 | order, Ordering::Relaxed);
    PIXELS.store(pixels.start, Ordering::Release);
}

/// Serial port and screen of a panic's report.
struct PanicConsole {
    serial: Option<Serial>,
    screen: Option<Screen>,
}

impl PanicConsole {
    fn open() -> Self {
        let mut serial = Serial::probe(serial::COM1);
        if let Some(serial) = &mut serial {
            // SAFETY: a report begins with stopping the other cores, and never returns.
            unsafe { log::write_rest(serial) };
            // The line that was being written stays incomplete.
            serial.write_line(b"");
        }
        Self {
            serial,
            screen: Self::screen(),
        }
    }

    fn screen() -> Option<Screen> {
        let start = PIXELS.load(Ordering::Acquire);
        if start == 0 {
            return None;
        }
        let count = PIXEL_COUNT.load(Ordering::Relaxed) as usize;
        // SAFETY: the framebuffer is mapped for ever; its other user, the log, may still draw,
        // which spoils pixels but nothing else, and this core never returns to it.
        let pixels = unsafe {
            slice::from_raw_parts_mut(ptr::with_exposed_provenance_mut(start as usize), count)
        };
        let (size, stride) = (
            WIDTH_HEIGHT.load(Ordering::Relaxed),
            STRIDE_ORDER.load(Ordering::Relaxed),
        );
        let geometry = Geometry {
            width: (size >> 32) as usize,
            height: (size & 0xffff_ffff) as usize,
            stride: (stride >> 32) as usize,
            order: if stride & 1 == 1 {
                PixelOrder::Rgb
            } else {
                PixelOrder::Bgr
            },
        };
        let mut screen = Screen::new(pixels, geometry)?;
        screen.clear();
        Some(screen)
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        let line = Line::of_text(text);
        if let Some(serial) = &mut self.serial {
            serial.write_line(line.as_bytes());
        }
        if let Some(screen) = &mut self.screen {
            screen.write_line(line.as_bytes(), Colour::RED);
        }
    }
}

/// Whether this core is reporting a panic already; from now on it is.
fn is_failing_again() -> bool {
    match local::current() {
        Some(local) => local.failing.swap(true, Ordering::SeqCst),
        None => FAILING_EARLY.swap(true, Ordering::SeqCst),
    }
}

/// Reports a panic of the code and ends the machine: what the panic handler does.
pub fn report(reason: fmt::Arguments<'_>, place: Option<&core::panic::Location<'_>>) -> ! {
    if is_failing_again() {
        cpu::halt();
    }
    cpu::stop_others();
    let mut console = PanicConsole::open();
    match place {
        Some(place) => {
            console.line(format_args!(
                "basalt: panic at {}:{}: {reason}",
                place.file(),
                place.line()
            ));
        }
        None => console.line(format_args!("basalt: panic: {reason}")),
    }
    let here = ptr::from_ref(&console).addr() as u64;
    console.line(format_args!(
        "  core {} after {:.6} s, rsp {here:#018x} cr3 {:#x}",
        cpu::index(),
        time::since_entry().as_secs_f64(),
        Cr3::read_raw().0.start_address().as_u64(),
    ));
    backtrace(&mut console, here);
    finish(&mut console)
}

/// Reports an exception of the processor and ends the machine.
pub fn exception(frame: &Frame) -> ! {
    if is_failing_again() {
        cpu::halt();
    }
    cpu::stop_others();
    let mut console = PanicConsole::open();
    console.line(format_args!(
        "basalt: panic: {} (vector {}, error code {:#x}) at rip {:#018x}",
        idt::exception_name(frame.vector),
        frame.vector,
        frame.error_code,
        frame.rip,
    ));
    console.line(format_args!(
        "  core {} after {:.6} s, cr2 {:#018x} cr3 {:#x} rflags {:#x}",
        cpu::index(),
        time::since_entry().as_secs_f64(),
        Cr2::read_raw(),
        Cr3::read_raw().0.start_address().as_u64(),
        frame.rflags,
    ));
    if frame.vector == PAGE_FAULT && is_stack_overflow(Cr2::read_raw(), frame.rsp) {
        console.line(format_args!("  the stack has run into its guard page"));
    }
    registers(&mut console, frame);
    console.line(format_args!("  at {}", ImageAddress(frame.rip)));
    backtrace(&mut console, frame.rsp);
    finish(&mut console)
}

/// Whether a fault at `address` looks like a push or a call beyond the end of the stack.
const fn is_stack_overflow(address: u64, stack_pointer: u64) -> bool {
    stack_pointer.wrapping_sub(address) <= PAGE
}

fn registers(console: &mut PanicConsole, frame: &Frame) {
    let rows = [
        [
            ("rax", frame.rax),
            ("rbx", frame.rbx),
            ("rcx", frame.rcx),
            ("rdx", frame.rdx),
        ],
        [
            ("rsi", frame.rsi),
            ("rdi", frame.rdi),
            ("rbp", frame.rbp),
            ("rsp", frame.rsp),
        ],
        [
            ("r8 ", frame.r8),
            ("r9 ", frame.r9),
            ("r10", frame.r10),
            ("r11", frame.r11),
        ],
        [
            ("r12", frame.r12),
            ("r13", frame.r13),
            ("r14", frame.r14),
            ("r15", frame.r15),
        ],
    ];
    for [a, b, c, d] in rows {
        console.line(format_args!(
            "  {} {:016x} {} {:016x} {} {:016x} {} {:016x}",
            a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1
        ));
    }
}

/// An address as the kernel's ELF file knows it, for `addr2line`.
struct ImageAddress(u64);

impl fmt::Display for ImageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = IMAGE_BASE.load(Ordering::Relaxed);
        match self.0.checked_sub(base) {
            Some(offset) if base != 0 => write!(f, "kernel+{offset:#x}"),
            _ => write!(f, "{:#018x}", self.0),
        }
    }
}

/// Shows what looks like return addresses on the stack from `from` on. The prebuilt libraries keep
/// no frame pointers, so some shown may be left over from earlier calls.
fn backtrace(console: &mut PanicConsole, from: u64) {
    let (start, end) = (
        TEXT_START.load(Ordering::Relaxed),
        TEXT_END.load(Ordering::Relaxed),
    );
    let text = Span { start, end };
    let mut line = heapless::String::<400>::new();
    let mut found = 0;
    let from = from.next_multiple_of(8);
    for at in (from..from.saturating_add(STACK_SEARCH)).step_by(8) {
        // SAFETY: a stack in use goes on above its pointer; running off its top ends in memory that
        // is mapped or, at worst, in a second fault, which stops the core with this much told.
        let value = unsafe { mmio::read::<u64>(at) };
        if value == stack::END {
            break;
        }
        if is_return_address(value, text) {
            // A full line only loses the rest of the addresses.
            let _ = write!(line, " {}", ImageAddress(value));
            found += 1;
            if found == BACKTRACE_LIMIT {
                break;
            }
        }
    }
    console.line(format_args!("  stack:{line}"));
}

/// Whether `value` lies in the text right behind a call instruction.
fn is_return_address(value: u64, text: Span) -> bool {
    if value < text.start + 8 || value >= text.end {
        return false;
    }
    let mut before = [0; 7];
    for (offset, byte) in before.iter_mut().enumerate() {
        // SAFETY: the eight bytes before `value` lie in the mapped text, by the check above.
        *byte = unsafe { mmio::read::<u8>(value - 7 + offset as u64) };
    }
    follows_call(&before)
}

/// Whether the bytes end with a call: relative (E8), or indirect (FF /2) of two, three or six
/// bytes.
fn follows_call(before: &[u8; 7]) -> bool {
    let is_indirect = |at: usize| before[at] == 0xff && before[at + 1] >> 3 & 7 == 2;
    before[2] == 0xe8 || is_indirect(5) || is_indirect(4) || is_indirect(1)
}

fn finish(console: &mut PanicConsole) -> ! {
    if ACTION.load(Ordering::Relaxed) == Action::Reset as u8 {
        console.line(format_args!("basalt: reset"));
        reset();
    }
    console.line(format_args!("basalt: halted"));
    cpu::halt();
}

/// Restarts the machine: by the register that ACPI names, else by the chip set's usual port, else
/// by the keyboard controller.
pub fn reset() -> ! {
    let (value, place) = (
        RESET_VALUE.load(Ordering::Relaxed),
        RESET_PLACE.load(Ordering::Relaxed),
    );
    // SAFETY: each of these restarts the machine or does nothing; nothing runs here afterwards.
    unsafe {
        match RESET_KIND.load(Ordering::Acquire) {
            1 => Port::<u8>::new(place as u16).write(value),
            2 => mmio::write(place, value),
            _ => {}
        }
        Port::<u8>::new(0xcf9).write(0x02);
        Port::<u8>::new(0xcf9).write(0x06);
        Port::<u8>::new(0x64).write(0xfe);
    }
    cpu::halt();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_just_below_the_stack_pointer_are_overflows() {
        assert!(is_stack_overflow(0x1ff8, 0x2000));
        assert!(is_stack_overflow(0x1000, 0x2000));
        assert!(!is_stack_overflow(0x0ff8, 0x2000));
        assert!(!is_stack_overflow(0x2008, 0x2000));
    }

    #[test]
    fn calls_are_recognised_by_their_encodings() {
        assert!(follows_call(&[0, 0, 0xe8, 1, 2, 3, 4])); // call rel32
        assert!(follows_call(&[0, 0, 0, 0, 0, 0xff, 0xd0])); // call rax
        assert!(follows_call(&[0, 0, 0, 0, 0xff, 0x50, 0x18])); // call [rax + 24]
        assert!(follows_call(&[0, 0xff, 0x15, 1, 2, 3, 4])); // call [rip + disp]
        assert!(!follows_call(&[0, 0, 0xe9, 1, 2, 3, 4])); // jmp
        assert!(!follows_call(&[0x90; 7]));
    }
}
