//! The device and its one ring.

use alloc::string::String;
use core::slice;
use core::time::Duration;

use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport};
use virtio_drivers::{Error, Result};

use super::layout::{self, feature, field, kind};
use crate::drivers::disk::{Engine, Failure, Operation, Request};
use crate::drivers::dma::Dma;
use crate::drivers::virtio::hal::KernelHal;
use crate::drivers::virtio::transport::MsixTransport;
use crate::drivers::wait;
use crate::time;

const QUEUE: u16 = 0;
/// Places in the ring: one request takes three at most.
const PLACES: usize = 4;
/// Longest wait for an answer: a host whose own disk recovers from an error takes seconds.
const ANSWER: Duration = Duration::from_secs(30);
/// Longest wait for a reset.
const RESET: Duration = Duration::from_secs(5);

/// Where the parts of a request lie in the driver's page.
const HEADER: usize = 0;
const HEADER_LEN: usize = 16;
const STATUS: usize = 64;
const SMALL: usize = 128;

/// What the device says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Configuration {
    pub(super) sectors: u64,
    pub(super) block_size: usize,
    /// Most bytes of one piece of data.
    pub(super) max_segment: usize,
}

/// A virtio disk's device.
pub struct Virtio {
    transport: MsixTransport,
    /// `None` only while the device is set up anew.
    queue: Option<VirtQueue<KernelHal, PLACES>>,
    page: Dma,
    features: u64,
    sectors_per_block: u64,
    /// Most sectors of one discard.
    max_discard: u32,
}

// SAFETY: the ring and the registers belong to this driver alone, whichever core drives it.
unsafe impl Send for Virtio {}

/// The data of a request, as the device sees it.
enum Data {
    None,
    /// The device reads so many bytes here.
    Out(u64, usize),
    /// The device writes so many bytes here.
    In(u64, usize),
}

impl Data {
    /// How many parts the device reads.
    const fn outs(&self) -> usize {
        if matches!(self, Self::Out(..)) { 2 } else { 1 }
    }

    /// How many parts the device writes.
    const fn ins(&self) -> usize {
        if matches!(self, Self::In(..)) { 2 } else { 1 }
    }
}

impl Virtio {
    pub(super) fn new(transport: MsixTransport) -> Result<Self> {
        let mut engine = Self {
            transport,
            queue: None,
            page: Dma::new(1).map_err(|_| Error::DmaError)?,
            features: 0,
            sectors_per_block: 1,
            max_discard: 0,
        };
        engine.start()?;
        Ok(engine)
    }

    /// Resets the device and sets it up (virtio 1.2, section 3.1.1).
    fn start(&mut self) -> Result<()> {
        self.transport.set_status(DeviceStatus::empty());
        let end = time::since_entry() + RESET;
        while self.transport.get_status() != DeviceStatus::empty() {
            if time::since_entry() > end {
                return Err(Error::NotReady);
            }
            wait::relax();
        }
        // The device has forgotten the old ring: its memory may go.
        self.queue = None;
        let begun = DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER;
        self.transport.set_status(begun);
        self.features = self.transport.read_device_features() & feature::KNOWN;
        self.transport.write_driver_features(self.features);
        self.transport.set_status(begun | DeviceStatus::FEATURES_OK);
        let accepted = self
            .transport
            .get_status()
            .contains(DeviceStatus::FEATURES_OK);
        if !accepted || !self.has(feature::VERSION_1) {
            return Err(Error::Unsupported);
        }
        if self.has(feature::DISCARD) {
            self.max_discard = self.transport.read_config_space(field::MAX_DISCARD)?;
        }
        self.queue = Some(VirtQueue::new(&mut self.transport, QUEUE, false, false)?);
        self.transport.finish_init();
        Ok(())
    }

    pub(super) const fn has(&self, feature: u64) -> bool {
        self.features & feature != 0
    }

    pub(super) fn set_block_size(&mut self, bytes: usize) {
        self.sectors_per_block = bytes as u64 / layout::SECTOR;
    }

    pub(super) fn configuration(&mut self) -> Result<Configuration> {
        let read = |offset| self.transport.read_config_space::<u32>(offset);
        let sectors =
            u64::from(read(field::CAPACITY)?) | u64::from(read(field::CAPACITY + 4)?) << 32;
        let block_size = match self.has(feature::BLOCK_SIZE) {
            true => read(field::BLOCK_SIZE)? as usize,
            false => layout::SECTOR as usize,
        };
        let max_segment = match self.has(feature::SEGMENT_SIZE) {
            true => read(field::SEGMENT_SIZE)? as usize,
            false => usize::MAX,
        };
        Ok(Configuration {
            sectors,
            block_size,
            max_segment,
        })
    }

