//! Values from text to tree and back, each way at most once.

use super::json::{Json, ReadError, Value};
use super::{read, scan, write};
use crate::budget::Heap;
use crate::budget::cost;

type Result<T> = core::result::Result<T, ReadError>;

impl<'r> Value<'r> {
    /// The tree; parsed at the first call. Never [`Json::Shared`].
    pub(crate) fn tree(&self, heap: &Heap<'r>) -> Result<Json<'r>> {
        if let Some(tree) = self.0.tree.get() {
            return Ok(*tree);
        }
        let text = self
            .0
            .text
            .get()
            .copied()
            .or(self.0.raw)
            .unwrap_or_default();
        heap.charge(cost::parsed(text.len()))?;
        let tree = read::read(text, heap).map_err(|reason| match heap.check() {
            // A tree that found no room is no matter of syntax.
            Err(exceeded) => exceeded.into(),
            Ok(()) => ReadError::Syntax(reason),
        })?;
        Ok(*self.0.tree.get_or_init(|| tree))
    }

    /// The canonical text; written at the first call, unless the value came with it.
    pub(crate) fn text(&self, heap: &Heap<'r>) -> Result<&'r str> {
        if let Some(text) = self.0.text.get() {
            return Ok(text);
        }
        let text = match self.0.raw {
            Some(raw)
                if {
                    heap.charge(cost::scanned(raw.len()))?;
                    scan::is_canonical(raw)
                } =>
            {
                raw
            }
            _ => {
                let tree = self.tree(heap)?;
                let mut failed = Ok(());
                let text = heap.write(|out| {
                    failed = write::write(&tree, out, heap);
                    heap.charge(cost::scanned(out.len()))
                })?;
                failed?;
                text
            }
        };
        Ok(self.0.text.get_or_init(|| text))
    }
}

impl<'r> Json<'r> {
    /// The tree behind a shared value.
    pub(crate) fn force(self, heap: &Heap<'r>) -> Result<Json<'r>> {
        match self {
            Json::Shared(value) => value.tree(heap),
            tree => Ok(tree),
        }
    }
}
