//! The memory of one run.

use bumpalo::Bump;
use core::cell::RefCell;
use core::hash::{BuildHasher, Hash};
use hashbrown::HashMap;

use alloc::string::String;
use alloc::vec::Vec;

use super::cost::{Ticks, copied};
use super::meter::{BudgetExceeded, Meter};

/// Memory of a table: an eighth of its places stays free, and each has a byte of its own.
fn of_table<K, V>(capacity: usize) -> usize {
    match capacity {
        0 => 0,
        capacity => capacity * 8 / 7 * (size_of::<(K, V)>() + 1) + 64,
    }
}

/// The most that the arena has to allocate for so many bytes: it looks for a size by halving.
fn chunk(bytes: usize) -> usize {
    const SLACK: usize = 8192;
    bytes.saturating_mul(2).saturating_add(SLACK)
}

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

    /// Pays for work; fails if there is no time left for it.
    pub(crate) fn charge(&self, ticks: Ticks) -> Result<(), BudgetExceeded> {
        self.meter.spend(ticks);
        self.check()
    }

    /// Notes work that can't be refused any more; the next check does.
    pub(crate) fn spend(&self, ticks: Ticks) {
        self.meter.spend(ticks);
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

    /// Appends to a list that is held. It grows by a half, which is taken before.
    pub(crate) fn push<T>(&self, items: &mut Vec<T>, item: T) -> Result<(), BudgetExceeded> {
        if items.len() == items.capacity() {
            let old = items.capacity();
            let new = old + (old / 2).max(4);
            self.hold(new * size_of::<T>())?;
            items.reserve_exact(new - old);
            self.release(old * size_of::<T>());
        }
        items.push(item);
        Ok(())
    }

    /// Lets a table grow that is full, and takes the memory before.
    pub(crate) fn grow_table<K: Eq + Hash, V, S: BuildHasher>(
        &self,
        table: &mut HashMap<K, V, S>,
    ) -> Result<(), BudgetExceeded> {
        let old = table.capacity();
        // It doubles, beside the one that it takes the place of.
        let most = of_table::<K, V>(2 * old + 16);
        self.hold(most)?;
        table.reserve(1);
        let new = of_table::<K, V>(table.capacity());
        self.release(of_table::<K, V>(old) + most.saturating_sub(new));
        Ok(())
    }

    /// Gives back what a table took.
    pub(crate) fn release_table<K, V, S>(&self, table: &HashMap<K, V, S>) {
        self.release(of_table::<K, V>(table.capacity()));
    }

    /// Microseconds spent so far.
    pub(crate) fn time(&self) -> u64 {
        self.meter.time()
    }

    /// What is left of memory, for a text that is being written: it is in a buffer, which doubles,
    /// and then in the arena.
    pub(crate) fn left(&self) -> usize {
        let memory = self.meter.memory_left(self.bump.allocated_bytes());
        usize::try_from(memory / 3).unwrap_or(usize::MAX)
    }

    /// Lets the arena grow to its limit and no further. What is asked for is given even so, since
    /// it is small or was asked for before; the next check refuses the run then.
    fn reserve(&self, bytes: usize) {
        if self.bump.chunk_capacity() >= bytes + size_of::<u64>() {
            return;
        }
        let arena = self.bump.allocated_bytes();
        let left = self.meter.memory_left(arena);
        if bytes as u64 > left {
            self.meter.refuse();
        }
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let most = arena.saturating_add(left.max(chunk(bytes)));
        self.bump.set_allocation_limit(Some(most));
    }

    pub(crate) fn alloc<T: Copy>(&self, item: T) -> &'r T {
        self.cell(item)
    }

    /// Like [`Self::alloc`], for cells: they own nothing outside of the arena either.
    pub(crate) fn cell<T>(&self, item: T) -> &'r T {
        const { assert!(!core::mem::needs_drop::<T>()) };
        self.reserve(size_of::<T>());
        self.bump.alloc(item)
    }

    pub(crate) fn slice<T: Copy>(&self, items: &[T]) -> &'r [T] {
        self.spend(copied(size_of_val(items)));
        self.reserve(size_of_val(items));
        self.bump.alloc_slice_copy(items)
    }

    pub(crate) fn collect<T>(&self, items: impl ExactSizeIterator<Item = T>) -> &'r [T] {
        const { assert!(!core::mem::needs_drop::<T>()) };
        let bytes = items.len() * size_of::<T>();
        self.spend(copied(bytes));
        self.reserve(bytes);
        self.bump.alloc_slice_fill_iter(items)
    }

    /// Texts kept are paid for, and refused at the next check.
    pub(crate) fn str(&self, text: &str) -> &'r str {
        self.spend(copied(text.len()));
        self.reserve(text.len());
        self.bump.alloc_str(text)
    }

    /// Texts behind each other.
    pub(crate) fn concat(&self, parts: &[&str]) -> &'r str {
        let mut joined = self.joined.borrow_mut();
        joined.clear();
        parts.iter().for_each(|part| joined.push_str(part));
        self.str(&joined)
    }

    /// Writes a text into a buffer that is reused, keeps the result, and charges for it.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), BudgetExceeded>,
    ) -> Result<&'r str, BudgetExceeded> {
        // Taken, not borrowed: writing a value may write the texts of others.
        let mut scratch = self.scratch.take();
        let held = scratch.capacity();
        scratch.clear();
        let written = write(&mut scratch);
        let text = written
            .and_then(|()| self.charge(copied(scratch.len())))
            .and_then(|()| self.room(scratch.len()))
            .map(|()| self.utf8(&scratch));
        let grown = self.hold(scratch.capacity() - held);
        let dropped = self.scratch.replace(scratch);
        self.release(dropped.capacity());
        grown?;
        text
    }

    /// Whether there is room for so many bytes more.
    pub(crate) fn room(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        let left = self.meter.memory_left(self.bump.allocated_bytes());
        (chunk(bytes) as u64 <= left)
            .then_some(())
            .ok_or(BudgetExceeded::Memory)
    }

    /// The writers write whole texts only.
    fn utf8(&self, bytes: &[u8]) -> &'r str {
        let text = core::str::from_utf8(bytes);
        debug_assert!(text.is_ok());
        self.reserve(bytes.len());
        self.bump.alloc_str(text.unwrap_or_default())
    }
}
