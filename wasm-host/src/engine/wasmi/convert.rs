//! Values, from this crate's form to the engine's and back.

use wasmi::{F32, F64, V128, Val};

use crate::engine::Raw;

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