    /// The serial number; `None` if the device does not tell it.
    pub(super) fn serial(&mut self) -> Option<String> {
        let place = self.page.address() + SMALL as u64;
        self.request(kind::IDENTIFY, 0, Data::In(place, layout::SERIAL))
            .ok()?;
        let mut serial = [0; layout::SERIAL];
        self.page.read(SMALL, &mut serial);
        Some(layout::serial(&serial))
    }

    /// Puts a request into the ring and waits for its end.
    fn request(&mut self, kind: u32, sector: u64, data: Data) -> core::result::Result<(), Failure> {
        let queue = self.queue.as_mut().ok_or(Failure::Gone)?;
        self.page.write(HEADER, &layout::header(kind, sector));
        self.page.store(STATUS, layout::UNANSWERED);
        let base = self.page.address();
        // SAFETY: memory of this driver and of its `Disk`, which nobody else touches before the
        // device is done or was reset.
        let (outs, mut ins) = unsafe { parts(base, &data) };
        let (outs, ins) = (&outs[..data.outs()], &mut ins[..data.ins()]);
        // SAFETY: as above.
        let token = unsafe { queue.add(outs, ins) }.map_err(|_| Failure::Broken(0))?;
        if queue.should_notify() {
            self.transport.notify(QUEUE);
        }
        let end = time::since_entry() + ANSWER;
        while !queue.can_pop() {
            if time::since_entry() > end {
                return Err(Failure::Silent);
            }
            wait::relax();
        }
        // SAFETY: these are the parts that were added with this token; the ones from before are not
        // used any more.
        let (outs, mut ins) = unsafe { parts(base, &data) };
        let (outs, ins) = (&outs[..data.outs()], &mut ins[..data.ins()]);
        // SAFETY: as above.
        unsafe { queue.pop_used(token, outs, ins) }.map_err(|_| Failure::Broken(0))?;
        match self.page.load::<u8>(STATUS) {
            layout::OK => Ok(()),
            status => Err(Failure::Refused(u32::from(status))),
        }
    }
}

/// The parts of a request, in the order that the device wants: those it reads, those it writes.
/// Only the first [`Data::outs`] and [`Data::ins`] count.
///
/// # Safety
/// The data and the page at `page` are the driver's own, and nobody else's for as long as `'a`.
unsafe fn parts<'a>(page: u64, data: &Data) -> ([&'a [u8]; 2], [&'a mut [u8]; 2]) {
    // SAFETY: the caller's promise; header and status do not overlap.
    let (header, status): (&'a [u8], &'a mut [u8]) = unsafe {
        (
            bytes_mut(page + HEADER as u64, HEADER_LEN),
            bytes_mut(page + STATUS as u64, 1),
        )
    };
    match *data {
        Data::None => ([header, &[]], [status, &mut []]),
        // SAFETY: the caller's promise.
        Data::Out(place, len) => (
            [header, unsafe { bytes_mut(place, len) }],
            [status, &mut []],
        ),
        // SAFETY: the caller's promise.
        Data::In(place, len) => ([header, &[]], [unsafe { bytes_mut(place, len) }, status]),
    }
}

/// The bytes at a physical address.
///
/// # Safety
/// They are the driver's own, and nobody else's for as long as `'a`.
unsafe fn bytes_mut<'a>(address: u64, len: usize) -> &'a mut [u8] {
    // SAFETY: the caller's promise.
    unsafe {
        slice::from_raw_parts_mut(
            core::ptr::with_exposed_provenance_mut(address as usize),
            len,
        )
    }
}

impl Engine for Virtio {
    fn execute(&mut self, request: &Request) -> core::result::Result<(), Failure> {
        let sector = request.block * self.sectors_per_block;
        let sectors = u64::from(request.count) * self.sectors_per_block;
        let len = (sectors * layout::SECTOR) as usize;
        match request.operation {
            Operation::Read => self.request(kind::READ, sector, Data::In(request.memory, len)),
            Operation::Write => self.request(kind::WRITE, sector, Data::Out(request.memory, len)),
            Operation::Flush => self.request(kind::FLUSH, 0, Data::None),
            Operation::Discard => {
                let place = self.page.address() + SMALL as u64;
                let most = u64::from(self.max_discard.max(1));
                let mut done = 0;
                while done < sectors {
                    let count = (sectors - done).min(most);
                    let segment = layout::discard(sector + done, count as u32);
                    self.page.write(SMALL, &segment);
                    self.request(kind::DISCARD, 0, Data::Out(place, segment.len()))?;
                    done += count;
                }
                Ok(())
            }
        }
    }

    fn reset(&mut self) -> core::result::Result<(), Failure> {
        self.start().map_err(|error| {
            ::log::error!(target: "disk", "virtio: {error}");
            Failure::Silent
        })
    }
}
