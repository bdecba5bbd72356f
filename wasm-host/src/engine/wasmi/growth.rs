//! Growth of memories and tables, as host functions of the modules that ask for it: the engine's
//! own operators are replaced (see [`super::prepare`]).

use wasmi::{Caller, Error, Func, FuncType, Instance, Memory, Nullable, Ref, Table, Val};

use super::{
    data::{Inner, WasmiStore, set_fuel},
    prepare::{Growth, Target},
};
use crate::engine::State;

/// Bytes of a page.
const PAGE: u64 = 65_536;
/// What the engine takes for its own bulk operations.
const BYTES_PER_FUEL: u64 = 64;
/// Bytes of a table's element.
const ELEMENT: u64 = 8;
/// The result of a refused growth.
const REFUSED: u32 = u32::MAX;

impl<S: State> WasmiStore<S> {
    /// Puts the functions into an instance's hidden table. `None` when an export is missing, which
    /// the rewriting has added.
    pub(super) fn give_growth(&mut self, instance: Instance, growth: &Growth) -> Option<()> {
        let table = instance.get_table(&self.0, &growth.table)?;
        for (index, target) in growth.targets.iter().enumerate() {
            let func = match target {
                Target::Memory(name) => {
                    let memory = instance.get_memory(&self.0, name)?;
                    memory_growth(&mut self.0, memory)
                }
                Target::Table(name) => {
                    let table = instance.get_table(&self.0, name)?;
                    table_growth(&mut self.0, table)
                }
            };
            let func = Ref::Func(Nullable::Val(func));
            table.set(&mut self.0, index as u64, func).ok()?;
        }
        Some(())
    }
}

fn memory_growth<S: State>(store: &mut wasmi::Store<Inner<S>>, memory: Memory) -> Func {
    Func::wrap(
        store,
        move |mut caller: Caller<'_, Inner<S>>, delta: u32| -> u32 {
            let Ok(old) = memory.grow(&mut caller, u64::from(delta)) else {
                return REFUSED;
            };
            charge(&mut caller, u64::from(delta) * PAGE);
            old as u32
        },
    )
}

fn table_growth<S: State>(store: &mut wasmi::Store<Inner<S>>, table: Table) -> Func {
    let element = table.ty(&*store).element();
    let ty = FuncType::new([element.into(), wasmi::ValType::I32], [wasmi::ValType::I32]);
    Func::new(
        store,
        ty,
        move |mut caller: Caller<'_, Inner<S>>,
              args: &[Val],
              results: &mut [Val]|
              -> Result<(), Error> {
            // The engine has checked the types.
            let (init, delta) = match args {
                [Val::FuncRef(init), Val::I32(delta)] => (Ref::Func(*init), *delta as u32),
                [Val::ExternRef(init), Val::I32(delta)] => (Ref::Extern(*init), *delta as u32),
                _ => return Ok(()),
            };
            let grown = table.grow(&mut caller, u64::from(delta), init);
            if grown.is_ok() {
                charge(&mut caller, u64::from(delta) * ELEMENT);
            }
            let old = grown.map_or(REFUSED, |old| old as u32);
            results[0] = Val::I32(old as i32);
            Ok(())
        },
    )
}

/// Takes fuel for bytes that were set. An empty slice makes the guest ask for the next one.
fn charge<S: State>(caller: &mut Caller<'_, Inner<S>>, bytes: u64) {
    let left = caller.get_fuel().unwrap_or(0);
    set_fuel(caller, left.saturating_sub(bytes / BYTES_PER_FUEL));
}
