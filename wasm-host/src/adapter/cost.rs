//! What the work of adapters costs. The file of a module has its adapters, so they are a stranger's
//! program: a chain of modules whose adapters call each other multiplies.

use alloc::vec::Vec;

use super::value::Value;
use crate::engine::{BudgetKind, Context, State as _};

/// Fuel of one operation: it takes about as long as so many of the engine's.
pub(super) const OPERATION: u64 = 8;
/// Bytes of values that are copied for one unit of fuel: what the engine takes for its own bulk
/// operations.
const BYTES_PER_FUEL: usize = 64;

/// Takes fuel, and the next slice when the present one is used up: then the deadline is looked at.
pub(super) fn charge<C: Context>(ctx: &mut C, fuel: u64) -> Result<(), BudgetKind> {
    let left = ctx.fuel();
    let left = match left.checked_sub(fuel) {
        Some(left) => left,
        None => {
            let needed = fuel - left;
            ctx.state_mut().refuel(needed)?.saturating_sub(needed)
        }
    };
    ctx.set_fuel(left);
    Ok(())
}

/// Fuel for copying so many bytes.
pub(super) fn of_bytes(bytes: usize) -> u64 {
    (bytes / BYTES_PER_FUEL) as u64
}

/// Bytes of host memory that a copy of a value takes beside the value itself.
pub(super) fn weight(value: &Value) -> usize {
    let list = |values: &Vec<Value>| {
        let inner: usize = values.iter().map(weight).sum();
        inner + values.len() * size_of::<Value>()
    };
    match value {
        Value::String(text) => text.len(),
        Value::ByteArray(bytes) => bytes.len(),
        Value::Array(values) | Value::Record(values) => list(values),
        _ => 0,
    }
}
