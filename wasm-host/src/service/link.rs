//! Linking: a module's imports bound to what offers them, the functions its adapters call found in
//! its instance.

use alloc::{string::ToString, sync::Arc, vec::Vec};

use super::{
    config::ModuleConfig,
    state::{HostImport, ServiceState},
};
use crate::{
    adapter::{linked::Linked, lower::Target, program::Callee},
    engine::{Binding, Engine, FuncId, InstanceId, MemoryId, Signature, Store, ValType},
    error::EngineError,
    host_api,
    module::Module,
    wasi,
};

/// No memory: every access is out of bounds.
const NO_MEMORY: MemoryId = MemoryId(u32::MAX);

/// Checks that the modules and functions that a module's adapters import are there.
pub(crate) fn check_imports<E: Engine>(
    name: &str,
    module: &Module<E>,
    before: &[Arc<Linked>],
) -> Result<(), EngineError> {
    for import in &module.adapters.imports {
        find(before, name, &import.namespace, &import.name)?;
    }
    Ok(())
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
    match linked[module].adapters.by_name.get(function) {
        Some(function) => Ok((module, *function)),
        None => Err(EngineError::NoSuchFunction(
            importing.to_string(),
            function.to_string(),
        )),
    }
}

/// What each core import of module number `index` is bound to, in order. New host functions are
/// appended to the state's table.
pub(crate) fn bindings<E: Engine>(
    state: &mut ServiceState,
    index: usize,
    config: &ModuleConfig,
    module: &Module<E>,
) -> Vec<Option<Binding>> {
    module
        .imports
        .iter()
        .map(|decl| {
            // Only functions are bound. The engine then names the import in its error.
            let signature = decl.func.as_ref()?;
            let (namespace, name) = (decl.namespace.as_str(), decl.name.as_str());
            let (import, signature) = if state.linked.iter().any(|module| module.name == namespace)
            {
                let import = module
                    .adapters
                    .imports
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
        // Without logging the import is unknown, and the module cannot be created.
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

/// Finds what a module's adapters call in its instance.
pub(crate) fn link<E: Engine, S: Store<State = ServiceState>>(
    store: &mut S,
    name: &str,
    module: &Module<E>,
    instance: InstanceId,
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
    let set_signature = Signature::new(&[ValType::I32], &[]);
    Ok(Linked {
        name: name.to_string(),
        target: Target {
            // A module without memory can still have functions of numbers.
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
        adapters: Arc::clone(&module.adapters),
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
    // A helper of another shape is not the SDK's, and is left alone.
    (signature == *expected).then_some(func)
}
