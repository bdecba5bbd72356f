//! Which PCI function the firmware's handles stand for.

use alloc::vec::Vec;

use pci_types::PciAddress;
use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams, ScopedProtocol};
use uefi::proto::device_path::DevicePath;
use uefi::proto::{ProtocolPointer, unsafe_protocol};
use uefi::{Handle, Status};

use crate::drivers;
use crate::pci::Function;

/// The firmware's access to a PCI function (UEFI specification, `EFI_PCI_IO_PROTOCOL`), of which
/// only the place is asked for.
#[repr(C)]
#[unsafe_protocol("4cf5b200-68b8-4ca5-9eec-b23e3f50029a")]
struct PciIo {
    /// `PollMem` to `Flush`.
    others: [usize; 14],
    get_location: unsafe extern "efiapi" fn(
        this: *const PciIo,
        segment: *mut usize,
        bus: *mut usize,
        device: *mut usize,
        function: *mut usize,
    ) -> Status,
}

/// A protocol without taking it from those who use it.
pub(super) fn shared<P: ProtocolPointer + ?Sized>(handle: Handle) -> Option<ScopedProtocol<P>> {
    let params = OpenProtocolParams {
        handle,
        agent: boot::image_handle(),
        controller: None,
    };
    // SAFETY: each caller uses it at once and only reads by it, while nobody else of the firmware
    // runs who could remove it.
    unsafe { boot::open_protocol(params, OpenProtocolAttributes::GetProtocol) }.ok()
}

/// Where the PCI function of a handle is.
fn location(handle: Handle) -> Option<PciAddress> {
    let io = shared::<PciIo>(handle)?;
    let [mut segment, mut bus, mut device, mut function] = [0; 4];
    // SAFETY: the firmware's own function with its own protocol, and four places for its answers.
    let status =
        unsafe { (io.get_location)(&*io, &mut segment, &mut bus, &mut device, &mut function) };
    let (bus, device) = (u8::try_from(bus).ok()?, u8::try_from(device).ok()?);
    let (segment, function) = (u16::try_from(segment).ok()?, u8::try_from(function).ok()?);
    let exists = status.is_success() && device < 32 && function < 8;
    exists.then(|| PciAddress::new(segment, bus, device, function))
}

/// The function that a card or disk is, or is behind.
pub(super) fn behind(handle: Handle, functions: &[Function]) -> Option<Function> {
    let path = shared::<DevicePath>(handle)?;
    let mut rest: &DevicePath = &path;
    let controller = boot::locate_device_path::<PciIo>(&mut rest).ok()?;
    let address = location(controller)?;
    functions
        .iter()
        .find(|function| function.address == address)
        .copied()
}

/// The handles of those functions that are `wanted`.
fn handles(functions: &[Function], wanted: impl Fn(&Function) -> bool) -> Vec<Handle> {
    let mut found = boot::find_handles::<PciIo>().unwrap_or_default();
    found.retain(|&handle| {
        let address = location(handle);
        let function = functions
            .iter()
            .find(|function| Some(function.address) == address);
        function.is_some_and(&wanted)
    });
    found
}

/// Lets the firmware start its drivers for these functions and what is behind them. When it boots
/// from a disk it starts only those that it needs for that.
pub(super) fn connect(functions: &[Function], wanted: impl Fn(&Function) -> bool) {
    for handle in handles(functions, wanted) {
        // Where it has no driver there is an error, and nothing to be found later.
        let _ = boot::connect_controller(handle, &[], None, true);
    }
}

/// Takes the functions that the kernel drives from the firmware, whose drivers would go on using
/// them.
pub(super) fn release(functions: &[Function]) {
    for handle in handles(functions, drivers::has_driver) {
        let _ = boot::disconnect_controller(handle, None, None);
    }
}
