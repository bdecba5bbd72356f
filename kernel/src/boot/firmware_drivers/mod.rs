//! The firmware's own drivers, kept in use because only the firmware can drive the network card, or
//! the disk with the node's state.
//!
//! The boot core stays in the boot services and works for the firmware's drivers: it carries frames
//! and blocks between them and the queues of [`network::firmware`] and [`disk::firmware`]. The
//! kernel starts on another core, which the firmware lends by its multiprocessor protocol and never
//! gets back. The firmware keeps its memory, its page tables, its timer and one core; the kernel
//! gets the memory that is free now, but for a reserve, and the devices that it has drivers for.
//!
//! `controllers` finds what is behind the firmware's handles, `card` and `disks` use its drivers,
//! `memory` shares the memory.

mod card;
mod controllers;
mod disks;
mod memory;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::asm;
use core::ffi::c_void;
use core::ptr::NonNull;
use core::time::Duration;

use uefi::boot::{self, AllocateType, EventType, MemoryType, ScopedProtocol, Tpl};
use uefi::proto::pi::mp::MpServices;

use super::firmware_devices::{FirmwareDevices, FirmwareDisk};
use super::handover::Handover;
use crate::acpi::Platform;
use crate::cpu::{self, apic};
use crate::drivers::disk;
use crate::drivers::network;
use crate::mem::PAGE;
use crate::{log, pci, time};

pub(super) use self::memory::take_memory;

/// Stack on which the kernel begins on its core.
const STACK_BYTES: usize = 128 << 10;
/// Pause when there is nothing to carry.
const IDLE: Duration = Duration::from_micros(50);

/// The firmware's drivers in use, and the processor that runs the kernel meanwhile.
pub struct FirmwareDrivers {
    card: Option<(card::Card, network::firmware::Proxy)>,
    disks: Vec<(disks::Disk, disk::firmware::Proxy)>,
    processors: ScopedProtocol<MpServices>,
    /// The processor that will run the kernel, by the firmware's numbering.
    processor: usize,
    stack: u64,
}

/// Looks whether the node needs a device that only the firmware drives, and whether the firmware
/// can go on driving it. If so, the boot core is taken out of `platform`'s cores.
pub(super) fn prepare(platform: &mut Platform) -> Option<(FirmwareDrivers, FirmwareDevices)> {
    let ecam = pci::Ecam::map(&platform.ecam).ok()?;
    let functions = pci::scan(&ecam);
    let card = card::find(&functions);
    let places = disks::find(&functions);
    if card.is_none() && places.is_empty() {
        return None;
    }
    let other_core = boot::get_handle_for_protocol::<MpServices>()
        .and_then(boot::open_protocol_exclusive::<MpServices>)
        .ok()
        .and_then(choose);
    let Some((processors, processor, boot_core)) = other_core else {
        cannot_use("there is no second core for the kernel");
        return None;
    };
    let stack = pages(STACK_BYTES)?;
    let stack = stack.as_ptr_range().end.expose_provenance() as u64;
    let mut drivers = FirmwareDrivers {
        card: None,
        disks: Vec::new(),
        processors,
        processor,
        stack,
    };
    let mut firmware_devices = FirmwareDevices::default();
    match card.map(card::open) {
        Some(Ok((driver, mac))) => {
            let memory = pages(network::firmware::MEMORY)?;
            let (card, proxy) = network::firmware::pair(memory, mac);
            drivers.card = Some((driver, proxy));
            firmware_devices.card = Some(card);
        }
        Some(Err(reason)) => cannot_use(reason),
        None => {}
    }
    for (driver, place, facts) in places.into_iter().filter_map(disks::open) {
        let (engine, proxy) = disk::firmware::pair(time::since_entry);
        drivers.disks.push((driver, proxy));
        firmware_devices.disks.push(FirmwareDisk {
            place,
            facts,
            engine,
        });
    }
    controllers::release(&functions);
    platform.cores.retain(|&id| u64::from(id) != boot_core);
    Some((drivers, firmware_devices))
}

fn cannot_use(reason: &str) {
    ::log::warn!(target: "boot", "the firmware has a driver for a device that the kernel does not drive, but {reason}");
}

/// Another processor than this one, and this one's APIC identifier.
fn choose(
    processors: ScopedProtocol<MpServices>,
) -> Option<(ScopedProtocol<MpServices>, usize, u64)> {
    let own = processors.who_am_i().ok()?;
    let own_id = processors.get_processor_info(own).ok()?.processor_id;
    let total = processors.get_number_of_processors().ok()?.total;
    let other = (0..total).find(|&number| {
        let info = processors.get_processor_info(number);
        info.is_ok_and(|info| !info.is_bsp() && info.is_enabled() && info.is_healthy())
    })?;
    Some((processors, other, own_id))
}

/// Memory from the firmware that is the kernel's for ever.
fn pages(bytes: usize) -> Option<&'static mut [u8]> {
    let count = bytes.div_ceil(PAGE as usize);
    let start =
        boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_DATA, count).ok()?;
    // SAFETY: fresh pages, mapped by the firmware and later by the kernel, and never given back.
    unsafe {
        start.write_bytes(0, count * PAGE as usize);
        Some(NonNull::slice_from_raw_parts(start, bytes).as_mut())
    }
}

/// What the kernel's core is told.
struct Order {
    handover: Handover,
    kernel: fn(Handover) -> !,
    stack: u64,
}

impl FirmwareDrivers {
    /// Starts `kernel` on its core and serves it from this one.
    pub fn serve(mut self, handover: Handover, kernel: fn(Handover) -> !) -> ! {
        // A firmware that believes its boot loader to be stuck would reset the machine.
        let _ = boot::set_watchdog_timer(0, 0, None);
        apic::keep_legacy_controller();
        let order = Box::into_raw(Box::new(Order {
            handover,
            kernel,
            stack: self.stack,
        }));
        // SAFETY: an event without a notification function.
        let event = unsafe { boot::create_event(EventType::empty(), Tpl::CALLBACK, None, None) };
        let started = event.and_then(|event| {
            self.processors
                .startup_this_ap(self.processor, begin, order.cast(), Some(event), None)
        });
        if let Err(error) = started {
            log::verdict(format_args!(
                "basalt: no second core\nonly the firmware has drivers for this machine, and it does not lend a \
                 core: {error}\nbasalt: not started: add a supported network card and disk"
            ));
            cpu::halt();
        }
        // From here on the other core is the one that logs; this one only carries frames.
        loop {
            let mut moved = false;
            if let Some((driver, proxy)) = &mut self.card {
                moved |= proxy.turn(driver);
            }
            for (driver, proxy) in &mut self.disks {
                moved |= proxy.turn(driver);
            }
            if !moved {
                boot::stall(IDLE);
            }
        }
    }
}

/// Where the kernel's core begins, on a small stack of the firmware.
extern "efiapi" fn begin(order: *mut c_void) {
    extern "sysv64" fn run(order: *mut Order) -> ! {
        // SAFETY: the box given up in `serve`, passed on exactly once.
        let order = *unsafe { Box::from_raw(order) };
        (order.kernel)(order.handover)
    }
    let order = order.cast::<Order>();
    // SAFETY: the order lives until `run` takes it; its stack is fresh and aligned to a page. The
    // pushed zero stands for a return address, and `run` never returns.
    unsafe {
        let top = (*order).stack;
        asm!(
            "cli",
            "mov rsp, {top}",
            "xor ebp, ebp",
            "push rbp",
            "jmp {run}",
            top = in(reg) top,
            run = sym run,
            in("rdi") order,
            options(noreturn),
        )
    }
}
