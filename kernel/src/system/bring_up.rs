//! From the firmware's handover to the loops.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::arch::asm;

use basalt_distro::{Bytes, Distro};
use basalt_manifest::{DiskTest, Machine, PanicAction};
use basalt_net::Keypair;
use basalt_node::state::{Namespace, State};

use super::devices::Devices;
use super::disks::Found;
use super::system_core;
use super::{compute, devices, disk_test, network, network_test, state};
use crate::acpi::Platform;
use crate::boot::{Configuration, FirmwareDevices, Handover, Identity, Refusal};
use crate::cpu::features::{self, Features};
use crate::cpu::gdt::Tables;
use crate::cpu::local::Local;
use crate::cpu::{self, apic, idt, smp, topology};
use crate::mem::frames::FRAMES;
use crate::mem::map::{Kind, MemoryMap, Span};
use crate::mem::paging::Access;
use crate::mem::stack::Stack;
use crate::mem::{PAGE, heap, space};
use crate::panic::{self, Action};
use crate::prover::need;
use crate::{entropy, log, time};

/// Stack of the system core, in bytes: the node runs on it.
const STACK_BYTES: u64 = 1 << 20;
/// Memory below this is left alone but for the page that cores start in.
const LOW_MEMORY: u64 = 1 << 20;
/// A finer measurement of the clock that differs more than one part in this many from the first
/// is a wrapped counter, not a finer measurement.
const PLAUSIBLE_CHANGE: u64 = 50;

/// A machine whose memory, interrupts and boot core are the kernel's own.
pub struct Ready {
    map: MemoryMap,
    features: Features,
    start_page: Option<u64>,
    image: Span,
    platform: Platform,
    /// What the operator wants.
    pub configuration: Configuration,
    firmware_devices: FirmwareDevices,
}

/// Brings the machine up and runs the appliance. The current stack is the firmware's.
pub fn bring_up(handover: Handover) -> ! {
    bring_up_for(handover, appliance)
}

/// Brings the machine up and runs `program` on the kernel's own stack.
pub fn bring_up_for(handover: Handover, program: fn(Ready) -> !) -> ! {
    let Handover {
        map,
        sections,
        image,
        platform,
        framebuffer,
        configuration,
        measurement,
        firmware_devices,
    } = handover;
    if let Some(measurement) = measurement {
        refine_clock(&measurement);
    }
    let configuration = configuration.unwrap_or_else(|refusal| refuse(&refusal));
    let manifest = &configuration.manifest;
    log::set_level(manifest.log.level);
    panic::set_action(match manifest.panic.action {
        PanicAction::Reset => Action::Reset,
        PanicAction::Halt => Action::Halt,
    });
    let platform = platform.unwrap_or_else(|error| {
        refuse(&Refusal {
            headline: "unusable firmware",
            details: error.to_string(),
            remedy: "update the machine's firmware",
        })
    });
    let machine = Machine {
        cores: platform.cores.len(),
        memory: map.usable_bytes(),
    };
    if let Err(problems) = manifest.check(&machine) {
        refuse(&Refusal {
            headline: "manifest rejected",
            details: problems.to_string(),
            remedy: "fix the manifest",
        });
    }
    // Which thread is this one's does not matter: the first stands for it.
    let compute = manifest.cores.compute_on(platform.cores.len());
    let others: Vec<u32> = platform
        .cores
        .iter()
        .copied()
        .skip(1)
        .take(compute)
        .collect();
    let bits = topology::thread_bits();
    if let Err(details) = need::check(&manifest.prover, &others, bits, machine.memory) {
        refuse(&Refusal {
            headline: "manifest rejected",
            details,
            remedy: "fix the manifest, or add memory",
        });
    }
    let text = sections
        .iter()
        .find(|section| section.access == Access::Execute);
    let Some(text) = text.map(|section| section.span) else {
        refuse(&Refusal {
            headline: "damaged image",
            details: "the image's headers name no code section".to_string(),
            remedy: "write the image again",
        })
    };
    panic::set_text(text, elf_base());
    if let Some(reset) = platform.reset {
        panic::set_reset(reset);
    }

    let features = Features::detect();
    features::enable(&features);
    let start_page = map.free_page_below(LOW_MEMORY);
    for span in map.spans(Kind::Free) {
        FRAMES.lock().free(span.above(LOW_MEMORY));
    }
    // SAFETY: this runs once, on the boot core; the stack is the firmware's memory, which the map
    // has, and the sections are those of the image that runs.
    let entered = unsafe { space::enter(&map, &sections, features.huge_pages) };
    let stack = entered.map_err(|error| error.to_string()).and_then(|()| {
        if let Some(framebuffer) = framebuffer {
            space::map_framebuffer(framebuffer.pixels).map_err(|error| error.to_string())?;
        }
        Stack::new(STACK_BYTES).map_err(|error| error.to_string())
    });
    let stack = stack.unwrap_or_else(|error| out_of_memory(&error));
    let ready = Ready {
        map,
        features,
        start_page,
        image,
        platform,
        configuration,
        firmware_devices,
    };
    // SAFETY: the stack is fresh, and nothing on the old one is needed any more.
    unsafe { go_on(stack, Box::new((ready, program))) }
}

