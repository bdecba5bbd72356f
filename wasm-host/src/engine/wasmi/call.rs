//! Calls from the host into a guest: typed fast paths for the shapes of the ABI helpers, one
//! general path, and fuel slices.

use alloc::string::ToString;

use smallvec::SmallVec;
use wasmi::{Func, ResumableCall, TypedFunc, TypedResumableCall, Val, WasmResults};

use super::{
    convert::{raw, val},
    data::{Holder, set_fuel},
    entry::Entry,
    failure::failure,
};
use crate::engine::{Failure, FuncId, Raw, State as _};

/// Arguments and results kept without an allocation.
const INLINE: usize = 8;

pub(super) fn call<H: Holder>(
    ctx: &mut H,
    func: FuncId,
    args: &[Raw],
    results: &mut [Raw],
) -> Result<(), Failure> {
    // Copied, so that the call can borrow the whole context.
    let Some(entry) = ctx.inner().entries.get(func.0 as usize).copied() else {
        return Err(Failure::Mismatch(
            "no such function in the store".to_string(),
        ));
    };
    match (entry, args, results) {
        (Entry::Unit(func), [], []) => unit(ctx, func),
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

/// A call without arguments and results.
pub(super) fn unit<H: Holder>(ctx: &mut H, func: TypedFunc<(), ()>) -> Result<(), Failure> {
    let call = func.call_resumable(&mut *ctx, ());
    typed(ctx, call)
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
            // Resumed in place: the guest's frames stay, and a deadline is looked at in between.
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
