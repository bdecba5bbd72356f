//! Names that are not in the table of keys, and the valid names nearest to them.

use alloc::format;
use core::ops::Range;

use toml::de::DeTable;

use super::report::Report;
use crate::{
    nearest::nearest,
    schema::{self, SECTIONS, Section},
    text::list,
};

/// Reports sections and keys that do not exist.
pub(super) fn names(root: &DeTable<'_>, report: &mut Report<'_, '_>) {
    for (name, content) in root {
        let Some(section) = schema::section(name.get_ref()) else {
            unknown_section(name.get_ref(), name.span(), report);
            continue;
        };
        let Some(table) = content.get_ref().as_table() else {
            let message = format!("`{}` must be a section, not a value", section.name);
            report.find(
                name.span(),
                message,
                Some(format!("write [{}]", section.name)),
            );
            continue;
        };
        for key in table.keys() {
            if section.key(key.get_ref()).is_none() {
                unknown_key(section, key.get_ref(), key.span(), report);
            }
        }
    }
}

/// The section that has a key of this name.
fn holder(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.key(name).is_some())
}

fn unknown_section(name: &str, span: Range<usize>, report: &mut Report<'_, '_>) {
    let sections = || SECTIONS.iter().map(|section| section.name);
    let (near, hint) = if let Some(section) = holder(name) {
        (
            true,
            format!("`{name}` belongs in section [{}]", section.name),
        )
    } else if let Some(near) = nearest(name, sections()) {
        (true, format!("did you mean [{near}]?"))
    } else {
        (false, format!("sections are {}", list(sections())))
    };
    let name = report.secrecy.name(name, span.clone(), near);
    report.find(span, format!("unknown section or key {name}"), Some(hint));
}

fn unknown_key(section: &Section, name: &str, span: Range<usize>, report: &mut Report<'_, '_>) {
    let keys = section.names();
    let (near, hint) = if let Some(other) = holder(name) {
        (
            true,
            format!("`{name}` belongs in section [{}]", other.name),
        )
    } else if let Some(near) = nearest(name, keys.iter().copied()) {
        (true, format!("did you mean `{near}`?"))
    } else {
        (
            false,
            format!("keys here are {}", list(keys.iter().copied())),
        )
    };
    let name = report.secrecy.name(name, span.clone(), near);
    let message = format!("unknown key {name} in [{}]", section.name);
    report.find(span, message, Some(hint));
}
