//! Linking: a module's imports bound to what offers them, its adapters compiled against its instance.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use super::{
    config::ModuleConfig,
    host_api,
    state::{HostImport, ServiceState},
};
use crate::{
    adapter::{
        lower::Target,
        program::{Callee, Program},
    },
    engine::{Binding, Engine, FuncId, InstanceId, MemoryId, Signature, Store, ValType},
    error::EngineError,
    module::{
        Module,
        it::{Interface, ast::FunctionType},
    },
    wasi,
};

/// A function that callers can name.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) ty: FunctionType,
    pub(crate) program: Program,
}

/// The adapter of an import from another module.
pub(crate) struct ImportAdapter {
    namespace: String,
    name: String,
    pub(crate) program: Program,
}

/// A module in its service, ready to run.
pub(crate) struct Linked {
    pub(crate) name: String,
    pub(crate) interface: Arc<Interface>,
    pub(crate) target: Target,
    /// What `call-core` indices stand for.
    pub(crate) callees: Vec<Callee>,
    pub(crate) functions: Vec<Function>,
    pub(crate) by_name: BTreeMap<String, usize>,
    pub(crate) imports: Vec<ImportAdapter>,
    pub(crate) set_result_ptr: Option<FuncId>,
    pub(crate) set_result_size: Option<FuncId>,
}

/// No memory: every access is out of bounds.
const NO_MEMORY: MemoryId = MemoryId(u32::MAX);

/// The import adapters of a module, after a check that their modules and functions are there.
pub(crate) fn import_adapters<E: Engine>(
    name: &str,
    module: &Module<E>,
    before: &[Arc<Linked>],
) -> Result<Vec<ImportAdapter>, EngineError> {
    let mut adapters = Vec::new();
    for (import, _, adapter) in module.interface().linked_imports() {
        find(before, name, &import.namespace, &import.name)?;
        adapters.push(ImportAdapter {
            namespace: import.namespace.clone(),
            name: import.name.clone(),
            program: Program::compile(adapter),
        });
    }
    Ok(adapters)
}

/// Positions of a module and of its function.
fn find(
    linked: &[Arc<Linked>],
    importing: &str,
    namespace: &str,
    function: &str,
) -> Result<(usize, usize), EngineError> {
    let module = linked.iter().position(|module| module.name == namespace);
    let module = module.ok_or_else(|| EngineError::NoSuchModule(namespace.to_string()))?;
    match linked[module].by_name.get(function) {
        Some(function) => Ok((module, *function)),
        None => Err(EngineError::NoSuchFunction(
            importing.to_string(),
            function.to_string(),
        )),
    }
}

/// What each core import of module number `index` is bound to, in order. New host functions are appended to the state's table.
pub(crate) fn bindings<E: Engine>(
    state: &mut ServiceState,
    index: usize,
    config: &ModuleConfig,
    module: &Module<E>,
    adapters: &[ImportAdapter],
) -> Vec<Option<Binding>> {
    module
        .imports
        .iter()
        .map(|decl| {
            let signature = decl.func.as_ref()?;
            let (namespace, name) = (decl.namespace.as_str(), decl.name.as_str());
            let (import, signature) = if state.linked.iter().any(|module| module.name == namespace)
            {
                let import = adapters
                    .iter()
                    .position(|a| a.namespace == namespace && a.name == name)?;
                (
                    HostImport::Link {
                        module: index,
                        import,
                    },
                    signature.clone(),
                )
            } else if wasi::is_namespace(namespace) {
                let (function, signature) = wasi::find(name)?;
                (
                    HostImport::Wasi {
                        module: index,
                        function,
                    },
                    signature,
                )
            } else {
                host_import(state, index, config, namespace, name)?
            };
            state.imports.push(import);
            Some(Binding::Host(state.imports.len() as u32 - 1, signature))
        })
        .collect()
}

fn host_import(
    state: &mut ServiceState,
    module: usize,
    config: &ModuleConfig,
    namespace: &str,
    name: &str,
) -> Option<(HostImport, Signature)> {
    let version = host_api::version(namespace)?;
    Some(match name {
        host_api::LOG if config.logger_enabled => {
            (HostImport::Log { module }, host_api::log_signature())
        }
        host_api::LOG => return None,
        host_api::CALL_PARAMETERS => (
            HostImport::CallParameters { module, version },
            host_api::call_parameters_signature(),
        ),
        _ => {
            let mounted = Arc::clone(config.mounted_binaries.get(name)?);
            let list = &mut state.modules[module].mounted;
            list.push(mounted);
            let index = list.len() - 1;
            (
                HostImport::Mounted { module, index },
                host_api::mounted_signature(),
            )
        }
    })
}

/// Compiles a module's adapters against its instance.
pub(crate) fn link<E: Engine, S: Store<State = ServiceState>>(
    store: &mut S,
    name: &str,
    module: &Module<E>,
    instance: InstanceId,
    imports: Vec<ImportAdapter>,
) -> Result<Linked, EngineError> {
    let interface = Arc::clone(module.interface());
    let mut callees = Vec::new();
    for export in &interface.exports {
        let (func, signature) =
            store
                .export_func(instance, &export.name)
                .ok_or_else(|| EngineError::Backend {
                    message: alloc::format!("export not found: {}", export.name),
                    budget: None,
                })?;
        callees.push(Callee::Export {
            name: export.name.clone(),
            func,
            signature,
        });
    }
    for (import, seen, _) in interface.linked_imports() {
        let (module, function) =
            find(&store.state().linked, name, &import.namespace, &import.name)?;
        callees.push(Callee::Import {
            name: import.name.clone(),
            ty: seen.cloned().unwrap_or_default(),
            module,
            function,
        });
    }
    let functions: Vec<Function> = interface
        .service_functions()
        .map(|(export, ty, adapter)| Function {
            name: export.name.clone(),
            ty: ty.clone(),
            program: Program::compile(adapter),
        })
        .collect();
    let by_name = functions
        .iter()
        .enumerate()
        .map(|(index, function)| (function.name.clone(), index))
        .collect();
    let set_signature = Signature::new(&[ValType::I32], &[]);
    Ok(Linked {
        name: name.to_string(),
        target: Target {
            memory: store.export_memory(instance, "memory").unwrap_or(NO_MEMORY),
            allocate: helper(
                store,
                instance,
                "allocate",
                &Signature::new(&[ValType::I32; 2], &[ValType::I32]),
            ),
        },
        set_result_ptr: helper(store, instance, "set_result_ptr", &set_signature),
        set_result_size: helper(store, instance, "set_result_size", &set_signature),
        interface,
        callees,
        functions,
        by_name,
        imports,
    })
}

/// An export of the expected signature.
pub(crate) fn helper<S: Store>(
    store: &mut S,
    instance: InstanceId,
    name: &str,
    expected: &Signature,
) -> Option<FuncId> {
    let (func, signature) = store.export_func(instance, name)?;
    (signature == *expected).then_some(func)
}