/// What goes from one stack to the other.
type Rest = (Ready, fn(Ready) -> !);

/// Leaves the current stack for ever and goes on at the top of `stack`.
unsafe fn go_on(stack: Stack, rest: Box<Rest>) -> ! {
    extern "sysv64" fn entry(rest: *mut Rest) -> ! {
        // SAFETY: the pointer is the box given up below, passed on exactly once.
        let (ready, program) = *unsafe { Box::from_raw(rest) };
        take_over(&ready);
        program(ready)
    }
    // SAFETY: the stack's top is aligned to 16 bytes; the pushed zero stands for a return address,
    // and `entry` never returns.
    unsafe {
        asm!(
            "mov rsp, {top}",
            "xor ebp, ebp",
            "push rbp",
            "jmp {entry}",
            top = in(reg) stack.top(),
            entry = sym entry,
            in("rdi") Box::into_raw(rest),
            options(noreturn),
        )
    }
}

/// Segments, interrupts and the firmware's memory, on the kernel's own stack.
fn take_over(ready: &Ready) {
    let Ready { map, features, .. } = ready;
    let tables = Tables::new().unwrap_or_else(|error| out_of_memory(&error.to_string()));
    Local::new(0, tables).install();
    idt::load();
    apic::enable(features).unwrap_or_else(|error| out_of_memory(&error.to_string()));
    apic::prepare_timer(features);
    // Page tables, segments and stack are the kernel's own now: the firmware's may go.
    for span in map.spans(Kind::Firmware) {
        FRAMES.lock().free(span.above(LOW_MEMORY));
    }
    ::log::info!(
        target: "mem", "{} MiB, {} MiB free, heap {} KiB",
        map.usable_bytes() >> 20, FRAMES.lock().free_bytes() >> 20, heap::claimed_bytes() >> 10,
    );
    let lost = FRAMES.lock().lost_bytes();
    if lost > 0 {
        ::log::warn!(target: "mem", "{} KiB in too many pieces to be used", lost >> 10);
    }
    ::log::info!(target: "cpu", "{}: {features}", features::name());
}

/// Starts the other cores and the node.
fn appliance(ready: Ready) -> ! {
    let Ready {
        start_page,
        image,
        platform,
        configuration,
        firmware_devices,
        ..
    } = ready;
    let own_id = apic::id();
    system_core::claim();
    let lanes = start_cores(&configuration, &platform, own_id, start_page);
    let devices = devices::find(&platform, own_id, firmware_devices)
        .unwrap_or_else(|refusal| refuse(&refusal));
    let Devices {
        network,
        disks,
        reports,
    } = devices;
    let test = configuration.manifest.disk.test;
    if test == DiskTest::Speed {
        disk_test::speed(disks);
    }
    if configuration.manifest.network.speed_test {
        network_test::speed(&configuration.manifest, network);
    }
    let (state, identity) =
        remember(&configuration, disks).unwrap_or_else(|refusal| refuse(&refusal));
    if test == DiskTest::Load {
        disk_test::load(state, &Keypair::from_seed(identity).peer_id());
    }
    let distro = services(&configuration).unwrap_or_else(|refusal| refuse(&refusal));
    network::run(
        configuration,
        (network, reports),
        state,
        distro,
        identity,
        lanes,
        image.len(),
    )
}

/// The services that come with the node.
fn services(configuration: &Configuration) -> Result<Option<Distro>, Refusal> {
    let Some(file) = configuration.services else {
        ::log::warn!(target: "boot", "there is no \\EFI\\basalt\\services: no spells, no system services");
        return Ok(None);
    };
    let pack: Bytes = Arc::new(file);
    match Distro::from_pack(&pack) {
        Ok(distro) => Ok(Some(distro)),
        Err(error) => Err(Refusal {
            headline: "damaged services",
            details: format!("\\EFI\\basalt\\services: {error}"),
            remedy: "write the image again",
        }),
    }
}

