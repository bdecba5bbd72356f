//! Loads a module file and checks all that the file alone can tell.

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::fmt;

use crate::{
    adapter::program::Adapters,
    engine::{CompileError, Engine, ImportDecl, wasmi::Wasmi},
    host_api,
    it::{self, Interface, ParseError, shape::ShapeError},
    sections,
};

/// Section with the SDK's version.
const SDK_VERSION: &str = "__fluence_sdk_version";

/// Section with the interface types.
const INTERFACE_TYPES: &str = "interface-types";

/// Oldest SDK accepted.
const MIN_SDK_VERSION: semver::Version = semver::Version::new(0, 6, 0);

/// Oldest interface-types format accepted.
const MIN_IT_VERSION: semver::Version = semver::Version::new(0, 20, 0);

/// Why a file is not a usable module; texts are the reference's.
#[derive(Clone, Debug)]
pub enum ModuleError {
    /// No valid WebAssembly.
    Compile(CompileError),
    /// No SDK version section.
    NoSdkVersion,
    /// This many SDK version sections.
    ManySdkVersions(usize),
    /// The SDK version is not a semantic version.
    BadSdkVersion(String),
    /// No interface-types section.
    NoInterface,
    /// Several interface-types sections.
    ManyInterfaces,
    /// The interface-types section cannot be read.
    CorruptInterface(ParseError),
    /// The interface-types section contradicts itself.
    Shape(ShapeError),
    /// The SDK is older than required: module name, version.
    OldSdk(String, semver::Version),
    /// The interface-types format is older than required: module name, version.
    OldInterface(String, semver::Version),
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compile(error) => write!(f, "Wasm backend error: {error}"),
            Self::NoSdkVersion => write!(
                f,
                "the module doesn't contain section with '{SDK_VERSION}', probably it's compiled with an old sdk version"
            ),
            Self::ManySdkVersions(count) => {
                write!(
                    f,
                    "the module contains {count} sections with name '{SDK_VERSION}' - it's corrupted"
                )
            }
            Self::BadSdkVersion(text) => write!(f, "{SDK_VERSION} is no version: {text}"),
            Self::NoInterface => f.write_str("the module doesn't contain IT section"),
            Self::ManyInterfaces => {
                f.write_str("the module contains multiple IT sections that is unsupported")
            }
            Self::CorruptInterface(ParseError::Code(_)) => {
                f.write_str("IT section is corrupted: IT section remainder isn't empty")
            }
            Self::CorruptInterface(error) => write!(f, "IT section is corrupted: {error}"),
            Self::Shape(error) => error.fmt(f),
            Self::OldSdk(name, version) => write!(
                f,
                "module with name '{name}' compiled with {version} sdk version, but at least {MIN_SDK_VERSION} required"
            ),
            Self::OldInterface(name, version) => write!(
                f,
                "module with name '{name}' compiled with {version} IT version, but at least {MIN_IT_VERSION} required"
            ),
        }
    }
}

impl core::error::Error for ModuleError {}

/// A loaded module. Cloning is cheap.
#[derive(Clone)]
pub struct Module<E: Engine = Wasmi> {
    pub(crate) code: E::Module,
    pub(crate) imports: Arc<[ImportDecl]>,
    pub(crate) adapters: Arc<Adapters>,
    interface: Arc<Interface>,
    sdk_version: semver::Version,
}

impl<E: Engine> Module<E> {
    /// Checks and compiles a module file. `name` is the name it is imported by; only error texts
    /// need it.
    ///
    /// # Errors
    /// [`ModuleError`] for the first check that fails.
    pub fn load(engine: &E, name: &str, wasm: &[u8]) -> Result<Self, ModuleError> {
        // The order of the checks decides which error a file with several faults gets.
        let code = engine.compile(wasm).map_err(ModuleError::Compile)?;
        let sdk_version = sdk_version(wasm)?;
        if sdk_version < MIN_SDK_VERSION {
            return Err(ModuleError::OldSdk(name.to_string(), sdk_version));
        }
        let interface = interface(wasm)?;
        if interface.version < MIN_IT_VERSION {
            return Err(ModuleError::OldInterface(
                name.to_string(),
                interface.version,
            ));
        }
        // Before adapters are compiled: all later recursion over types relies on it.
        it::shape::check(&interface).map_err(ModuleError::Shape)?;
        Ok(Self {
            imports: engine.imports(&code).into(),
            code,
            adapters: Arc::new(Adapters::compile(&interface)),
            interface: Arc::new(interface),
            sdk_version,
        })
    }

    /// The interface-types section.
    pub fn interface(&self) -> &Arc<Interface> {
        &self.interface
    }

    /// Version of the SDK that the module was built with.
    pub fn sdk_version(&self) -> &semver::Version {
        &self.sdk_version
    }

    /// Names the module imports from the host's namespaces beyond logging and call parameters: the
    /// mounted binaries it asks for. A node lets only known modules have any.
    pub fn effects(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .imports
            .iter()
            .filter(|import| host_api::version(&import.namespace).is_some())
            .map(|import| import.name.as_str())
            .filter(|name| !host_api::is_builtin(name))
            .collect();
        names.dedup();
        names
    }

    /// Does the module import the logger? A node enables logging for those that do.
    pub fn wants_logger(&self) -> bool {
        self.imports.iter().any(|import| {
            host_api::version(&import.namespace).is_some() && import.name == host_api::LOG
        })
    }
}

fn sdk_version(wasm: &[u8]) -> Result<semver::Version, ModuleError> {
    let found = sections::custom(wasm, SDK_VERSION);
    let [bytes] = found.as_slice() else {
        return Err(match found.len() {
            0 => ModuleError::NoSdkVersion,
            count => ModuleError::ManySdkVersions(count),
        });
    };
    let text = String::from_utf8_lossy(bytes);
    semver::Version::parse(&text).map_err(|_| ModuleError::BadSdkVersion(text.into_owned()))
}

fn interface(wasm: &[u8]) -> Result<Interface, ModuleError> {
    let found = sections::custom(wasm, INTERFACE_TYPES);
    let [bytes] = found.as_slice() else {
        return Err(match found.len() {
            0 => ModuleError::NoInterface,
            _ => ModuleError::ManyInterfaces,
        });
    };
    it::parse(bytes).map_err(ModuleError::CorruptInterface)
}
