//! The engine under the host: what a WebAssembly engine must offer to run a service.
//!
//! An [`Engine`] compiles modules and opens stores. A [`Store`] holds the instances of one service
//! and the service's state; every handle into it ([`InstanceId`], [`FuncId`], [`MemoryId`]) is a
//! plain index, so the layers above hold no engine type. Host functions are numbers: the engine
//! calls [`State::host_call`] with the number given at instantiation, hence no closure is boxed per
//! import and the call is statically dispatched.
//!
//! [`wasmi`] is the engine in use; a second one has to pass the same WebAssembly spec tests
//! (`tests/spec.rs`).

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

pub mod wasmi;

/// Type of a core WebAssembly value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector.
    V128,
    /// Function or external reference: instances exchange them, the host does not.
    Ref,
}

/// A core WebAssembly value; floats as bits, so that NaN payloads survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// Bits of a 32-bit float.
    F32(u32),
    /// Bits of a 64-bit float.
    F64(u64),
    /// Little-endian bytes of a vector.
    V128([u8; 16]),
}

impl Raw {
    /// Zero of a type; references have none.
    pub fn zero(ty: ValType) -> Option<Self> {
        Some(match ty {
            ValType::I32 => Self::I32(0),
            ValType::I64 => Self::I64(0),
            ValType::F32 => Self::F32(0),
            ValType::F64 => Self::F64(0),
            ValType::V128 => Self::V128([0; 16]),
            ValType::Ref => return None,
        })
    }

    /// The value's type.
    pub fn ty(&self) -> ValType {
        match self {
            Self::I32(_) => ValType::I32,
            Self::I64(_) => ValType::I64,
            Self::F32(_) => ValType::F32,
            Self::F64(_) => ValType::F64,
            Self::V128(_) => ValType::V128,
        }
    }

    /// The bits of an `i32`, or 0 for another type (the engine checks signatures before it calls
    /// the host).
    pub fn u32(&self) -> u32 {
        if let Self::I32(value) = self {
            *value as u32
        } else {
            0
        }
    }

    /// The bits of an `i64`, or 0 for another type.
    pub fn u64(&self) -> u64 {
        if let Self::I64(value) = self {
            *value as u64
        } else {
            0
        }
    }
}

/// Parameters and results of a core function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Parameter types.
    pub params: Vec<ValType>,
    /// Result types.
    pub results: Vec<ValType>,
}

impl Signature {
    /// A signature out of two lists.
    pub fn new(params: &[ValType], results: &[ValType]) -> Self {
        Self {
            params: params.to_vec(),
            results: results.to_vec(),
        }
    }
}

/// An instance in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceId(pub u32);

/// A function in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuncId(pub u32);

/// A linear memory in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryId(pub u32);

/// One import of a module, as its import section names it.
#[derive(Clone, Debug)]
pub struct ImportDecl {
    /// First name: the namespace.
    pub namespace: String,
    /// Second name.
    pub name: String,
    /// The signature when a function is imported, none for memories, tables and globals.
    pub func: Option<Signature>,
}

/// What an import is bound to.
#[derive(Clone, Debug)]
pub enum Binding {
    /// The host function with this number, of this signature.
    Host(u32, Signature),
    /// An export of another instance of the store.
    Export(InstanceId, String),
}

/// Which part of a call's budget ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetKind {
    /// The fuel allowance.
    Fuel,
    /// The deadline.
    Time,
}

impl fmt::Display for BudgetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuel => "fuel",
            Self::Time => "time",
        })
    }
}

/// Why a host function ended the call that reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCause {
    /// The guest asked to exit with this code.
    Exit(i32),
    /// The call's budget ran out in a call nested below the host function.
    Budget(BudgetKind),
    /// Anything else; the message tells.
    Failure,
}

/// A host function's failure on its way out through the guest's frames.
#[derive(Clone, Debug)]
pub struct HostTrap {
    /// What went wrong, in words.
    pub message: String,
    /// The kind of failure.
    pub cause: HostCause,
}

impl fmt::Display for HostTrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl HostTrap {
    /// A plain failure.
    pub fn failure(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            cause: HostCause::Failure,
        }
    }
}

/// How a call into a guest failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The guest trapped; the engine's words.
    Trap(String),
    /// A host function ended the call.
    Host(HostTrap),
    /// The state granted no more fuel.
    Budget(BudgetKind),
    /// The arguments do not fit the function.
    Mismatch(String),
}

impl fmt::Display for Failure {
    /// The texts of the reference: traps of the guest and everything else are told apart by their
    /// prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(text) => write!(f, "Trap occurred: {text}"),
            Self::Host(trap) => write!(f, "Unrecognized error: {trap}"),
            Self::Budget(kind) => write!(f, "Trap occurred: the call's {kind} budget is used up"),
            Self::Mismatch(text) => write!(f, "Unrecognized error: {text}"),
        }
    }
}

/// How an instantiation failed.
#[derive(Clone, Debug)]
pub enum InstantiateError {
    /// Nothing is bound to this import.
    UnknownImport(String, String),
    /// Something of another type is bound to an import, or a limit was hit; the engine's words.
    Link(String),
    /// The memory limit refuses the module's initial memory, in pages.
    MemoryLimit(u64),
    /// The start function failed.
    Start(Failure),
}

