//! Scalars, canon streams and canon maps: tables of values by name and depth (AIR spec section
//! 4.10).
//!
//! Depth 0 is global; each fold and each iteration behind a `next` is one deeper. The depth that a
//! `next` leaves is hidden until its return, so that an iteration does not see the values of the
//! one before.

use alloc::vec::Vec;

use crate::ast::Name;
use crate::budget::{BudgetExceeded, Heap, cost};
use crate::error::Error;

/// Which of the three tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Scalars,
    Canons,
    CanonMaps,
}

/// The open depths, and what was set at each of them.
pub(crate) struct Depths {
    /// Whether each depth is visible; the last is the current one.
    visible: Vec<bool>,
    /// Variables set above depth 0, in order of depth.
    set: Vec<(u32, Table, Name)>,
}

impl Depths {
    pub(crate) fn new() -> Self {
        Depths {
            visible: alloc::vec![true],
            set: Vec::new(),
        }
    }

    pub(crate) fn current(&self) -> u32 {
        self.visible.len() as u32 - 1
    }

    fn is_visible(&self, depth: u32) -> bool {
        self.visible.get(depth as usize).copied().unwrap_or(false)
    }

    /// A fold begins.
    pub(crate) fn open(&mut self) {
        self.visible.push(true);
    }

    /// A `next` goes on to another element.
    pub(crate) fn open_hiding(&mut self) {
        if let Some(last) = self.visible.last_mut() {
            *last = false;
        }
        self.open();
    }

    /// A fold or an iteration ends. [`Self::expired`] then names what to forget.
    pub(crate) fn close(&mut self) {
        self.visible.pop();
        if let Some(last) = self.visible.last_mut() {
            *last = true;
        }
    }

    /// A variable whose depth was closed.
    pub(crate) fn expired(&mut self) -> Option<(Table, Name)> {
        let current = self.current();
        self.set
            .pop_if(|(depth, ..)| *depth > current)
            .map(|(_, table, name)| (table, name))
    }
}

struct Cell<T> {
    depth: u32,
    /// None after `new`.
    value: Option<T>,
}

/// What a name stands for.
pub(crate) enum Found<T> {
    Value(T),
    /// Renewed and not yet set.
    Cleared,
    Nothing,
}

/// One table: per name a stack of cells, deepest last.
pub(crate) struct Variables<T> {
    table: Table,
    cells: Vec<Vec<Cell<T>>>,
}

impl<T: Copy> Variables<T> {
    pub(crate) fn new(table: Table, names: usize) -> Self {
        let mut cells = Vec::new();
        cells.resize_with(names, Vec::new);
        Variables { table, cells }
    }

    pub(crate) fn get(&self, name: Name, depths: &Depths) -> Found<T> {
        match self.cells[name.0 as usize].last() {
            Some(cell) if depths.is_visible(cell.depth) => {
                cell.value.map_or(Found::Cleared, Found::Value)
            }
            _ => Found::Nothing,
        }
    }

    /// Whether [`Self::set`] would succeed.
    pub(crate) fn may_set(&self, name: Name, depths: &Depths) -> bool {
        depths.current() > 0
            || self.cells[name.0 as usize]
                .last()
                .is_none_or(|cell| cell.value.is_none())
    }

    pub(crate) fn set(
        &mut self,
        name: Name,
        value: T,
        depths: &mut Depths,
        text: &str,
        heap: &Heap<'_>,
    ) -> Result<(), Error> {
        heap.spend(cost::SET);
        if !self.may_set(name, depths) {
            return Err(Error::Shadowing(text.into()));
        }
        let depth = depths.current();
        let cells = &mut self.cells[name.0 as usize];
        match cells.last_mut() {
            Some(cell) if cell.depth == depth => cell.value = Some(value),
            _ => {
                let value = Some(value);
                heap.push(cells, Cell { depth, value })?;
                if depth > 0 {
                    heap.push(&mut depths.set, (depth, self.table, name))?;
                }
            }
        }
        Ok(())
    }

    /// `new` begins.
    pub(crate) fn renew(
        &mut self,
        name: Name,
        depths: &Depths,
        heap: &Heap<'_>,
    ) -> Result<(), BudgetExceeded> {
        heap.spend(cost::SET);
        let depth = depths.current();
        let cells = &mut self.cells[name.0 as usize];
        heap.push(cells, Cell { depth, value: None })
    }

    /// `new` ends, or a depth is closed.
    pub(crate) fn forget(&mut self, name: Name) {
        self.cells[name.0 as usize].pop();
    }
}
