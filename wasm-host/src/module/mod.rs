//! Module files: a Wasm binary with the custom sections that make it a Marine module.
//!
//! [`Module::load`] does everything that needs only the file: the engine's checks and compilation,
//! the SDK version, the interface-types section and its version, in that order. The result is
//! shared by all services that use the module.

mod load;
mod store;

pub use crate::it;
pub use load::{Module, ModuleError};
pub use store::ModuleStore;
