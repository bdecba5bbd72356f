//! Limits of what a manifest may hold. Each bounds what a text from outside can cost.

/// Longest manifest that is read, in bytes: bounds the work and memory that a text can cost.
pub const MAX_BYTES: usize = 64 * 1024;

/// Most problems that are kept with their excerpts; further ones are only counted. Bounds what a
/// text with an error on every line can cost, and keeps the first ones readable on a screen.
pub const MAX_PROBLEMS: usize = 32;

/// Most entries in one list of the manifest.
pub const MAX_LIST: usize = 32;

/// Most name servers: what the appliance's resolver can hold.
pub const MAX_DNS: usize = 3;

/// Most cores a manifest can name.
pub const MAX_CORES: u16 = 1024;

/// Least memory an appliance runs with, in bytes.
pub const MIN_MEMORY: u64 = 64 * 1024 * 1024;
