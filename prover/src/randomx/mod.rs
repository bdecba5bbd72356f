//! RandomX version 1 (the specification of the RandomX project, with two parameters as a type).
//!
//! A *key* makes a 256 MiB [`Cache`] (Argon2d and superscalar programs); the cache
//! makes the items of a [`Dataset`]; a [`Vm`] hashes inputs, reading
//! items from the dataset (fast) or computing each from the cache (light).

pub mod aes;
mod aes_constants;
pub mod argon;
mod assembler;
pub mod blake;
pub mod cache;
pub mod dataset;
mod item;
pub mod item_code;
pub mod jit;
pub mod params;
pub mod program;
pub mod reciprocal;
pub mod simd;
mod state;
pub mod superscalar;
pub mod vm;

pub use cache::Cache;
pub use dataset::Dataset;
pub use params::{Fluence, Params, Upstream};
pub use vm::{Machine, Pair, Source, Vm};
