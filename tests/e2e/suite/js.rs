//! What the js-client gets from a node, and from several.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::client::js;
use crate::node::{OPERATOR, Station};
use crate::target::Target;

/// The whole js-client suite against one relay: round trips, built-ins, a 1 MiB argument, parallel
/// particles, reconnects.
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

/// An application in Aqua on the first of two relays, which its operator manages: services, vault,
/// spells, the registry on both. The first reaches this host at the address `here`, and runs its
/// spell every `period` seconds.
pub(crate) async fn application(
    first: &Target,
    second: &Target,
    here: Ipv4Addr,
    period: u32,
) -> Result<()> {
    let (first, second) = (first.ws.to_string(), second.ws.to_string());
    let seed = BASE64_STANDARD.encode(OPERATOR);
    let (here, period) = (here.to_string(), period.to_string());
    let arguments = [&*first, &*second, &*seed, &*here, &*period];
    let report = js::run("application.mjs", &arguments).await?;
    ensure!(
        report.passed.len() > 10 && report.passed.ends_with(&["disconnect".into()]),
        "the script ended early: {:?}",
        report.passed
    );
    Ok(())
}

/// A deal with a worker on each of three hosts. A script asks the first of two relays for the
/// workers, calls all, and takes the first two answers: also when the other relay, which leads to
/// one of the workers, and then a host are killed in the middle. The first relay finds its chain at
/// `chain_port`.
pub(crate) async fn subnet(
    relays: [&Station; 2],
    hosts: [&Station; 3],
    chain_port: u16,
) -> Result<()> {
    let nodes: Vec<&Station> = relays.into_iter().chain(hosts).collect();
    let mut arguments = vec![BASE64_STANDARD.encode(OPERATOR), chain_port.to_string()];
    arguments.extend(
        nodes
            .iter()
            .map(|node| format!("{}#{}", node.target.ws, node.host.process_id())),
    );
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = js::run("subnet.mjs", &arguments).await?;
    ensure!(report.passed.len() == 9, "passed only {:?}", report.passed);
    let alive: Vec<bool> = nodes.iter().map(|node| node.host.is_running()).collect();
    ensure!(alive == [true, false, true, false, true], "{alive:?}");
    Ok(())
}
