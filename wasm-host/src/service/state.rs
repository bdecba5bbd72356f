//! The state that lives in the engine's store.

use alloc::{boxed::Box, string::ToString, sync::Arc, vec::Vec};

use super::{
    call_parameters::CallParameters,
    limits::{Limits, MemoryLimit, Meter},
};
use crate::{
    adapter::{
        linked::{Linked, LinkedModules},
        run,
    },
    engine::{Context, Failure, FuncId, HostCause, HostTrap, MemoryId, Raw},
    host::Host,
    host_api::Version,
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
    /// Entries into guests that are open now.
    pub(super) depth: u32,
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
        // The last module is the facade.
        Description::of(&self.linked[self.linked.len() - 1].interface)
    }
}

impl LinkedModules for ServiceState {
    fn linked(&self) -> &[Arc<Linked>] {
        &self.linked
    }

    fn value_bytes(&self) -> usize {
        self.limits.value_bytes
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

/// Bytes that the host moves for one unit of fuel: what the engine takes for its own bulk
/// operations.
const BYTES_PER_FUEL: u64 = 64;

/// Takes fuel for work that the host does at a guest's request. An empty slice makes the guest ask
/// for the next one.
pub(crate) fn charge(ctx: &mut impl Context<State = ServiceState>, bytes: u64) {
    let fuel = bytes / BYTES_PER_FUEL;
    if fuel > 0 {
        let left = ctx.fuel().saturating_sub(fuel);
        ctx.set_fuel(left);
    }
}
