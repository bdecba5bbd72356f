//! Mounted binaries: modules call programs of the host by name, and native functions answer.
//!
//! [`program`] gives the function for a program path: `curl` and `ipfs` speak HTTP through the
//! [`Host`](crate::host::Host); any other path answers like a program that is not there.

mod curl;
mod ipfs;
mod multipart;
mod native;

use alloc::sync::Arc;

pub use curl::Curl;
pub use ipfs::Ipfs;
pub use native::{Environment, MissingProgram, Mounted, Output};

/// The native function for a program path such as `/usr/bin/curl`: the last component decides.
pub fn program(path: &str) -> Arc<dyn Mounted> {
    match path.rsplit('/').next() {
        Some("curl") => Arc::new(Curl),
        Some("ipfs") => Arc::new(Ipfs),
        _ => Arc::new(MissingProgram),
    }
}
