//! Runs a module whose function `run` repeats something as often as its argument says.

use std::format;
use std::string::String;

use basalt_wasm_host::engine::{
    Binding, BudgetKind, Context, Engine, HostTrap, Raw, Signature, State, Store, wasmi::Wasmi,
};

/// Fuel at the start, and with each filling.
const FUEL: u64 = 4_000_000;

/// Grants what is there at the start, and fuel without end.
struct Mean;

impl State for Mean {
    fn host_call<C: Context<State = Self>>(
        _: &mut C,
        _: u32,
        _: &[Raw],
        _: &mut [Raw],
    ) -> Result<(), HostTrap> {
        Ok(())
    }

    fn memory_growing(&mut self, current: u64, _: u64) -> bool {
        current == 0
    }

    fn table_growing(&mut self, current: u64, _: u64) -> bool {
        current == 0
    }

    fn refuel(&mut self, needed: u64) -> Result<u64, BudgetKind> {
        Ok(needed.max(FUEL))
    }
}

/// Runs the module; an error says what went wrong.
pub(crate) fn run(engine: &Wasmi, wasm: &[u8], times: u32) -> Result<(), String> {
    let module = engine.compile(wasm).map_err(|error| format!("{error}"))?;
    let mut store = engine.open(Mean);
    store.set_fuel(FUEL);
    let binding = Binding::Host(0, Signature::new(&[], &[]));
    let instance = store.instantiate(&module, &mut |_| Some(binding.clone()));
    let instance = instance.map_err(|error| format!("{error}"))?;
    let (run, _) = store
        .export_func(instance, "run")
        .ok_or("there is no `run`")?;
    let times = Raw::I32(times.cast_signed());
    store
        .call(run, &[times], &mut [])
        .map_err(|failure| format!("{failure}"))
}
