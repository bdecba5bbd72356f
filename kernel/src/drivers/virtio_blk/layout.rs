//! The device's configuration and the parts of a request (virtio 1.2, sections 5.2.4 and 5.2.6).

/// Bytes of a sector: the unit of all block numbers in requests, whatever the disk's block size.
pub(super) const SECTOR: u64 = 512;

/// Feature bits (section 5.2.3, and 6 for the version).
pub(super) mod feature {
    pub(in super::super) const SEGMENT_SIZE: u64 = 1 << 1;
    pub(in super::super) const READ_ONLY: u64 = 1 << 5;
    pub(in super::super) const BLOCK_SIZE: u64 = 1 << 6;
    pub(in super::super) const FLUSH: u64 = 1 << 9;
    pub(in super::super) const DISCARD: u64 = 1 << 13;
    pub(in super::super) const VERSION_1: u64 = 1 << 32;

    /// What the driver knows how to use.
    pub(in super::super) const KNOWN: u64 =
        SEGMENT_SIZE | READ_ONLY | BLOCK_SIZE | FLUSH | DISCARD | VERSION_1;
}

/// Where things stand in the configuration.
pub(super) mod field {
    pub(in super::super) const CAPACITY: usize = 0;
    pub(in super::super) const SEGMENT_SIZE: usize = 8;
    pub(in super::super) const BLOCK_SIZE: usize = 20;
    pub(in super::super) const MAX_DISCARD: usize = 36;
}

/// Kinds of requests.
pub(super) mod kind {
    pub(in super::super) const READ: u32 = 0;
    pub(in super::super) const WRITE: u32 = 1;
    pub(in super::super) const FLUSH: u32 = 4;
    pub(in super::super) const IDENTIFY: u32 = 8;
    pub(in super::super) const DISCARD: u32 = 11;
}

/// Status of a request that went well.
pub(super) const OK: u8 = 0;
/// What stands in the status byte before the device has written it.
pub(super) const UNANSWERED: u8 = 0xff;
/// Bytes of the serial number that an identifying request gives.
pub(super) const SERIAL: usize = 20;

/// The header of a request: kind, reserved, first sector.
pub(super) fn header(kind: u32, sector: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    bytes[8..].copy_from_slice(&sector.to_le_bytes());
    bytes
}

/// The data of a discard: first sector, number of sectors, flags.
pub(super) fn discard(sector: u64, sectors: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&sector.to_le_bytes());
    bytes[8..12].copy_from_slice(&sectors.to_le_bytes());
    bytes
}

/// The text in a serial number, which ends with a zero or fills its room.
pub(super) fn serial(bytes: &[u8; SERIAL]) -> alloc::string::String {
    let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(SERIAL);
    crate::drivers::disk::text(&bytes[..len])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_laid_out_as_the_specification_says() {
        let bytes = header(kind::WRITE, 0x0102_0304_0506_0708);
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
        let bytes = discard(9, 0x0a0b);
        assert_eq!(
            bytes,
            [9, 0, 0, 0, 0, 0, 0, 0, 0x0b, 0x0a, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn serial_numbers_end_with_a_zero_or_their_room() {
        let mut bytes = *b"12345678901234567890";
        assert_eq!(serial(&bytes), "12345678901234567890");
        bytes[3] = 0;
        bytes[1] = 0x1b;
        assert_eq!(serial(&bytes), "1?3");
        assert_eq!(serial(&[0; SERIAL]), "");
    }
}