impl fmt::Display for InstantiateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownImport(namespace, name) => {
                write!(
                    f,
                    "unknown import: `{namespace}::{name}` has not been defined"
                )
            }
            Self::Link(text) => f.write_str(text),
            Self::MemoryLimit(pages) => {
                write!(
                    f,
                    "memory minimum size of {pages} pages exceeds memory limits"
                )
            }
            Self::Start(failure) => failure.fmt(f),
        }
    }
}

/// The module is not valid WebAssembly; the engine's words.
#[derive(Clone, Debug)]
pub struct CompileError(pub String);

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a store's owner keeps in the store, and how the engine asks it for decisions.
pub trait State: Sized + Send + 'static {
    /// Runs host function `index`; `results` has the length of the declared results and starts as
    /// zeros.
    fn host_call<C: Context<State = Self>>(
        ctx: &mut C,
        index: u32,
        args: &[Raw],
        results: &mut [Raw],
    ) -> Result<(), HostTrap>;

    /// May a memory of `current` bytes become `desired` bytes? Creation counts as growth from 0.
    fn memory_growing(&mut self, current: u64, desired: u64) -> bool;

    /// May a table of `current` elements become `desired` elements?
    fn table_growing(&mut self, current: u64, desired: u64) -> bool;

    /// The engine had no memory for what [`Self::memory_growing`] granted.
    fn memory_not_grown(&mut self, _current: u64, _desired: u64) {}

    /// The table's own maximum, or the engine, refused what [`Self::table_growing`] granted.
    fn table_not_grown(&mut self, _current: u64, _desired: u64) {}

    /// The fuel slice is used up and at least `needed` more is required: grants the next slice or
    /// names what ran out.
    fn refuel(&mut self, needed: u64) -> Result<u64, BudgetKind>;
}

/// A store as seen both from outside and from within a host function: calls nest.
pub trait Context {
    /// The owner's state.
    type State: State;

    /// The owner's state.
    fn state(&self) -> &Self::State;

    /// The owner's state, to change.
    fn state_mut(&mut self) -> &mut Self::State;

    /// Calls a function. Frames of other guests may be below on the stack.
    ///
    /// # Errors
    /// [`Failure`] when the guest traps, a host function fails or the budget runs out. The store
    /// stays usable.
    fn call(&mut self, func: FuncId, args: &[Raw], results: &mut [Raw]) -> Result<(), Failure>;

    /// The memory's bytes now; growth moves them, so the slice is never kept over a call.
    fn memory(&self, memory: MemoryId) -> &[u8];

    /// The memory's bytes together with the state.
    fn memory_and_state(&mut self, memory: MemoryId) -> (&mut [u8], &mut Self::State);

    /// Fuel left in the present slice.
    fn fuel(&self) -> u64;

    /// Starts a new slice.
    fn set_fuel(&mut self, fuel: u64);
}

/// The instances of one service.
pub trait Store: Context {
    /// Compiled module of the engine.
    type Module;

    /// Adds an instance and runs its start function. `bind` is asked for each import in order.
    ///
    /// # Errors
    /// [`InstantiateError`]; the store stays usable, what the failed start function did to others
    /// stays done.
    fn instantiate(
        &mut self,
        module: &Self::Module,
        bind: &mut dyn FnMut(&ImportDecl) -> Option<Binding>,
    ) -> Result<InstanceId, InstantiateError>;

    /// An exported function and its signature.
    fn export_func(&mut self, instance: InstanceId, name: &str) -> Option<(FuncId, Signature)>;

    /// An exported memory.
    fn export_memory(&mut self, instance: InstanceId, name: &str) -> Option<MemoryId>;

    /// The value of an exported global, unless it is a reference.
    fn export_global(&mut self, instance: InstanceId, name: &str) -> Option<Raw>;

    /// The store at rest: the state, and what the instances cannot be made again without.
    type Parked: Send;

    /// Takes the instances apart. Not within a call: the store is owned.
    ///
    /// # Errors
    /// The store, unchanged, when an instance has state that the engine cannot reach.
    fn park(self) -> Result<Self::Parked, Box<Self>>
    where
        Self: Sized;

    /// Makes the instances again, without running start functions; all handles stay valid.
    ///
    /// # Errors
    /// What was given, and [`InstantiateError`], when there is no memory for it.
    fn wake(parked: Self::Parked) -> Result<Self, Box<(Self::Parked, InstantiateError)>>
    where
        Self: Sized;

    /// The owner's state of a store at rest.
    fn parked_state(parked: &Self::Parked) -> &Self::State;

    /// The same, to be changed.
    fn parked_state_mut(parked: &mut Self::Parked) -> &mut Self::State;

    /// Bytes that a store at rest keeps of its instances' memories and globals.
    fn parked_bytes(parked: &Self::Parked) -> u64;
}

/// Compiles modules and opens stores. Cloning gives another handle of the same engine.
pub trait Engine: Clone + Send + Sync + 'static {
    /// Compiled code, shared by all stores of the engine.
    type Module: Clone + Send + Sync + 'static;
    /// Store over a given state.
    type Store<S: State>: Store<State = S, Module = Self::Module> + Send;

    /// Checks and compiles a module.
    ///
    /// # Errors
    /// [`CompileError`] when the bytes are no valid module or use a feature that is off.
    fn compile(&self, bytes: &[u8]) -> Result<Self::Module, CompileError>;

    /// The module's imports in order.
    fn imports(&self, module: &Self::Module) -> Vec<ImportDecl>;

    /// Opens an empty store.
    fn open<S: State>(&self, state: S) -> Self::Store<S>;
}
