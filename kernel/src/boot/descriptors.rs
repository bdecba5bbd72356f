//! The firmware's memory map in the kernel's terms.

use uefi::boot::{MemoryDescriptor, MemoryType};

use crate::mem::PAGE;
use crate::mem::map::{Kind, Span};

pub(super) fn span_of(descriptor: &MemoryDescriptor) -> Span {
    let len = descriptor.page_count.saturating_mul(PAGE);
    Span {
        start: descriptor.phys_start,
        end: descriptor.phys_start.saturating_add(len),
    }
}

pub(super) fn kind_of(memory_type: MemoryType) -> Kind {
    match memory_type {
        MemoryType::CONVENTIONAL => Kind::Free,
        MemoryType::BOOT_SERVICES_CODE | MemoryType::BOOT_SERVICES_DATA => Kind::Firmware,
        MemoryType::LOADER_CODE | MemoryType::LOADER_DATA => Kind::Kernel,
        MemoryType::ACPI_RECLAIM
        | MemoryType::ACPI_NON_VOLATILE
        | MemoryType::RUNTIME_SERVICES_CODE
        | MemoryType::RUNTIME_SERVICES_DATA => Kind::Kept,
        _ => Kind::Other,
    }
}
