//! Checksums of TCP and UDP (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1) at the border
//! between a stack that leaves them to the card and a card that may leave some to the driver.

/// Where a frame's TCP or UDP checksum is, and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the TCP or UDP header begins: what is summed begins here.
    pub start: usize,
    /// The checksum's distance from there.
    pub offset: usize,
    /// Where the segment ends; padding may follow.
    pub end: usize,
    /// Whether it is UDP, where a checksum of 0 means none.
    pub is_udp: bool,
    /// Sum of the pseudo header.
    pseudo: u32,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const TCP: u8 = 6;
const UDP: u8 = 17;

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

/// Sum of 16-bit words, an odd byte at the end padded with 0; not folded.
fn sum(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(4);
    let mut total = 0_u64;
    for chunk in &mut chunks {
        // The sum of 32-bit words folds to that of their halves.
        total += u64::from(u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
    }
    let mut last = [0; 4];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    total + u64::from(u32::from_be_bytes(last))
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Finds the checksum in an Ethernet frame. `None` for anything but whole TCP and UDP segments
/// directly inside IPv4 or IPv6.
#[must_use]
pub fn place(frame: &[u8]) -> Option<Place> {
    let mut ip = 14;
    let mut kind = word(frame, 12)?;
    if kind == VLAN {
        ip = 18;
        kind = word(frame, 16)?;
    }
    let (start, end, protocol, addresses) = match kind {
        IPV4 => {
            let header = usize::from(*frame.get(ip)? & 0x0f) * 4;
            let len = usize::from(word(frame, ip + 2)?);
            // Fragments: an offset, or more to come.
            if header < 20 || word(frame, ip + 6)? & 0x3fff != 0 {
                return None;
            }
            let addresses = frame.get(ip + 12..ip + 20)?;
            (ip + header, ip + len, *frame.get(ip + 9)?, addresses)
        }
        IPV6 => {
            let len = usize::from(word(frame, ip + 4)?);
            let addresses = frame.get(ip + 8..ip + 40)?;
            (ip + 40, ip + 40 + len, *frame.get(ip + 6)?, addresses)
        }
        _ => return None,
    };
    let (offset, least) = match protocol {
        TCP => (16, 20),
        UDP => (6, 8),
        _ => return None,
    };
    if end > frame.len() || start + least > end {
        return None;
    }
    let segment = (end - start) as u64;
    Some(Place {
        start,
        offset,
        end,
        is_udp: protocol == UDP,
        pseudo: u32::from(fold(sum(addresses) + u64::from(protocol) + segment)),
    })
}

/// Prepares a frame whose checksum the card completes: writes the pseudo header's sum where the
/// checksum belongs. `None` if there is no such checksum in the frame.
pub fn prepare(frame: &mut [u8]) -> Option<Place> {
    let place = place(frame)?;
    let at = place.start + place.offset;
    frame[at..at + 2].copy_from_slice(&(place.pseudo as u16).to_be_bytes());
    Some(place)
}

/// Whether the frame's checksum is right; true for frames that have none to look at.
#[must_use]
pub fn is_sound(frame: &[u8]) -> bool {
    let Some(place) = place(frame) else {
        return true;
    };
    if place.is_udp && word(frame, place.start + place.offset) == Some(0) {
        return true;
    }
    fold(sum(&frame[place.start..place.end]) + u64::from(place.pseudo)) == 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// A frame of `protocol` from 10.0.2.15 to 10.0.2.2 with a right checksum, made word by word as
    /// the RFC says, and `pad` bytes of padding.
    fn frame(protocol: u8, payload: &[u8], pad: usize, tagged: bool) -> Vec<u8> {
        let header = if protocol == TCP { 20 } else { 8 };
        let mut segment = std::vec![0; header];
        segment[0] = 0x12;
        segment[3] = 0x80;
        segment.extend(payload);
        let mut all = std::vec![10, 0, 2, 15, 10, 0, 2, 2, 0, protocol];
        all.extend((segment.len() as u16).to_be_bytes());
        all.extend(&segment);
        all.push(0);
        let mut total = 0_u32;
        for pair in all.chunks_exact(2) {
            total += u32::from(u16::from_be_bytes([pair[0], pair[1]]));
            total = (total & 0xffff) + (total >> 16);
        }
        let offset = if protocol == TCP { 16 } else { 6 };
        segment[offset..offset + 2].copy_from_slice(&(!(total as u16)).to_be_bytes());
        let mut frame = std::vec![0x52; 12];
        if tagged {
            frame.extend([0x81, 0, 0, 7]);
        }
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((20 + segment.len() as u16).to_be_bytes());
        frame.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend([10, 0, 2, 15, 10, 0, 2, 2]);
        frame.extend(segment);
        frame.extend(std::vec![0xaa; pad]);
        frame
    }

    proptest! {
        #[test]
        fn right_checksums_are_sound_and_wrong_ones_are_not(
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            is_udp: bool, tagged: bool, pad in 0_usize..20, at: usize, bit in 0_u32..8,
        ) {
            let protocol = if is_udp { UDP } else { TCP };
            let mut good = frame(protocol, &payload, pad, tagged);
            prop_assert!(is_sound(&good));
            let place = place(&good).unwrap();
            let at = place.start + at % (place.end - place.start);
            good[at] ^= 1 << bit;
            let none = is_udp && word(&good, place.start + place.offset) == Some(0);
            prop_assert!(none || !is_sound(&good));
        }

        /// What a card does with a prepared frame: it sums from the start to the end of the frame's
        /// segment and writes the complement.
        #[test]
        fn a_prepared_frame_is_completed_by_summing(
            payload in proptest::collection::vec(any::<u8>(), 0..200), is_udp: bool, tagged: bool,
        ) {
            let protocol = if is_udp { UDP } else { TCP };
            let good = frame(protocol, &payload, 0, tagged);
            let mut prepared = good.clone();
            let place = prepare(&mut prepared).unwrap();
            let value = !fold(sum(&prepared[place.start..]));
            let at = place.start + place.offset;
            prepared[at..at + 2].copy_from_slice(&value.to_be_bytes());
            prop_assert_eq!(prepared, good);
        }

        #[test]
        fn anything_is_looked_at_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = is_sound(&bytes);
        }
    }

    #[test]
    fn fragments_and_other_protocols_have_no_place() {
        let whole = frame(TCP, b"x", 0, false);
        assert!(place(&whole).is_some());
        let mut fragment = whole.clone();
        fragment[20] = 0x20;
        assert_eq!(place(&fragment), None);
        let mut icmp = whole.clone();
        icmp[23] = 1;
        assert_eq!(place(&icmp), None);
        assert_eq!(place(&whole[..40]), None);
    }
}
