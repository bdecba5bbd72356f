//! A 16550 serial port, written by polling: as much as it takes at once, or all of something.

use core::hint;

use x86_64::instructions::port::Port;

/// I/O base of the first serial port.
pub const COM1: u16 = 0x3f8;

/// Bytes the transmitter takes at once when it reports itself empty.
const FIFO_DEPTH: usize = 16;
/// How often the transmitter is filled at once at most. An emulated one is always empty.
const MAX_FILLS: usize = 16;
/// Polls after which a stuck transmitter is given up for the current bytes.
const POLL_LIMIT: u32 = 100_000;

mod register {
    pub(super) const DATA: u16 = 0;
    pub(super) const INTERRUPT_ENABLE: u16 = 1;
    pub(super) const FIFO_CONTROL: u16 = 2;
    pub(super) const LINE_CONTROL: u16 = 3;
    pub(super) const MODEM_CONTROL: u16 = 4;
    pub(super) const LINE_STATUS: u16 = 5;
    pub(super) const SCRATCH: u16 = 7;
}

const TRANSMITTER_EMPTY: u8 = 1 << 5;

/// A serial port at 115,200 baud, 8N1. Stateless: several values may stand for the same port.
pub struct Serial {
    base: u16,
}

impl Serial {
    /// Finds out whether a UART answers at `base` and sets it up.
    #[must_use]
    pub fn probe(base: u16) -> Option<Self> {
        let mut port = Self { base };
        for pattern in [0x5a, 0xa5] {
            port.write(register::SCRATCH, pattern);
            if port.read(register::SCRATCH) != pattern {
                return None;
            }
        }
        // What was written before is not lost with the transmitter's buffer.
        port.wait_until_empty();
        port.write(register::INTERRUPT_ENABLE, 0);
        port.write(register::LINE_CONTROL, 0x80); // divisor latch
        port.write(register::DATA, 1);
        port.write(register::INTERRUPT_ENABLE, 0);
        port.write(register::LINE_CONTROL, 0x03); // 8N1
        port.write(register::FIFO_CONTROL, 0xc7);
        port.write(register::MODEM_CONTROL, 0x03);
        Some(port)
    }

    /// Writes `line` and ends it.
    pub fn write_line(&mut self, line: &[u8]) {
        self.write_bytes(line);
        self.write_bytes(b"\r\n");
    }

    /// Writes what `next` gives, as much as the transmitter takes without a wait.
    pub fn write_ready(&mut self, mut next: impl FnMut() -> Option<u8>) {
        for _ in 0..MAX_FILLS {
            if !self.is_ready() {
                return;
            }
            for _ in 0..FIFO_DEPTH {
                let Some(byte) = next() else { return };
                self.write(register::DATA, byte);
            }
        }
    }

    /// Writes bytes as they are.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(FIFO_DEPTH) {
            self.wait_until_empty();
            for &byte in chunk {
                self.write(register::DATA, byte);
            }
        }
    }

    fn is_ready(&mut self) -> bool {
        self.read(register::LINE_STATUS) & TRANSMITTER_EMPTY != 0
    }

    fn wait_until_empty(&mut self) {
        for _ in 0..POLL_LIMIT {
            if self.is_ready() {
                return;
            }
            hint::spin_loop();
        }
    }

    fn read(&mut self, offset: u16) -> u8 {
        // SAFETY: the ports at `base` belong to a UART or to nobody; a UART's registers touch no
        // memory.
        unsafe { Port::new(self.base + offset).read() }
    }

    fn write(&mut self, offset: u16, value: u8) {
        // SAFETY: as in `read`; interrupts of the UART stay off, so nothing follows from a write.
        unsafe { Port::new(self.base + offset).write(value) }
    }
}
