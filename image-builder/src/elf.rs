//! Reads the kernel: a static position-independent ELF executable for x86-64.
//!
//! Only what a loader needs is read: the loadable segments, the entry point, and the relative
//! relocations. What a UEFI application cannot have (an interpreter, shared libraries, thread-local
//! storage, symbolic relocations) is refused, and the message names the linker's option.

use core::{fmt, ops::Range};

use object::{
    LittleEndian as LE,
    elf::{self, FileHeader64, ProgramHeader64, Rela64},
    pod,
    read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, Rela as _},
};

/// Size of a page: segments begin on one.
pub const PAGE: u64 = 4096;

/// Largest address that is accepted, so that all of the image's addresses fit 31 bits.
const MAX_ADDRESS: u64 = 1 << 30;

/// Most segments that are accepted: their section headers must fit the page in front of the image.
const MAX_SEGMENTS: usize = 16;

/// An executable, ready to be laid out in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executable {
    /// Address of the first instruction.
    pub entry: u64,
    /// Segments in the order of their addresses; they do not share pages.
    pub segments: Vec<Segment>,
    /// Addresses of the 64-bit words that hold an address, ascending. The words themselves are in
    /// the segments' data, as addresses of this executable.
    pub relocations: Vec<u64>,
}

/// A range of memory with its content and permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First address, a multiple of [`PAGE`].
    pub address: u64,
    /// Size in memory, in bytes; what lies beyond `data` is zero.
    pub size: u64,
    /// Content of the first bytes.
    pub data: Vec<u8>,
    /// Whether it may be written.
    pub writable: bool,
    /// Whether it may be executed.
    pub executable: bool,
}

impl Segment {
    fn range(&self) -> Range<u64> {
        self.address..self.address + self.size
    }
}

/// Why a file is not a kernel that can be made into a UEFI application.
#[derive(Debug)]
pub enum Error {
    /// The ELF structures themselves are damaged.
    Damaged(&'static str, object::read::Error),
    /// It is something else: what was found and what is needed.
    Unfit(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what, error) => {
                write!(f, "the ELF file's {what} cannot be read: {error}")
            }
            Self::Unfit(reason) => f.write_str(reason),
        }
    }
}

impl core::error::Error for Error {}

fn unfit(reason: impl Into<String>) -> Error {
    Error::Unfit(reason.into())
}

fn damaged(what: &'static str) -> impl FnOnce(object::read::Error) -> Error {
    move |error| Error::Damaged(what, error)
}

impl Executable {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// When the file is damaged or is no static position-independent executable for x86-64.
    pub fn parse(file: &[u8]) -> Result<Self, Error> {
        let header = FileHeader64::<LE>::parse(file).map_err(damaged("header"))?;
        if header.e_machine(LE) != elf::EM_X86_64 {
            return Err(unfit("the ELF file is not for x86-64"));
        }
        if header.e_type(LE) != elf::ET_DYN {
            return Err(unfit(
                "the ELF file is not position-independent: link the kernel with -static-pie",
            ));
        }
        let headers = header
            .program_headers(LE, file)
            .map_err(damaged("program headers"))?;
        let mut segments = Vec::new();
        let mut dynamic = Vec::new();
        for program in headers {
            match program.p_type(LE) {
                elf::PT_LOAD if segments.len() == MAX_SEGMENTS => {
                    return Err(unfit(format!(
                        "the ELF file has more than {MAX_SEGMENTS} segments"
                    )));
                }
                elf::PT_LOAD => segments.push(segment(program, file)?),
                elf::PT_DYNAMIC => dynamic = dynamic_entries(program, file)?,
                elf::PT_INTERP => {
                    return Err(unfit(
                        "the ELF file asks for a dynamic loader: link the kernel with -static-pie",
                    ));
                }
                elf::PT_TLS => {
                    return Err(unfit(
                        "the ELF file uses thread-local storage, which has no thread",
                    ));
                }
                _ => {}
            }
        }
        segments.retain(|segment| segment.size > 0);
        segments.sort_by_key(|segment| segment.address);
        for pair in segments.windows(2) {
            if pair[0].range().end.next_multiple_of(PAGE) > pair[1].address {
                return Err(unfit(format!(
                    "the segments at {:#x} and {:#x} share a page: link the kernel with \
                     -z separate-loadable-segments",
                    pair[0].address, pair[1].address
                )));
            }
        }
        let entry = header.e_entry(LE);
        if !segments
            .iter()
            .any(|segment| segment.executable && segment.range().contains(&entry))
        {
            return Err(unfit(format!(
                "the entry point {entry:#x} is in no executable segment"
            )));
        }
        let relocations = relocate(&mut segments, &dynamic)?;
        Ok(Self {
            entry,
            segments,
            relocations,
        })
    }
}

