//! Asking the UEFI firmware, and sending it away.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ptr::NonNull;
use core::slice;

use basalt_distro::pack::MAX_PACK;
use basalt_manifest::Manifest;
use uefi::boot::{self, AllocateType, MemoryType, OpenProtocolAttributes, OpenProtocolParams};
use uefi::fs::{self, FileSystem};
use uefi::mem::memory_map::MemoryMap as _;
use uefi::proto::console::gop::{GraphicsOutput, PixelFormat};
use uefi::proto::loaded_image::LoadedImage;
use uefi::proto::media::file::{File as _, FileAttribute, FileInfo, FileMode};
use uefi::proto::rng::Rng;
use uefi::table::cfg::ConfigTableEntry;
use uefi::{CStr16, Status, cstr16, runtime, system};

use super::descriptors::{kind_of, span_of};
use super::firmware_drivers::{self, FirmwareDrivers};
use super::handover::{Configuration, Framebuffer, Handover, Identity, Refusal};
use super::identity;
use crate::acpi::{self, Memory, Platform};
use crate::cpu::features::Features;
use crate::entropy::{self, sources::Pool};
use crate::log::screen::{Geometry, PixelOrder, Screen};
use crate::mem::image::{self, MAX_SECTIONS, Section};
use crate::mem::map::{MemoryMap, Region, Span};
use crate::mem::{PAGE, heap};
use crate::time::calendar::Date;
use crate::time::calibrate::{self, Measurement};
use crate::time::tsc::Rate;
use crate::{log, panic, time};

/// First arena of the heap, enough for all of the boot.
const FIRST_ARENA: usize = 2 << 20;
/// First measurement of the clock; it goes on until the firmware is gone.
const FIRST_MEASUREMENT_MILLIS: u64 = 2;

const MANIFEST_FILE: &CStr16 = cstr16!("\\manifest.toml");
const IDENTITY_FOLDER: &CStr16 = cstr16!("\\EFI\\basalt");
const IDENTITY_FILES: [&CStr16; 2] = [
    cstr16!("\\EFI\\basalt\\identity"),
    cstr16!("\\EFI\\basalt\\identity.2"),
];
const SERVICES_FILE: &CStr16 = cstr16!("\\EFI\\basalt\\services");

/// Asks the firmware everything and sends it away, unless it must stay to drive a device.
#[must_use]
pub fn gather() -> (Handover, Option<FirmwareDrivers>) {
    claim_first_arena();
    let mut platform = read_platform();
    let measurement = start_clock(platform.as_ref().ok());
    let framebuffer = find_framebuffer();
    if let Some(framebuffer) = &framebuffer {
        attach_screen(framebuffer);
    }
    ::log::info!(
        "basalt {} by {}",
        env!("BASALT_VERSION"),
        system::firmware_vendor()
    );
    set_wall_clock();
    let configuration = seed_generator().and_then(|()| read_configuration());
    let image = find_image();
    let sections = find_sections(image);
    let drivers = platform.as_mut().ok().and_then(firmware_drivers::prepare);
    let (drivers, firmware_devices) = drivers.unzip();
    let map = match drivers {
        Some(_) => firmware_drivers::take_memory(),
        None => leave(),
    };
    let handover = Handover {
        map,
        sections,
        image,
        platform,
        framebuffer,
        configuration,
        measurement,
        firmware_devices: firmware_devices.unwrap_or_default(),
    };
    (handover, drivers)
}

fn claim_first_arena() {
    let memory = boot::allocate_pages(
        AllocateType::AnyPages,
        MemoryType::LOADER_DATA,
        FIRST_ARENA / PAGE as usize,
    );
    let memory = memory.expect("2 MiB of memory from the firmware");
    // SAFETY: fresh pages of a type that the kernel never gives back.
    unsafe { heap::claim(NonNull::slice_from_raw_parts(memory, FIRST_ARENA)) };
}

/// Physical memory while the firmware's identity map is in force.
struct Physical;

