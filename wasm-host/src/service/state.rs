//! The state that lives in the engine's store, and the entry of every host function.

use alloc::{boxed::Box, string::ToString, sync::Arc, vec::Vec};

use smallvec::SmallVec;

use super::{
    call_parameters::{CallParameters, Version},
    host_api,
    limits::{Limits, MemoryLimit, Meter},
    link::Linked,
};
use crate::{
    adapter::{Value, run},
    engine::{BudgetKind, Context, Failure, FuncId, HostCause, HostTrap, MemoryId, Raw, State},
    host::Host,
    interface::Description,
    mounted::Mounted,
    pool::MemoryPool,
    wasi::{self, Wasi},
};

/// What a host function does, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostImport {
    /// A function of a module loaded before, through the import adapter at `import` of `module`.
    Link {
        module: usize,
        import: usize,
    },
    Wasi {
        module: usize,
        function: wasi::Function,
    },
    Log {
        module: usize,
    },
    CallParameters {
        module: usize,
        version: Version,
    },
    /// The mounted binary at this position of the module's list.
    Mounted {
        module: usize,
        index: usize,
    },
}

/// What the host keeps for one module.
pub(crate) struct ModuleState {
    pub(crate) wasi: Wasi,
    pub(crate) memory: Option<MemoryId>,
    pub(crate) logging_mask: i32,
    pub(crate) mounted: Vec<Arc<dyn Mounted>>,
}

/// What the host keeps for one service.
pub(crate) struct ServiceState {
    pub(crate) linked: Vec<Arc<Linked>>,
    pub(crate) modules: Vec<ModuleState>,
    pub(crate) imports: Vec<HostImport>,
    pub(crate) host: Box<dyn Host>,
    pub(crate) call_parameters: CallParameters,
    pub(crate) limits: Limits,
    pub(crate) memory: MemoryLimit,
    pub(crate) meter: Meter,
    depth: u32,
}

impl ServiceState {
    pub(crate) fn new(
        host: Box<dyn Host>,
        limits: Limits,
        pool: Option<MemoryPool>,
        meter: Meter,
    ) -> Self {
        Self {
            linked: Vec::new(),
            modules: Vec::new(),
            imports: Vec::new(),
            host,
            call_parameters: CallParameters::default(),
            memory: MemoryLimit::new(limits.memory, pool),
            limits,
            meter,
            depth: 0,
        }
    }

    /// The interface of the facade: a service has at least one module.
    pub(crate) fn interface(&self) -> Description {
        Description::of(&self.linked[self.linked.len() - 1].interface)
    }
}

impl State for ServiceState {
    fn host_call<C: Context<State = Self>>(
        ctx: &mut C,
        index: u32,
        args: &[Raw],
        results: &mut [Raw],
    ) -> Result<(), HostTrap> {
        let state = ctx.state_mut();
        let import = state.imports[index as usize];
        if let HostImport::Wasi { module, function } = import {
            // WASI never enters a guest, so that it needs no guard against nesting.
            return wasi(ctx, module, function, args, results);
        }
        if state.depth >= state.limits.depth {
            return Err(HostTrap::failure(
                "calls between guests and host are nested too deeply",
            ));
        }
        state.depth += 1;
        let outcome = match import {
            HostImport::Wasi { .. } => Ok(()),
            HostImport::Link { module, import } => link(ctx, module, import, args, results),
            HostImport::Log { module } => host_api::log(ctx, module, args),
            HostImport::CallParameters { module, version } => {
                host_api::call_parameters(ctx, module, version)
            }
            HostImport::Mounted { module, index } => host_api::mounted(ctx, module, index, args),
        };
        ctx.state_mut().depth -= 1;
        outcome
    }

    fn memory_growing(&mut self, current: u64, desired: u64) -> bool {
        self.memory.memory(current, desired)
    }

    fn table_growing(&mut self, current: u64, desired: u64) -> bool {
        self.memory.table(current, desired)
    }

    fn refuel(&mut self, needed: u64) -> Result<u64, BudgetKind> {
        self.meter.refuel(needed, &mut *self.host)
    }
}

/// The linked module at a position; there is none yet while its own start section runs.
pub(crate) fn linked(
    ctx: &impl Context<State = ServiceState>,
    module: usize,
) -> Result<Arc<Linked>, HostTrap> {
    ctx.state()
        .linked
        .get(module)
        .cloned()
        .ok_or_else(|| HostTrap::failure("the module is not linked yet"))
}

/// Calls a guest function without results on behalf of a host function.
pub(crate) fn call(
    ctx: &mut impl Context<State = ServiceState>,
    func: FuncId,
    args: &[Raw],
) -> Result<(), HostTrap> {
    ctx.call(func, args, &mut [])
        .map_err(|failure| trap(&failure))
}

fn trap(failure: &Failure) -> HostTrap {
    HostTrap {
        message: failure.to_string(),
        cause: run::budget(failure).map_or(HostCause::Failure, HostCause::Budget),
    }
}

/// Bytes that the host moves for one unit of fuel: what the engine takes for its own bulk operations.
const BYTES_PER_FUEL: u64 = 64;

/// Takes fuel for work that the host does at a guest's request. An empty slice makes the guest ask for the next one.
pub(crate) fn charge(ctx: &mut impl Context<State = ServiceState>, bytes: u64) {
    let fuel = bytes / BYTES_PER_FUEL;
    if fuel > 0 {
        let left = ctx.fuel().saturating_sub(fuel);
        ctx.set_fuel(left);
    }
}

fn wasi<C: Context<State = ServiceState>>(
    ctx: &mut C,
    module: usize,
    function: wasi::Function,
    args: &[Raw],
    results: &mut [Raw],
) -> Result<(), HostTrap> {
    let Some(memory) = ctx.state().modules[module].memory else {
        return Err(HostTrap::failure("the module exports no memory"));
    };
    let (bytes, state) = ctx.memory_and_state(memory);
    let ServiceState {
        modules,
        host,
        meter,
        ..
    } = state;
    let wasi = &mut modules[module].wasi;
    let errno = wasi.call(function, bytes, &mut **host, meter.deadline, args)?;
    let work = wasi.take_work();
    charge(ctx, work);
    if let Some(result) = results.first_mut() {
        *result = Raw::I32(i32::from(errno.0));
    }
    Ok(())
}

/// A call from one module into another: the caller's import adapter does it all.
fn link<C: Context<State = ServiceState>>(
    ctx: &mut C,
    module: usize,
    import: usize,
    args: &[Raw],
    results: &mut [Raw],
) -> Result<(), HostTrap> {
    let linked = linked(ctx, module)?;
    let adapter = &linked.adapters.imports[import];
    let args: Option<SmallVec<[Value; 8]>> = args.iter().map(|raw| Value::from_raw(*raw)).collect();
    let args = args.ok_or_else(|| HostTrap::failure("vectors cannot be passed between modules"))?;
    let values =
        run::run(ctx, &linked, &adapter.program, &args).map_err(run::AdapterError::into_trap)?;
    if values.len() != results.len() {
        return Err(HostTrap::failure(
            "the import adapter's results don't match the import's signature",
        ));
    }
    for (result, value) in results.iter_mut().zip(&values) {
        match value.to_raw() {
            Some(raw) if raw.ty() == result.ty() => *result = raw,
            _ => {
                return Err(HostTrap::failure(
                    "the import adapter's results don't match the import's signature",
                ));
            }
        }
    }
    Ok(())
}
