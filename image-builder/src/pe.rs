//! Writes an executable as a UEFI application: PE32+ with base relocations.
//!
//! Every address is moved up by one page, which makes room for the PE headers; code that addresses
//! relative to the instruction pointer does not notice. The words that hold an absolute address are
//! changed accordingly and listed in `.reloc`, so that the firmware can load the image anywhere.
//! Each ELF segment becomes one section with the same permissions.

use object::{
    pe::{
        IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
        IMAGE_FILE_EXECUTABLE_IMAGE, IMAGE_FILE_LARGE_ADDRESS_AWARE, IMAGE_FILE_MACHINE_AMD64,
        IMAGE_REL_BASED_DIR64, IMAGE_SCN_CNT_CODE, IMAGE_SCN_CNT_INITIALIZED_DATA,
        IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_READ, IMAGE_SCN_MEM_WRITE,
        IMAGE_SUBSYSTEM_EFI_APPLICATION, SectionFlags,
    },
    write::pe::{NtHeaders, Writer},
};

use crate::elf::{Error, Executable, PAGE, Segment, memory};

/// How far every address moves.
pub const SHIFT: u64 = PAGE;

/// Alignment of the sections in the file: the least that PE allows.
const FILE_ALIGNMENT: u32 = 512;

/// Number of data directories, of which only `.reloc`'s is used.
const DIRECTORIES: usize = 16;

/// Writes a UEFI application.
///
/// # Errors
/// When the relocations of `executable` point outside its segments.
pub fn application(executable: &Executable) -> Result<Vec<u8>, Error> {
    let mut segments = executable.segments.clone();
    let mut file = Vec::new();
    let mut writer = Writer::new(true, narrow(PAGE), FILE_ALIGNMENT, &mut file);
    for &place in &executable.relocations {
        let word = memory(&mut segments, place, 8)
            .and_then(<[u8]>::as_mut_array)
            .ok_or_else(|| {
                Error::Unfit(format!("the relocation at {place:#x} is in no segment"))
            })?;
        *word = u64::from_le_bytes(*word).wrapping_add(SHIFT).to_le_bytes();
        writer.add_reloc(narrow(place + SHIFT), IMAGE_REL_BASED_DIR64);
    }

    let relocated = writer.has_relocs();
    writer.reserve_dos_header();
    writer.reserve_nt_headers(DIRECTORIES);
    writer.reserve_section_headers(segments.len() as u16 + u16::from(relocated));
    let mut offsets = Vec::with_capacity(segments.len());
    for segment in &segments {
        writer.reserve_virtual_until(narrow(segment.address + SHIFT));
        let (name, flags) = section(segment);
        let range =
            writer.reserve_section(name, flags, narrow(segment.size), segment.data.len() as u32);
        offsets.push(range.file_offset);
    }
    if relocated {
        writer.reserve_reloc_section();
    }

    writer
        .write_empty_dos_header()
        .map_err(|error| Error::Unfit(format!("the UEFI application is too large: {error}")))?;
    writer.write_nt_headers(NtHeaders {
        machine: IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: IMAGE_FILE_EXECUTABLE_IMAGE | IMAGE_FILE_LARGE_ADDRESS_AWARE,
        major_linker_version: 0,
        minor_linker_version: 0,
        address_of_entry_point: narrow(executable.entry + SHIFT),
        image_base: 0,
        major_operating_system_version: 0,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 0,
        minor_subsystem_version: 0,
        subsystem: IMAGE_SUBSYSTEM_EFI_APPLICATION,
        dll_characteristics: IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE
            | IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
        size_of_stack_reserve: 0,
        size_of_stack_commit: 0,
        size_of_heap_reserve: 0,
        size_of_heap_commit: 0,
    });
    writer.write_section_headers();
    for (segment, offset) in segments.iter().zip(offsets) {
        writer.write_section(offset, &segment.data);
    }
    if relocated {
        writer.write_reloc_section();
    }
    Ok(file)
}

fn section(segment: &Segment) -> ([u8; 8], SectionFlags) {
    match (segment.executable, segment.writable) {
        (true, _) => (
            *b".text\0\0\0",
            IMAGE_SCN_CNT_CODE | IMAGE_SCN_MEM_EXECUTE | IMAGE_SCN_MEM_READ,
        ),
        (false, true) => (
            *b".data\0\0\0",
            IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ | IMAGE_SCN_MEM_WRITE,
        ),
        (false, false) => (
            *b".rodata\0",
            IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ,
        ),
    }
}

/// Addresses and sizes of an [`Executable`] stay below 2^30.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).expect("checked when the executable was read")
}
