//! The header before each frame, and the features that change its meaning.
//!
//! Source: virtio specification 1.2, sections 5.1.3 ("Feature bits") and 5.1.6 ("Device
//! Operation").

use crate::drivers::network::checksum::Place;

/// Feature bits.
pub(super) mod feature {
    /// The device completes checksums of frames that are sent.
    pub(in super::super) const CHECKSUM: u64 = 1 << 0;
    /// The driver takes frames whose checksum is checked already, or not worth checking.
    pub(in super::super) const GUEST_CHECKSUM: u64 = 1 << 1;
    /// The device has a hardware address.
    pub(in super::super) const MAC: u64 = 1 << 5;
    /// The driver takes TCP segments larger than a frame, over IPv4.
    pub(in super::super) const GUEST_SEGMENTS_4: u64 = 1 << 7;
    /// The driver takes TCP segments larger than a frame, over IPv6.
    pub(in super::super) const GUEST_SEGMENTS_6: u64 = 1 << 8;
    /// The driver takes frames spread over several buffers.
    pub(in super::super) const MERGED_BUFFERS: u64 = 1 << 15;
    /// The device tells the state of the link.
    pub(in super::super) const STATUS: u64 = 1 << 16;
    /// The device has the modern interface.
    pub(in super::super) const VERSION_1: u64 = 1 << 32;
}

/// Of what a device offers, what the driver uses. `None` for a device without the modern interface.
pub(super) fn choose(offered: u64) -> Option<u64> {
    use feature::{
        CHECKSUM, GUEST_CHECKSUM, GUEST_SEGMENTS_4, GUEST_SEGMENTS_6, MAC, MERGED_BUFFERS, STATUS,
        VERSION_1,
    };
    let mut wanted = CHECKSUM | MAC | MERGED_BUFFERS | STATUS | VERSION_1 | GUEST_CHECKSUM;
    // Large segments come without complete checksums, and only merged buffers hold them.
    if offered & GUEST_CHECKSUM != 0 && offered & MERGED_BUFFERS != 0 {
        wanted |= GUEST_SEGMENTS_4 | GUEST_SEGMENTS_6;
    }
    (offered & VERSION_1 != 0).then_some(offered & wanted)
}

/// Bytes of the header of the modern interface.
pub(super) const LEN: usize = 12;

/// The checksum is still to be completed.
const INCOMPLETE: u8 = 1 << 0;
/// The checksum was checked.
const CHECKED: u8 = 1 << 1;

/// A frame's header, without what the driver does not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    flags: u8,
    checksum_start: u16,
    checksum_offset: u16,
    /// Receiving: buffers that hold the frame.
    pub(super) buffers: u16,
}

impl Header {
    /// The header at the beginning of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[flags, _, _, _, _, _, s0, s1, o0, o1, n0, n1] = bytes.first_chunk::<LEN>()?;
        Some(Self {
            flags,
            checksum_start: u16::from_le_bytes([s0, s1]),
            checksum_offset: u16::from_le_bytes([o0, o1]),
            buffers: u16::from_le_bytes([n0, n1]),
        })
    }

    /// Writes the header; `bytes` has [`LEN`] of them.
    pub(super) fn emit(&self, bytes: &mut [u8]) {
        bytes.fill(0);
        bytes[0] = self.flags;
        bytes[6..8].copy_from_slice(&self.checksum_start.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.checksum_offset.to_le_bytes());
    }

    /// Lets the device complete the checksum at `place`.
    pub(super) fn ask_for_checksum(&mut self, place: Place) {
        self.flags |= INCOMPLETE;
        self.checksum_start = place.start as u16;
        self.checksum_offset = place.offset as u16;
    }

    /// Whether nobody has to look at the checksum: the host has checked it, or the frame has not
    /// been on any line yet.
    pub(super) const fn is_checked(&self) -> bool {
        self.flags & (INCOMPLETE | CHECKED) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_way_through_memory() {
        let mut bytes = [0xff; LEN];
        let header = Header {
            flags: INCOMPLETE,
            checksum_start: 34,
            checksum_offset: 16,
            buffers: 0,
        };
        header.emit(&mut bytes);
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]);
        assert_eq!(Header::parse(&bytes), Some(header));
        assert!(header.is_checked());
        assert_eq!(Header::parse(&bytes[..11]), None);
        assert_eq!(
            Header::parse(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0])
                .unwrap()
                .buffers,
            3
        );
    }

    #[test]
    fn large_segments_need_merged_buffers_and_checksums() {
        use feature::*;
        assert_eq!(choose(MAC), None);
        let base = VERSION_1 | MAC;
        assert_eq!(choose(base | GUEST_SEGMENTS_4), Some(base));
        assert_eq!(
            choose(base | GUEST_SEGMENTS_4 | GUEST_CHECKSUM),
            Some(base | GUEST_CHECKSUM)
        );
        let all = base | GUEST_SEGMENTS_4 | GUEST_CHECKSUM | MERGED_BUFFERS;
        assert_eq!(choose(all | 1 << 60), Some(all));
    }
}
