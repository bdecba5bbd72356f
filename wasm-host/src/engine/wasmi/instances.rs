//! Instances of a store: made, made again after a rest, and what they export.

use alloc::{string::ToString, vec::Vec};

use wasmi::{
    Extern, Instance,
    errors::{ErrorKind, InstantiationError, MemoryError},
};

use super::{
    call,
    code::{Code, import_decl, signature},
    data::{Recipe, WasmiStore},
    entry::Entry,
    failure::failure,
    host,
};
use crate::engine::{InstanceId, InstantiateError, Signature, State};

impl<S: State> WasmiStore<S> {
    pub(super) fn host(
        &mut self,
        index: u32,
        signature: &Signature,
    ) -> Result<Extern, InstantiateError> {
        host::function(&mut self.0, index, signature)
            .map(Extern::Func)
            .map_err(InstantiateError::Link)
    }

    pub(super) fn add(&mut self, code: &Code, externs: &[Extern]) -> Result<(), InstantiateError> {
        let growth = code.hidden.growth.as_ref();
        let inner = self.0.data_mut();
        // An error may then name the size that was refused for this instance.
        inner.refused = None;
        inner.hidden = growth.map(|growth| growth.targets.len());
        let instance = Instance::new(&mut self.0, &code.module, externs);
        self.0.data_mut().hidden = None;
        let instance = instance.map_err(|error| self.instantiate_error(&error))?;
        if let Some(growth) = growth {
            let lost = || InstantiateError::Link("the module's memory is not exported".to_string());
            self.give_growth(instance, growth).ok_or_else(lost)?;
        }
        self.0.data_mut().instances.push(instance);
        Ok(())
    }

    /// Runs the start function of the instance that was added last.
    pub(super) fn start(&mut self, code: &Code) -> Result<(), InstantiateError> {
        let Some(name) = &code.hidden.start else {
            return Ok(());
        };
        let instance = self.0.data().instances.last();
        let func = instance.and_then(|instance| instance.get_func(&self.0, name));
        let func = func.and_then(|func| func.typed::<(), ()>(&self.0).ok());
        let lost = || InstantiateError::Link("the start function is not exported".to_string());
        call::unit(&mut self.0, func.ok_or_else(lost)?).map_err(InstantiateError::Start)
    }

    pub(super) fn add_entry(&mut self, instance: InstanceId, name: &str) -> Option<Signature> {
        let func = self.export(instance, name)?.into_func()?;
        let signature = signature(&func.ty(&self.0));
        let entry = Entry::new(&self.0, func, &signature);
        self.0.data_mut().entries.push(entry);
        Some(signature)
    }

    pub(super) fn add_memory(&mut self, instance: InstanceId, name: &str) -> Option<()> {
        let memory = self.export(instance, name)?.into_memory()?;
        self.0.data_mut().memories.push(memory);
        Some(())
    }

    /// Makes instance number `index` again, as its recipe says.
    pub(super) fn instantiate_again(&mut self, index: usize) -> Result<(), InstantiateError> {
        let Recipe { code, hosts } = &self.0.data().recipes[index];
        // Cloned, since the store is borrowed whole below. Both are handles.
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
        // In the old order, so that every handle leads where it led before.
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

    pub(super) fn export(&self, instance: InstanceId, name: &str) -> Option<Extern> {
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
            // Whatever else comes from the engine happened while guest code ran.
            _ => InstantiateError::Start(failure(error)),
        }
    }
}
