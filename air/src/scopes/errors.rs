//! `%last_error%` and `:error:` (AIR spec section 4.2).

use crate::data::{Provenance, Tetraplet};
use crate::error::{Error, code};
use crate::values::Value;

/// An error on its way outwards.
#[derive(Clone, Debug)]
pub(crate) struct Raised<'r> {
    pub(crate) error: Error,
    /// Tetraplet of the call that failed, if it got that far.
    pub(crate) origin: Option<&'r Tetraplet<'r>>,
}

impl From<Error> for Raised<'_> {
    fn from(error: Error) -> Self {
        Raised {
            error,
            origin: None,
        }
    }
}

/// An error object. One that was made of a raised error is a literal, also that of a failed call;
/// only `fail` with a value keeps the value's provenance, in `%last_error%`.
#[derive(Clone, Copy)]
pub(crate) struct ErrorObject<'r> {
    pub(crate) value: Value<'r>,
    pub(crate) tetraplet: Option<&'r Tetraplet<'r>>,
    pub(crate) provenance: Provenance,
}

/// The two error objects of a run.
pub(crate) struct ErrorState<'r> {
    none: ErrorObject<'r>,
    pub(crate) last: ErrorObject<'r>,
    pub(crate) last_settable: bool,
    pub(crate) error: ErrorObject<'r>,
    pub(crate) error_settable: bool,
    /// What a `xor` caught, for `fail :error:` to raise again. It belongs to the object in `error`:
    /// another error that takes that place has no original.
    pub(crate) original: Option<Raised<'r>>,
}

impl<'r> ErrorState<'r> {
    /// `none` is the object that stands for no error.
    pub(crate) fn new(none: Value<'r>) -> Self {
        let none = ErrorObject {
            value: none,
            tetraplet: None,
            provenance: Provenance::Literal,
        };
        ErrorState {
            none,
            last: none,
            last_settable: true,
            error: none,
            error_settable: true,
            original: None,
        }
    }

    /// Whether `error` would be noted anywhere.
    pub(crate) fn wants(&self, error: &Error) -> bool {
        self.error_settable || self.wants_last(error)
    }

    fn wants_last(&self, error: &Error) -> bool {
        self.last_settable && !matches!(error.code(), code::MATCH | code::MISMATCH)
    }

    /// Notes an error: `last` is its object with a peer, `own` the one for `:error:`.
    pub(crate) fn note(&mut self, raised: &Raised<'r>, last: Value<'r>, own: Value<'r>) {
        let object = |value| ErrorObject {
            value,
            tetraplet: raised.origin,
            provenance: Provenance::Literal,
        };
        if self.wants_last(&raised.error) {
            self.last = object(last);
            self.last_settable = false;
        }
        if self.error_settable {
            self.error = object(own);
            self.original = None;
        }
    }

    /// `:error:` stands for no error again.
    pub(crate) fn clear(&mut self) {
        self.error = self.none;
        self.original = None;
    }
}
