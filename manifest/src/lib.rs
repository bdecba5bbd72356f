//! The appliance manifest: the one file a provider writes.
//!
//! The manifest is TOML on the appliance's EFI system partition. The image builder checks it before
//! it writes an image and the appliance checks it again at boot, both with this crate, so both say
//! the same about the same text.
//!
//! [`schema`] is the table of all keys: one row says what a key is called, what its value may be,
//! what holds without it, what it means, whether it is secret, and which field of [`Manifest`]
//! holds it. All else follows from the table.
//!
//! Layers, from the top down:
//!
//! * `read`: the walk over the text that collects all problems in one pass, the checks across keys,
//!   and the rule of what a report may show;
//! * `page`, `fit`: the configuration as a page, and whether it fits a machine;
//! * [`schema`]: the table;
//! * `value`: how each type of the model is read and shown;
//! * `formats`, `tls`, `kind`: checks of strings, and what a value may be;
//! * [`Manifest`]: plain data whose every value was checked;
//! * [`Problem`], [`Problems`]: what is wrong, where, and what was probably meant;
//! * `source`, `nearest`, `text`, `words`, `url`, `limits`: what the others are made of.
//!
//! A manifest is untrusted input: its size is limited ([`MAX_BYTES`]), so is what is shown of its
//! problems ([`MAX_PROBLEMS`]), and no text makes the parser panic.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod fit;
mod formats;
mod kind;
mod limits;
mod model;
mod nearest;
mod page;
mod problem;
mod read;
pub mod schema;
mod source;
mod text;
mod tls;
mod url;
mod value;
mod words;

pub use fit::Machine;
pub use limits::{MAX_BYTES, MAX_CORES, MAX_DNS, MAX_LIST, MAX_PROBLEMS, MIN_MEMORY};
pub use model::{
    Addressing, Chain, Compute, Cores, Disk, DiskTest, Effector, Http, Log, Manifest, Network,
    NetworkId, Node, Panic, PanicAction, Particles, Prover, ProverMode, Reach, Registers, Run,
    Seed, Services, Share, StaticAddress, StaticAddress6, Tls,
};
pub use problem::{Problem, Problems};
pub use url::{Url, UrlError};
