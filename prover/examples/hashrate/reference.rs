//! The C++ reference behind a few safe doors, on memory of our choice.
//!
//! The reference takes its big blocks from `posix_memalign`. This program brings its own, which
//! gives them the same pages as ours get, and lets the reference's dataset be the one we filled. It
//! never gives blocks back: the process is short-lived.

use basalt_prover::memory::{Memory, Mmap, Purpose, Region};
use randomx_rs as _;
use std::cell::Cell;
use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::mem::ManuallyDrop;
use std::ptr::null_mut;

const JIT: c_uint = 8;
const FULL_MEMORY: c_uint = 4;
const HARD_AES: c_uint = 2;
const ARGON2_AVX2: c_uint = 64;
const FLAGS: c_uint = JIT | HARD_AES | ARGON2_AVX2;

unsafe extern "C" {
    fn randomx_alloc_cache(flags: c_uint) -> *mut c_void;
    fn randomx_init_cache(cache: *mut c_void, key: *const u8, size: usize);
    fn randomx_alloc_dataset(flags: c_uint) -> *mut c_void;
    fn randomx_init_dataset(dataset: *mut c_void, cache: *mut c_void, start: c_ulong, n: c_ulong);
    fn randomx_create_vm(flags: c_uint, cache: *mut c_void, dataset: *mut c_void) -> *mut c_void;
    fn randomx_calculate_hash(vm: *mut c_void, input: *const u8, size: usize, out: *mut u8);
    fn randomx_calculate_hash_first(vm: *mut c_void, input: *const u8, size: usize);
    fn randomx_calculate_hash_next(vm: *mut c_void, input: *const u8, size: usize, out: *mut u8);
}

thread_local! {
    /// The block that the next large request of this thread gets.
    static NEXT: Cell<*mut u8> = const { Cell::new(null_mut()) };
}

/// Requests from this size on get our memory.
const LARGE: usize = 1 << 20;

/// Takes the place of the C library's function for the whole program.
///
/// # Safety
///
/// As the C library's: `out` must be writable.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    let block = if size >= LARGE {
        NEXT.replace(null_mut())
    } else {
        null_mut()
    };
    // SAFETY: `out` is writable (contract); `aligned_alloc` accepts any size for a power of two.
    unsafe {
        *out = if block.is_null() {
            libc::aligned_alloc(align, size)
        } else {
            block.cast()
        };
        if (*out).is_null() { libc::ENOMEM } else { 0 }
    }
}

/// Runs `make` with a block for its one large request.
fn with_block(block: *mut u8, make: impl FnOnce() -> *mut c_void) -> Result<*mut c_void, String> {
    NEXT.set(block);
    let made = make();
    let taken = NEXT.replace(null_mut()).is_null();
    if made.is_null() || !taken {
        return Err("the reference did not take its memory from posix_memalign".into());
    }
    Ok(made)
}

fn leak(region: Region) -> *mut u8 {
    ManuallyDrop::new(region).start().as_ptr()
}

pub(crate) struct Cache(*mut c_void);

impl Cache {
    pub(crate) fn new(memory: Mmap) -> Result<Self, String> {
        let block = memory
            .lend(Purpose::Cache, 256 << 20)
            .map_err(|e| e.to_string())?;
        // SAFETY: a call without preconditions.
        with_block(leak(block), || unsafe { randomx_alloc_cache(FLAGS) }).map(Self)
    }

    pub(crate) fn init(&mut self, key: &[u8]) {
        // SAFETY: a cache made above and a key of that length.
        unsafe { randomx_init_cache(self.0, key.as_ptr(), key.len()) };
    }
}

pub(crate) struct Dataset(*mut c_void);

// SAFETY: hashing only reads a dataset.
unsafe impl Sync for Dataset {}

impl Dataset {
    pub(crate) fn new(region: Region) -> Result<Self, String> {
        // SAFETY: a call without preconditions.
        with_block(leak(region), || unsafe { randomx_alloc_dataset(FLAGS) }).map(Self)
    }

    /// A dataset for reading only.
    pub(crate) fn borrow(words: &[u64]) -> Result<Self, String> {
        let block = words.as_ptr().cast_mut().cast();
        // SAFETY: a call without preconditions.
        with_block(block, || unsafe { randomx_alloc_dataset(FLAGS) }).map(Self)
    }

    pub(crate) fn fill(&mut self, cache: &Cache, start: usize, count: usize) {
        // SAFETY: both were made above; the items exist.
        unsafe { randomx_init_dataset(self.0, cache.0, start as c_ulong, count as c_ulong) };
    }
}

pub(crate) struct Vm(*mut c_void);

impl Vm {
    pub(crate) fn new(memory: Mmap, dataset: &Dataset) -> Result<Self, String> {
        let pad = memory
            .lend(Purpose::Scratchpad, 2 << 20)
            .map_err(|e| e.to_string())?;
        let flags = FLAGS | FULL_MEMORY;
        // SAFETY: a complete dataset, which a machine of full memory needs alone.
        with_block(leak(pad), || unsafe {
            randomx_create_vm(flags, null_mut(), dataset.0)
        })
        .map(Self)
    }

    pub(crate) fn hash(&mut self, input: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        // SAFETY: a machine made above, an input of that length, 32 bytes of output.
        unsafe { randomx_calculate_hash(self.0, input.as_ptr(), input.len(), out.as_mut_ptr()) };
        out
    }

    pub(crate) fn begin(&mut self, input: &[u8]) {
        // SAFETY: as in `hash`.
        unsafe { randomx_calculate_hash_first(self.0, input.as_ptr(), input.len()) };
    }

    pub(crate) fn next(&mut self, input: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        // SAFETY: as in `hash`, after `begin`.
        unsafe {
            randomx_calculate_hash_next(self.0, input.as_ptr(), input.len(), out.as_mut_ptr());
        }
        out
    }
}
