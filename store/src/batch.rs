//! Batches: what is committed together.

use alloc::vec::Vec;

/// A namespace of keys: one for each kind of thing that the appliance keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(pub u16);

/// Changes that happen together or not at all. A later change of a key wins over an earlier one.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) namespace: Namespace,
    pub(crate) key: Vec<u8>,
    /// The new value; none deletes the key.
    pub(crate) value: Option<Vec<u8>>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(
        &mut self,
        namespace: Namespace,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> &mut Self {
        self.changes.push(Change {
            namespace,
            key: key.into(),
            value: Some(value.into()),
        });
        self
    }

    /// Removes `key`; nothing happens where it does not exist.
    pub fn delete(&mut self, namespace: Namespace, key: impl Into<Vec<u8>>) -> &mut Self {
        self.changes.push(Change {
            namespace,
            key: key.into(),
            value: None,
        });
        self
    }

    /// Number of changes.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// True when there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
