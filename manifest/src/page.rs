//! The page of the configuration: every key with the value that is in force, without secrets.

use alloc::string::String;
use core::fmt::Write;

use crate::{
    model::Manifest,
    schema::{Fallback, SECTIONS},
};

impl Manifest {
    /// The manifest as TOML, secrets left out. A key without a value stands in a comment, with what
    /// is in force instead.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::new();
        for section in SECTIONS {
            let gap = if page.is_empty() { "" } else { "\n" };
            // A `String` takes whatever is written to it.
            let _ = writeln!(page, "{gap}[{}]", section.name);
            for key in section.keys {
                let name = key.name;
                let _ = match (key.show(self), key.default) {
                    (Some(value), _) => writeln!(page, "{name} = {value}"),
                    // The node's own default. An empty list would not be a value that is in force.
                    (None, Fallback::Value(value)) if value != "[]" => {
                        writeln!(page, "{name} = {value}")
                    }
                    (None, default) => writeln!(page, "# {name}: {default}"),
                };
            }
        }
        page
    }
}
