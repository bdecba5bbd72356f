//! The store: instances, and the tables from indices to the engine's handles.

use alloc::{boxed::Box, string::ToString, vec::Vec};

use wasmi::{
    AsContextMut, Extern, Instance, Memory, ResourceLimiter,
    errors::{ErrorKind, InstantiationError, MemoryError},
};
use wasmi_core::LimiterError;

use super::{
    Code,
    call::{self, Entry},
    host, import_decl,
    park::{self, Parked},
    signature,
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
    pub(super) memories: Vec<Memory>,
    pub(super) instances: Vec<Instance>,
    /// How each instance was made.
    pub(super) recipes: Vec<Recipe>,
    /// Instance and name behind each function and memory handle, to find them again.
    entry_names: Vec<(InstanceId, Box<str>)>,
    memory_names: Vec<(InstanceId, Box<str>)>,
    /// Bytes of the memory that the state refused last.
    refused: Option<u64>,
    /// Instances are being made again: what they take is not asked for twice.
    pub(super) waking: bool,
}

/// What an instance is made from.
pub(super) struct Recipe {
    pub(super) code: Code,
    /// Numbers of the host functions that are imported, in order; none when something else is imported.
    hosts: Option<Box<[u32]>>,
}

impl<S> Inner<S> {
    pub(super) fn new(state: S) -> Self {
        Self {
            state,
            entries: Vec::new(),
            memories: Vec::new(),
            instances: Vec::new(),
            recipes: Vec::new(),
            entry_names: Vec::new(),
            memory_names: Vec::new(),
            refused: None,
            waking: false,
        }
    }
}

impl<S: State> ResourceLimiter for Inner<S> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let granted = self.waking || self.state.memory_growing(current as u64, desired as u64);
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
        Ok(self.waking || self.state.table_growing(current as u64, desired as u64))
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

pub(super) fn open<S: State>(engine: &wasmi::Engine, inner: Inner<S>) -> WasmiStore<S> {
    let mut store = wasmi::Store::new(engine, inner);
    store.limiter(|inner| inner as &mut dyn ResourceLimiter);
    Ctx(store)
}

/// Direct access to the data, which both kinds of context offer and the engine's own traits do not.
pub trait Holder: AsContextMut<Data = Inner<Self::Held>> {
    /// The owner's state.
    type Held: State;

    /// The data.
    fn inner(&self) -> &Inner<Self::Held>;
    /// The data, to change.
    fn inner_mut(&mut self) -> &mut Inner<Self::Held>;
}

impl<S: State> Holder for wasmi::Store<Inner<S>> {
    type Held = S;

    fn inner(&self) -> &Inner<S> {
        self.data()
    }

    fn inner_mut(&mut self) -> &mut Inner<S> {
        self.data_mut()
    }
}

impl<S: State> Holder for wasmi::Caller<'_, Inner<S>> {
    type Held = S;

    fn inner(&self) -> &Inner<S> {
        self.data()
    }

    fn inner_mut(&mut self) -> &mut Inner<S> {
        self.data_mut()
    }
}

impl<H: Holder> Context for Ctx<H> {
    type State = H::Held;

    fn state(&self) -> &H::Held {
        &self.0.inner().state
    }

    fn state_mut(&mut self) -> &mut H::Held {
        &mut self.0.inner_mut().state
    }

    fn call(&mut self, func: FuncId, args: &[Raw], results: &mut [Raw]) -> Result<(), Failure> {
        call::call(&mut self.0, func, args, results)
    }

    fn memory(&self, memory: MemoryId) -> &[u8] {
        match self.0.inner().memories.get(memory.0 as usize) {
            Some(memory) => memory.data(&self.0),
            None => &[],
        }
    }

    fn memory_and_state(&mut self, memory: MemoryId) -> (&mut [u8], &mut H::Held) {
        match self.0.inner().memories.get(memory.0 as usize).copied() {
            Some(memory) => {
                let (bytes, inner) = memory.data_and_store_mut(&mut self.0);
                (bytes, &mut inner.state)
            }
            None => (&mut [], &mut self.0.inner_mut().state),
        }
    }

    fn fuel(&self) -> u64 {
        self.0.as_context().get_fuel().unwrap_or(0)
    }

    fn set_fuel(&mut self, fuel: u64) {
        set_fuel(&mut self.0, fuel);
    }
}

/// Metering is always on in this engine, so that the call cannot fail.
pub(super) fn set_fuel<T>(ctx: &mut impl AsContextMut<Data = T>, fuel: u64) {
    let set = ctx.as_context_mut().set_fuel(fuel);
    debug_assert!(set.is_ok());
}

impl<S: State> Store for WasmiStore<S> {
    type Module = Code;
    type Parked = Parked<S>;

