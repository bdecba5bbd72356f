//! A service that takes calls.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use super::{
    call_parameters::CallParameters,
    config::{ModuleConfig, OnError, ServiceConfig},
    limits::{Budget, Meter},
    link,
    state::{ModuleState, ServiceState},
    stats::{FunctionStats, ModuleMemory},
};
use crate::{
    adapter::{
        Value,
        linked::Linked,
        run::{self, Results},
    },
    engine::{Context, Engine, Failure, FuncId, InstantiateError, Signature, Store, wasmi::Wasmi},
    error::{EngineError, Error},
    host::Host,
    interface::{Description, arguments, output},
    it::{Interface, Type},
    module::Module,
    vfs::{Dir, Vfs, Volume},
    wasi::Wasi,
};

/// Turns the results of a call into what the caller asked for.
type Print<T> = fn(&[Value], &[Type], &Interface) -> Result<T, String>;

/// A running service.
pub struct Service<E: Engine = Wasmi> {
    pub(super) store: E::Store<ServiceState>,
    pub(super) outside: Outside,
}

/// What is kept outside of the engine's store.
pub(super) struct Outside {
    config: ServiceConfig,
    pub(super) vfs: Vfs,
    stats: BTreeMap<(usize, usize), FunctionStats>,
    broken: Option<Error>,
}

impl<E: Engine> Service<E> {
    /// Loads modules in order, links each to those before it and runs its start functions. The last
    /// module is the facade.
    ///
    /// # Errors
    /// [`Error`] for the first module that cannot be loaded. What start functions wrote is undone.
    pub fn new(
        engine: &E,
        config: ServiceConfig,
        modules: &[(ModuleConfig, Module<E>)],
        vfs: Vfs,
        host: Box<dyn Host>,
    ) -> Result<Self, Error> {
        if modules.is_empty() || modules.len() > config.limits.modules {
            return Err(Error::InvalidConfig(alloc::format!(
                "a service has 1 to {} modules, not {}",
                config.limits.modules,
                modules.len()
            )));
        }
        for (index, (module, _)) in modules.iter().enumerate() {
            if modules[..index]
                .iter()
                .any(|(other, _)| other.name == module.name)
            {
                return Err(Error::Instantiation(module.name.clone()));
            }
        }
        let (meter, _) = Meter::start(config.start_budget);
        let mut service = Self {
            store: engine.open(ServiceState::new(
                host,
                config.limits,
                config.pool.clone(),
                meter,
            )),
            outside: Outside {
                config,
                vfs,
                stats: BTreeMap::new(),
                broken: None,
            },
        };
        // What start functions write is part of the creation: all of it is kept, or none.
        service.begin();
        for (index, (config, module)) in modules.iter().enumerate() {
            if let Err(error) = service.load(index, config, module) {
                service.roll_back();
                return Err(error);
            }
        }
        service.commit()?;
        Ok(service)
    }

    fn load(
        &mut self,
        index: usize,
        config: &ModuleConfig,
        module: &Module<E>,
    ) -> Result<(), Error> {
        let wasi = self.wasi(config)?;
        let state = self.store.state_mut();
        state.modules.push(ModuleState {
            wasi,
            memory: None,
            logging_mask: config.logging_mask,
            mounted: Vec::new(),
        });
        // Before instantiation, whose error for a missing import has another text.
        link::check_imports(&config.name, module, &state.linked).map_err(Error::Engine)?;
        let mut bindings = link::bindings(state, index, config, module).into_iter();
        // Restarted for each module: the budget is per module.
        self.start_meter(self.outside.config.start_budget);
        let instance = self
            .store
            .instantiate(&module.code, &mut |_| bindings.next().flatten())
            .map_err(|error| self.instantiate_error(&error))?;
        let linked = link::link(&mut self.store, &config.name, module, instance)
            .map_err(|error| self.oom(error))?;
        let memory = self.store.export_memory(instance, "memory");
        let state = self.store.state_mut();
        state.modules[index].memory = memory;
        // Before the start functions: they may log, and ask for their parameters.
        state.linked.push(Arc::new(linked));
        for name in ["_initialize", "_start"] {
            if let Some(start) =
                link::helper(&mut self.store, instance, name, &Signature::default())
            {
                self.run_start(start)?;
            }
        }
        Ok(())
    }

    fn run_start(&mut self, start: FuncId) -> Result<(), Error> {
        self.store
            .call(start, &[], &mut [])
            .map_err(|failure| self.start_error(&failure))
    }

