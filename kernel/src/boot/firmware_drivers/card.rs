//! A network card by the firmware's driver (EFI Simple Network Protocol).

use core::time::Duration;

use uefi::Handle;
use uefi::boot::{self, ScopedProtocol};
use uefi::proto::network::snp::{ReceiveFlags, SimpleNetwork};

use super::controllers;
use crate::drivers::network::firmware::Driver;
use crate::drivers::network::has_driver;
use crate::pci::{CLASS_NETWORK, Function};

/// Longest wait until the card lets go of a frame.
const SEND_STEPS: u32 = 1000;
const SEND_STEP: Duration = Duration::from_micros(10);

/// The firmware's driver of a card.
pub(super) struct Card {
    network: ScopedProtocol<SimpleNetwork>,
}

/// The card that the node has to use because the kernel drives none.
pub(super) fn find(functions: &[Function]) -> Option<Handle> {
    if functions.iter().any(has_driver) {
        return None;
    }
    controllers::connect(functions, |function| function.class == CLASS_NETWORK);
    let handles = boot::find_handles::<SimpleNetwork>().ok()?;
    handles.first().copied()
}

/// Takes the card from whoever uses it in the firmware, and lets it receive. Returns its hardware
/// address with it.
///
/// # Errors
/// Why that does not work.
pub(super) fn open(handle: Handle) -> Result<(Card, [u8; 6]), &'static str> {
    let Ok(mut network) = boot::open_protocol_exclusive::<SimpleNetwork>(handle) else {
        return Err("it does not release the card");
    };
    // An error means that it is started or initialized already.
    let _ = network.start();
    let _ = network.initialize(0, 0);
    let wanted = ReceiveFlags::UNICAST | ReceiveFlags::BROADCAST | ReceiveFlags::MULTICAST;
    let all = network.receive_filters(wanted, ReceiveFlags::empty(), false, None);
    if all.is_err() {
        let least = ReceiveFlags::UNICAST | ReceiveFlags::BROADCAST;
        let _ = network.receive_filters(least, ReceiveFlags::empty(), false, None);
    }
    let address = network.mode().current_address.0;
    match address.first_chunk() {
        Some(&mac) => Ok((Card { network }, mac)),
        None => Err("the card has no hardware address"),
    }
}

impl Driver for Card {
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
