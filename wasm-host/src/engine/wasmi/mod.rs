//! [`Engine`] over `wasmi`.
//!
//! Functions are translated when first called and validated up front, so that loading a large
//! module costs one pass over its bytes. Fuel is always metered; a call runs in slices of fuel and
//! is resumed in place, which is how a deadline is checked without a second kind of interruption.

mod call;
mod code;
mod convert;
mod data;
mod entry;
mod failure;
mod growth;
mod host;
mod instances;
mod park;
mod prepare;
mod store;

use alloc::{string::ToString, sync::Arc, vec::Vec};

pub use code::Code;
pub use data::{Ctx, Holder, Inner, WasmiStore};
pub use park::Parked;

use code::import_decl;

use super::{CompileError, Engine, ImportDecl, State};

/// How the engine is set up.
#[derive(Clone, Copy, Debug)]
pub struct WasmiLimits {
    /// Nested calls within one guest; bounds what endless recursion takes before it traps.
    pub recursion: usize,
    /// Bytes of the value stack of one entry into a guest; bounds the memory of the same attack.
    pub stack_bytes: usize,
    /// Value stacks kept for reuse: nested entries (facade, module, its allocator) take one each.
    pub cached_stacks: usize,
}

impl Default for WasmiLimits {
    fn default() -> Self {
        Self {
            recursion: 32 * 1024,
            stack_bytes: 4 << 20,
            cached_stacks: 8,
        }
    }
}

/// The `wasmi` interpreter.
#[derive(Clone, Debug)]
pub struct Wasmi {
    engine: wasmi::Engine,
}

impl Default for Wasmi {
    fn default() -> Self {
        Self::new(WasmiLimits::default())
    }
}

impl Wasmi {
    /// An engine with the given limits and the language features of the reference's engine
    /// (WebAssembly 2.0 with SIMD, no tail calls, no 64-bit memories, one memory per module).
    pub fn new(limits: WasmiLimits) -> Self {
        let mut config = wasmi::Config::default();
        config
            .set_max_recursion_depth(limits.recursion)
            .set_max_stack_height(limits.stack_bytes)
            .set_max_cached_stacks(limits.cached_stacks)
            .wasm_tail_call(false)
            .wasm_multi_memory(false)
            .wasm_custom_page_sizes(false)
            .wasm_wide_arithmetic(false)
            .wasm_relaxed_simd(false)
            .wasm_extended_const(true)
            .wasm_simd(true)
            .consume_fuel(true)
            // Translation happens once per function, whoever calls it first: charging it would make
            // fuel depend on the past.
            .fuel_cost(wasmi::CustomFuelCosts {
                bytes_copied_per_fuel: 64,
                fuel_per_bytes_translated: 0,
                fuel_per_bytes_validated: 0,
            })
            .ignore_custom_sections(true)
            .compilation_mode(wasmi::CompilationMode::LazyTranslation);
        Self {
            engine: wasmi::Engine::new(&config),
        }
    }
}

impl Engine for Wasmi {
    type Module = Code;
    type Store<S: State> = WasmiStore<S>;

    fn compile(&self, bytes: &[u8]) -> Result<Code, CompileError> {
        let refused = |error: wasmi::Error| CompileError(error.to_string());
        let check = || wasmi::Module::new(&self.engine, bytes).map_err(refused);
        let Some(prepared) = prepare::prepare(bytes) else {
            // The engine knows the words for what is wrong.
            check()?;
            return Err(CompileError(
                "the module has more entries, or branches with more values, than this host supports".to_string(),
            ));
        };
        if prepared.check_original {
            check()?;
        }
        let module = wasmi::Module::new(&self.engine, &prepared.wasm);
        let module = match module {
            Ok(module) => module,
            Err(error) => {
                // In the words for the original, which has other offsets.
                check()?;
                return Err(refused(error));
            }
        };
        Ok(Code {
            module,
            exposed: prepared.exposed.map(Arc::new),
            hidden: Arc::new(prepared.hidden),
        })
    }

    fn imports(&self, code: &Code) -> Vec<ImportDecl> {
        code.module
            .imports()
            .map(|import| import_decl(&import))
            .collect()
    }

    fn open<S: State>(&self, state: S) -> Self::Store<S> {
        data::open(&self.engine, Inner::new(state))
    }
}
