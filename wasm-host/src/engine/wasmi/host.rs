//! Host functions: one trampoline per import that carries a number. Shapes that WASI and the SDK
//! use are typed, which spares the engine's generic path (a buffer per call); any other shape goes
//! through that.

use alloc::{boxed::Box, string::String, vec::Vec};

use smallvec::SmallVec;
use wasmi::{Caller, Error, Func, FuncType, Val};

use super::{
    convert::{raw, val},
    data::{Ctx, Inner},
    failure::HostFailure,
};
use crate::engine::{Raw, Signature, State, ValType};

fn run<S: State>(
    caller: Caller<'_, Inner<S>>,
    index: u32,
    args: &[Raw],
    results: &mut [Raw],
) -> Result<(), Error> {
    S::host_call(&mut Ctx(caller), index, args, results)
        .map_err(|trap| Error::host(HostFailure(Box::new(trap))))
}

/// `typed!(store, index, (a: i32 = I32, ...) )` gives the function without and with an `i32`
/// result.
macro_rules! typed {
    ($store:expr, $index:expr, $has_result:expr, ($($name:ident : $ty:ty = $variant:ident),*)) => {{
        let index = $index;
        if $has_result {
            Func::wrap($store, move |caller: Caller<'_, Inner<S>>, $($name: $ty),*| -> Result<i32, Error> {
                let mut results = [Raw::I32(0)];
                run(caller, index, &[$(Raw::$variant($name)),*], &mut results)?;
                Ok(results[0].u32() as i32)
            })
        } else {
            Func::wrap($store, move |caller: Caller<'_, Inner<S>>, $($name: $ty),*| -> Result<(), Error> {
                run(caller, index, &[$(Raw::$variant($name)),*], &mut [])
            })
        }
    }};
}

/// A function of the given signature that calls host function `index`.
pub(super) fn function<S: State>(
    store: &mut wasmi::Store<Inner<S>>,
    index: u32,
    signature: &Signature,
) -> Result<Func, String> {
    use ValType::{I32, I64};
    // No function of WASI or of the SDK returns more than one `i32`.
    let has_result = match signature.results.as_slice() {
        [] => false,
        [I32] => true,
        _ => return generic(store, index, signature),
    };
    Ok(match signature.params.as_slice() {
        [] => typed!(store, index, has_result, ()),
        [I32] => typed!(store, index, has_result, (a: i32 = I32)),
        [I32, I32] => typed!(store, index, has_result, (a: i32 = I32, b: i32 = I32)),
        [I32, I32, I32] => {
            typed!(store, index, has_result, (a: i32 = I32, b: i32 = I32, c: i32 = I32))
        }
        [I32, I64, I32] => {
            typed!(store, index, has_result, (a: i32 = I32, b: i64 = I64, c: i32 = I32))
        }
        [I32, I32, I32, I32] => {
            typed!(store, index, has_result, (a: i32 = I32, b: i32 = I32, c: i32 = I32, d: i32 = I32))
        }
        [I32, I64, I32, I32] => {
            typed!(store, index, has_result, (a: i32 = I32, b: i64 = I64, c: i32 = I32, d: i32 = I32))
        }
        [I32, I32, I32, I32, I32] => {
            typed!(store, index, has_result, (a: i32 = I32, b: i32 = I32, c: i32 = I32, d: i32 = I32, e: i32 = I32))
        }
        _ => return generic(store, index, signature),
    })
}

fn generic<S: State>(
    store: &mut wasmi::Store<Inner<S>>,
    index: u32,
    signature: &Signature,
) -> Result<Func, String> {
    let zeros: Vec<Raw> = signature
        .results
        .iter()
        .map(|ty| Raw::zero(*ty))
        .collect::<Option<_>>()
        // A reference has no raw form, and a host could do nothing with it.
        .ok_or_else(refused)?;
    let ty = FuncType::new(types(&signature.params)?, types(&signature.results)?);
    Ok(Func::new(
        store,
        ty,
        move |caller: Caller<'_, Inner<S>>,
              args: &[Val],
              outputs: &mut [Val]|
              -> Result<(), Error> {
            // References were refused above, so that every value has a raw form.
            let args: SmallVec<[Raw; 12]> = args.iter().filter_map(raw).collect();
            let mut results: SmallVec<[Raw; 2]> = zeros.iter().copied().collect();
            run(caller, index, &args, &mut results)?;
            for (output, result) in outputs.iter_mut().zip(&results) {
                *output = val(result);
            }
            Ok(())
        },
    ))
}

fn types(types: &[ValType]) -> Result<Vec<wasmi::ValType>, String> {
    types
        .iter()
        .map(|ty| {
            Ok(match ty {
                ValType::I32 => wasmi::ValType::I32,
                ValType::I64 => wasmi::ValType::I64,
                ValType::F32 => wasmi::ValType::F32,
                ValType::F64 => wasmi::ValType::F64,
                ValType::V128 => wasmi::ValType::V128,
                ValType::Ref => return Err(refused()),
            })
        })
        .collect()
}

fn refused() -> String {
    String::from("a host function cannot take or return references")
}
