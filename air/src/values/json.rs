//! Values and their trees.

use core::cell::{Cell, OnceCell};
use core::fmt;

use crate::budget::BudgetExceeded;
use crate::budget::Heap;
use crate::data::Cid;
use crate::error::Error;

/// A JSON tree. Keys of objects are sorted by bytes and occur once.
#[derive(Clone, Copy)]
pub(crate) enum Json<'r> {
    Null,
    Bool(bool),
    Number(Number),
    String(&'r str),
    Array(&'r [Json<'r>]),
    Object(&'r [(&'r str, Json<'r>)]),
    /// A value that may still be a text.
    Shared(Value<'r>),
}

/// A number in one of `serde_json`'s classes; `I64` holds negative numbers only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    U64(u64),
    I64(i64),
    F64(f64),
}

impl Number {
    pub(crate) fn from_i64(number: i64) -> Self {
        u64::try_from(number).map_or(Number::I64(number), Number::U64)
    }
}

/// A shared value, as cheap to copy as a pointer.
#[derive(Clone, Copy)]
pub(crate) struct Value<'r>(pub(super) &'r Lazy<'r>);

pub(super) struct Lazy<'r> {
    /// As received: not yet known to be JSON.
    pub(super) raw: Option<&'r str>,
    /// Canonical.
    pub(super) text: OnceCell<&'r str>,
    pub(super) tree: OnceCell<Json<'r>>,
    /// CID of the canonical text, once it is known.
    cid: Cell<Option<Cid>>,
}

/// Why a value can't be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// Its text is not JSON.
    Syntax(serde_json::Error),
    /// It is too much for this run.
    Budget(BudgetExceeded),
}

impl From<BudgetExceeded> for ReadError {
    fn from(exceeded: BudgetExceeded) -> Self {
        Self::Budget(exceeded)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::Budget(exceeded) => exceeded.fmt(f),
        }
    }
}

impl<'r> Value<'r> {
    /// A value of a known tree.
    pub(crate) fn from_tree(heap: &Heap<'r>, tree: Json<'r>) -> Self {
        if let Json::Shared(value) = tree {
            return value;
        }
        let (text, cid) = (OnceCell::new(), Cell::new(None));
        Value(heap.cell(Lazy {
            raw: None,
            text,
            tree: OnceCell::from(tree),
            cid,
        }))
    }

    /// A value of a text from outside. Whether it is JSON shows when it is read.
    pub(crate) fn from_raw(heap: &Heap<'r>, raw: &'r str) -> Self {
        let (text, tree) = (OnceCell::new(), OnceCell::new());
        Value(heap.cell(Lazy {
            raw: Some(raw),
            text,
            tree,
            cid: Cell::new(None),
        }))
    }

    /// Notes the CID of the text the value came with. It counts only if that text is canonical.
    pub(crate) fn remember_cid(&self, cid: Cid) {
        self.0.cid.set(Some(cid));
    }

    /// The CID of the canonical text, if it is known; ask for the text first.
    pub(crate) fn cid(&self) -> Option<Cid> {
        let canonical = match (self.0.raw, self.0.text.get()) {
            (Some(raw), Some(text)) => raw == *text,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        self.0.cid.get().filter(|_| canonical)
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Syntax(reason) => Error::ValueNotJson(alloc::format!("{reason}")),
            ReadError::Budget(exceeded) => exceeded.into(),
        }
    }
}
