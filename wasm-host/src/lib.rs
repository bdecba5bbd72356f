//! Runs Marine services: WebAssembly modules linked through interface types, with WASI and a file
//! system of their own.
//!
//! A [`Module`] is a loaded file, a [`Service`] an ordered list of modules that run together.
//! Layers, from the bottom:
//!
//! * [`engine`]: what a WebAssembly engine must offer, and `wasmi` offering it; [`vfs`]: files;
//! * [`wasi`]: what guests see of the outside; [`it`]: the interface-types section of a module;
//! * [`adapter`]: values in and out of guests' memories, adapters compiled and run;
//! * [`module`]: module files, checked and compiled; [`interface`]: JSON in and out;
//!   [`mounted`]: native functions in place of programs; [`logger`]: levels and masks;
//! * [`service`]: linking, calls, budgets, limits, statistics.
//!
//! A module imports from the lines above its own only.
//!
//! Nothing here reads a clock, draws randomness or sends a byte: all of that comes in through
//! [`Host`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod adapter;
pub mod engine;
pub mod error;
pub mod host;
mod host_api;
pub mod interface;
pub mod it;
pub mod logger;
pub mod module;
pub mod mounted;
mod pool;
mod sections;
pub mod service;
mod text;
pub mod vfs;
pub mod wasi;

pub use engine::wasmi::Wasmi;
pub use error::Error;
pub use host::Host;
pub use module::{Module, ModuleStore};
pub use pool::MemoryPool;
pub use service::{
    Budget, CallParameters, Limits, ModuleConfig, ParkedService, ParticleParameters,
    SecurityTetraplet, Service, ServiceConfig,
};
pub use vfs::{Vfs, Volume};
