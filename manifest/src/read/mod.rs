//! Reads a manifest: all problems are collected in one pass.

mod checks;
mod report;
mod secrecy;
mod unknown;

use alloc::{format, vec::Vec};

use report::Report;
use secrecy::Secrecy;
use toml::de::DeTable;

use crate::{
    limits::MAX_BYTES,
    model::{Manifest, Places},
    problem::{Problem, Problems},
    schema::SECTIONS,
};

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// All problems of the text at once, each with line, column and excerpt. No secret is in them.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        if text.len() > MAX_BYTES {
            return Err(too_long(text.len()));
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        let root = root.get_ref();
        let mut report = Report::new(text, root, &errors);
        unknown::names(root, &mut report);
        let mut manifest = values(&mut report);
        for check in checks::ALL {
            check(&manifest, &mut report);
        }
        manifest.places = Places {
            system: report.place("cores.system"),
            compute: report.place("cores.compute"),
        };
        report.finish().into_result(manifest)
    }

    /// Reads a manifest from the bytes of its file.
    ///
    /// # Errors
    /// As [`Manifest::parse`]; bytes that are not UTF-8 are a problem with a position too.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problems> {
        match core::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(error) => Err(not_utf8(bytes, error.valid_up_to())),
        }
    }
}

/// Reads each key of the table into its field of the model.
fn values(report: &mut Report<'_, '_>) -> Manifest {
    let mut manifest = Manifest::default();
    for section in SECTIONS {
        for key in section.keys {
            let Some(value) = report.value(&format!("{}.{}", section.name, key.name)) else {
                continue;
            };
            let mut faults = Vec::new();
            (key.field.read)(&mut manifest, value, &key.kind, &mut faults);
            for (span, fault) in faults {
                report.fault(key, value, span, fault);
            }
        }
    }
    manifest
}

fn too_long(length: usize) -> Problems {
    let mut problems = Problems::default();
    problems.push(Problem::at(
        None,
        format!("the manifest has {length} bytes, more than {MAX_BYTES}"),
        Some("is this the right file?".into()),
    ));
    problems
}

/// The problem of a file that is not text.
fn not_utf8(bytes: &[u8], valid: usize) -> Problems {
    let mut problems = Problems::default();
    let text = core::str::from_utf8(&bytes[..valid.min(bytes.len())]).unwrap_or("");
    problems.push(Problem::at(
        Some(&Secrecy::of_unreadable(text).place(text.len()..text.len())),
        "the text is not UTF-8 from here on".into(),
        Some("save the manifest as UTF-8".into()),
    ));
    problems
}
