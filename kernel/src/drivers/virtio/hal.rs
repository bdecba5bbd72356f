//! Memory for virtio rings: frames, whose address is the same for driver and device.

use core::ptr::{self, NonNull};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use crate::mem::frames::FRAMES;
use crate::mem::map::Span;
use crate::mem::{PAGE, space};

/// The kernel as the virtio library sees it.
pub struct KernelHal;

const _: () = assert!(PAGE_SIZE as u64 == PAGE);

// SAFETY: rings are whole frames that nobody else holds; virtual and physical addresses are the
// same, so sharing a buffer is naming its address, and there is no IOMMU in the way.
unsafe impl Hal for KernelHal {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let len = pages as u64 * PAGE;
        // The library turns address 0 into an error.
        let Ok(start) = FRAMES.lock().allocate(len, PAGE) else {
            return (0, NonNull::dangling());
        };
        let memory = ptr::with_exposed_provenance_mut::<u8>(start as usize);
        let Some(memory) = NonNull::new(memory) else {
            return (0, NonNull::dangling());
        };
        // SAFETY: the frames are mapped writable and ours since the line above.
        unsafe { memory.write_bytes(0, len as usize) };
        (start, memory)
    }

    unsafe fn dma_dealloc(start: PhysAddr, _memory: NonNull<u8>, pages: usize) -> i32 {
        FRAMES.lock().free(Span {
            start,
            end: start + pages as u64 * PAGE,
        });
        0
    }

    unsafe fn mmio_phys_to_virt(start: PhysAddr, size: usize) -> NonNull<u8> {
        space::map_device(Span {
            start,
            end: start + size as u64,
        })
        .expect("memory for the page tables of device registers");
        NonNull::new(ptr::with_exposed_provenance_mut(start as usize))
            .expect("the transport refuses registers at address 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        buffer.as_ptr().cast::<u8>().expose_provenance() as u64
    }

    unsafe fn unshare(_start: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}
