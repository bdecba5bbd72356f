//! Iterators of open folds.

use alloc::vec::Vec;

use super::stored::Stored;
use super::streams::StreamValue;
use crate::ast::{Name, NodeId};
use crate::budget::Heap;
use crate::data::{Provenance, Tetraplet};
use crate::values::{Json, Value};

/// What a fold runs over.
#[derive(Clone, Copy)]
pub(crate) enum Items<'r> {
    /// Elements of one array value; their tetraplets are that of the array, with an index.
    Array {
        items: &'r [Json<'r>],
        tetraplet: &'r Tetraplet<'r>,
        provenance: Provenance,
    },
    /// Elements of a canon.
    Canon(&'r [Stored<'r>]),
    /// One generation of a stream.
    Stream {
        fold: u32,
        values: &'r [StreamValue<'r>],
    },
}

impl<'r> Items<'r> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Items::Array { items, .. } => items.len(),
            Items::Canon(items) => items.len(),
            Items::Stream { values, .. } => values.len(),
        }
    }

    fn get(&self, index: usize, heap: &Heap<'r>) -> Option<Stored<'r>> {
        Some(match *self {
            Items::Canon(items) => *items.get(index)?,
            Items::Stream { values, .. } => values.get(index)?.stored,
            Items::Array {
                items,
                tetraplet,
                provenance,
            } => {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(index);
                let lens = heap.concat(&[tetraplet.lens, ".$.[", digits, "]"]);
                Stored {
                    value: Value::from_tree(heap, *items.get(index)?),
                    tetraplet: heap.alloc(Tetraplet { lens, ..*tetraplet }),
                    provenance,
                }
            }
        })
    }
}

/// An open fold over one collection.
#[derive(Clone, Copy)]
pub(crate) struct Iteration<'r> {
    /// The fold.
    pub(crate) node: NodeId,
    pub(crate) items: Items<'r>,
    pub(crate) index: usize,
    /// Whether the end was reached once.
    pub(crate) ended: bool,
    /// The element at `index`, once it was asked for.
    current: Option<(usize, Stored<'r>)>,
}

impl<'r> Iteration<'r> {
    fn new(node: NodeId, items: Items<'r>) -> Self {
        Iteration {
            node,
            items,
            index: 0,
            ended: false,
            current: None,
        }
    }

    pub(crate) fn has_next(&self) -> bool {
        self.index + 1 < self.items.len()
    }
}

/// Iterators by name.
pub(crate) struct Iterators<'r> {
    /// Place of each name's iteration in `open`, plus one; 0 for none.
    places: Vec<u32>,
    /// Open folds, innermost last.
    open: Vec<Iteration<'r>>,
}

impl<'r> Iterators<'r> {
    pub(crate) fn new(names: usize) -> Self {
        Iterators {
            places: alloc::vec![0; names],
            open: Vec::new(),
        }
    }

    pub(crate) fn is_open(&self, name: Name) -> bool {
        self.places[name.0 as usize] != 0
    }

    pub(crate) fn get_mut(&mut self, name: Name) -> Option<&mut Iteration<'r>> {
        let place = self.places[name.0 as usize].checked_sub(1)?;
        self.open.get_mut(place as usize)
    }

    pub(crate) fn open(&mut self, name: Name, node: NodeId, items: Items<'r>) {
        self.open.push(Iteration::new(node, items));
        self.places[name.0 as usize] = self.open.len() as u32;
    }

    /// Closes the innermost fold, which is that of `name`.
    pub(crate) fn close(&mut self, name: Name) {
        self.places[name.0 as usize] = 0;
        self.open.pop();
    }

    /// The current element of an open fold.
    pub(crate) fn current(&mut self, name: Name, heap: &Heap<'r>) -> Option<Stored<'r>> {
        let iteration = self.get_mut(name)?;
        match iteration.current {
            Some((index, stored)) if index == iteration.index => Some(stored),
            _ => {
                let stored = iteration.items.get(iteration.index, heap)?;
                iteration.current = Some((iteration.index, stored));
                Some(stored)
            }
        }
    }
}
