//! Staying in the boot services, because only the firmware has a driver for the network card.
//!
//! The boot core becomes the firmware's servant: it carries frames between the firmware's driver and
//! the queues of [`drivers::network::firmware`](crate::drivers::network::firmware), for ever. The
//! kernel starts on another core, which the firmware lends by its multiprocessor protocol and never
//! gets back. The firmware keeps its memory, its page tables, its timer and one core; the kernel gets
//! the memory that is free now, but for a reserve.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::asm;
use core::ffi::c_void;
use core::ptr::NonNull;
use core::time::Duration;

use uefi::boot::{self, AllocateType, EventType, MemoryType, ScopedProtocol, Tpl};
use uefi::mem::memory_map::MemoryMap as _;
use uefi::proto::network::snp::{ReceiveFlags, SimpleNetwork};
use uefi::proto::pi::mp::MpServices;

use super::Handover;
use super::firmware::{kind_of, span_of};
use crate::acpi::Platform;
use crate::cpu::{self, apic};
use crate::drivers::network::firmware::{self as proxy, Driver, Firmware, Proxy};
use crate::drivers::network::has_driver;
use crate::mem::PAGE;
use crate::mem::map::{Kind, MemoryMap, Region, Span};
use crate::{log, pci};

/// What the firmware keeps of the free memory, for its drivers.
const RESERVE: u64 = 32 << 20;
/// Memory below this is left to the firmware but for the page that cores start in.
const LOW_MEMORY: u64 = 1 << 20;
/// Stack on which the kernel begins on its core.
const STACK_BYTES: usize = 128 << 10;
/// Longest wait until the card lets go of a frame.
const SEND_STEPS: u32 = 1000;
const SEND_STEP: Duration = Duration::from_micros(10);
/// Pause when there is nothing to carry.
const IDLE: Duration = Duration::from_micros(50);

/// The firmware's driver of a card.
struct Simple {
    network: ScopedProtocol<SimpleNetwork>,
}

impl Driver for Simple {
    fn send(&mut self, frame: &mut [u8]) -> bool {
        if self.network.transmit(0, frame, None, None, None).is_err() {
            return false;
        }
        // The buffer is the card's until it is named as free again.
        for _ in 0..SEND_STEPS {
            match self.network.get_recycled_transmit_buffer_status() {
                Ok(Some(_)) => return true,
                Ok(None) => boot::stall(SEND_STEP),
                Err(_) => return false,
            }
        }
        false
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
        self.network.receive(buffer, None, None, None, None).ok()
    }

    fn has_link(&self) -> bool {
        let mode = self.network.mode();
        !bool::from(mode.media_present_supported) || mode.media_present.into()
    }
}

/// Everything for staying.
pub struct Stay {
    driver: Simple,
    proxy: Proxy,
    processors: ScopedProtocol<MpServices>,
    /// The processor that will run the kernel, by the firmware's numbering.
    processor: usize,
    stack: u64,
}

/// Looks whether only the firmware can drive the network card, and whether it can. If so, the boot
/// core is taken out of `platform`'s cores.
pub(super) fn prepare(platform: &mut Platform) -> Option<(Stay, Firmware)> {
    let ecam = pci::Ecam::map(&platform.ecam).ok()?;
    if pci::scan(&ecam).iter().any(has_driver) {
        return None;
    }
    let handle = *boot::find_handles::<SimpleNetwork>().ok()?.first()?;
    let lender = boot::get_handle_for_protocol::<MpServices>()
        .and_then(boot::open_protocol_exclusive::<MpServices>)
        .ok()
        .and_then(choose);
    let Some((processors, processor, boot_core)) = lender else {
        cannot_stay("there is no second core for the kernel");
        return None;
    };
    let Ok(mut network) = boot::open_protocol_exclusive::<SimpleNetwork>(handle) else {
        cannot_stay("it does not give the card away");
        return None;
    };
    // An error means that it is started or initialized already.
    let _ = network.start();
    let _ = network.initialize(0, 0);
    let wanted = ReceiveFlags::UNICAST | ReceiveFlags::BROADCAST | ReceiveFlags::MULTICAST;
    if network
        .receive_filters(wanted, ReceiveFlags::empty(), false, None)
        .is_err()
    {
        let least = ReceiveFlags::UNICAST | ReceiveFlags::BROADCAST;
        let _ = network.receive_filters(least, ReceiveFlags::empty(), false, None);
    }
    let mac = *network.mode().current_address.0.first_chunk::<6>()?;
    let memory = pages(proxy::MEMORY)?;
    let stack = pages(STACK_BYTES)?;
    let stack = stack.as_ptr_range().end.expose_provenance() as u64;
    platform.cores.retain(|&id| u64::from(id) != boot_core);
    let (firmware, proxy) = proxy::pair(memory, mac);
    let stay = Stay {
        driver: Simple { network },
        proxy,
        processors,
        processor,
        stack,
    };
    Some((stay, firmware))
}

