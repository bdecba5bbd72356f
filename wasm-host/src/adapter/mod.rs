//! Adapters: the code between a module's core functions and the values that callers see.
//!
//! [`value`] is the values, [`lift`] and [`lower`] move them out of and into a guest's memory,
//! [`program`] is an adapter compiled to operations with every index resolved, [`run`] executes it,
//! [`cost`] says what that takes of a call's budget. Everything is synchronous and works on a
//! borrowed argument list: what an adapter costs is the engine's calls plus one copy of each
//! payload.

mod cost;
pub mod lift;
pub(crate) mod linked;
pub mod lower;
mod memory;
pub(crate) mod program;
pub(crate) mod run;
pub mod value;

#[cfg(test)]
mod tests;

pub use memory::OutOfBounds;
pub use value::Value;
