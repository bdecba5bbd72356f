//! Services: modules linked in order, called from outside one call at a time.
//!
//! [`config`] says how a service is put together, `link` binds imports, `state` is what lives in
//! the engine's store, `host_functions` are the host's own functions and `dispatch` their entry. A
//! [`Service`] (`awake`) is `Send` and its calls are plain synchronous functions: a core owns it. A
//! [`ParkedService`] (`parked`) waits without its instances.

mod awake;
mod call_parameters;
pub mod config;
mod dispatch;
mod host_functions;
mod limits;
mod link;
mod parked;
mod state;
mod stats;

pub use awake::Service;
pub use call_parameters::{CallParameters, ParticleParameters, SecurityTetraplet};
pub use config::{ModuleConfig, OnError, ServiceConfig};
pub use limits::{Budget, Limits};
pub use parked::ParkedService;
pub use stats::{FunctionStats, ModuleMemory};
