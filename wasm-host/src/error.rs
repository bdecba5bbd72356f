//! The crate's error. Display texts and kinds are the reference's, for both go back to the caller
//! on the network.

use alloc::string::String;
use core::fmt;

use crate::{engine::BudgetKind, module::ModuleError, vfs::JournalError};

/// What the engine part of a service reports.
#[derive(Clone, Debug)]
pub enum EngineError {
    /// An adapter or the guest below it failed.
    Execution {
        /// "`INSTRUCTION` REASON".
        message: String,
        /// Set when the reason is the call's budget.
        budget: Option<BudgetKind>,
    },
    /// Instantiation or start failed.
    Backend {
        /// The engine's words.
        message: String,
        /// Set when the reason is the start's budget.
        budget: Option<BudgetKind>,
    },
    /// An import's module was not loaded before.
    NoSuchModule(String),
    /// An import's module lacks the function: name of the importing module, function.
    NoSuchFunction(String, String),
    /// The module's file is unusable.
    Module(ModuleError),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execution { message, .. } => write!(f, "Execution error: {message}"),
            Self::Backend { message, .. } => write!(f, "Wasm backend error: {message}"),
            Self::NoSuchModule(name) => {
                write!(f, "module with name '{name}' isn't loaded into Marine")
            }
            Self::NoSuchFunction(module, function) => {
                write!(
                    f,
                    "module with name '{module}' doesn't have function with name {function}"
                )
            }
            Self::Module(error) => error.fmt(f),
        }
    }
}

/// Why a service could not be made or a call failed.
#[derive(Clone, Debug)]
pub enum Error {
    /// The service's configuration is not valid.
    InvalidConfig(String),
    /// A module is named twice.
    Instantiation(String),
    /// A module's file or directory cannot be used.
    Io(String),
    /// No such function.
    MissingFunction(String),
    /// No such module.
    NoSuchModule(String),
    /// The arguments do not fit.
    Arguments {
        /// Module called.
        module: String,
        /// Function called.
        function: String,
        /// What does not fit.
        detail: String,
    },
    /// The result does not fit its type.
    Output {
        /// Module called.
        module: String,
        /// Function called.
        function: String,
        /// What does not fit.
        detail: String,
    },
    /// The engine part failed.
    Engine(EngineError),
    /// The engine part failed and the memory limit had refused this many requests before.
    OutOfMemory {
        /// Refused requests since the last call that succeeded.
        rejects: u64,
        /// The failure.
        original: EngineError,
    },
    /// The service's files could not be stored: it takes no more calls, since its memory may rely
    /// on them.
    Broken(JournalError),
}

impl Error {
    /// The reference's name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidConfig(_) => "InvalidConfig",
            Self::Instantiation(_) => "InstantiationError",
            Self::Io(_) | Self::Broken(_) => "IOError",
            Self::MissingFunction(_) => "MissingFunctionError",
            Self::NoSuchModule(_) => "NoSuchModule",
            Self::Arguments { .. } => "JsonArgumentsDeserializationError",
            Self::Output { .. } => "JsonOutputSerializationError",
            Self::Engine(_) => "EngineError",
            Self::OutOfMemory { .. } => "HighProbabilityOOM",
        }
    }

    /// Which part of the call's budget ran out, if that is the reason.
    pub fn budget(&self) -> Option<BudgetKind> {
        match self {
            Self::Engine(
                EngineError::Execution { budget, .. } | EngineError::Backend { budget, .. },
            )
            | Self::OutOfMemory {
                original:
                    EngineError::Execution { budget, .. } | EngineError::Backend { budget, .. },
                ..
            } => *budget,
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidConfig(text) => write!(f, "InvalidConfig: {text}"),
            Self::Instantiation(name) => {
                write!(
                    f,
                    "module with name {name} is specified in config, but not found in provided modules"
                )
            }
            Self::Io(text) => write!(f, "IOError: {text}"),
            Self::MissingFunction(name) => write!(f, "function with name `{name}` is missing"),
            Self::NoSuchModule(name) => write!(f, "module with name \"{name}\" is missing"),
            Self::Arguments {
                module,
                function,
                detail,
            } => write!(
                f,
                "arguments from json deserialization error in module \"{module}\", function \"{function}\": {detail}"
            ),
            Self::Output {
                module,
                function,
                detail,
            } => write!(
                f,
                "output to json serialization error in module \"{module}\", function \"{function}\": {detail}"
            ),
            Self::Engine(error) => write!(f, "engine error: {error}"),
            Self::OutOfMemory { rejects, original } => write!(
                f,
                "Engine error when OOM suspected ({rejects} failed allocations), original error: {original}"
            ),
            Self::Broken(error) => write!(f, "IOError: {error}"),
        }
    }
}

impl core::error::Error for Error {}
