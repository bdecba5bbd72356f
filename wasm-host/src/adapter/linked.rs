//! Modules of a service as adapters see them.

use alloc::{string::String, sync::Arc, vec::Vec};

use super::{
    lower::Target,
    program::{Adapters, Callee},
};
use crate::{
    engine::{FuncId, State},
    it::Interface,
};

/// A module in its service, ready to run.
pub(crate) struct Linked {
    pub(crate) name: String,
    pub(crate) interface: Arc<Interface>,
    pub(crate) target: Target,
    /// What `call-core` indices stand for.
    pub(crate) callees: Vec<Callee>,
    pub(crate) adapters: Arc<Adapters>,
    pub(crate) set_result_ptr: Option<FuncId>,
    pub(crate) set_result_size: Option<FuncId>,
}

/// What adapters need of the state in the engine's store.
pub(crate) trait LinkedModules: State {
    /// The service's modules, in the order in which they were loaded.
    fn linked(&self) -> &[Arc<Linked>];

    /// Host memory that one value may take on its way out of a guest, in bytes.
    fn value_bytes(&self) -> usize;
}
