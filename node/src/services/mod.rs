//! Marine services: modules, blueprints, services with aliases in scopes, calls of them on compute
//! cores.
//!
//! A service is ready, on a core with a call, or cold: known but not started. A cold service is
//! started by its first call, from its modules and the records of its files, so that a reboot costs
//! nothing for services that nobody calls. Calls of one service run one after another. Each brings
//! the changes of its files back, and its result waits until these are on the store. If the store
//! refuses them the call fails, and the service starts cold again, as it was before the call.
//!
//! | module | what it knows |
//! |---|---|
//! | `blueprint` | recipes for services |
//! | `modules`, `names` | modules and blueprints, and what modules are called |
//! | `room`, `entry`, `record` | all services, one of them, what is kept of it |
//! | `registry` | names of services, and their removal |
//! | `jobs`, `under_way` | jobs for services: starting, running, keeping what changed |
//! | `calls` | calls of scripts, new services, uploads of modules |
//! | `running` | a service on a core |
//! | `rest` | services that nobody calls give up their memory |
//! | `files` | records of a service's files |
//! | `stats` | what calls took |

mod blueprint;
mod calls;
mod entry;
mod error;
mod files;
mod jobs;
mod modules;
mod names;
mod record;
mod registry;
mod rest;
mod room;
mod running;
mod stats;
mod under_way;

pub use blueprint::Blueprint;
pub(crate) use blueprint::dag_json;
pub(crate) use calls::{Called as ServiceCall, Loading};
pub(crate) use entry::Entry;
pub use error::Error;
pub use modules::Modules;
pub(crate) use names::Names;
pub use record::{Kind, Record};
pub(crate) use registry::{Named, OWN_ALIASES};
pub(crate) use room::Means;
pub use room::{Calls, Services};
pub(crate) use running::{File, Running};
