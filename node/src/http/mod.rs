//! The page of the configuration.

mod config;

pub(crate) use config::config_text;
