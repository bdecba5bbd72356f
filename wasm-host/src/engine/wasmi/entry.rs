//! Functions of guests as the host calls them.

use wasmi::{AsContext, Func, TypedFunc};

use crate::engine::{Signature, ValType};

/// A function that can be called from outside. The typed shapes skip the engine's signature check
/// and its value conversions.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    Unit(TypedFunc<(), ()>),
    GetI32(TypedFunc<(), i32>),
    SetI32(TypedFunc<i32, ()>),
    I32ToI32(TypedFunc<i32, i32>),
    TwoI32(TypedFunc<(i32, i32), ()>),
    TwoI32ToI32(TypedFunc<(i32, i32), i32>),
    Other(Func),
}

impl Entry {
    pub(super) fn new(ctx: impl AsContext, func: Func, signature: &Signature) -> Self {
        use ValType::I32;
        let typed = match (signature.params.as_slice(), signature.results.as_slice()) {
            ([], []) => func.typed(&ctx).map(Self::Unit),
            ([], [I32]) => func.typed(&ctx).map(Self::GetI32),
            ([I32], []) => func.typed(&ctx).map(Self::SetI32),
            ([I32], [I32]) => func.typed(&ctx).map(Self::I32ToI32),
            ([I32, I32], []) => func.typed(&ctx).map(Self::TwoI32),
            ([I32, I32], [I32]) => func.typed(&ctx).map(Self::TwoI32ToI32),
            _ => return Self::Other(func),
        };
        // The general path takes every function, so that a surprise of the engine costs time only.
        typed.unwrap_or(Self::Other(func))
    }
}
