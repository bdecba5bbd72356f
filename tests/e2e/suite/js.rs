//! What the js-client gets from a node.

use anyhow::{Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::client::js;
use crate::node::OPERATOR;
use crate::target::Target;

/// The whole js-client suite against one relay: round trips, built-ins, a 1 MiB argument, parallel particles, reconnects.
pub(crate) async fn relay(target: &Target) -> Result<()> {
    let report = js::run("suite.mjs", &[&target.ws.to_string()]).await?;
    ensure!(
        report.passed.len() > 50 && report.passed.ends_with(&["disconnect".into()]),
        "the script ended early: {:?}",
        report.passed
    );
    Ok(())
}

/// One client on each of two relays: A, relay 1, relay 2, B and back.
pub(crate) async fn two_relays(first: &Target, second: &Target) -> Result<()> {
    let addresses = [first.ws.to_string(), second.ws.to_string()];
    let report = js::run("relays.mjs", &[&addresses[0], &addresses[1]]).await?;
    ensure!(report.passed.len() == 5, "passed only {:?}", report.passed);
    Ok(())
}

/// An application in Aqua on the first of two relays, which its operator manages: services, vault, spells, the registry
/// on both.
pub(crate) async fn application(first: &Target, second: &Target) -> Result<()> {
    let (first, second) = (first.ws.to_string(), second.ws.to_string());
    let seed = BASE64_STANDARD.encode(OPERATOR);
    let report = js::run("application.mjs", &[&first, &second, &seed]).await?;
    ensure!(
        report.passed.len() > 10 && report.passed.ends_with(&["disconnect".into()]),
        "the script ended early: {:?}",
        report.passed
    );
    Ok(())
}
