//! From the root pointer to checked tables.

use super::error::Error;
use super::memory::Memory;

/// Largest table that is read. Bounds the time spent on summing what a length field claims.
pub const MAX_TABLE_LEN: usize = 1 << 20;
/// Most tables that are looked at.
pub const MAX_TABLES: usize = 128;

const HEADER_LEN: usize = 36;

mod field {
    use core::ops::Range;

    pub(super) const RSDP_SIGNATURE: &[u8; 8] = b"RSD PTR ";
    pub(super) const RSDP_V1_LEN: usize = 20;
    pub(super) const RSDP_V2_LEN: usize = 36;
    pub(super) const RSDP_REVISION: usize = 15;
    pub(super) const RSDP_RSDT: usize = 16;
    pub(super) const RSDP_XSDT: usize = 24;

    pub(super) const SIGNATURE: Range<usize> = 0..4;
    pub(super) const LENGTH: usize = 4;
}

/// Little-endian number at `offset`, or `None` beyond the end.
#[must_use]
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|raw| u16::from_le_bytes(*raw))
}

/// Little-endian number at `offset`, or `None` beyond the end.
#[must_use]
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|raw| u32::from_le_bytes(*raw))
}

/// Little-endian number at `offset`, or `None` beyond the end.
#[must_use]
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|raw| u64::from_le_bytes(*raw))
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

/// A whole table whose length and sum are right.
#[derive(Clone, Copy)]
pub struct Table<'a>(&'a [u8]);

impl<'a> Table<'a> {
    /// Checks the table at `address`.
    pub fn at(memory: &'a impl Memory, address: u64) -> Option<Self> {
        let header = memory.bytes(address, HEADER_LEN)?;
        let len = usize::try_from(u32_at(header, field::LENGTH)?).ok()?;
        if !(HEADER_LEN..=MAX_TABLE_LEN).contains(&len) {
            return None;
        }
        let bytes = memory.bytes(address, len)?;
        sums_to_zero(bytes).then_some(Self(bytes))
    }

    /// The table's name.
    #[must_use]
    pub fn signature(&self) -> [u8; 4] {
        let mut signature = [0; 4];
        signature.copy_from_slice(&self.0[field::SIGNATURE]);
        signature
    }

    /// All bytes, header included: the specification counts offsets from the header on.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The bytes behind the header.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        &self.0[HEADER_LEN..]
    }
}

/// The root table: addresses of the others.
pub struct Root<'a, M> {
    memory: &'a M,
    table: Table<'a>,
    entry_len: usize,
}

impl<'a, M: Memory> Root<'a, M> {
    /// Follows the root pointer at `rsdp`: to the XSDT if there is one, else to the RSDT.
    pub fn find(memory: &'a M, rsdp: u64) -> Result<Self, Error> {
        let v1 = memory
            .bytes(rsdp, field::RSDP_V1_LEN)
            .ok_or(Error::RootPointer)?;
        if !v1.starts_with(field::RSDP_SIGNATURE) || !sums_to_zero(v1) {
            return Err(Error::RootPointer);
        }
        if v1[field::RSDP_REVISION] >= 2 {
            let v2 = memory
                .bytes(rsdp, field::RSDP_V2_LEN)
                .ok_or(Error::RootPointer)?;
            let xsdt = u64_at(v2, field::RSDP_XSDT).unwrap_or(0);
            if sums_to_zero(v2) && xsdt != 0 {
                return Self::at(memory, xsdt, *b"XSDT", 8);
            }
        }
        let rsdt = u32_at(v1, field::RSDP_RSDT).unwrap_or(0);
        Self::at(memory, u64::from(rsdt), *b"RSDT", 4)
    }

    fn at(memory: &'a M, address: u64, name: [u8; 4], entry_len: usize) -> Result<Self, Error> {
        let table = Table::at(memory, address).ok_or(Error::RootTable)?;
        if table.signature() != name {
            return Err(Error::RootTable);
        }
        Ok(Self {
            memory,
            table,
            entry_len,
        })
    }

    /// The tables that are whole, in order.
    pub fn tables(&self) -> impl Iterator<Item = Table<'a>> {
        let memory = self.memory;
        self.table
            .body()
            .chunks_exact(self.entry_len)
            .take(MAX_TABLES)
            .filter_map(move |entry| {
                let address = u64_at(entry, 0).or_else(|| u32_at(entry, 0).map(u64::from))?;
                Table::at(memory, address)
            })
    }
}
