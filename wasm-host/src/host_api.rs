//! Names, versions and signatures of the host's own functions (Marine specification, sections 2.3,
//! 2.5, 2.6).

use crate::engine::{Signature, ValType};

/// Layout of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Namespace `host`.
    V0,
    /// Adds the worker.
    V1,
    /// Has the particle as a record.
    V2,
    /// Same layout as v2; a field of the tetraplet has another name.
    V3,
}

/// Name of the logging function.
pub(crate) const LOG: &str = "log_utf8_string";

/// Name of the function that gives the call's parameters.
pub(crate) const CALL_PARAMETERS: &str = "get_call_parameters";

/// The version of a host namespace.
pub(crate) fn version(namespace: &str) -> Option<Version> {
    match namespace {
        "host" => Some(Version::V0),
        "__marine_host_api_v1" => Some(Version::V1),
        "__marine_host_api_v2" => Some(Version::V2),
        "__marine_host_api_v3" => Some(Version::V3),
        _ => None,
    }
}

/// Is the name one of the host's own, so that it is not a mounted binary?
pub(crate) fn is_builtin(name: &str) -> bool {
    name == LOG || name == CALL_PARAMETERS
}

pub(crate) fn log_signature() -> Signature {
    Signature::new(&[ValType::I32; 4], &[])
}

pub(crate) fn call_parameters_signature() -> Signature {
    Signature::default()
}

pub(crate) fn mounted_signature() -> Signature {
    Signature::new(&[ValType::I32; 2], &[])
}
