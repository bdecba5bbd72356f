//! Compiled modules, and the engine's types in the words of this crate.

use alloc::{string::ToString, sync::Arc};

use super::prepare::{Exposed, Hidden};
use crate::engine::{ImportDecl, Signature, ValType};

/// A compiled module.
#[derive(Clone, Debug)]
pub struct Code {
    pub(super) module: wasmi::Module,
    /// Where its instances' state is found; none when it cannot be reached in full.
    pub(super) exposed: Option<Arc<Exposed>>,
    /// What the host does for it.
    pub(super) hidden: Arc<Hidden>,
}

pub(super) fn import_decl(import: &wasmi::ImportType<'_>) -> ImportDecl {
    ImportDecl {
        namespace: import.module().to_string(),
        name: import.name().to_string(),
        func: match import.ty() {
            wasmi::ExternType::Func(ty) => Some(signature(ty)),
            _ => None,
        },
    }
}

pub(super) fn signature(ty: &wasmi::FuncType) -> Signature {
    Signature {
        params: ty.params().iter().map(val_type).collect(),
        results: ty.results().iter().map(val_type).collect(),
    }
}

fn val_type(ty: &wasmi::ValType) -> ValType {
    match ty {
        wasmi::ValType::I32 => ValType::I32,
        wasmi::ValType::I64 => ValType::I64,
        wasmi::ValType::F32 => ValType::F32,
        wasmi::ValType::F64 => ValType::F64,
        wasmi::ValType::V128 => ValType::V128,
        wasmi::ValType::FuncRef | wasmi::ValType::ExternRef => ValType::Ref,
    }
}
