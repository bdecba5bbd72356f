//! The store: instances, and the tables from indices to the engine's handles.

use alloc::{string::ToString, vec::Vec};

use wasmi::{
    AsContextMut, Extern, Instance, Memory, ResourceLimiter,
    errors::{ErrorKind, InstantiationError, MemoryError},
};
use wasmi_core::LimiterError;

use super::{
    call::{self, Entry},
    host, import_decl, signature,
};
use crate::engine::{
    Binding, Context, Failure, FuncId, ImportDecl, InstanceId, InstantiateError, MemoryId, Raw,
    Signature, State, Store,
};

/// Instances, tables and memories one store may hold: the engine's bound, a service's own limit is far lower.
const MAX_ENTITIES: usize = 1024;

/// What `wasmi` keeps as the store's data.
pub struct Inner<S> {
    pub(super) state: S,
    pub(super) entries: Vec<Entry>,
    memories: Vec<Memory>,
    instances: Vec<Instance>,
    /// Bytes of the memory that the state refused last.
    refused: Option<u64>,
}

impl<S: State> ResourceLimiter for Inner<S> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let granted = self.state.memory_growing(current as u64, desired as u64);
        if !granted {
            self.refused = Some(desired as u64);
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(self.state.table_growing(current as u64, desired as u64))
    }

    fn instances(&self) -> usize {
        MAX_ENTITIES
    }

    fn tables(&self) -> usize {
        MAX_ENTITIES
    }

    fn memories(&self) -> usize {
        MAX_ENTITIES
    }
}

/// A `wasmi` context: the store seen from outside, or the caller's side of a host call.
pub struct Ctx<C>(pub(super) C);

/// A `wasmi` store.
pub type WasmiStore<S> = Ctx<wasmi::Store<Inner<S>>>;

pub(super) fn open<S: State>(engine: &wasmi::Engine, state: S) -> WasmiStore<S> {
    let mut store = wasmi::Store::new(
        engine,
        Inner {
            state,
            entries: Vec::new(),
            memories: Vec::new(),
            instances: Vec::new(),
            refused: None,
        },
    );
    store.limiter(|inner| inner as &mut dyn ResourceLimiter);
    Ctx(store)
}

/// Direct access to the data, which both kinds of context offer and the engine's own traits do not.
pub(super) trait Holder<S>: AsContextMut<Data = Inner<S>> {
    fn inner(&self) -> &Inner<S>;
    fn inner_mut(&mut self) -> &mut Inner<S>;
}

impl<S> Holder<S> for wasmi::Store<Inner<S>> {
    fn inner(&self) -> &Inner<S> {
        self.data()
    }

    fn inner_mut(&mut self) -> &mut Inner<S> {
        self.data_mut()
    }
}

impl<S> Holder<S> for wasmi::Caller<'_, Inner<S>> {
    fn inner(&self) -> &Inner<S> {
        self.data()
    }

    fn inner_mut(&mut self) -> &mut Inner<S> {
        self.data_mut()
    }
}

/// The context of a store seen from outside.
impl<S: State> Context for WasmiStore<S> {
    type State = S;

    fn state(&self) -> &S {
        &self.0.inner().state
    }

    fn state_mut(&mut self) -> &mut S {
        &mut self.0.inner_mut().state
    }

    fn call(&mut self, func: FuncId, args: &[Raw], results: &mut [Raw]) -> Result<(), Failure> {
        call::call(&mut self.0, func, args, results)
    }

    fn memory(&self, memory: MemoryId) -> &[u8] {
        memory_bytes(&self.0, memory)
    }

    fn memory_and_state(&mut self, memory: MemoryId) -> (&mut [u8], &mut S) {
        memory_and_state(&mut self.0, memory)
    }

    fn fuel(&self) -> u64 {
        self.0.get_fuel().unwrap_or(0)
    }

    fn set_fuel(&mut self, fuel: u64) {
        set_fuel(&mut self.0, fuel);
    }
}

/// The context of a host function's caller.
impl<S: State> Context for Ctx<wasmi::Caller<'_, Inner<S>>> {
    type State = S;

    fn state(&self) -> &S {
        &self.0.inner().state
    }

    fn state_mut(&mut self) -> &mut S {
        &mut self.0.inner_mut().state
    }

    fn call(&mut self, func: FuncId, args: &[Raw], results: &mut [Raw]) -> Result<(), Failure> {
        call::call(&mut self.0, func, args, results)
    }

    fn memory(&self, memory: MemoryId) -> &[u8] {
        memory_bytes(&self.0, memory)
    }

    fn memory_and_state(&mut self, memory: MemoryId) -> (&mut [u8], &mut S) {
        memory_and_state(&mut self.0, memory)
    }

    fn fuel(&self) -> u64 {
        self.0.get_fuel().unwrap_or(0)
    }

    fn set_fuel(&mut self, fuel: u64) {
        set_fuel(&mut self.0, fuel);
    }
}

