//! The memory of one run.

use bumpalo::Bump;
use core::cell::RefCell;

use alloc::string::String;
use alloc::vec::Vec;

use super::meter::{BudgetExceeded, Meter};

/// An arena with a budget. What is made lives as long as the run; nothing is freed before its end.
pub(crate) struct Heap<'r> {
    bump: &'r Bump,
    meter: &'r Meter,
    scratch: RefCell<Vec<u8>>,
    joined: RefCell<String>,
}

impl<'r> Heap<'r> {
    pub(crate) fn new(bump: &'r Bump, meter: &'r Meter) -> Self {
        Heap {
            bump,
            meter,
            scratch: RefCell::default(),
            joined: RefCell::default(),
        }
    }

    /// Takes `bytes` from the budget.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.meter.spend(bytes);
        self.check()
    }

    /// Notes work that can't be refused any more; the next check does.
    pub(crate) fn spend(&self, bytes: usize) {
        self.meter.spend(bytes);
    }

    /// Whether the run is within its budget.
    pub(crate) fn check(&self) -> Result<(), BudgetExceeded> {
        self.meter.check(self.bump.allocated_bytes())
    }

    /// Takes memory outside of the arena, for as long as the run lasts.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.meter.hold(bytes, self.bump.allocated_bytes())
    }

    /// Gives back what was taken by [`Self::hold`].
    pub(crate) fn release(&self, bytes: usize) {
        self.meter.release(bytes);
    }

    /// What is left of the budget, for a text that is being written.
    pub(crate) fn left(&self) -> usize {
        let memory = self.meter.memory_left(self.bump.allocated_bytes());
        usize::try_from(self.meter.work_left().min(memory)).unwrap_or(usize::MAX)
    }

    pub(crate) fn alloc<T: Copy>(&self, item: T) -> &'r T {
        self.bump.alloc(item)
    }

    /// Like [`Self::alloc`], for cells: they own nothing outside of the arena either.
    pub(crate) fn cell<T>(&self, item: T) -> &'r T {
        const { assert!(!core::mem::needs_drop::<T>()) };
        self.bump.alloc(item)
    }

    pub(crate) fn slice<T: Copy>(&self, items: &[T]) -> &'r [T] {
        self.bump.alloc_slice_copy(items)
    }

    pub(crate) fn collect<T>(&self, items: impl ExactSizeIterator<Item = T>) -> &'r [T] {
        const { assert!(!core::mem::needs_drop::<T>()) };
        self.bump.alloc_slice_fill_iter(items)
    }

    /// Texts kept are paid for, and refused at the next check.
    pub(crate) fn str(&self, text: &str) -> &'r str {
        self.meter.spend(text.len());
        self.bump.alloc_str(text)
    }

    /// Texts behind each other.
    pub(crate) fn concat(&self, parts: &[&str]) -> &'r str {
        let mut joined = self.joined.borrow_mut();
        joined.clear();
        parts.iter().for_each(|part| joined.push_str(part));
        self.meter.spend(joined.len());
        self.bump.alloc_str(&joined)
    }

    /// Writes a text into a buffer that is reused, keeps the result, and charges for it.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), BudgetExceeded>,
    ) -> Result<&'r str, BudgetExceeded> {
        // Taken, not borrowed: writing a value may write the texts of others.
        let mut scratch = self.scratch.take();
        scratch.clear();
        let written = write(&mut scratch);
        let text = written
            .and_then(|()| self.charge(scratch.len()))
            .and_then(|()| self.room(scratch.len()))
            .map(|()| self.utf8(&scratch));
        self.scratch.replace(scratch);
        text
    }

    /// Whether there is room for so many bytes more.
    pub(crate) fn room(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        let left = self.meter.memory_left(self.bump.allocated_bytes());
        (bytes as u64 <= left)
            .then_some(())
            .ok_or(BudgetExceeded::Memory)
    }

    /// The writers write whole texts only.
    fn utf8(&self, bytes: &[u8]) -> &'r str {
        let text = core::str::from_utf8(bytes);
        debug_assert!(text.is_ok());
        self.bump.alloc_str(text.unwrap_or_default())
    }
}
