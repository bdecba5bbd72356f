//! The HPET table: where the high-precision timer's registers lie.

use super::table::{Table, u64_at};

const ADDRESS_SPACE: usize = 40;
const ADDRESS: usize = 44;
const SPACE_MEMORY: u8 = 0;

/// Physical address of the registers.
#[must_use]
pub fn registers(table: Table<'_>) -> Option<u64> {
    let bytes = table.bytes();
    let address = u64_at(bytes, ADDRESS)?;
    let is_memory = *bytes.get(ADDRESS_SPACE)? == SPACE_MEMORY;
    (is_memory && address != 0 && address.is_multiple_of(1024) && address < 1 << 52)
        .then_some(address)
}