fn memory_bytes<S: State, H: Holder<S>>(holder: &H, memory: MemoryId) -> &[u8] {
    match holder.inner().memories.get(memory.0 as usize) {
        Some(memory) => memory.data(holder),
        None => &[],
    }
}

fn memory_and_state<S: State, H: Holder<S>>(
    holder: &mut H,
    memory: MemoryId,
) -> (&mut [u8], &mut S) {
    match holder.inner().memories.get(memory.0 as usize).copied() {
        Some(memory) => {
            let (bytes, inner) = memory.data_and_store_mut(holder);
            (bytes, &mut inner.state)
        }
        None => (&mut [], &mut holder.inner_mut().state),
    }
}

/// Metering is always on in this engine, so that the call cannot fail.
pub(super) fn set_fuel<T>(ctx: &mut impl AsContextMut<Data = T>, fuel: u64) {
    let set = ctx.as_context_mut().set_fuel(fuel);
    debug_assert!(set.is_ok());
}

impl<S: State> Store for WasmiStore<S> {
    type Module = wasmi::Module;

    fn instantiate(
        &mut self,
        module: &wasmi::Module,
        bind: &mut dyn FnMut(&ImportDecl) -> Option<Binding>,
    ) -> Result<InstanceId, InstantiateError> {
        let mut externs = Vec::new();
        for import in module.imports() {
            let decl = import_decl(&import);
            let unknown =
                || InstantiateError::UnknownImport(decl.namespace.clone(), decl.name.clone());
            let external = match bind(&decl).ok_or_else(unknown)? {
                Binding::Host(index, host_signature) => Extern::Func(
                    host::function(&mut self.0, index, &host_signature)
                        .map_err(InstantiateError::Link)?,
                ),
                Binding::Export(instance, name) => {
                    self.export(instance, &name).ok_or_else(unknown)?
                }
            };
            externs.push(external);
        }
        self.0.data_mut().refused = None;
        let instance = Instance::new(&mut self.0, module, &externs)
            .map_err(|error| self.instantiate_error(&error))?;
        let instances = &mut self.0.data_mut().instances;
        instances.push(instance);
        Ok(InstanceId(instances.len() as u32 - 1))
    }

    fn export_func(&mut self, instance: InstanceId, name: &str) -> Option<(FuncId, Signature)> {
        let func = self.export(instance, name)?.into_func()?;
        let signature = signature(&func.ty(&self.0));
        let entry = Entry::new(&self.0, func, &signature);
        let entries = &mut self.0.data_mut().entries;
        entries.push(entry);
        Some((FuncId(entries.len() as u32 - 1), signature))
    }

    fn export_memory(&mut self, instance: InstanceId, name: &str) -> Option<MemoryId> {
        let memory = self.export(instance, name)?.into_memory()?;
        let memories = &mut self.0.data_mut().memories;
        memories.push(memory);
        Some(MemoryId(memories.len() as u32 - 1))
    }

    fn export_global(&mut self, instance: InstanceId, name: &str) -> Option<Raw> {
        call::raw(&self.export(instance, name)?.into_global()?.get(&self.0))
    }
}

impl<S: State> WasmiStore<S> {
    fn export(&self, instance: InstanceId, name: &str) -> Option<Extern> {
        self.0
            .data()
            .instances
            .get(instance.0 as usize)?
            .get_export(&self.0, name)
    }

    fn instantiate_error(&self, error: &wasmi::Error) -> InstantiateError {
        const PAGE: u64 = 65_536;
        match error.kind() {
            ErrorKind::Memory(MemoryError::ResourceLimiterDeniedAllocation)
            | ErrorKind::Instantiation(InstantiationError::FailedToInstantiateMemory(
                MemoryError::ResourceLimiterDeniedAllocation,
            )) => InstantiateError::MemoryLimit(self.0.data().refused.unwrap_or(0) / PAGE),
            ErrorKind::Instantiation(_)
            | ErrorKind::Memory(_)
            | ErrorKind::Table(_)
            | ErrorKind::Linker(_) => InstantiateError::Link(error.to_string()),
            _ => InstantiateError::Start(call::failure(error)),
        }
    }
}
