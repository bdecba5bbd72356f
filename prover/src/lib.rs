//! Fluence's proof of capacity: RandomX with Fluence's parameters, and the protocol around it.
//!
//! Layers, from the bottom:
//!
//! * [`memory`]: regions the caller lends (kernel frames, anonymous mappings, heap);
//! * [`randomx`]: the hash. Argon2d cache, superscalar dataset, virtual machine as an interpreter
//!   (the readable oracle) and as x86-64 machine code;
//! * [`capacity`]: keys, nonces, difficulty, the proofs of an epoch, which core works for which
//!   compute unit, rates and prospects. Pure: time and entropy come in, commands go out.
//! * [`rpc`]: the reference prover's JSON-RPC, as bytes in and bytes out.
//!
//! The crate starts no thread, reads no clock and draws no randomness. `unsafe` lives in `memory`,
//! `randomx::item_code`, `randomx::jit`, `randomx::simd` and nowhere else.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod capacity;
pub mod memory;
pub mod randomx;
pub mod rpc;