fn segment(program: &ProgramHeader64<LE>, file: &[u8]) -> Result<Segment, Error> {
    let (address, size) = (program.p_vaddr(LE), program.p_memsz(LE));
    let data = program.data(LE, file).map_err(|()| {
        unfit(format!(
            "the content of the segment at {address:#x} is cut off"
        ))
    })?;
    let flags = program.p_flags(LE);
    let writable = flags.contains(elf::PF_W);
    let executable = flags.contains(elf::PF_X);
    if address % PAGE != 0 {
        return Err(unfit(format!(
            "the segment at {address:#x} does not begin on a page: link the kernel with \
             -z separate-loadable-segments"
        )));
    }
    if address
        .checked_add(size)
        .is_none_or(|end| end > MAX_ADDRESS)
        || size < data.len() as u64
    {
        return Err(unfit(format!(
            "the segment at {address:#x} has an impossible size, {size}"
        )));
    }
    if writable && executable {
        return Err(unfit(format!(
            "the segment at {address:#x} is writable and executable"
        )));
    }
    Ok(Segment {
        address,
        size,
        data: data.to_vec(),
        writable,
        executable,
    })
}

fn dynamic_entries(
    program: &ProgramHeader64<LE>,
    file: &[u8],
) -> Result<Vec<(elf::DynamicTag, u64)>, Error> {
    let entries = program
        .dynamic(LE, file)
        .map_err(damaged("dynamic section"))?
        .ok_or_else(|| unfit("the ELF file's dynamic section is empty"))?;
    Ok(entries
        .iter()
        .map(|entry| (entry.tag(LE), entry.val(LE)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .collect())
}

/// Stores the addends at their places and returns these.
fn relocate(
    segments: &mut [Segment],
    dynamic: &[(elf::DynamicTag, u64)],
) -> Result<Vec<u64>, Error> {
    let value = |wanted| {
        dynamic
            .iter()
            .find(|(tag, _)| *tag == wanted)
            .map_or(0, |entry| entry.1)
    };
    for (tag, what) in [
        (
            elf::DT_NEEDED,
            "needs a shared library: a dependency uses `std`",
        ),
        (
            elf::DT_RELR,
            "has packed relocations: link the kernel without -z pack-relative-relocs",
        ),
        (elf::DT_REL, "has relocations without addends"),
        (
            elf::DT_JMPREL,
            "calls through a procedure linkage table: a symbol is undefined",
        ),
    ] {
        if dynamic.iter().any(|entry| entry.0 == tag) {
            return Err(unfit(format!("the ELF file {what}")));
        }
    }
    let (at, size) = (value(elf::DT_RELA), value(elf::DT_RELASZ));
    let table = memory(segments, at, size)
        .ok_or_else(|| unfit(format!("the relocation table at {at:#x} is in no segment")))?
        .to_vec();
    let (entries, _) = pod::slice_from_bytes::<Rela64<LE>>(&table, table.len() / 24)
        .map_err(|()| unfit("the relocation table is cut off"))?;
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let place = entry.r_offset(LE);
        match entry.r_type(LE, false) {
            elf::R_X86_64_NONE => continue,
            elf::R_X86_64_RELATIVE => {}
            kind => {
                return Err(unfit(format!(
                    "the relocation at {place:#x} is of kind {}, only R_X86_64_RELATIVE has a \
                     counterpart in a UEFI application: a symbol is undefined or not hidden",
                    kind.0
                )));
            }
        }
        let word = memory(segments, place, 8).ok_or_else(|| {
            unfit(format!(
                "the relocation at {place:#x} is outside the segments' content"
            ))
        })?;
        word.copy_from_slice(&entry.r_addend(LE).to_le_bytes());
        places.push(place);
    }
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[1] - pair[0] < 8) {
        Some(pair) => Err(unfit(format!("the relocations at {:#x} overlap", pair[0]))),
        None => Ok(places),
    }
}

/// The content at an address.
pub(crate) fn memory(segments: &mut [Segment], address: u64, size: u64) -> Option<&mut [u8]> {
    let segment = segments
        .iter_mut()
        .find(|segment| segment.range().contains(&address))?;
    let start = usize::try_from(address - segment.address).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    segment.data.get_mut(start..end)
}
