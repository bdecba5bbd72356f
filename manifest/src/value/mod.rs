//! How values are read into fields of the model and shown again: by the type of the field, within
//! what the key's row says.

mod addresses;
mod bytes;
mod scalars;

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;

use toml::{Spanned, de::DeValue};

use crate::{
    kind::{Fault, Kind},
    text::list,
};

/// What a page shows in place of a secret.
pub(crate) const REDACTED: &str = "(redacted)";

/// A value as the parser found it, with its place in the text.
pub(crate) type Written<'i> = Spanned<DeValue<'i>>;

/// Why a value, or entries of it, are refused, each with its place.
pub(crate) type Faults = Vec<(Range<usize>, Fault)>;

/// What stands right of a `=` or in a list: one value.
pub(crate) trait Scalar: Sized {
    /// Reads it; `kind` is what its row says of it.
    fn read(value: &DeValue<'_>, kind: &Kind) -> Result<Self, Fault>;

    /// Writes it as TOML.
    fn show(&self) -> String;
}

/// A field of the model that a key fills.
pub(crate) trait Value {
    /// Reads the value into the field. What is refused leaves the field as it was.
    fn store(&mut self, value: &Written<'_>, kind: &Kind, faults: &mut Faults);

    /// Writes the field as TOML; `None`: no value was given and none is in force.
    fn show(&self) -> Option<String>;
}

/// Reads one value; a refused one is reported and counts as absent.
pub(crate) fn read<T: Scalar>(value: &Written<'_>, kind: &Kind, faults: &mut Faults) -> Option<T> {
    T::read(value.get_ref(), kind)
        .map_err(|fault| faults.push((value.span(), fault)))
        .ok()
}

impl<T: Scalar> Value for T {
    fn store(&mut self, value: &Written<'_>, kind: &Kind, faults: &mut Faults) {
        if let Some(read) = read(value, kind, faults) {
            *self = read;
        }
    }

    fn show(&self) -> Option<String> {
        Some(Scalar::show(self))
    }
}

impl<T: Scalar> Value for Option<T> {
    fn store(&mut self, value: &Written<'_>, kind: &Kind, faults: &mut Faults) {
        if let Some(read) = read(value, kind, faults) {
            *self = Some(read);
        }
    }

    fn show(&self) -> Option<String> {
        self.as_ref().map(Scalar::show)
    }
}

impl<T: Scalar> Value for Vec<T> {
    /// Refused entries are reported and left out.
    fn store(&mut self, value: &Written<'_>, kind: &Kind, faults: &mut Faults) {
        let (Kind::List { most, entry, .. }, Some(array)) = (kind, value.get_ref().as_array())
        else {
            faults.push((value.span(), Fault::Kind));
            return;
        };
        if array.len() > *most {
            let reason = format!("has {} entries, at most {most} are allowed", array.len());
            faults.push((value.span(), Fault::Plain(reason)));
            return;
        }
        for written in array.iter() {
            self.extend(read(written, entry, faults));
        }
    }

    fn show(&self) -> Option<String> {
        let entries: Vec<String> = self.iter().map(Scalar::show).collect();
        Some(format!("[{}]", list(entries.iter().map(String::as_str))))
    }
}
