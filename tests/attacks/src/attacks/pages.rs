//! The operator's pages.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::connections::to_pages;
use crate::attack::{Attack, Home};
use crate::stage::Stage;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "idle-pages",
        "connections to the pages that say nothing",
        [32, 500],
        |stage| starve(stage, b""),
    )
    .on(Home::FewFiles),
    Attack::new(
        "slow-pages",
        "requests for pages that are never whole",
        [64, 500],
        |stage| starve(stage, b"GET /metrics HTTP/1.1\r\nx: "),
    )
    .on(Home::FewFiles),
    Attack::new(
        "unread-pages",
        "pages that are asked for and not read",
        [64, 500],
        |stage| starve(stage, b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"),
    )
    .on(Home::FewFiles),
];

/// The operator sees his page all the same.
fn starve(stage: &mut Stage<'_>, words: &[u8]) -> Result<()> {
    let held = to_pages(stage, words)?;
    let begin = Instant::now();
    stage.node.page("/health").context("the operator's page")?;
    let took = begin.elapsed();
    ensure!(
        took < Duration::from_secs(5),
        "the operator's page took {took:?}"
    );
    drop(held);
    Ok(())
}
