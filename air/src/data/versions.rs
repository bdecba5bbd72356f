//! Versions that are written, and those that are accepted.

/// Version of the data layout that is written (and the newest that is known).
pub const DATA_VERSION: &str = "0.17.2";

/// Interpreter version stamped on written data.
pub const INTERPRETER_VERSION: &str = "0.64.1";

/// Oldest interpreter whose data is accepted.
pub const MIN_INTERPRETER_VERSION: &str = "0.61.0";