impl Memory for Physical {
    fn bytes(&self, address: u64, len: usize) -> Option<&[u8]> {
        /// Tables lie in memory; nothing is above this on any machine, and the sum cannot overflow.
        const CEILING: u64 = 1 << 46;
        if address == 0 || address.checked_add(len as u64)? > CEILING {
            return None;
        }
        // SAFETY: firmware maps all memory onto itself, and the address comes from its own tables;
        // a table that points to no memory would have failed the firmware before.
        Some(unsafe {
            slice::from_raw_parts(core::ptr::with_exposed_provenance(address as usize), len)
        })
    }
}

fn read_platform() -> Result<Platform, acpi::Error> {
    let address = system::with_config_table(|entries| {
        let find = |guid| entries.iter().find(|entry| entry.guid == guid);
        find(ConfigTableEntry::ACPI2_GUID)
            .or_else(|| find(ConfigTableEntry::ACPI_GUID))
            .map(|entry| entry.address.expose_provenance() as u64)
    });
    Platform::read(&Physical, address.ok_or(acpi::Error::RootPointer)?)
}

/// Gives the clock a rate: the stated one, or a measured one that gets finer until the firmware is
/// gone.
fn start_clock(platform: Option<&Platform>) -> Option<Measurement> {
    if let Some((rate, source)) = calibrate::stated() {
        time::set_rate(rate);
        ::log::info!(target: "time", "{} MHz by {source}", rate.hz() / 1_000_000);
        return None;
    }
    let none = Platform::default();
    let measurement = Measurement::start(platform.unwrap_or(&none));
    let rate = measurement.rate_after(FIRST_MEASUREMENT_MILLIS);
    /// Better a wrong pace than none: a machine whose timers all stand still.
    const GUESS_HZ: u64 = 2_000_000_000;
    if let Some(rate) = rate.or(Rate::from_hz(GUESS_HZ)) {
        time::set_rate(rate);
    }
    Some(measurement)
}

fn find_framebuffer() -> Option<Framebuffer> {
    let handle = boot::get_handle_for_protocol::<GraphicsOutput>().ok()?;
    let params = OpenProtocolParams {
        handle,
        agent: boot::image_handle(),
        controller: None,
    };
    // SAFETY: the protocol is only asked for numbers; the firmware's console may go on using it.
    let mut output = unsafe {
        boot::open_protocol::<GraphicsOutput>(params, OpenProtocolAttributes::GetProtocol)
    }
    .ok()?;
    let mode = output.current_mode_info();
    let order = match mode.pixel_format() {
        PixelFormat::Rgb => PixelOrder::Rgb,
        PixelFormat::Bgr => PixelOrder::Bgr,
        _ => return None,
    };
    let (width, height) = mode.resolution();
    let geometry = Geometry {
        width,
        height,
        stride: mode.stride(),
        order,
    };
    let mut pixels = output.frame_buffer();
    let start = pixels.as_mut_ptr().expose_provenance() as u64;
    let end = start.checked_add(pixels.size() as u64)?;
    (start != 0 && start.is_multiple_of(4)).then_some(Framebuffer {
        pixels: Span { start, end },
        geometry,
    })
}

fn attach_screen(framebuffer: &Framebuffer) {
    let Framebuffer { pixels, geometry } = *framebuffer;
    // SAFETY: the firmware says that these are the screen's pixels; it maps them now, the kernel
    // does so later, and the panic path is the only other writer.
    let memory = unsafe {
        slice::from_raw_parts_mut(
            core::ptr::with_exposed_provenance_mut(pixels.start as usize),
            pixels.len() as usize / 4,
        )
    };
    if let Some(mut screen) = Screen::new(memory, geometry) {
        screen.clear();
        log::attach_screen(screen);
        panic::set_screen(pixels, geometry);
    }
}

