//! The MADT ("APIC"): which processors there are.

use super::table::{Table, u32_at};

/// Structures start behind the header, the local APIC's address and the flags.
const STRUCTURES: usize = 44;

const LOCAL_APIC: u8 = 0;
const LOCAL_X2APIC: u8 = 9;

const ENABLED: u32 = 1;

/// APIC identifiers of the processors that firmware has enabled, in table order.
pub fn usable_cores(table: Table<'_>) -> impl Iterator<Item = u32> {
    Structures {
        rest: table.bytes().get(STRUCTURES..).unwrap_or(&[]),
    }
    .filter_map(usable_core)
}

fn usable_core((kind, bytes): (u8, &[u8])) -> Option<u32> {
    let (id, flags) = match kind {
        LOCAL_APIC => (u32::from(*bytes.get(3)?), u32_at(bytes, 4)?),
        LOCAL_X2APIC => (u32_at(bytes, 4)?, u32_at(bytes, 8)?),
        _ => return None,
    };
    (flags & ENABLED != 0).then_some(id)
}

/// The interrupt controller structures: kind and all bytes of each.
struct Structures<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Structures<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, len) = (*self.rest.first()?, usize::from(*self.rest.get(1)?));
        // A length that does not even cover itself would never end.
        if len < 2 {
            return None;
        }
        let (structure, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some((kind, structure))
    }
}
