//! Adapters of strangers: long ones, and chains of them.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec, vec::Vec};

use super::{
    Value,
    linked::{Linked, LinkedModules},
    lower::Target,
    program::{Adapters, Callee, Function, Op, Program},
    run::run,
};
use crate::{
    engine::{BudgetKind, Context, Failure, FuncId, HostTrap, MemoryId, Raw, State},
    it::{Instruction, Interface, ast::FunctionType},
};

const ROOM: usize = 1 << 20;

/// A service without guests, with a budget.
struct Bare {
    modules: Vec<Arc<Linked>>,
    slices: u32,
}

struct Frame {
    state: Bare,
    fuel: u64,
}

impl State for Bare {
    fn host_call<C: Context<State = Self>>(
        _: &mut C,
        _: u32,
        _: &[Raw],
        _: &mut [Raw],
    ) -> Result<(), HostTrap> {
        Ok(())
    }

    fn memory_growing(&mut self, _: u64, _: u64) -> bool {
        false
    }

    fn table_growing(&mut self, _: u64, _: u64) -> bool {
        false
    }

    fn refuel(&mut self, needed: u64) -> Result<u64, BudgetKind> {
        self.slices = self.slices.checked_sub(1).ok_or(BudgetKind::Time)?;
        Ok(needed.max(1000))
    }
}

impl LinkedModules for Bare {
    fn linked(&self) -> &[Arc<Linked>] {
        &self.modules
    }

    fn value_bytes(&self) -> usize {
        ROOM
    }
}

impl Context for Frame {
    type State = Bare;

    fn state(&self) -> &Bare {
        &self.state
    }

    fn state_mut(&mut self) -> &mut Bare {
        &mut self.state
    }

    fn call(&mut self, _: FuncId, _: &[Raw], _: &mut [Raw]) -> Result<(), Failure> {
        Ok(())
    }

    fn memory(&self, _: MemoryId) -> &[u8] {
        &[]
    }

    fn memory_and_state(&mut self, _: MemoryId) -> (&mut [u8], &mut Bare) {
        (&mut [], &mut self.state)
    }

    fn fuel(&self) -> u64 {
        self.fuel
    }

    fn set_fuel(&mut self, fuel: u64) {
        self.fuel = fuel;
    }
}

fn program(ops: Vec<Op>) -> Program {
    Program {
        source: vec![Instruction::Dup; ops.len()].into(),
        ops: ops.into(),
        types: Box::default(),
    }
}

/// Module number `index`, whose only function has this adapter and may call the module before it.
fn module(index: usize, ops: Vec<Op>) -> Arc<Linked> {
    let callee = |before: usize| Callee::Import {
        name: String::from("f"),
        ty: FunctionType::default(),
        module: before,
        function: 0,
    };
    Arc::new(Linked {
        name: String::new(),
        interface: Arc::new(Interface {
            version: semver::Version::new(0, 20, 0),
            types: Vec::new(),
            imports: Vec::new(),
            adapters: Vec::new(),
            exports: Vec::new(),
            implementations: Vec::new(),
        }),
        target: Target {
            memory: MemoryId(0),
            allocate: None,
        },
        callees: index.checked_sub(1).map(callee).into_iter().collect(),
        adapters: Arc::new(Adapters {
            functions: vec![Function {
                name: String::from("f"),
                ty: FunctionType::default(),
                program: program(ops),
            }],
            by_name: BTreeMap::new(),
            imports: Vec::new(),
        }),
        set_result_ptr: None,
        set_result_size: None,
    })
}

fn frame(modules: Vec<Arc<Linked>>, slices: u32) -> Frame {
    let state = Bare { modules, slices };
    Frame { state, fuel: 0 }
}

#[test]
fn a_chain_of_adapters_ends_with_the_budget() {
    // Each calls the one before a hundred times: 10^10 runs of the first.
    let modules: Vec<_> = (0..6)
        .map(|index| module(index, vec![Op::Call(0); if index == 0 { 0 } else { 100 }]))
        .collect();
    let last = modules[5].clone();
    let mut frame = frame(modules, 50);
    let program = &last.adapters.functions[0].program;
    let error = run(&mut frame, &last, program, &[]).unwrap_err();
    assert_eq!(error.budget, Some(BudgetKind::Time), "{}", error.message);
}

#[test]
fn copies_of_values_take_room_and_fuel() {
    let text = Value::String("x".repeat(ROOM / 10));
    let lone = module(0, Vec::new());
    for (count, is_good) in [(9, true), (11, false)] {
        // References to the argument become values at the end.
        let program = program(vec![Op::Argument(0); count]);
        let mut frame = frame(vec![lone.clone()], u32::MAX);
        let results = run(&mut frame, &lone, &program, core::slice::from_ref(&text));
        assert_eq!(results.is_ok(), is_good, "{count}");
    }
    let program = program(vec![Op::Argument(0); 9]);
    let mut short = frame(vec![lone.clone()], 1);
    let error = run(&mut short, &lone, &program, core::slice::from_ref(&text)).unwrap_err();
    assert_eq!(error.budget, Some(BudgetKind::Time));
}
