//! Checks across keys: each key is right for itself, but do they fit together?
//!
//! A check sees the manifest as it was read, where refused values are missing, and asks the report
//! what was given and what was refused already.

use alloc::format;
use core::net::Ipv6Addr;

use super::report::Report;
use crate::{
    formats,
    model::{Addressing, Manifest, ProverMode},
    schema,
};

/// One check.
type Check = fn(&Manifest, &mut Report<'_, '_>);

/// All checks.
pub(super) const ALL: &[Check] = &[
    ports_differ,
    static_keys_need_a_static_address,
    names_need_a_name_server,
    ipv6_gateway_is_reachable,
    certificate_and_key_belong_together,
    one_system_core,
    formatting_needs_a_disk,
    proving_needs_its_keys,
    units_are_named_once,
    proof_counts_are_in_order,
    deals_need_their_keys,
];

fn ports_differ(manifest: &Manifest, report: &mut Report<'_, '_>) {
    let (tcp, websocket) = ("network.tcp_port", "network.websocket_port");
    let network = &manifest.network;
    if network.tcp_port != network.websocket_port
        || report.refused(tcp)
        || report.refused(websocket)
    {
        return;
    }
    if let Some(value) = report.value(websocket).or(report.value(tcp)) {
        let port = network.tcp_port;
        report.find(
            value.span(),
            format!("`tcp_port` and `websocket_port` are both {port}"),
            Some("give each its own port".into()),
        );
    }
}

fn static_keys_need_a_static_address(manifest: &Manifest, report: &mut Report<'_, '_>) {
    match &manifest.network.addressing {
        Addressing::Static(fixed) if fixed.gateway == Some(fixed.address) => {
            report.refuse("network.gateway", "is the appliance's own address");
        }
        Addressing::Static(_) => {}
        // What depends on a refused address cannot be judged.
        Addressing::Dhcp if report.refused("network.address") => {}
        Addressing::Dhcp => {
            for key in ["network.gateway", "network.dns"] {
                let reason = "is given, but the address comes from DHCP, which gives it too: \
                              remove it, or write a static `address`";
                report.refuse(key, reason);
            }
        }
    }
}

fn names_need_a_name_server(manifest: &Manifest, report: &mut Report<'_, '_>) {
    let Addressing::Static(fixed) = &manifest.network.addressing else {
        return;
    };
    let mut bootstrap = manifest.node.bootstrap.iter();
    let named = bootstrap.any(|address| address.starts_with("/dns"));
    if named && fixed.dns.is_empty() && !report.refused("network.dns") {
        let reason = "names a host, but a static `address` without `dns` cannot look it up";
        report.refuse("node.bootstrap", reason);
    }
}

fn ipv6_gateway_is_reachable(manifest: &Manifest, report: &mut Report<'_, '_>) {
    let key = "network.ipv6_gateway";
    let Some(fixed) = &manifest.network.ipv6 else {
        if !report.refused("network.ipv6_address") {
            report.refuse(key, "is given without an `ipv6_address`");
        }
        return;
    };
    let Some(gateway) = fixed.gateway else {
        return;
    };
    let host_bits = 128 - u32::from(fixed.prefix);
    let subnet = |ip: Ipv6Addr| ip.to_bits().checked_shr(host_bits).unwrap_or(0);
    if gateway == fixed.address {
        report.refuse(key, "is the appliance's own address");
    } else if !gateway.is_unicast_link_local() && subnet(gateway) != subnet(fixed.address) {
        report.refuse(key, "is neither in the subnet nor a link-local address");
    }
}

fn certificate_and_key_belong_together(manifest: &Manifest, report: &mut Report<'_, '_>) {
    let both = ["tls.certificate", "tls.key"];
    match both.map(|key| report.given(key)) {
        [true, false] => report.refuse("tls.certificate", "is given without `key`"),
        [false, true] => report.refuse("tls.key", "is given without `certificate`"),
        [false, false] => {}
        [true, true] if both.iter().any(|key| report.refused(key)) => {}
        [true, true] => {
            if let Some((certificate, key)) = &manifest.tls.certificate
                && let Err((wrong, reason)) = formats::certificate_and_key(certificate, key)
            {
                report.refuse(wrong, &reason);
            }
        }
    }
}

