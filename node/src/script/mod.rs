//! The seam to the AIR interpreter: what a run needs, what it gives, and the interpreter behind it.

mod aquavm;
mod interpreter;

pub use aquavm::{Aquavm, RunLimits};
pub use basalt_air::data::Tetraplet;
pub use basalt_air::{CallRequest, CallResult};
pub(crate) use interpreter::OVER_BUDGET;
pub use interpreter::{Interpreter, Outcome, Run};
