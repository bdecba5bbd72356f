//! A guest without code: its memory, and calls of WASI functions over it.

use basalt_wasm_host::{Vfs, Volume, engine::Raw, vfs::Quota, wasi::Wasi};

#[path = "../host.rs"]
mod host;

/// Where paths, data and results lie in the guest's memory.
const PATH: usize = 1024;
const OTHER: usize = 2048;
pub const DATA: usize = 8192;
pub const RESULT: usize = 512;
const VECTORS: usize = 600;

/// Descriptors of the preopened directories, which are all the same one.
pub const PREOPENED: std::ops::Range<i32> = 3..6;

pub struct Guest {
    wasi: Wasi,
    pub memory: Vec<u8>,
    host: host::Quiet,
}

impl Guest {
    pub fn new() -> (Self, Vfs) {
        let vfs = Vfs::new(Volume::scratch(1, Quota::default()));
        let root = vfs.make_dirs("", 0).expect("root");
        let preopened = PREOPENED.map(|fd| (format!("/{fd}"), root.clone()));
        let guest = Self {
            wasi: Wasi::new("m", Vec::new(), preopened.collect(), 256),
            memory: vec![0; 65_536],
            host: host::Quiet::default(),
        };
        (guest, vfs)
    }

    pub fn call(&mut self, name: &str, args: &[Raw]) -> u16 {
        let outcome = self
            .wasi
            .invoke(name, &mut self.memory, &mut self.host, args)
            .expect("known function");
        outcome.expect("no exit").0
    }

    fn text(&mut self, at: usize, text: &str) -> [Raw; 2] {
        self.memory[at..at + text.len()].copy_from_slice(text.as_bytes());
        [Raw::I32(at as i32), Raw::I32(text.len() as i32)]
    }

    pub fn path(&mut self, path: &str) -> [Raw; 2] {
        self.text(PATH, path)
    }

    pub fn other(&mut self, path: &str) -> [Raw; 2] {
        self.text(OTHER, path)
    }

    /// A function that takes a directory and a path.
    pub fn on_path(&mut self, name: &str, dir: i32, path: &str) -> u16 {
        let [pointer, len] = self.path(path);
        self.call(name, &[Raw::I32(dir), pointer, len])
    }

    pub fn half(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.memory[at..at + 2].try_into().expect("two bytes"))
    }

    pub fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.memory[at..at + 4].try_into().expect("four bytes"))
    }

    pub fn long(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.memory[at..at + 8].try_into().expect("eight bytes"))
    }

    /// A description of `len` bytes at [`DATA`] in two pieces, the first of a third.
    pub fn vectors(&mut self, len: usize) -> [Raw; 2] {
        let first = len / 3;
        let words = [DATA, first, DATA + first, len - first];
        for (index, word) in words.into_iter().enumerate() {
            let at = VECTORS + 4 * index;
            self.memory[at..at + 4].copy_from_slice(&(word as u32).to_le_bytes());
        }
        [Raw::I32(VECTORS as i32), Raw::I32(2)]
    }

    /// What a `filestat` in memory says: see [`super::linux::described`].
    pub fn described(&self, at: usize) -> (u8, u64, u64) {
        match self.memory[at + 16] {
            3 => (3, 0, 0),
            kind => (kind, self.long(at + 24), self.long(at + 32)),
        }
    }

    /// Last reading and last change, in nanoseconds.
    pub fn times(&self, at: usize) -> (u64, u64) {
        (self.long(at + 40), self.long(at + 48))
    }
}
