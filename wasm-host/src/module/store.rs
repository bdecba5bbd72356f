//! Modules by id.

use alloc::{collections::BTreeMap, string::String};

use super::load::{Module, ModuleError};
use crate::engine::{Engine, wasmi::Wasmi};

/// Loaded modules by their id (a CID in a node), over one engine. Loading costs a pass over the
/// file, so a module is loaded once and shared.
pub struct ModuleStore<E: Engine = Wasmi> {
    engine: E,
    modules: BTreeMap<String, Module<E>>,
}

impl Default for ModuleStore {
    fn default() -> Self {
        Self::new(Wasmi::default())
    }
}

impl<E: Engine> ModuleStore<E> {
    /// An empty store over an engine.
    pub fn new(engine: E) -> Self {
        Self {
            engine,
            modules: BTreeMap::new(),
        }
    }

    /// The engine, which services of these modules need too.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// Loads a module under an id, or gives the one that is there. `name` is its import name, for
    /// error texts.
    ///
    /// # Errors
    /// [`ModuleError`] when the file is not a usable module.
    pub fn load(&mut self, id: &str, name: &str, wasm: &[u8]) -> Result<Module<E>, ModuleError> {
        // The id is a hash of the file, so the same id is the same module.
        if let Some(module) = self.modules.get(id) {
            return Ok(module.clone());
        }
        let module = Module::load(&self.engine, name, wasm)?;
        self.modules.insert(id.into(), module.clone());
        Ok(module)
    }

    /// The module with an id.
    pub fn get(&self, id: &str) -> Option<&Module<E>> {
        self.modules.get(id)
    }

    /// Forgets a module; services that run it keep it alive. The engine keeps code that it compiled
    /// as long as it lives, so that a node bounds what it loads in all, or starts again with a new
    /// store.
    pub fn remove(&mut self, id: &str) -> bool {
        self.modules.remove(id).is_some()
    }
}
