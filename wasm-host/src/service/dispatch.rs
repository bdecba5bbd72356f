//! The entry of every host function: from its number to what it does.

use smallvec::SmallVec;

use super::{
    host_functions,
    state::{HostImport, ServiceState, charge, linked},
};
use crate::{
    adapter::{Value, run},
    engine::{BudgetKind, Context, HostTrap, Raw, State},
    wasi,
};

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
        // Each entry takes a piece of the host's stack, and a guest's allocator may call the host
        // again.
        if state.depth >= state.limits.depth {
            return Err(HostTrap::failure(
                "calls between guests and host are nested too deeply",
            ));
        }
        state.depth += 1;
        let outcome = match import {
            // Handled above.
            HostImport::Wasi { .. } => Ok(()),
            HostImport::Link { module, import } => link(ctx, module, import, args, results),
            HostImport::Log { module } => host_functions::log(ctx, module, args),
            HostImport::CallParameters { module, version } => {
                host_functions::call_parameters(ctx, module, version)
            }
            HostImport::Mounted { module, index } => {
                host_functions::mounted(ctx, module, index, args)
            }
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

    fn memory_not_grown(&mut self, current: u64, desired: u64) {
        self.memory.memory_not_grown(current, desired);
    }

    fn table_not_grown(&mut self, current: u64, desired: u64) {
        self.memory.table_not_grown(current, desired);
    }

    fn refuel(&mut self, needed: u64) -> Result<u64, BudgetKind> {
        self.meter.refuel(needed, &mut *self.host)
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
    // Charged after the work, so a call may overdraw its slice by one transfer: those are bounded.
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
    // The import adapter belongs to the caller: it lifts with the caller's memory, then calls the
    // callee's adapter.
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
