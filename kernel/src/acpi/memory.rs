//! What the tables lie in.

/// Physical memory as the parser sees it.
pub trait Memory {
    /// The `len` bytes at `address`, or `None` if they are not all memory.
    fn bytes(&self, address: u64, len: usize) -> Option<&[u8]>;
}