fn set_wall_clock() {
    let date = runtime::get_time().ok().map(|time| Date {
        year: time.year(),
        month: time.month(),
        day: time.day(),
        hour: time.hour(),
        minute: time.minute(),
        second: time.second(),
        nanosecond: time.nanosecond(),
        zone: time.time_zone(),
    });
    match date.as_ref().and_then(Date::unix_millis) {
        Some(millis) => time::set_wall(millis),
        None => ::log::warn!(target: "time", "the firmware has no date; the clock starts at 1970"),
    }
}

fn seed_generator() -> Result<(), Refusal> {
    let mut pool = Pool::collect(&Features::detect());
    if let Some(bytes) = firmware_random() {
        pool.add_firmware(&bytes);
    }
    let given = pool.given();
    ::log::info!(target: "entropy", "seeded by {given}");
    if !given.is_strong() {
        return Err(Refusal {
            headline: "no entropy",
            details: format!(
                "neither the processor nor the firmware gives random numbers ({given} only)"
            ),
            remedy: "use a processor with RDRAND, or add a virtio entropy device",
        });
    }
    entropy::seed(pool.finish());
    Ok(())
}

fn firmware_random() -> Option<[u8; 32]> {
    let handle = boot::get_handle_for_protocol::<Rng>().ok()?;
    let mut bytes = [0; 32];
    let mut rng = boot::open_protocol_exclusive::<Rng>(handle).ok()?;
    rng.get_rng(None, &mut bytes).ok()?;
    Some(bytes)
}

fn manifest_refusal(details: String) -> Refusal {
    Refusal {
        headline: "manifest rejected",
        details,
        remedy: "fix the manifest",
    }
}

fn read_configuration() -> Result<Configuration, Refusal> {
    let volume = boot::get_image_file_system(boot::image_handle())
        .map_err(|error| manifest_refusal(format!("the boot volume cannot be read: {error}")))?;
    let mut files = FileSystem::new(volume);
    let bytes = files.read(MANIFEST_FILE).map_err(|error| {
        manifest_refusal(match is_missing(&error) {
            true => "there is no file manifest.toml on the boot volume".to_string(),
            false => format!("manifest.toml cannot be read: {error}"),
        })
    })?;
    let manifest =
        Manifest::from_bytes(&bytes).map_err(|problems| manifest_refusal(problems.to_string()))?;
    let identity = match &manifest.node.seed {
        Some(seed) => Identity::Manifest(*seed.as_bytes()),
        None => match kept_identity(&mut files) {
            Ok(seed) => Identity::File(seed),
            Err(refusal) => Identity::Unreadable(refusal),
        },
    };
    // The firmware lends a volume once.
    drop(files);
    let services = read_services().map_err(|error| Refusal {
        headline: "unreadable services",
        details: format!("\\EFI\\basalt\\services cannot be read: {error}"),
        remedy: "write the image again",
    })?;
    Ok(Configuration {
        manifest,
        identity,
        services,
    })
}

/// The file of services, in memory of its own that is never given back; `None` when there is no
/// such file.
fn read_services() -> Result<Option<&'static [u8]>, String> {
    let text = |error: uefi::Error| error.to_string();
    let mut volume = boot::get_image_file_system(boot::image_handle()).map_err(text)?;
    let mut root = volume.open_volume().map_err(text)?;
    let opened = root.open(SERVICES_FILE, FileMode::Read, FileAttribute::empty());
    let file = match opened {
        Err(error) if error.status() == Status::NOT_FOUND => return Ok(None),
        opened => opened.map_err(text)?.into_regular_file(),
    };
    let mut file = file.ok_or("it is not a file")?;
    let size = file.get_boxed_info::<FileInfo>().map_err(text)?.file_size() as usize;
    if size > MAX_PACK {
        return Err(format!("it has {size} bytes, more than {MAX_PACK}"));
    }
    let pages = size.div_ceil(PAGE as usize).max(1);
    let memory = boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_DATA, pages);
    let memory = memory.map_err(text)?;
    // SAFETY: the pages are fresh, of a type that the kernel never gives back, and hold `size`
    // bytes; zeroes are bytes.
    let content = unsafe {
        memory.write_bytes(0, size);
        slice::from_raw_parts_mut(memory.as_ptr(), size)
    };
    match file.read(content).map_err(text)? {
        read if read == size => Ok(Some(content)),
        read => Err(format!("only {read} of {size} bytes can be read")),
    }
}

