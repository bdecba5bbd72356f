//! Calls from the host into a guest: typed fast paths for the shapes of the ABI helpers, one general path, and fuel slices.

use alloc::string::ToString;

use smallvec::SmallVec;
use wasmi::{
    AsContext, F32, F64, Func, ResumableCall, TypedFunc, TypedResumableCall, V128, Val,
    WasmResults, errors::ErrorKind,
};

use super::{
    host::HostFailure,
    store::{Holder, set_fuel},
};
use crate::engine::{BudgetKind, Failure, FuncId, HostTrap, Raw, Signature, State as _, ValType};

/// Arguments and results kept without an allocation.
const INLINE: usize = 8;

/// A function that can be called from outside. The typed shapes skip the engine's signature check and its value conversions.
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
        typed.unwrap_or(Self::Other(func))
    }
}

pub(super) fn call<H: Holder>(
    ctx: &mut H,
    func: FuncId,
    args: &[Raw],
    results: &mut [Raw],
) -> Result<(), Failure> {
    let Some(entry) = ctx.inner().entries.get(func.0 as usize).copied() else {
        return Err(Failure::Mismatch(
            "no such function in the store".to_string(),
        ));
    };
    match (entry, args, results) {
        (Entry::Unit(func), [], []) => {
            let call = func.call_resumable(&mut *ctx, ());
            typed(ctx, call)
        }
        (Entry::GetI32(func), [], [result]) => {
            let call = func.call_resumable(&mut *ctx, ());
            *result = Raw::I32(typed(ctx, call)?);
            Ok(())
        }
        (Entry::SetI32(func), [Raw::I32(arg)], []) => {
            let call = func.call_resumable(&mut *ctx, *arg);
            typed(ctx, call)
        }
        (Entry::I32ToI32(func), [Raw::I32(arg)], [result]) => {
            let call = func.call_resumable(&mut *ctx, *arg);
            *result = Raw::I32(typed(ctx, call)?);
            Ok(())
        }
        (Entry::TwoI32(func), [Raw::I32(a), Raw::I32(b)], []) => {
            let call = func.call_resumable(&mut *ctx, (*a, *b));
            typed(ctx, call)
        }
        (Entry::TwoI32ToI32(func), [Raw::I32(a), Raw::I32(b)], [result]) => {
            let call = func.call_resumable(&mut *ctx, (*a, *b));
            *result = Raw::I32(typed(ctx, call)?);
            Ok(())
        }
        (Entry::Other(func), args, results) => general(ctx, func, args, results),
        _ => Err(Failure::Mismatch(
            "the arguments do not fit the function's signature".to_string(),
        )),
    }
}

/// Drives a typed call to its end, granting fuel slices.
fn typed<H: Holder, R: WasmResults>(
    ctx: &mut H,
    mut call: Result<TypedResumableCall<R>, wasmi::Error>,
) -> Result<R, Failure> {
    loop {
        match call.map_err(|error| failure(&error))? {
            TypedResumableCall::Finished(results) => return Ok(results),
            TypedResumableCall::HostTrap(trap) => return Err(failure(trap.host_error())),
            TypedResumableCall::OutOfFuel(suspended) => {
                refuel(ctx, suspended.required_fuel())?;
                call = suspended.resume(&mut *ctx);
            }
        }
    }
}

fn general<H: Holder>(
    ctx: &mut H,
    func: Func,
    args: &[Raw],
    results: &mut [Raw],
) -> Result<(), Failure> {
    let args: SmallVec<[Val; INLINE]> = args.iter().map(val).collect();
    let mut outputs: SmallVec<[Val; INLINE]> = results.iter().map(val).collect();
    let mut call = func.call_resumable(&mut *ctx, &args, &mut outputs);
    loop {
        match call.map_err(|error| failure(&error))? {
            ResumableCall::Finished => break,
            ResumableCall::HostTrap(trap) => return Err(failure(trap.host_error())),
            ResumableCall::OutOfFuel(suspended) => {
                refuel(ctx, suspended.required_fuel())?;
                call = suspended.resume(&mut *ctx, &mut outputs);
            }
        }
    }
    for (result, output) in results.iter_mut().zip(&outputs) {
        *result = raw(output)
            .ok_or_else(|| Failure::Mismatch("the function returns a reference".to_string()))?;
    }
    Ok(())
}

fn refuel<H: Holder>(ctx: &mut H, needed: u64) -> Result<(), Failure> {
    let slice = ctx
        .inner_mut()
        .state
        .refuel(needed)
        .map_err(Failure::Budget)?;
    set_fuel(ctx, slice);
    Ok(())
}

/// What an engine error means to the layers above.
pub(super) fn failure(error: &wasmi::Error) -> Failure {
    if let Some(failure) = error.downcast_ref::<HostFailure>() {
        return Failure::Host(HostTrap::clone(&failure.0));
    }
    match error.kind() {
        ErrorKind::TrapCode(wasmi::TrapCode::OutOfFuel) => Failure::Budget(BudgetKind::Fuel),
        ErrorKind::TrapCode(_) | ErrorKind::Memory(_) | ErrorKind::Table(_) => {
            Failure::Trap(error.to_string())
        }
        _ => Failure::Mismatch(error.to_string()),
    }
}

pub(super) fn val(raw: &Raw) -> Val {
    match *raw {
        Raw::I32(value) => Val::I32(value),
        Raw::I64(value) => Val::I64(value),
        Raw::F32(bits) => Val::F32(F32::from_bits(bits)),
        Raw::F64(bits) => Val::F64(F64::from_bits(bits)),
        Raw::V128(bytes) => Val::V128(V128::from(u128::from_le_bytes(bytes))),
    }
}

pub(super) fn raw(val: &Val) -> Option<Raw> {
    Some(match val {
        Val::I32(value) => Raw::I32(*value),
        Val::I64(value) => Raw::I64(*value),
        Val::F32(value) => Raw::F32(value.to_bits()),
        Val::F64(value) => Raw::F64(value.to_bits()),
        Val::V128(value) => Raw::V128(value.as_u128().to_le_bytes()),
        Val::FuncRef(_) | Val::ExternRef(_) => return None,
    })
}