/// Opens the state and finds out who the node is: the manifest's seed wins over the one in the
/// state, which wins over the one on the boot volume.
fn remember(
    configuration: &Configuration,
    disks: Vec<Found>,
) -> Result<(Option<State>, [u8; 32]), Refusal> {
    let wanted = &configuration.manifest.disk;
    let mut state = state::open(disks, wanted, entropy::seed_bytes())?;
    let seed = match (&configuration.identity, &mut state) {
        (Identity::Manifest(seed), _) | (Identity::File(seed), None) => *seed,
        (Identity::File(seed), Some(state)) => kept(state, *seed)?,
        (Identity::Unreadable(refusal), Some(state))
            if !state.keys(Namespace::Identity, b"").is_empty() =>
        {
            ::log::warn!(target: "boot", "{}; the state has the identity too", refusal.details);
            kept(state, [0; 32])?
        }
        (Identity::Unreadable(refusal), _) => return Err(refusal.clone()),
    };
    if state.is_none() {
        ::log::warn!(target: "disk", "there is no state partition: the node forgets all but its identity at the next boot");
    }
    Ok((state, seed))
}

fn kept(state: &mut State, fresh: [u8; 32]) -> Result<[u8; 32], Refusal> {
    state.identity(fresh).map_err(|error| Refusal {
        headline: "no identity",
        details: format!("the state does not give it: {error}"),
        remedy: "check the disk, or write the node's `seed` into the manifest",
    })
}

/// Starts the compute cores and gives each its self-test.
fn start_cores(
    configuration: &Configuration,
    platform: &Platform,
    own_id: u32,
    start_page: Option<u64>,
) -> Vec<compute::Lane> {
    let wanted = configuration
        .manifest
        .cores
        .compute_on(platform.cores.len());
    let others: Vec<u32> = platform
        .cores
        .iter()
        .copied()
        .filter(|&id| id != own_id)
        .take(wanted)
        .collect();
    if others.is_empty() {
        ::log::info!(target: "cpu", "no compute cores");
        return Vec::new();
    }
    let Some(page) = start_page else {
        ::log::error!(target: "cpu", "no free page below 1 MiB: other cores cannot start");
        return Vec::new();
    };
    let mut lanes = match compute::prepare(others.len(), compute::stacks) {
        Ok(lanes) => lanes,
        Err(error) => out_of_memory(&error.to_string()),
    };
    let mut outcomes = Vec::new();
    smp::start(&others, page, compute::run, &mut outcomes);
    let mut running = 0;
    for (id, outcome) in &outcomes {
        match outcome {
            Ok(index) => {
                lanes[running].assign(*index, *id);
                running += 1;
            }
            Err(error) => {
                ::log::error!(target: "cpu", "core with APIC id {id} does not run: {error}")
            }
        }
    }
    lanes.truncate(running);
    ::log::info!(target: "cpu", "{running} compute cores run");
    for lane in &mut lanes {
        if let Err(error) = lane.start_self_test() {
            ::log::warn!(target: "cpu", "c{} is not tested: {error}", lane.core());
        }
    }
    lanes
}

/// The clock's rate, over all the time since its first measurement began.
fn refine_clock(measurement: &time::calibrate::Measurement) {
    let first = time::rate().hz();
    if let Some(rate) = measurement.rate()
        && rate.hz().abs_diff(first) < first / PLAUSIBLE_CHANGE
    {
        time::set_rate(rate);
    }
    let hz = time::rate().hz();
    ::log::info!(target: "time", "{}.{:03} MHz by {}", hz / 1_000_000, hz / 1000 % 1000, measurement.source());
}

/// Where the ELF file's address 0 is in memory.
fn elf_base() -> u64 {
    unsafe extern "C" {
        #[link_name = "__ehdr_start"]
        static ELF_HEADER: u8;
    }
    (&raw const ELF_HEADER).expose_provenance() as u64
}

/// Says why the appliance does not start, and stops for good: nothing runs half-configured.
fn refuse(refusal: &Refusal) -> ! {
    let Refusal {
        headline,
        details,
        remedy,
    } = refusal;
    log::verdict_lines(&format!(
        "basalt: {headline}\n{details}\nbasalt: not started: {remedy}"
    ));
    cpu::halt();
}

fn out_of_memory(details: &str) -> ! {
    refuse(&Refusal {
        headline: "out of memory",
        details: details.to_string(),
        remedy: "give the machine more memory",
    })
}

const _: () = assert!(STACK_BYTES.is_multiple_of(PAGE));
