//! Whether a disk, or a part of it, holds anything.

use alloc::vec;

use crate::BlockDevice;

/// Bytes that are looked at, at the beginning and at the end: file systems, volume managers and
/// RAID sets keep their labels there (the farthest that is known stands at 256 KiB).
const LOOKED_AT: u64 = 1 << 20;
/// Bytes of one read.
const STEP: usize = 64 << 10;

/// Whether the first and the last MiB of the device are zero.
///
/// # Errors
/// When the device cannot be read.
pub fn is_blank<D: BlockDevice>(device: &mut D) -> Result<bool, D::Error> {
    let size = device.block_size();
    let blocks = device.block_count();
    let span = (LOOKED_AT / size as u64).min(blocks);
    let mut buffer = vec![0; STEP / size * size];
    // The end, too: a second table and the labels of RAID sets stand there.
    for start in [0, blocks - span] {
        let mut at = start;
        while at < start + span {
            let count = ((buffer.len() / size) as u64).min(start + span - at);
            let piece = &mut buffer[..count as usize * size];
            device.read(at, piece)?;
            if piece.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            at += count;
        }
    }
    Ok(true)
}