    /// The module's environment and directories (Marine specification, section 3.1).
    fn wasi(&mut self, config: &ModuleConfig) -> Result<Wasi, Error> {
        let now = self.store.state_mut().host.now();
        let mut environment = config.envs.clone();
        // The service's variables win over a module's.
        environment.extend(self.outside.config.envs.clone());
        if let Some(id) = &self.outside.config.service_id {
            environment.insert("service_id".to_string(), id.clone());
        }
        let mut directories: Vec<(String, Dir)> = Vec::new();
        for (alias, path) in &config.mapped_dirs {
            let dir = self
                .outside
                .vfs
                .make_dirs(path, now)
                .map_err(|error| Error::Io(alloc::format!("{path}: {error}")))?;
            directories.push((alias.clone(), dir));
            // Modules pass the variable's value to mounted binaries, which find files by their
            // alias.
            environment.insert(alias.clone(), alias.clone());
        }
        if let Some(level) = self.outside.config.log_filter.variable(&config.name) {
            environment.insert("WASM_LOG".to_string(), level);
        }
        Ok(Wasi::new(
            &config.name,
            environment,
            directories,
            self.outside.config.limits.open_files,
        ))
    }

    /// Calls a function of the facade with JSON arguments.
    ///
    /// # Errors
    /// [`Error`], with display text and kind of the reference. The service stays usable.
    pub fn call(
        &mut self,
        function: &str,
        args: &serde_json::Value,
        parameters: CallParameters,
        budget: Budget,
    ) -> Result<serde_json::Value, Error> {
        let facade = self.facade();
        self.call_as(facade, function, args, parameters, budget, output::json)
    }

