//! Interrupt vectors: a stub for each, one handler for exceptions, one for devices.

use core::arch::naked_asm;
use core::sync::atomic::Ordering;

use hermit_sync::OnceCell;
use x86_64::registers::segmentation::{CS, Segment};
use x86_64::structures::idt::InterruptDescriptorTable;

use super::gdt::StackOf;
use super::stop::{STOPPING, halt};
use super::vectors::{FIRST_DEVICE_VECTOR, SPURIOUS_VECTOR};
use super::{apic, msr};

pub use super::vectors::MESSAGE_VECTOR;

const NMI: u64 = 2;
const GENERAL_PROTECTION: u64 = 13;
const STUB_LEN: u64 = 16;

static IDT: OnceCell<InterruptDescriptorTable> = OnceCell::new();

/// What ends the machine after an exception. It lies above this module and is given at the start.
/// Reading it takes no lock, whatever the core held when it faulted.
static ON_EXCEPTION: OnceCell<fn(&Frame) -> !> = OnceCell::new();

/// Sets what is called with the interrupted state of an exception that cannot be recovered from.
/// The first call counts; until then such an exception stops the core without a word.
pub fn on_exception(handler: fn(&Frame) -> !) {
    // A second handler is refused, and the first stays.
    let _ = ON_EXCEPTION.set(handler);
}

/// The interrupted state, as the stubs leave it on the stack.
#[derive(Clone, Debug)]
#[repr(C)]
#[expect(missing_docs, reason = "these are the processor's own names")]
pub struct Frame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rbp: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    /// Number of the vector.
    pub vector: u64,
    /// The exception's error code, or 0.
    pub error_code: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

/// 256 entry points, 16 bytes apart: each makes the stack look the same (error code, vector) and
/// goes on to [`common`].
#[unsafe(naked)]
unsafe extern "sysv64" fn stubs() {
    naked_asm!(
        ".set vector, 0",
        ".rept 256",
        ".balign 16",
        // The processor itself pushes an error code for these.
        ".if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)",
        ".else",
        "pushq $0",
        ".endif",
        "pushq $vector",
        "jmp {common}",
        ".set vector, vector + 1",
        ".endr",
        common = sym common,
        options(att_syntax),
    );
}

/// Saves the registers, calls [`handle`], returns to the interrupted code.
#[unsafe(naked)]
unsafe extern "sysv64" fn common() {
    naked_asm!(
        "push rax", "push rbx", "push rcx", "push rdx", "push rsi", "push rdi", "push rbp",
        "push r8", "push r9", "push r10", "push r11", "push r12", "push r13", "push r14", "push r15",
        "cld",
        "mov rdi, rsp",
        // 22 words lie on the IST stack, whose top is aligned: so is the stack for the call.
        "call {handle}",
        "pop r15", "pop r14", "pop r13", "pop r12", "pop r11", "pop r10", "pop r9", "pop r8",
        "pop rbp", "pop rdi", "pop rsi", "pop rdx", "pop rcx", "pop rbx", "pop rax",
        "add rsp, 16",
        "iretq",
        handle = sym handle,
    );
}

extern "sysv64" fn handle(frame: &mut Frame) {
    if frame.vector >= u64::from(FIRST_DEVICE_VECTOR) {
        // Waking the core is all a device interrupt has to do: the loop that slept looks around.
        if frame.vector != u64::from(SPURIOUS_VECTOR) {
            apic::end_of_interrupt();
        }
        return;
    }
    if frame.vector == NMI && STOPPING.load(Ordering::SeqCst) {
        halt();
    }
    if frame.vector == GENERAL_PROTECTION
        && let Some(place) = msr::recover()
    {
        frame.rip = place;
        return;
    }
    match ON_EXCEPTION.get() {
        Some(handler) => handler(frame),
        None => halt(),
    }
}

/// Name of an exception, by its vector.
#[must_use]
pub const fn exception_name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug exception",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound range exceeded",
        6 => "invalid opcode",
        7 => "device not available",
        8 => "double fault",
        10 => "invalid task segment",
        11 => "segment not present",
        12 => "stack-segment fault",
        13 => "general protection fault",
        14 => "page fault",
        16 => "x87 floating-point error",
        17 => "alignment check",
        18 => "machine check",
        19 => "SIMD floating-point error",
        20 => "virtualisation exception",
        21 => "control protection exception",
        _ => "reserved exception",
    }
}

const fn stack_of(vector: u8) -> StackOf {
    match vector {
        2 => StackOf::Nmi,
        8 | 18 => StackOf::Last,
        0..FIRST_DEVICE_VECTOR => StackOf::Exception,
        _ => StackOf::Device,
    }
}

/// The table with every vector on its stub and its stack.
fn build() -> InterruptDescriptorTable {
    /// Low half of a gate: present, ring 0, interrupt gate.
    const GATE: u64 = 0x8e00 << 32;

    let selector = u64::from(CS::get_reg().0);
    let first_stub = (stubs as *const () as u64).next_multiple_of(STUB_LEN);
    let mut gates = [[0_u64; 2]; 256];
    for (vector, gate) in (0..=u8::MAX).zip(&mut gates) {
        let address = first_stub + STUB_LEN * u64::from(vector);
        let stack = stack_of(vector) as u64 + 1;
        gate[0] =
            address & 0xffff | selector << 16 | stack << 32 | GATE | (address >> 16 & 0xffff) << 48;
        gate[1] = address >> 32;
    }
    // SAFETY: the type is the processor's 4 KiB table of 256 gates, and each gate is complete.
    unsafe { core::mem::transmute(gates) }
}

/// Loads the table on this core, whose segments must be loaded.
pub fn load() {
    IDT.get_or_init(build).load();
}
