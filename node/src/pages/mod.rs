//! The operator's pages: health, metrics, versions, configuration (protocol description, section
//! 13).
//!
//! There is no authentication: what is told here is not secret, and secrets are left out.
//!
//! ```text
//! server    connections, requests, answers
//! page      the page at a path
//! config    the page of the configuration
//! metrics   the page of metrics
//! report    what all of them are made of
//! ```

mod config;
mod metrics;
mod page;
mod report;
mod server;

pub(crate) use config::config_text;
pub(crate) use page::page;
pub use report::Status;
pub(crate) use report::{Contacts, Report};
pub(crate) use server::Connections;
pub use server::{Answer, Page, answer};
