//! A transaction: enough to undo what happened and to tell a journal what happened.
//!
//! Contents are remembered by page, at the first change of each page only, so that rewriting one
//! database page a thousand times costs one copy.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::ops::Range;

use super::{
    journal::Effect,
    node::{Ino, Node, NodeKind, Times},
};
use crate::pool::Share;

/// Bytes remembered and journalled as a unit: a database page.
pub(super) const PAGE: usize = 4096;

/// A change of names, as it happened. Both directions can be read off.
pub(super) enum Change {
    Create {
        ino: Ino,
        parent: Ino,
        name: String,
        directory: bool,
        now: u64,
    },
    Symlink {
        ino: Ino,
        parent: Ino,
        name: String,
        target: String,
        now: u64,
    },
    Link {
        ino: Ino,
        parent: Ino,
        name: String,
        now: u64,
    },
    /// The node behind the name; it may still be open.
    Remove { parent: Ino, name: String, ino: Ino },
    Rename {
        from: Ino,
        name: String,
        to: Ino,
        new_name: String,
        ino: Ino,
        replaced: Option<Ino>,
    },
}

/// What a file was before the transaction.
pub(super) struct Before {
    pub(super) len: usize,
    pub(super) pages: BTreeMap<usize, Box<[u8]>>,
}

/// Bytes that the changes of names of one transaction take at most; bounds a call that makes and
/// removes files without end.
const MAX_CHANGES: u64 = 64 << 20;

pub(super) struct Txn {
    /// Numbers from here on are those of nodes that were made in this transaction.
    first: Ino,
    pub(super) changes: Vec<Change>,
    /// What these take in memory.
    taken: Share,
    pub(super) files: BTreeMap<Ino, Before>,
    /// Times before they changed, and those that new nodes began with.
    pub(super) times: BTreeMap<Ino, Times>,
    /// Nodes without a name and without a handle left: freed from the tree, kept for undoing.
    pub(super) freed: BTreeMap<Ino, Node>,
}

impl Txn {
    /// A transaction on a tree whose next node gets this number, and whose changes take from the
    /// pool of `taken`.
    pub(super) fn new(first: Ino, taken: Share) -> Self {
        Self {
            first,
            changes: Vec::new(),
            taken,
            files: BTreeMap::new(),
            times: BTreeMap::new(),
            freed: BTreeMap::new(),
        }
    }

    /// Makes room for a change of names that takes so many bytes; false when there is none.
    pub(super) fn make_room(&mut self, bytes: u64) -> bool {
        self.taken.bytes().saturating_add(bytes) <= MAX_CHANGES && self.taken.grow(bytes)
    }

    /// Keeps a node that is freed, for undoing. One that was made in this transaction is not
    /// needed: there is none when that is undone.
    pub(super) fn keep(&mut self, ino: Ino, node: Node) {
        if ino < self.first {
            self.freed.insert(ino, node);
        } else {
            self.files.remove(&ino);
            self.times.remove(&ino);
        }
    }

    /// Remembers the pages of `range` before they change. Call it before changing bytes or length.
    pub(super) fn touch(&mut self, ino: Ino, bytes: &[u8], range: Range<usize>) {
        let before = self.files.entry(ino).or_insert_with(|| Before {
            len: bytes.len(),
            pages: BTreeMap::new(),
        });
        let end = range.end.min(before.len).min(bytes.len());
        if range.start >= end {
            return;
        }
        for page in range.start / PAGE..=(end - 1) / PAGE {
            // Bytes past the old length did not exist; bytes past the present one were remembered
            // when they were cut off.
            let start = page * PAGE;
            let stop = (start + PAGE).min(before.len).min(bytes.len());
            before
                .pages
                // Only the first change counts: undoing goes back to the beginning of the
                // transaction.
                .entry(page)
                .or_insert_with(|| bytes[start..stop].into());
        }
    }

    /// The transaction as a batch. `node` gives the present state of a node that has a name.
    pub(super) fn effects<'a>(&'a self, node: impl Fn(Ino) -> Option<&'a Node>) -> Vec<Effect<'a>> {
        let mut effects: Vec<Effect<'a>> = self
            .changes
            .iter()
            .map(|change| match change {
                Change::Create {
                    ino,
                    parent,
                    name,
                    directory,
                    now,
                } => Effect::Create {
                    ino: *ino,
                    parent: *parent,
                    name,
                    directory: *directory,
                    now: *now,
                },
                Change::Symlink {
                    ino,
                    parent,
                    name,
                    target,
                    now,
                } => Effect::Symlink {
                    ino: *ino,
                    parent: *parent,
                    name,
                    target,
                    now: *now,
                },
                Change::Link {
                    ino,
                    parent,
                    name,
                    now,
                } => Effect::Link {
                    ino: *ino,
                    parent: *parent,
                    name,
                    now: *now,
                },
                Change::Remove { parent, name, .. } => Effect::Remove {
                    parent: *parent,
                    name,
                },
                Change::Rename {
                    from,
                    name,
                    to,
                    new_name,
                    ..
                } => Effect::Rename {
                    from: *from,
                    name,
                    to: *to,
                    new_name,
                },
            })
            .collect();
        for (ino, before) in &self.files {
            // A file without a name ends with its last handle, and no restart finds it: it is not
            // stored.
            let Some(node) = node(*ino).filter(|node| node.links > 0) else {
                continue;
            };
            let NodeKind::File(bytes) = &node.kind else {
                continue;
            };
            // Before the writes: they must lie within the length.
            effects.push(Effect::Resize {
                ino: *ino,
                len: bytes.len() as u64,
                now: node.times.modified,
            });
            for range in dirty(before, bytes.len()) {
                effects.push(Effect::Write {
                    ino: *ino,
                    offset: range.start as u64,
                    data: &bytes[range],
                });
            }
        }
        // Last, for the effects before move times, too.
        for (ino, before) in &self.times {
            let Some(node) = node(*ino).filter(|node| node.links > 0) else {
                continue;
            };
            let given = Times {
                accessed: before.accessed,
                modified: node.times.modified,
                changed: node.times.modified,
            };
            // What a file's new length says already.
            if node.times == *before || (self.files.contains_key(ino) && node.times == given) {
                continue;
            }
            effects.push(Effect::Times {
                ino: *ino,
                times: node.times,
            });
        }
        effects
    }
}

/// Changed ranges within the present length, neighbours joined.
fn dirty(before: &Before, len: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut add = |range: Range<usize>| {
        if range.start >= range.end {
            return;
        }
        match ranges.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => ranges.push(range),
        }
    };
    for page in before.pages.keys() {
        add(page * PAGE..((page + 1) * PAGE).min(len));
    }
    // What was added needs no copy of a page, so it is not among the pages.
    add(before.len..len);
    ranges
}
