//! The appliance manifest: the one file a provider writes.
//!
//! The manifest is TOML on the appliance's EFI system partition. The image builder checks it before
//! it writes an image and the appliance checks it again at boot, both with this crate, so both say
//! the same about the same text.
//!
//! Layers, from the text upwards:
//!
//! * [`schema`]: every section and key, with kind, default and meaning; documentation, messages and
//!   tests all come from this table;
//! * `source`: positions in the text and the excerpt that a problem shows;
//! * [`Problem`], [`Problems`]: what is wrong, where, and what was probably meant;
//! * `value`: one checked conversion per kind of value;
//! * `read`: the walk over the parsed tree that collects all problems in one pass;
//! * [`Manifest`]: plain data whose every value was checked.
//!
//! A manifest is untrusted input: its size is limited ([`MAX_BYTES`]), so is what is shown of its
//! problems ([`MAX_PROBLEMS`]), and no text makes the parser panic.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod model;
mod nearest;
mod problem;
mod read;
pub mod schema;
mod source;
mod tls;
mod url;
mod value;

pub use model::{
    Addressing, Chain, Compute, Cores, Disk, DiskTest, Effector, Http, Log, Machine, Manifest,
    Network, NetworkId, Node, Panic, PanicAction, Particles, Prover, ProverMode, Reach, Registers,
    Seed, Services, Share, StaticAddress, StaticAddress6,
};
pub use problem::{Problem, Problems};
pub use url::{Url, UrlError};

/// Longest manifest that is read, in bytes: bounds the work and memory that a text can cost.
pub const MAX_BYTES: usize = 64 * 1024;

/// Most problems that are kept with their excerpts; further ones are only counted. Bounds what a
/// text with an error on every line can cost, and keeps the first ones readable on a screen.
pub const MAX_PROBLEMS: usize = 32;

/// Most entries in one list of the manifest.
pub const MAX_LIST: usize = 32;

/// Most name servers: what the appliance's resolver can hold.
pub const MAX_DNS: usize = 3;

/// Most cores a manifest can name.
pub const MAX_CORES: u16 = 1024;

/// Least memory an appliance runs with, in bytes.
pub const MIN_MEMORY: u64 = 64 * 1024 * 1024;
