//! The columns of the table of keys.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{
    kind::Kind,
    model::Manifest,
    text::quoted,
    value::{Faults, REDACTED, Written},
};

/// A section, written `[name]`.
#[derive(Debug)]
pub struct Section {
    /// Name between the brackets.
    pub name: &'static str,
    /// What the section is about: one sentence.
    pub about: &'static str,
    /// The keys that may stand in it.
    pub keys: &'static [Key],
}

/// A key of a section: one row of the table.
#[derive(Debug)]
pub struct Key {
    /// Name left of the `=`.
    pub name: &'static str,
    /// What the value must be.
    pub kind: Kind,
    /// What holds when the key is absent.
    pub default: Fallback,
    /// A value in TOML, for `manifest/example.toml`.
    pub example: &'static str,
    /// What it means, in whole sentences.
    pub meaning: &'static str,
    /// Whether the value may be shown.
    pub secret: Secret,
    /// The field of the model that holds the value.
    pub(crate) field: Field,
}

/// What holds when a key is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This value, in TOML.
    Value(&'static str),
    /// What these words say.
    Rule(&'static str),
    /// Nothing.
    Nothing,
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(text) | Self::Rule(text) => text,
            Self::Nothing => "none",
        })
    }
}

/// Whether a value may be shown, on a page or in the report of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Everybody may see it.
    No,
    /// A part of it is secret: pages leave that part out, reports mask the whole value.
    Partly,
    /// It is shown nowhere.
    Yes,
}

/// Where a value lives in the model, how it gets there, and how it is shown.
pub(crate) struct Field {
    /// The field's path in [`Manifest`].
    pub(crate) path: &'static str,
    /// Reads the value into the field.
    pub(crate) read: fn(&mut Manifest, &Written<'_>, &Kind, &mut Faults),
    /// Writes the field as TOML; `None`: there is no value.
    pub(crate) show: fn(&Manifest) -> Option<String>,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

/// The field of the model with this path. `part?.name` is a field of a part that may be missing:
/// the first of its keys that is read makes the part.
macro_rules! field {
    ($($part:ident).+) => {
        $crate::schema::key::Field {
            path: stringify!($($part).+),
            read: |manifest, value, kind, faults| {
                $crate::value::Value::store(&mut manifest.$($part).+, value, kind, faults);
            },
            show: |manifest| $crate::value::Value::show(&manifest.$($part).+),
        }
    };
    ($section:ident ? . $name:ident of $type:ident) => {
        $crate::schema::key::Field {
            path: concat!(stringify!($section), ".", stringify!($name)),
            read: |manifest, value, kind, faults| {
                let part = manifest.$section.get_or_insert_with($type::blank);
                $crate::value::Value::store(&mut part.$name, value, kind, faults);
            },
            show: |manifest| {
                let part = manifest.$section.as_ref()?;
                $crate::value::Value::show(&part.$name)
            },
        }
    };
}
pub(crate) use field;

impl Section {
    /// Looks a key up.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The names of its keys.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}

impl Key {
    /// The path of the field in [`Manifest`] that holds the value, such as `network.tcp_port`.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.field.path
    }

    /// The value of a manifest in TOML, without what is secret; `None` where it has none.
    #[must_use]
    pub fn show(&self, manifest: &Manifest) -> Option<String> {
        let shown = (self.field.show)(manifest)?;
        Some(match self.secret {
            Secret::No | Secret::Partly => shown,
            Secret::Yes => quoted(REDACTED),
        })
    }
}
