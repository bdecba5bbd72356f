//! The published services that come with the node, as one file.

use std::sync::OnceLock;

use anyhow::Context;
use basalt_distro::published;

/// The file for the image; it is made once.
///
/// # Errors
/// When a published package is damaged.
pub fn published() -> anyhow::Result<&'static [u8]> {
    static PACK: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let made = || {
        let distro = published::distro().context("the published services cannot be read")?;
        anyhow::Ok(distro.to_pack()?)
    };
    let pack = PACK.get_or_init(|| made().map_err(|error| format!("{error:#}")));
    pack.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}
