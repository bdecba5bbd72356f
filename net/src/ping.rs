//! Ping: 32 bytes come in, the same 32 bytes go back (libp2p "ping").
//!
//! Only the answering side: whether a peer lives is measured by the multiplexer's own pings, which
//! cost no stream.

use alloc::vec::Vec;

/// The protocol's name.
pub const PROTOCOL: &str = "/ipfs/ping/1.0.0";

/// Bytes of one ping.
const SIZE: usize = 32;

/// Bytes of answers that may wait on a stream: an honest peer has one ping under way.
pub const MAX_ECHOES: usize = 16 * SIZE;

/// Collects pings and echoes whole ones.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    partial: [u8; SIZE],
    len: usize,
}

impl Echo {
    /// Takes bytes and gives those of all pings that are complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let whole = (self.len + bytes.len()) / SIZE * SIZE;
        let mut echo = Vec::with_capacity(whole);
        if whole > 0 {
            let (now, later) = bytes.split_at(whole - self.len);
            echo.extend_from_slice(&self.partial[..self.len]);
            echo.extend_from_slice(now);
            self.partial[..later.len()].copy_from_slice(later);
            self.len = later.len();
        } else {
            self.partial[self.len..self.len + bytes.len()].copy_from_slice(bytes);
            self.len += bytes.len();
        }
        echo
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn echoes_whole_pings_only() {
        let mut echo = Echo::default();
        assert_eq!(echo.push(&[1; 31]), []);
        assert_eq!(echo.push(&[2; 34]), [vec![1; 31], vec![2; 33]].concat());
        assert_eq!(echo.push(&[3; 30]), []);
        assert_eq!(
            echo.push(&[4; 1]),
            [vec![2; 1], vec![3; 30], vec![4; 1]].concat()
        );
    }
}
