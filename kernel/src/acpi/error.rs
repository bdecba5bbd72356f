//! Why there is no platform.

use core::fmt;

/// Why there is no platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The root pointer's signature, length or sum is wrong.
    RootPointer,
    /// The root table is not readable or its sum is wrong.
    RootTable,
    /// There is no usable MADT, so no processor is known.
    NoProcessors,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RootPointer => "the ACPI root pointer is damaged",
            Self::RootTable => "the ACPI root table is damaged",
            Self::NoProcessors => "the ACPI tables name no processor",
        })
    }
}

impl core::error::Error for Error {}
