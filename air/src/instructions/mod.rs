//! Instructions: one file each, driven by a machine with an explicit stack.
//!
//! An instruction is *entered*; it finishes at once, goes over to another instruction, or pushes a
//! [`Frame`](frame::Frame) and names the instruction to run first. When that is done, the frame is
//! *resumed* with its result. A fold over a thousand elements thus nests a thousand frames on the
//! heap and none on the native stack.
//!
//! To add an instruction: a variant of [`Instr`](crate::ast::Instr), its head in the parser's
//! grammar, a file here with its `impl Run`, and a line in `Run::enter` (`machine`).

mod ap;
mod call;
mod call_result;
mod canon;
mod canon_map;
mod fail;
mod fault;
mod fold_array;
mod fold_stream;
mod frame;
mod machine;
mod matching;
mod new;
mod next;
mod par;
mod pending;
mod resolve;
mod rest;
mod run;
mod seq;
mod xor;

pub(crate) use fault::Fault;
pub(crate) use run::{Finished, Run, STATE};
