//! Segments and the stacks that interrupts run on.
//!
//! The prebuilt `core` uses the red zone below the stack pointer, so no vector may push onto the
//! interrupted stack: every one has an IST stack.

use x86_64::PrivilegeLevel;
use x86_64::VirtAddr;
use x86_64::instructions::tables::load_tss;
use x86_64::registers::segmentation::{CS, DS, ES, FS, GS, SS, Segment, SegmentSelector};
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::tss::TaskStateSegment;

use crate::mem::stack::{Error, Stack};

/// IST entries. Exceptions have their own, so that a fault inside a device handler is reported; NMI
/// and double fault have their own, because they may hit inside an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum StackOf {
    /// Device interrupts and messages between cores.
    Device = 0,
    /// Exceptions.
    Exception = 1,
    /// Non-maskable interrupt.
    Nmi = 2,
    /// Double fault and machine check.
    Last = 3,
}

const STACKS: [(StackOf, u64); 4] = [
    (StackOf::Device, 8 << 10),
    (StackOf::Exception, 16 << 10),
    (StackOf::Nmi, 8 << 10),
    (StackOf::Last, 16 << 10),
];

/// Descriptor table and task segment of one core.
pub struct Tables {
    gdt: GlobalDescriptorTable,
    tss: TaskStateSegment,
}

impl Tables {
    /// Makes the tables with fresh interrupt stacks.
    ///
    /// # Errors
    /// [`Error`] if there is no memory for the stacks.
    pub fn new() -> Result<Self, Error> {
        let mut tss = TaskStateSegment::new();
        for (stack_of, bytes) in STACKS {
            let top = Stack::new(bytes)?.top();
            tss.interrupt_stack_table[stack_of as usize] = VirtAddr::new(top);
        }
        Ok(Self {
            gdt: GlobalDescriptorTable::new(),
            tss,
        })
    }

    /// Loads the tables on this core.
    ///
    /// # Safety
    /// `self` stays where it is for ever.
    pub unsafe fn load(&mut self) {
        let none = SegmentSelector::new(0, PrivilegeLevel::Ring0);
        // SAFETY: the tables stay by the caller's promise; the selectors name descriptors of the
        // table just loaded, of the right kinds; in long mode the null selector is fine for the
        // data segments that no one uses.
        unsafe {
            let code = self.gdt.append(Descriptor::kernel_code_segment());
            let data = self.gdt.append(Descriptor::kernel_data_segment());
            let task = self
                .gdt
                .append(Descriptor::tss_segment_unchecked(&raw const self.tss));
            self.gdt.load_unsafe();
            CS::set_reg(code);
            SS::set_reg(data);
            DS::set_reg(none);
            ES::set_reg(none);
            FS::set_reg(none);
            GS::set_reg(none);
            load_tss(task);
        }
    }
}
