//! The kernel's own image as the firmware loaded it: which part may be executed, which written.
//! Pure.
//!
//! Source: PE format specification, "COFF file header" and "Section table".

use heapless::Vec;

use super::PAGE;
use super::map::Span;
use super::paging::Access;

/// Most sections of the image; the image builder writes four or five.
pub const MAX_SECTIONS: usize = 16;

mod field {
    pub(super) const PE_OFFSET: usize = 0x3c;
    pub(super) const SECTION_COUNT: usize = 6;
    pub(super) const OPTIONAL_HEADER_LEN: usize = 20;
    pub(super) const OPTIONAL_HEADER: usize = 24;
    pub(super) const SECTION_LEN: usize = 40;
    pub(super) const VIRTUAL_SIZE: usize = 8;
    pub(super) const VIRTUAL_ADDRESS: usize = 12;
    pub(super) const CHARACTERISTICS: usize = 36;
}

const EXECUTABLE: u32 = 0x2000_0000;
const WRITABLE: u32 = 0x8000_0000;

/// A section at its place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Where it lies, whole pages.
    pub span: Span,
    /// What may be done with it.
    pub access: Access,
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|raw| u16::from_le_bytes(*raw))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|raw| u32::from_le_bytes(*raw))
}

/// The sections of the image whose headers start at `base` and fill `headers`. `None` if the
/// headers are no PE image's or a section asks to be written and executed.
#[must_use]
pub fn sections(headers: &[u8], base: u64) -> Option<Vec<Section, MAX_SECTIONS>> {
    if !headers.starts_with(b"MZ") {
        return None;
    }
    let pe = headers.get(u32_at(headers, field::PE_OFFSET)? as usize..)?;
    if !pe.starts_with(b"PE\0\0") {
        return None;
    }
    let count = usize::from(u16_at(pe, field::SECTION_COUNT)?);
    let table = field::OPTIONAL_HEADER + usize::from(u16_at(pe, field::OPTIONAL_HEADER_LEN)?);
    let mut sections = Vec::new();
    for section in pe
        .get(table..)?
        .chunks_exact(field::SECTION_LEN)
        .take(count)
    {
        let start = base.checked_add(u64::from(u32_at(section, field::VIRTUAL_ADDRESS)?))?;
        let len = u64::from(u32_at(section, field::VIRTUAL_SIZE)?).next_multiple_of(PAGE);
        let characteristics = u32_at(section, field::CHARACTERISTICS)?;
        let access = match (
            characteristics & EXECUTABLE != 0,
            characteristics & WRITABLE != 0,
        ) {
            (true, true) => return None,
            (true, false) => Access::Execute,
            (false, true) => Access::Write,
            (false, false) => Access::Read,
        };
        if !start.is_multiple_of(PAGE) {
            return None;
        }
        sections
            .push(Section {
                span: Span {
                    start,
                    end: start.checked_add(len)?,
                },
                access,
            })
            .ok()?;
    }
    (sections.len() == count).then_some(sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    const BASE: u64 = 0x7e00_0000;

    fn headers(sections: &[(u32, u32, u32)]) -> std::vec::Vec<u8> {
        let mut bytes = vec![0; 0x400];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x80;
        bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
        bytes[0x86] = sections.len() as u8;
        bytes[0x94] = 240;
        for (index, &(address, size, flags)) in sections.iter().enumerate() {
            let at = 0x80 + 24 + 240 + 40 * index;
            bytes[at + 8..at + 12].copy_from_slice(&size.to_le_bytes());
            bytes[at + 12..at + 16].copy_from_slice(&address.to_le_bytes());
            bytes[at + 36..at + 40].copy_from_slice(&flags.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn rights_follow_the_characteristics() {
        let bytes = headers(&[
            (0x1000, 0x800, 0x4000_0040),
            (0x2000, 0x1001, 0x6000_0020),
            (0x5000, 0x1000, 0xc000_0040),
        ]);
        let found = sections(&bytes, BASE).unwrap();
        let accesses: std::vec::Vec<Access> = found.iter().map(|section| section.access).collect();
        assert_eq!(accesses, [Access::Read, Access::Execute, Access::Write]);
        assert_eq!(
            found[1].span,
            Span {
                start: BASE + 0x2000,
                end: BASE + 0x4000
            }
        );
    }

    #[test]
    fn writable_code_is_refused() {
        assert_eq!(
            sections(&headers(&[(0x1000, 1, EXECUTABLE | WRITABLE)]), BASE),
            None
        );
    }

    #[test]
    fn damaged_headers_are_refused() {
        let whole = headers(&[(0x1000, 0x1000, 0x6000_0020)]);
        assert_eq!(sections(&whole[..0x80], BASE), None);
        assert_eq!(sections(&headers(&[(0x1234, 1, 0)]), BASE), None);
        let mut bytes = whole.clone();
        bytes[0x86] = 200;
        assert_eq!(sections(&bytes, BASE), None);
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 0xff;
            let _ = sections(&bytes, BASE);
        }
    }
}