/// Network and node are one loop on one core. A second system core would be taken from the compute
/// cores and do nothing.
fn one_system_core(manifest: &Manifest, report: &mut Report<'_, '_>) {
    let wanted = manifest.cores.system;
    if wanted > 1 {
        let reason = format!(
            "is {wanted}, but network and node run on one core, and further ones would stand idle: \
             write 1"
        );
        report.refuse("cores.system", &reason);
    }
}

fn formatting_needs_a_disk(manifest: &Manifest, report: &mut Report<'_, '_>) {
    if manifest.disk.format && !report.given("disk.state") {
        let reason = "is given, but no disk is named that may be formatted: add its `state`";
        report.refuse("disk.format", reason);
    }
}

fn proving_needs_its_keys(manifest: &Manifest, report: &mut Report<'_, '_>) {
    let Some(mode) = report.value("prover.mode") else {
        return;
    };
    if manifest.prover.mode == ProverMode::Off {
        return;
    }
    for name in ["units", "global_nonce", "difficulty"] {
        if !report.given(&format!("prover.{name}")) {
            let message = format!("`mode` needs `{name}` beside it, which is missing");
            report.find(mode.span(), message, None);
        }
    }
    if manifest.prover.units.is_empty() {
        report.refuse("prover.units", "names no unit");
    }
}

fn units_are_named_once(manifest: &Manifest, report: &mut Report<'_, '_>) {
    let mut units = manifest.prover.units.clone();
    units.sort_unstable();
    units.dedup();
    if units.len() < manifest.prover.units.len() {
        report.refuse("prover.units", "names a unit twice");
    }
}

fn proof_counts_are_in_order(manifest: &Manifest, report: &mut Report<'_, '_>) {
    if let (Some(min), Some(max)) = (manifest.prover.min_proofs, manifest.prover.max_proofs)
        && min > max
    {
        let reason = format!("is {max}, below `min_proofs`, which is {min}");
        report.refuse("prover.max_proofs", &reason);
    }
}