    /// Like [`Self::call`], but gives JSON text with the fields of records in their order.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_text(
        &mut self,
        function: &str,
        args: &serde_json::Value,
        parameters: CallParameters,
        budget: Budget,
    ) -> Result<String, Error> {
        let facade = self.facade();
        self.call_as(facade, function, args, parameters, budget, output::text)
    }

    /// Like [`Self::call`], of any module of the service.
    ///
    /// # Errors
    /// As [`Self::call`]; also when there is no such module.
    pub fn call_module(
        &mut self,
        module: &str,
        function: &str,
        args: &serde_json::Value,
        parameters: CallParameters,
        budget: Budget,
    ) -> Result<serde_json::Value, Error> {
        let index = self
            .store
            .state()
            .linked
            .iter()
            .position(|linked| linked.name == module);
        let index = index.ok_or_else(|| Error::NoSuchModule(module.to_string()))?;
        self.call_as(index, function, args, parameters, budget, output::json)
    }

    fn facade(&self) -> usize {
        // A service has at least one module.
        self.store.state().linked.len() - 1
    }

    fn call_as<T>(
        &mut self,
        module: usize,
        name: &str,
        args: &serde_json::Value,
        parameters: CallParameters,
        budget: Budget,
        print: Print<T>,
    ) -> Result<T, Error> {
        if let Some(error) = &self.outside.broken {
            return Err(error.clone());
        }
        // Cloned, so that the call can borrow the store mutably.
        let linked = Arc::clone(&self.store.state().linked[module]);
        let index = *linked
            .adapters
            .by_name
            .get(name)
            .ok_or_else(|| Error::MissingFunction(name.to_string()))?;
        let function = &linked.adapters.functions[index];
        // Before the transaction begins: a caller's mistake touches nothing.
        let args = arguments::values(args, &function.ty, &linked.interface).map_err(|detail| {
            Error::Arguments {
                module: linked.name.clone(),
                function: name.to_string(),
                detail,
            }
        })?;
        self.begin();
        let outcome = self.run(&linked, (module, index), &args, parameters, budget);
        match (&outcome, self.outside.config.on_error) {
            // In all other cases the files are stored, also those of a call that failed: the
            // guest's memory stays as well, and may rely on them.
            (Err(_), OnError::RollBack) => self.roll_back(),
            _ => self.commit()?,
        }
        // After the commit: a result that cannot be printed has taken effect all the same.
        print(&outcome?, &function.ty.outputs, &linked.interface).map_err(|detail| Error::Output {
            module: linked.name.clone(),
            function: name.to_string(),
            detail,
        })
    }

    fn run(
        &mut self,
        linked: &Arc<Linked>,
        key: (usize, usize),
        args: &[Value],
        parameters: CallParameters,
        budget: Budget,
    ) -> Result<Results, Error> {
        // A trap of an earlier call leaves its slice behind, which this replaces.
        let granted = self.start_meter(budget);
        let memory_before = self.memory_bytes();
        let state = self.store.state_mut();
        state.call_parameters = parameters;
        let begin = state.host.monotonic();
        let outcome = run::run(
            &mut self.store,
            linked,
            &linked.adapters.functions[key.1].program,
            args,
        );
        let unused = self.store.fuel();
        let state = self.store.state_mut();
        let time = state.host.monotonic().saturating_sub(begin);
        let fuel = granted
            .saturating_sub(state.meter.left())
            .saturating_sub(unused);
        // As in the reference, only a call that succeeds starts the count again.
        if outcome.is_ok() {
            state.memory.rejects = 0;
        }
        // Memories never shrink.
        let growth = self.memory_bytes() - memory_before;
        self.outside
            .stats
            .entry(key)
            .or_default()
            .add(outcome.is_err(), time, fuel, growth);
        outcome.map_err(|error| {
            self.oom(EngineError::Execution {
                message: error.message,
                budget: error.budget,
            })
        })
    }

    /// Sets the budget up and gives the fuel granted in all.
    fn start_meter(&mut self, budget: Budget) -> u64 {
        let (meter, first) = Meter::start(budget);
        self.store.state_mut().meter = meter;
        self.store.set_fuel(first);
        budget.fuel
    }

    fn begin(&self) {
        self.outside.vfs.volumes().for_each(Volume::begin);
    }

    /// Stores the files' changes. When a volume's journal refuses, the service takes no more calls:
    /// its memory may rely on files that were undone.
    fn commit(&mut self) -> Result<(), Error> {
        for volume in self.outside.vfs.volumes() {
            if let Err(error) = volume.commit() {
                let error = Error::Broken(error);
                // The volume undid its changes, but the guest's memory cannot go back: it would
                // answer for files that do not exist.
                self.outside.broken = Some(error.clone());
                return Err(error);
            }
        }
        Ok(())
    }

    fn roll_back(&self) {
        self.outside.vfs.volumes().for_each(Volume::roll_back);
    }

    fn memory_bytes(&self) -> u64 {
        let state = self.store.state();
        state
            .modules
            .iter()
            .filter_map(|module| module.memory)
            .map(|memory| self.store.memory(memory).len() as u64)
            .sum()
    }

    fn oom(&self, original: EngineError) -> Error {
        match (self.store.state().memory.rejects, &original) {
            (0, _)
            | (
                _,
                // These have nothing to do with memory, whatever was refused before.
                EngineError::NoSuchModule(_)
                | EngineError::NoSuchFunction(..)
                | EngineError::Module(_),
            ) => Error::Engine(original),
            (rejects, _) => Error::OutOfMemory { rejects, original },
        }
    }

    fn start_error(&self, failure: &Failure) -> Error {
        self.oom(EngineError::Backend {
            message: failure.to_string(),
            budget: run::budget(failure),
        })
    }

    fn instantiate_error(&self, error: &InstantiateError) -> Error {
        match error {
            InstantiateError::Start(failure) => self.start_error(failure),
            other => self.oom(EngineError::Backend {
                message: other.to_string(),
                budget: None,
            }),
        }
    }

    /// The facade's interface.
    pub fn interface(&self) -> Description {
        self.store.state().interface()
    }

    /// Memory of each module, in order.
    pub fn memory_stats(&self) -> Vec<ModuleMemory> {
        let state = self.store.state();
        let modules = state.linked.iter().zip(&state.modules);
        modules
            .map(|(linked, module)| ModuleMemory {
                name: linked.name.clone(),
                bytes: module
                    .memory
                    .map_or(0, |memory| self.store.memory(memory).len() as u64),
            })
            .collect()
    }

    /// Memory requests refused since the last call that succeeded.
    pub fn memory_rejects(&self) -> u64 {
        self.store.state().memory.rejects
    }

    /// What calls from outside have used, by module and function.
    pub fn stats(&self) -> impl Iterator<Item = (&str, &str, &FunctionStats)> {
        let linked = &self.store.state().linked;
        self.outside
            .stats
            .iter()
            .map(|((module, function), stats)| {
                let linked = &linked[*module];
                (
                    linked.name.as_str(),
                    linked.adapters.functions[*function].name.as_str(),
                    stats,
                )
            })
    }

    /// The service's file system.
    pub fn vfs(&self) -> &Vfs {
        &self.outside.vfs
    }
}
