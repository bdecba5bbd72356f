//! Disks by the firmware's drivers (EFI Block I/O Protocol).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ptr;

use basalt_store::BlockDevice;
use basalt_store::partition::{self, Table, table::Content};
use uefi::boot::{self, ScopedProtocol};
use uefi::proto::media::block::BlockIO;
use uefi::{Error, Handle, Status};

use super::controllers;
use crate::drivers;
use crate::drivers::disk::firmware::Driver;
use crate::drivers::disk::{Facts, Failure, MAX_TRANSFER, Operation, Request};
use crate::pci::{CLASS_STORAGE, Function};

/// Class and subclass of USB controllers, and of SD host controllers.
const USB: (u8, u8) = (0x0c, 0x03);
const SD_HOST: (u8, u8) = (0x08, 0x05);

/// A disk by the firmware's driver.
pub(super) struct Disk {
    io: ScopedProtocol<BlockIO>,
}

/// A disk that only the firmware drives.
pub(super) struct Place {
    handle: Handle,
    name: String,
}

/// The disks that hold a state and that only the firmware drives; none if the kernel drives one
/// that does.
pub(super) fn find(functions: &[Function]) -> Vec<Place> {
    // The boot disk is there already, and nearly always has the state.
    if let Some(found) = with_state(functions) {
        return found;
    }
    controllers::connect(functions, |function| {
        let class = (function.class, function.subclass);
        function.class == CLASS_STORAGE && !drivers::has_driver(function)
            || class == USB
            || class == SD_HOST
    });
    with_state(functions).unwrap_or_default()
}

/// `None` if no disk has a state.
fn with_state(functions: &[Function]) -> Option<Vec<Place>> {
    let mut found = Vec::new();
    let mut ours = false;
    let handles = boot::find_handles::<BlockIO>().unwrap_or_default();
    for (number, &handle) in handles.iter().enumerate() {
        let io = controllers::shared::<BlockIO>(handle);
        let disk = io.map(|io| Disk { io }).filter(Disk::is_whole);
        if !disk.is_some_and(|mut disk| disk.has_state()) {
            continue;
        }
        match controllers::behind(handle, functions) {
            Some(function) if drivers::has_driver(&function) => ours = true,
            function => {
                let controller = function.map(|function| function.address.to_string());
                let controller = controller.as_deref().unwrap_or("firmware");
                let name = format!("{controller}/{number}");
                found.push(Place { handle, name });
            }
        }
    }
    if ours {
        return Some(Vec::new());
    }
    (!found.is_empty()).then_some(found)
}

/// Takes the disk from whoever uses it in the firmware. Returns its place and what it is with it.
pub(super) fn open(place: Place) -> Option<(Disk, String, Facts)> {
    let io = boot::open_protocol_exclusive::<BlockIO>(place.handle).ok()?;
    let media = io.media();
    let facts = Facts {
        driver: "firmware",
        model: "driven by the firmware (degraded)".to_string(),
        serial: String::new(),
        block_size: media.block_size() as usize,
        blocks: media.last_block().checked_add(1)?,
        max_transfer: MAX_TRANSFER,
        read_only: media.is_read_only(),
        flush: true,
        discard: false,
    };
    Some((Disk { io }, place.name, facts))
}

fn failure(error: &Error) -> Failure {
    match error.status() {
        Status::NO_MEDIA | Status::MEDIA_CHANGED => Failure::Gone,
        status => Failure::Refused(status.0 as u32),
    }
}

impl Disk {
    fn is_whole(&self) -> bool {
        let media = self.io.media();
        !media.is_logical_partition()
            && media.is_media_present()
            && matches!(media.block_size(), 512 | 4096)
            && media.last_block() > 0
    }

    /// Whether there is a partition table with a state partition.
    fn has_state(&mut self) -> bool {
        match Table::read(self) {
            Ok(Content::Table(table) | Content::Copy(table)) => table
                .partitions()
                .any(|partition| partition.kind == partition::STATE),
            Ok(Content::Other) | Err(_) => false,
        }
    }
}

impl Driver for Disk {
    fn execute(&mut self, request: &Request) -> Result<(), Failure> {
        let media = self.io.media();
        let (id, len) = (
            media.media_id(),
            request.count as usize * media.block_size() as usize,
        );
        let memory = ptr::with_exposed_provenance_mut::<u8>(request.memory as usize);
        let done = match request.operation {
            Operation::Read => {
                // SAFETY: the memory of the disk at the other end, of at least as many bytes, which
                // is never given back and not looked at until this request is answered.
                let bytes = unsafe { core::slice::from_raw_parts_mut(memory, len) };
                self.io.read_blocks(id, request.block, bytes)
            }
            Operation::Write => {
                // SAFETY: as above.
                let bytes = unsafe { core::slice::from_raw_parts(memory, len) };
                self.io.write_blocks(id, request.block, bytes)
            }
            Operation::Flush => self.io.flush_blocks(),
            Operation::Discard => Ok(()),
        };
        done.map_err(|error| failure(&error))
    }
}

/// For the partition table, which is only read.
impl BlockDevice for Disk {
    type Error = Failure;

    fn block_size(&self) -> usize {
        self.io.media().block_size() as usize
    }

    fn block_count(&self) -> u64 {
        self.io.media().last_block().saturating_add(1)
    }

    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Failure> {
        let id = self.io.media().media_id();
        let done = self.io.read_blocks(id, block, buf);
        done.map_err(|error| failure(&error))
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Failure> {
        Err(Failure::Refused(Status::WRITE_PROTECTED.0 as u32))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn discard(&mut self, _: u64, _: u64) -> Result<(), Failure> {
        Ok(())
    }
}