/// With one key of the section all those must be there that have no default. Half a section would
/// be ignored without a word, and the node would serve no deals.
fn deals_need_their_keys(_: &Manifest, report: &mut Report<'_, '_>) {
    let keys = schema::section("chain").map_or(&[][..], |section| section.keys);
    let given = keys.iter().find_map(|key| {
        let name = format!("chain.{}", key.name);
        let value = report.value(&name)?;
        (!report.refused(&name)).then(|| value.span())
    });
    // If all of its keys were refused, the report is long enough.
    let Some(span) = given else {
        return;
    };
    for name in ["endpoint", "diamond", "chain_id", "wallet_key"] {
        if !report.given(&format!("chain.{name}")) {
            let message = format!("section [chain] needs `{name}`, which is missing");
            report.find(span.clone(), message, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    /// Reads a manifest whose only problem is on the given line and is told in these words.
    #[track_caller]
    fn refused(text: &str, line: usize, said: &str) {
        let problems = Manifest::parse(text).expect_err(text);
        let first = problems.iter().next().unwrap();
        assert_eq!((problems.count(), first.line), (1, line), "{problems}");
        assert!(first.message.contains(said), "{problems}");
    }

    #[track_caller]
    fn accepted(text: &str) {
        if let Err(problems) = Manifest::parse(text) {
            panic!("{problems}");
        }
    }

    #[test]
    fn ports() {
        let said = "`tcp_port` and `websocket_port` are both 999";
        refused("[network]\ntcp_port = 999\n", 2, said);
        refused("[network]\nwebsocket_port = 999\ntcp_port = 999\n", 2, said);
        accepted("[network]\nwebsocket_port = 977\ntcp_port = 999\n");
        // A refused port is not compared.
        let said = "must be from 1 to 65535";
        refused("[network]\ntcp_port = 0\nwebsocket_port = 977\n", 2, said);
    }

    #[test]
    fn static_addresses() {
        let said = "comes from DHCP";
        refused("[network]\ngateway = \"10.0.0.1\"\n", 2, said);
        refused("[network]\naddress = \"dhcp\"\ndns = []\n", 3, said);
        refused(
            "[network]\naddress = 7\ngateway = \"10.0.0.1\"\n",
            2,
            "must be",
        );
        let fixed = "[network]\naddress = \"10.0.0.5/24\"\n";
        let said = "is the appliance's own address";
        refused(&format!("{fixed}gateway = \"10.0.0.5\"\n"), 3, said);
        accepted(&format!("{fixed}gateway = \"192.0.2.1\"\n"));
    }

    #[test]
    fn name_servers() {
        let id = "12D3KooWEXNUbCXooUwHrHBbrmjsrpHXoEphPwbjQXEGyzbqKnE9";
        let peer = format!("[node]\nbootstrap = [\"/dns4/example.org/tcp/1/p2p/{id}\"]\n");
        let fixed = "[network]\naddress = \"10.0.0.5/24\"\n";
        refused(
            &format!("{peer}{fixed}"),
            2,
            "without `dns` cannot look it up",
        );
        accepted(&format!("{peer}{fixed}dns = [\"10.0.0.1\"]\n"));
        accepted(&peer);
    }

    #[test]
    fn ipv6_gateways() {
        let address = "[network]\nipv6_address = \"2001:db8::10/64\"\nipv6_gateway = ";
        refused(&format!("{address}\"2001:db8::10\"\n"), 3, "own address");
        refused(
            &format!("{address}\"2001:db8:0:1::1\"\n"),
            3,
            "neither in the subnet",
        );
        accepted(&format!("{address}\"fe80::1\"\n"));
        accepted(&format!("{address}\"2001:db8::1\"\n"));
        let said = "is given without an `ipv6_address`";
        refused("[network]\nipv6_gateway = \"fe80::1\"\n", 2, said);
    }

    #[test]
    fn certificates() {
        refused("[tls]\ncertificate = \"x\"\n", 2, "is given without `key`");
        refused("[tls]\nkey = \"x\"\n", 2, "is given without `certificate`");
        refused("[tls]\nkey = \"x\"\ncertificate = 1\n", 3, "must be");
        refused(
            "[tls]\nkey = \"x\"\ncertificate = \"x\"\n",
            3,
            "cannot be used",
        );
    }

    #[test]
    fn system_cores() {
        refused(
            "[cores]\nsystem = 2\n",
            2,
            "is 2, but network and node run on one core",
        );
        accepted("[cores]\nsystem = 1\n");
    }

    #[test]
    fn disks() {
        refused("[disk]\nformat = true\n", 2, "add its `state`");
        accepted("[disk]\nformat = true\nstate = \"x\"\n");
        accepted("[disk]\nformat = false\n");
    }

    /// A `[prover]` section with these units.
    fn prover(mode: &str, units: &str) -> String {
        let hash = "ab".repeat(32);
        format!(
            "[prover]\nmode = \"{mode}\"\nunits = {units}\nglobal_nonce = \"{hash}\"\n\
             difficulty = \"{hash}\"\n"
        )
    }

    #[test]
    fn proving() {
        let unit = format!("[\"{}\"]", "cd".repeat(32));
        accepted(&prover("light", &unit));
        refused(&prover("light", "[]"), 3, "names no unit");
        accepted(&prover("off", "[]"));
        let text = prover("fast", &unit).replace("difficulty", "#");
        refused(&text, 2, "`mode` needs `difficulty` beside it");
        accepted(&text.replace("fast", "off"));
    }

    #[test]
    fn units() {
        let unit = "cd".repeat(32);
        let twice = format!("[prover]\nunits = [\"{unit}\", \"{unit}\"]\n");
        refused(&twice, 2, "names a unit twice");
    }

    #[test]
    fn proofs() {
        let said = "is 2, below `min_proofs`, which is 3";
        refused("[prover]\nmin_proofs = 3\nmax_proofs = 2\n", 3, said);
        accepted("[prover]\nmin_proofs = 3\nmax_proofs = 3\n");
        accepted("[prover]\nmin_proofs = 3\n");
    }

    #[test]
    fn deals() {
        let whole = format!(
            "[chain]\nendpoint = \"http://a\"\ndiamond = \"{}\"\nchain_id = 1\n\
             wallet_key = \"{}\"\n",
            "ab".repeat(20),
            "cd".repeat(32)
        );
        accepted(&whole);
        accepted("[chain]\n");
        for key in ["endpoint", "diamond", "chain_id", "wallet_key"] {
            let text = whole.replace(&format!("{key} ="), &format!("#{key} ="));
            let problems = Manifest::parse(&text).unwrap_err();
            assert_eq!(problems.count(), 1, "{problems}");
            let said = problems.to_string();
            assert!(
                said.contains(&format!("needs `{key}`, which is missing")),
                "{said}"
            );
        }
        let fee = Manifest::parse("[chain]\nbase_fee = 1\n").unwrap_err();
        assert_eq!(fee.count(), 4, "{fee}");
    }
}
