//! The suites: each judges one side of what it is run against.

pub(crate) mod clients;