fn cannot_stay(reason: &str) {
    ::log::warn!(target: "net", "the firmware has a driver for the network card, but {reason}");
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

/// Takes the free memory from the firmware but for its reserve, and says whose the rest is.
pub(super) fn take_memory() -> MemoryMap {
    let Ok(descriptors) = boot::memory_map(MemoryType::LOADER_DATA) else {
        return MemoryMap::default();
    };
    let mut regions: Vec<Region> = Vec::with_capacity(descriptors.entries().len() + 2);
    for descriptor in descriptors.entries() {
        let kind = match kind_of(descriptor.ty) {
            // The boot services go on.
            Kind::Firmware | Kind::Free => Kind::Kept,
            kind => kind,
        };
        let span = span_of(descriptor);
        let free = descriptor.ty == MemoryType::CONVENTIONAL && span.start >= LOW_MEMORY;
        let kind = if free { Kind::Free } else { kind };
        regions.push(Region { span, kind });
    }
    drop(descriptors);
    leave_reserve(&mut regions);
    for region in regions
        .iter_mut()
        .filter(|region| region.kind == Kind::Free)
    {
        if !claim(region.span) {
            region.kind = Kind::Kept;
        }
    }
    let low = AllocateType::MaxAddress(LOW_MEMORY - 1);
    if let Ok(page) = boot::allocate_pages(low, MemoryType::LOADER_DATA, 1) {
        let start = page.as_ptr().expose_provenance() as u64;
        let page = Span {
            start,
            end: start + PAGE,
        };
        cut(&mut regions, page);
    }
    MemoryMap::new(regions)
}

/// Cuts the reserve off the largest free region.
fn leave_reserve(regions: &mut Vec<Region>) {
    let largest = regions
        .iter_mut()
        .filter(|region| region.kind == Kind::Free)
        .max_by_key(|region| region.span.len());
    if let Some(region) = largest {
        let reserve = RESERVE.min(region.span.len() / 2 / PAGE * PAGE);
        region.span.end -= reserve;
        let kept = Span {
            start: region.span.end,
            end: region.span.end + reserve,
        };
        regions.push(Region {
            span: kept,
            kind: Kind::Kept,
        });
    }
}

/// Makes `page` a free region of its own.
fn cut(regions: &mut Vec<Region>, page: Span) {
    let around = regions
        .iter_mut()
        .find(|region| region.span.start <= page.start && page.end <= region.span.end);
    if let Some(region) = around {
        let after = Region {
            span: Span {
                start: page.end,
                end: region.span.end,
            },
            kind: region.kind,
        };
        region.span.end = page.start;
        regions.extend([
            Region {
                span: page,
                kind: Kind::Free,
            },
            after,
        ]);
    }
}

fn claim(span: Span) -> bool {
    let at = AllocateType::Address(span.start);
    let count = (span.len() / PAGE) as usize;
    boot::allocate_pages(at, MemoryType::LOADER_DATA, count).is_ok()
}

/// What the kernel's core is told.
struct Order {
    handover: Handover,
    kernel: fn(Handover) -> !,
    stack: u64,
}

impl Stay {
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
                "basalt: no network\nthe firmware does not lend its second core: {error}\n\
                 basalt: not started: add a supported network card"
            ));
            cpu::halt();
        }
        // From here on the other core is the one that logs; this one only carries frames.
        loop {
            if !self.proxy.turn(&mut self.driver) {
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
