//! How a service is put together.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
};

use super::limits::{Budget, Limits};
use crate::{logger::Filter, mounted::Mounted, pool::MemoryPool};

/// Settings of one module.
#[derive(Clone)]
pub struct ModuleConfig {
    /// Name under which other modules import it.
    pub name: String,
    /// Does it get the logging function?
    pub logger_enabled: bool,
    /// Targets that it may log for.
    pub logging_mask: i32,
    /// Environment variables.
    pub envs: BTreeMap<String, String>,
    /// Directories: alias in the guest to path in the service's file system, made when missing.
    pub mapped_dirs: BTreeMap<String, String>,
    /// Mounted binaries by import name.
    pub mounted_binaries: BTreeMap<String, Arc<dyn Mounted>>,
}

impl ModuleConfig {
    /// A module with logging, all log targets, and nothing else.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_string(),
            logger_enabled: true,
            logging_mask: i32::MAX,
            envs: BTreeMap::new(),
            mapped_dirs: BTreeMap::new(),
            mounted_binaries: BTreeMap::new(),
        }
    }
}

/// What becomes of a call's file changes when the call fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// They stay, as in the reference: guest memory stays too, and may rely on them.
    #[default]
    Keep,
    /// They are undone.
    RollBack,
}

/// Settings of a service.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The id, which modules find in their environment; `None` leaves the variable out.
    pub service_id: Option<String>,
    /// Environment variables of all modules.
    pub envs: BTreeMap<String, String>,
    /// The host's log filter; it sets the `WASM_LOG` variable of modules that it names.
    pub log_filter: Filter,
    /// Bounds.
    pub limits: Limits,
    /// Memory that it shares with other services, if it does.
    pub pool: Option<MemoryPool>,
    /// What the start functions of each module may use.
    pub start_budget: Budget,
    /// Files of failing calls.
    pub on_error: OnError,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            service_id: None,
            envs: BTreeMap::new(),
            log_filter: Filter::default(),
            limits: Limits::default(),
            pool: None,
            start_budget: Budget::UNLIMITED,
            on_error: OnError::Keep,
        }
    }
}