    fn instantiate(
        &mut self,
        code: &Code,
        bind: &mut dyn FnMut(&ImportDecl) -> Option<Binding>,
    ) -> Result<InstanceId, InstantiateError> {
        let mut externs = Vec::new();
        let mut hosts = Some(Vec::new());
        for import in code.module.imports() {
            let decl = import_decl(&import);
            let unknown =
                || InstantiateError::UnknownImport(decl.namespace.clone(), decl.name.clone());
            let external = match bind(&decl).ok_or_else(unknown)? {
                Binding::Host(index, signature) => {
                    if let Some(hosts) = &mut hosts {
                        hosts.push(index);
                    }
                    self.host(index, &signature)?
                }
                Binding::Export(instance, name) => {
                    hosts = None;
                    self.export(instance, &name).ok_or_else(unknown)?
                }
            };
            externs.push(external);
        }
        self.add(code, &externs)?;
        let inner = self.0.data_mut();
        inner.recipes.push(Recipe {
            code: code.clone(),
            hosts: hosts.map(Vec::into_boxed_slice),
        });
        Ok(InstanceId(inner.instances.len() as u32 - 1))
    }

    fn export_func(&mut self, instance: InstanceId, name: &str) -> Option<(FuncId, Signature)> {
        let signature = self.add_entry(instance, name)?;
        let inner = self.0.data_mut();
        inner.entry_names.push((instance, name.into()));
        Some((FuncId(inner.entries.len() as u32 - 1), signature))
    }

    fn export_memory(&mut self, instance: InstanceId, name: &str) -> Option<MemoryId> {
        self.add_memory(instance, name)?;
        let inner = self.0.data_mut();
        inner.memory_names.push((instance, name.into()));
        Some(MemoryId(inner.memories.len() as u32 - 1))
    }

    fn export_global(&mut self, instance: InstanceId, name: &str) -> Option<Raw> {
        call::raw(&self.export(instance, name)?.into_global()?.get(&self.0))
    }

    fn park(self) -> Result<Parked<S>, Box<Self>> {
        if self
            .0
            .data()
            .recipes
            .iter()
            .any(|recipe| recipe.hosts.is_none())
        {
            return Err(Box::new(self));
        }
        park::park(self)
    }

    fn wake(parked: Parked<S>) -> Result<Self, Box<(Parked<S>, InstantiateError)>> {
        park::wake(parked)
    }

    fn parked_state(parked: &Parked<S>) -> &S {
        parked.state()
    }

    fn parked_state_mut(parked: &mut Parked<S>) -> &mut S {
        parked.state_mut()
    }

    fn parked_bytes(parked: &Parked<S>) -> u64 {
        parked.bytes()
    }
}

impl<S: State> WasmiStore<S> {
    fn host(&mut self, index: u32, signature: &Signature) -> Result<Extern, InstantiateError> {
        host::function(&mut self.0, index, signature)
            .map(Extern::Func)
            .map_err(InstantiateError::Link)
    }

    fn add(&mut self, code: &Code, externs: &[Extern]) -> Result<(), InstantiateError> {
        self.0.data_mut().refused = None;
        let instance = Instance::new(&mut self.0, &code.module, externs)
            .map_err(|error| self.instantiate_error(&error))?;
        self.0.data_mut().instances.push(instance);
        Ok(())
    }

    fn add_entry(&mut self, instance: InstanceId, name: &str) -> Option<Signature> {
        let func = self.export(instance, name)?.into_func()?;
        let signature = signature(&func.ty(&self.0));
        let entry = Entry::new(&self.0, func, &signature);
        self.0.data_mut().entries.push(entry);
        Some(signature)
    }

    fn add_memory(&mut self, instance: InstanceId, name: &str) -> Option<()> {
        let memory = self.export(instance, name)?.into_memory()?;
        self.0.data_mut().memories.push(memory);
        Some(())
    }

    /// Makes instance number `index` again, as its recipe says.
    pub(super) fn instantiate_again(&mut self, index: usize) -> Result<(), InstantiateError> {
        let Recipe { code, hosts } = &self.0.data().recipes[index];
        let (code, hosts) = (code.clone(), hosts.clone().unwrap_or_default());
        let mut externs = Vec::with_capacity(hosts.len());
        for (import, index) in code.module.imports().zip(hosts) {
            let signature = import_decl(&import).func.unwrap_or_default();
            externs.push(self.host(index, &signature)?);
        }
        self.add(&code, &externs)
    }

    /// Fills the tables behind the handles once the instances are there again.
    pub(super) fn find_exports_again(&mut self) -> Option<()> {
        let names = core::mem::take(&mut self.0.data_mut().entry_names);
        let found = names
            .iter()
            .all(|(instance, name)| self.add_entry(*instance, name).is_some());
        self.0.data_mut().entry_names = names;
        let names = core::mem::take(&mut self.0.data_mut().memory_names);
        let found = found
            && names
                .iter()
                .all(|(instance, name)| self.add_memory(*instance, name).is_some());
        self.0.data_mut().memory_names = names;
        found.then_some(())
    }

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