/// The generated identity: the kept one, or at the first boot a new one, which is kept.
fn kept_identity(files: &mut FileSystem) -> Result<[u8; 32], Refusal> {
    let kept = identity::keep(&mut IdentityFiles(files), entropy::seed_bytes);
    let kept = kept.map_err(|problem| {
        let details = match problem {
            identity::Problem::Lost => {
                "both files \\EFI\\basalt\\identity and identity.2 are damaged".to_string()
            }
            identity::Problem::Unreadable(error) => {
                format!("the boot volume's identity cannot be read: {error}")
            }
            identity::Problem::NotWritten(error) => {
                format!("a new identity cannot be kept on the boot volume: {error}")
            }
            identity::Problem::NotKept => {
                "the boot volume does not keep what is written to it".to_string()
            }
        };
        Refusal {
            headline: "no identity",
            details,
            remedy: "restore \\EFI\\basalt\\identity, or delete both files for a new identity",
        }
    })?;
    if kept.is_new {
        ::log::info!(target: "boot", "generated a new identity");
    }
    if !kept.in_both {
        ::log::warn!(target: "boot", "the second copy of the identity cannot be written to the boot volume");
    }
    Ok(kept.seed)
}

/// The identity's files on the boot volume.
struct IdentityFiles<'a>(&'a mut FileSystem);

impl identity::Files for IdentityFiles<'_> {
    type Error = fs::Error;

    fn read(&mut self, number: usize) -> Result<identity::Content, fs::Error> {
        match self.0.read(IDENTITY_FILES[number]) {
            Ok(content) => Ok(match identity::parse(&content) {
                Ok(seed) => identity::Content::Whole(seed),
                Err(identity::Damaged) => identity::Content::Damaged,
            }),
            Err(error) if is_missing(&error) => Ok(identity::Content::Missing),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, number: usize, content: &str) -> Result<(), fs::Error> {
        self.0.create_dir_all(IDENTITY_FOLDER)?;
        self.0.write(IDENTITY_FILES[number], content)
    }
}

fn is_missing(error: &fs::Error) -> bool {
    matches!(error, fs::Error::Io(io) if io.uefi_error.status() == Status::NOT_FOUND)
}

fn find_image() -> Span {
    let params = OpenProtocolParams {
        handle: boot::image_handle(),
        agent: boot::image_handle(),
        controller: None,
    };
    // SAFETY: the protocol is only asked for two numbers.
    let image =
        unsafe { boot::open_protocol::<LoadedImage>(params, OpenProtocolAttributes::GetProtocol) };
    let (base, len) = image.map_or((core::ptr::null(), 0), |image| image.info());
    let start = base.expose_provenance() as u64;
    Span {
        start,
        end: start + len,
    }
}

fn find_sections(image: Span) -> heapless::Vec<Section, MAX_SECTIONS> {
    if image.len() < PAGE {
        return heapless::Vec::new();
    }
    // SAFETY: the firmware loaded the image's headers to the image's first page.
    let headers = unsafe {
        slice::from_raw_parts(
            core::ptr::with_exposed_provenance(image.start as usize),
            PAGE as usize,
        )
    };
    image::sections(headers, image.start).unwrap_or_default()
}

/// Exits the boot services.
fn leave() -> MemoryMap {
    // SAFETY: every protocol was closed at the end of the function that opened it, and nothing
    // that the firmware allocated is in use but this stack, which stays until the kernel leaves it.
    let descriptors = unsafe { boot::exit_boot_services(None) };
    let regions: Vec<Region> = descriptors
        .entries()
        .map(|descriptor| Region {
            span: span_of(descriptor),
            kind: kind_of(descriptor.ty),
        })
        .collect();
    MemoryMap::new(regions)
}
