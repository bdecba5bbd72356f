//! The store as the layers above see it.

use alloc::{boxed::Box, vec::Vec};

use super::{
    call,
    code::{Code, import_decl},
    convert::raw,
    data::{Ctx, Holder, Recipe, WasmiStore, set_fuel},
    park::{self, Parked},
};
use crate::engine::{
    Binding, Context, Failure, FuncId, ImportDecl, InstanceId, InstantiateError, MemoryId, Raw,
    Signature, State, Store,
};

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
                    // What another instance exports cannot be bound again by number: such a store
                    // never rests.
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
        let number = inner.instances.len() as u32 - 1;
        if let Err(error) = self.start(code) {
            // As if the engine had run it: there is no instance then.
            let inner = self.0.data_mut();
            inner.instances.pop();
            inner.recipes.pop();
            return Err(error);
        }
        Ok(InstanceId(number))
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
        raw(&self.export(instance, name)?.into_global()?.get(&self.0))
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
