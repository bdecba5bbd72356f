//! The memory of one run.

use bumpalo::Bump;
use core::cell::{Cell, RefCell};
use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

/// The run made more bytes than its budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetExceeded;

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the budget of bytes is exceeded")
    }
}

/// An arena with a budget. What is made lives as long as the run; nothing is freed before its end.
pub(crate) struct Heap<'r> {
    bump: &'r Bump,
    left: Cell<u64>,
    scratch: RefCell<Vec<u8>>,
    joined: RefCell<String>,
}

impl<'r> Heap<'r> {
    pub(crate) fn new(bump: &'r Bump, budget: u64) -> Self {
        Heap {
            bump,
            left: Cell::new(budget),
            scratch: RefCell::default(),
            joined: RefCell::default(),
        }
    }

    /// Takes `bytes` from the budget.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        match self.left.get().checked_sub(bytes as u64) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(BudgetExceeded),
        }
    }

    /// What is left of the budget.
    pub(crate) fn left(&self) -> usize {
        usize::try_from(self.left.get()).unwrap_or(usize::MAX)
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

    pub(crate) fn str(&self, text: &str) -> &'r str {
        self.bump.alloc_str(text)
    }

    /// Texts behind each other.
    pub(crate) fn concat(&self, parts: &[&str]) -> &'r str {
        let mut joined = self.joined.borrow_mut();
        joined.clear();
        parts.iter().for_each(|part| joined.push_str(part));
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
            .map(|()| self.utf8(&scratch));
        self.scratch.replace(scratch);
        text
    }

    /// The writers write whole texts only.
    fn utf8(&self, bytes: &[u8]) -> &'r str {
        let text = core::str::from_utf8(bytes);
        debug_assert!(text.is_ok());
        self.bump.alloc_str(text.unwrap_or_default())
    }
}
