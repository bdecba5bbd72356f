//! What each core has of its own, reached through the GS base.

use alloc::boxed::Box;
use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use x86_64::VirtAddr;
use x86_64::registers::model_specific::GsBase;

use super::gdt::Tables;

/// Whether GS bases are set. Until then only the boot core runs.
static READY: AtomicBool = AtomicBool::new(false);

/// One core's own data. Lives for ever at one address.
#[repr(C)]
pub struct Local {
    /// Must stay first: [`index`] reads it at offset 0.
    index: u32,
    /// Where a general protection fault goes on while the core touches a register that may not
    /// exist; else 0. See [`super::msr`].
    pub recovery: AtomicU64,
    /// Set while the core reports a panic, so that a second fault does not start over.
    pub failing: AtomicBool,
    /// Descriptor tables and stacks.
    pub tables: Tables,
}

impl Local {
    /// Makes the data of core `index`.
    pub fn new(index: u32, tables: Tables) -> &'static mut Self {
        Box::leak(Box::new(Self {
            index,
            recovery: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            tables,
        }))
    }

    /// The core's index; 0 is the system core.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Loads the core's tables and makes `self` its own.
    pub fn install(&'static mut self) {
        // SAFETY: `self` lives for ever at one address.
        unsafe { self.tables.load() };
        // After loading the tables: writing a segment selector clears the base.
        GsBase::write(VirtAddr::from_ptr(self));
        READY.store(true, Ordering::Release);
    }
}

/// This core's data; `None` before it is installed.
#[must_use]
pub fn current() -> Option<&'static Local> {
    if !READY.load(Ordering::Acquire) {
        return None;
    }
    let base = GsBase::read();
    // SAFETY: a GS base, once set, is that core's leaked `Local`; cores that start later set it
    // before they run anything that asks. Its mutable parts are atomics.
    (!base.is_null()).then(|| unsafe { &*base.as_ptr::<Local>() })
}

/// Index of this core; 0 is the system core, and any core before its set-up.
#[must_use]
pub fn index() -> usize {
    if !READY.load(Ordering::Acquire) {
        return 0;
    }
    let index: u32;
    // SAFETY: as in `current`; `index` is the first field of `Local`. A starting core calls this
    // only after `install`.
    unsafe {
        asm!("mov {:e}, gs:[0]", out(reg) index, options(nostack, readonly, preserves_flags))
    };
    index as usize
}
