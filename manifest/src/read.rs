//! The walk over the parsed tree: collects all problems in one pass.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    MAX_BYTES, MAX_CORES, MAX_DNS, MAX_LIST,
    address::{self, Peer, shortened},
    model::{
        Addressing, Chain, Cores, Disk, Http, Log, Manifest, Network, Node, Panic, Particles,
        Places, Prover, ProverMode, Services, Share, StaticAddress, StaticAddress6, Tls,
    },
    nearest::nearest,
    problem::{Problem, Problems},
    schema::{self, SECTIONS, Section},
    source::Place,
    value::{self, Fault},
};

/// Reads a manifest or says all that is wrong with it.
pub(crate) fn manifest(text: &str) -> Result<Manifest, Problems> {
    if text.len() > MAX_BYTES {
        let mut problems = Problems::default();
        problems.push(Problem::at(
            None,
            format!(
                "the manifest has {} bytes, more than {MAX_BYTES}",
                text.len()
            ),
            Some("is this the right file?".into()),
        ));
        return Err(problems);
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        text,
        root: root.get_ref(),
        findings: Vec::new(),
    };
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        reader.find(span, error.message().to_owned(), None);
    }
    let syntax = reader.findings.len();
    reader.unknown();
    let manifest = reader.all();
    reader.finish(syntax).into_result(manifest)
}

/// The problem of a file that is not text.
pub(crate) fn not_utf8(bytes: &[u8], valid: usize) -> Problems {
    let mut problems = Problems::default();
    let text = core::str::from_utf8(&bytes[..valid.min(bytes.len())]).unwrap_or("");
    problems.push(Problem::at(
        Some(&Place::of(text, text.len()..text.len())),
        "the text is not UTF-8 from here on".into(),
        Some("save the manifest as UTF-8".into()),
    ));
    problems
}

/// A problem before its place was worked out.
struct Finding {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
}

struct Reader<'a, 'i> {
    text: &'i str,
    root: &'a DeTable<'i>,
    findings: Vec<Finding>,
}

type Value<'a, 'i> = &'a Spanned<DeValue<'i>>;

impl<'a, 'i> Reader<'a, 'i> {
    fn find(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        self.findings.push(Finding {
            span,
            message,
            hint,
        });
    }

    /// Sorts the findings and gives each its place. A line that is no TOML (the first `syntax`
    /// findings) gets no second opinion on what was salvaged from it.
    fn finish(self, syntax: usize) -> Problems {
        let line_ends: Vec<_> = self.text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |finding: &Finding| line_ends.partition_point(|end| *end < finding.span.start);
        let mut findings = self.findings;
        let salvaged = findings.split_off(syntax);
        let mut broken: Vec<_> = findings.iter().map(line).collect();
        broken.sort_unstable();
        let judged = |finding: &Finding| broken.binary_search(&line(finding)).is_err();
        findings.extend(salvaged.into_iter().filter(judged));
        findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
        let mut problems = Problems::default();
        for finding in findings {
            if problems.count() < crate::MAX_PROBLEMS {
                let place = Place::of(self.text, finding.span);
                problems.push(Problem::at(Some(&place), finding.message, finding.hint));
            } else {
                problems.skip();
            }
        }
        problems
    }

    /// Reports sections and keys that do not exist.
    fn unknown(&mut self) {
        for (name, content) in self.root {
            let Some(section) = schema::section(name.get_ref()) else {
                self.unknown_section(name.get_ref(), name.span());
                continue;
            };
            let Some(table) = content.get_ref().as_table() else {
                let message = format!("`{}` must be a section, not a value", section.name);
                self.find(
                    name.span(),
                    message,
                    Some(format!("write [{}]", section.name)),
                );
                continue;
            };
            for key in table.keys() {
                if section.key(key.get_ref()).is_none() {
                    self.unknown_key(section, key.get_ref(), key.span());
                }
            }
        }
    }

    fn unknown_section(&mut self, name: &str, span: Range<usize>) {
        let holder = SECTIONS.iter().find(|section| section.key(name).is_some());
        let hint = if let Some(section) = holder {
            format!("`{name}` belongs into section [{}]", section.name)
        } else if let Some(near) = nearest(name, SECTIONS.iter().map(|section| section.name)) {
            format!("did you mean [{near}]?")
        } else {
            format!(
                "sections are {}",
                list(SECTIONS.iter().map(|section| section.name))
            )
        };
        self.find(
            span,
            format!("unknown section or key `{}`", shortened(name)),
            Some(hint),
        );
    }

    fn unknown_key(&mut self, section: &Section, name: &str, span: Range<usize>) {
        let keys = || section.keys.iter().map(|key| key.name);
        let holder = SECTIONS.iter().find(|other| other.key(name).is_some());
        let hint = if let Some(other) = holder {
            format!("`{name}` belongs into section [{}]", other.name)
        } else if let Some(near) = nearest(name, keys()) {
            format!("did you mean `{near}`?")
        } else {
            format!("keys here are {}", list(keys()))
        };
        let message = format!("unknown key `{}` in [{}]", shortened(name), section.name);
        self.find(span, message, Some(hint));
    }

    fn value(&self, section: &str, key: &str) -> Option<Value<'a, 'i>> {
        self.root.get(section)?.get_ref().as_table()?.get(key)
    }

    /// The place of a key's value, for checks that come after reading.
    fn place(&self, section: &str, key: &str) -> Option<Place> {
        self.value(section, key)
            .map(|value| Place::of(self.text, value.span()))
    }

    fn refuse(&mut self, section: &str, key: &str, value: Value<'_, '_>, fault: Fault) {
        let message = match fault {
            Fault::Value(reason) => format!("`{key}` {reason}"),
            Fault::Kind => {
                let kind = schema::section(section)
                    .and_then(|section| section.key(key))
                    .map_or("another kind of value", |key| key.kind);
                match value.get_ref() {
                    DeValue::String(text) if text.is_empty() => {
                        format!("`{key}` must be {kind}, not empty")
                    }
                    DeValue::String(text) => {
                        format!("`{key}` must be {kind}, not \"{}\"", shortened(text))
                    }
                    other => format!("`{key}` must be {kind}, not {}", kind_of(other)),
                }
            }
        };
        self.find(value.span(), message, None);
    }

    /// Reads one key; a refused value is reported and counts as absent.
    fn one<T>(
        &mut self,
        section: &str,
        key: &str,
        convert: impl FnOnce(&DeValue<'i>) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = self.value(section, key)?;
        convert(value.get_ref())
            .map_err(|fault| self.refuse(section, key, value, fault))
            .ok()
    }

    /// Reads a list; refused entries are reported and left out.
    fn many<T>(
        &mut self,
        section: &str,
        key: &str,
        limit: usize,
        convert: impl Fn(&DeValue<'i>) -> Result<T, Fault>,
    ) -> Vec<T> {
        let Some(value) = self.value(section, key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.refuse(section, key, value, Fault::Kind);
            return Vec::new();
        };
        if array.len() > limit {
            let reason = format!("has {} entries, at most {limit} are allowed", array.len());
            self.refuse(section, key, value, Fault::Value(reason));
            return Vec::new();
        }
        let mut list = Vec::with_capacity(array.len());
        for entry in array.iter() {
            match convert(entry.get_ref()) {
                Ok(converted) => list.push(converted),
                Err(fault) => self.refuse(section, key, entry, fault),
            }
        }
        list
    }

    fn all(&mut self) -> Manifest {
        let node = self.node();
        let network = self.network(&node);
        let cores = Cores::default();
        let panic = Panic::default();
        Manifest {
            node,
            network,
            tls: self.tls(),
            cores: Cores {
                system: self
                    .one("cores", "system", value::system_cores)
                    .unwrap_or(cores.system),
                compute: self
                    .one("cores", "compute", value::compute_cores)
                    .unwrap_or(cores.compute),
                host_services: self
                    .one("cores", "host_services", value::host_cores)
                    .unwrap_or(cores.host_services),
            },
            services: Services {
                memory: self.one("services", "memory", value::services_memory),
                service_memory: self.one("services", "service_memory", value::service_memory),
                rest_seconds: self.one("services", "rest_seconds", value::rest),
                http: self
                    .one("services", "http", value::reach)
                    .unwrap_or_default(),
                effectors: self.many("services", "effectors", MAX_LIST, value::effector),
            },
            particles: Particles {
                author: self.share([
                    "author_rate",
                    "author_alive",
                    "author_memory",
                    "author_work",
                ]),
                worker: self.share([
                    "worker_rate",
                    "worker_alive",
                    "worker_memory",
                    "worker_work",
                ]),
            },
            http: Http {
                port: self.one("http", "port", value::port),
            },
            disk: self.disk(),
            prover: self.prover(),
            chain: self.chain(),
            log: Log {
                level: self
                    .one("log", "level", value::level)
                    .unwrap_or(Log::default().level),
                trace: self.one("log", "trace", |value| {
                    value::string(value).map(str::to_owned)
                }),
            },
            panic: Panic {
                action: self
                    .one("panic", "action", value::panic_action)
                    .unwrap_or(panic.action),
            },
            places: Places {
                system: self.place("cores", "system"),
                compute: self.place("cores", "compute"),
            },
        }
    }

    fn share(&mut self, [rate, alive, memory, work]: [&'static str; 4]) -> Share {
        const SECTION: &str = "particles";
        Share {
            rate: self.one(SECTION, rate, value::particles),
            alive: self.one(SECTION, alive, value::particles),
            memory: self.one(SECTION, memory, value::particles_memory),
            work: self.one(SECTION, work, value::percent),
        }
    }

    fn chain(&mut self) -> Option<Chain> {
        const SECTION: &str = "chain";
        let endpoint = self.one(SECTION, "endpoint", value::url);
        let diamond = self.one(SECTION, "diamond", value::contract);
        let chain_id = self.one(SECTION, "chain_id", value::wide);
        let wallet_key = self.one(SECTION, "wallet_key", value::wallet_key);
        let base_fee = self.one(SECTION, "base_fee", value::wide);
        let priority_fee = self.one(SECTION, "priority_fee", value::wide);
        let ipfs = self.one(SECTION, "ipfs", |value| {
            let text = value::string(value)?;
            address::multiaddr(text, Peer::Own).map_err(|error| format!("is wrong: {error}"))?;
            Ok(text.to_owned())
        });
        // What was refused already is not asked for again.
        let good = [
            ("endpoint", endpoint.is_some()),
            ("diamond", diamond.is_some()),
            ("chain_id", chain_id.is_some()),
            ("wallet_key", wallet_key.is_some()),
        ];
        let given = good.iter().find(|(_, good)| *good);
        if let Some(given) = given.and_then(|(key, _)| self.value(SECTION, key)) {
            for (key, _) in good {
                if self.value(SECTION, key).is_none() {
                    let message = format!("section [{SECTION}] needs `{key}`, which is missing");
                    self.find(given.span(), message, None);
                }
            }
        }
        Some(Chain {
            endpoint: endpoint?,
            diamond: diamond?,
            chain_id: chain_id?,
            wallet_key: wallet_key?,
            base_fee,
            priority_fee,
            ipfs,
        })
    }

    fn prover(&mut self) -> Prover {
        const SECTION: &str = "prover";
        let mode = self.one(SECTION, "mode", value::prover_mode);
        let prover = Prover {
            mode: mode.unwrap_or_default(),
            units: self.many(SECTION, "units", MAX_CORES.into(), value::bytes),
            global_nonce: self
                .one(SECTION, "global_nonce", value::bytes)
                .unwrap_or_default(),
            difficulty: self
                .one(SECTION, "difficulty", value::bytes)
                .unwrap_or_default(),
            epoch_seconds: self.one(SECTION, "epoch_seconds", value::epoch_seconds),
            min_proofs: self.one(SECTION, "min_proofs", value::min_proofs),
            max_proofs: self.one(SECTION, "max_proofs", value::max_proofs),
            datasets: self.one(SECTION, "datasets", value::datasets),
            registers: self
                .one(SECTION, "registers", value::registers)
                .unwrap_or_default(),
        };
        if prover.mode != ProverMode::Off {
            for key in ["units", "global_nonce", "difficulty"] {
                if let (None, Some(mode)) = (self.value(SECTION, key), self.value(SECTION, "mode"))
                {
                    let message = format!("`mode` needs `{key}` beside it, which is missing");
                    self.find(mode.span(), message, None);
                }
            }
        }
        if let (true, true, Some(value)) = (
            prover.mode != ProverMode::Off,
            prover.units.is_empty(),
            self.value(SECTION, "units"),
        ) && value
            .get_ref()
            .as_array()
            .is_some_and(|array| array.is_empty())
        {
            self.refuse(SECTION, "units", value, Fault::from("names no unit"));
        }
        let mut units = prover.units.clone();
        units.sort_unstable();
        units.dedup();
        if units.len() < prover.units.len()
            && let Some(value) = self.value(SECTION, "units")
        {
            let fault = Fault::from("names a unit twice");
            self.refuse(SECTION, "units", value, fault);
        }
        if let (Some(min), Some(max)) = (prover.min_proofs, prover.max_proofs)
            && min > max
            && let Some(value) = self.value(SECTION, "max_proofs")
        {
            let reason = format!("is {max}, below `min_proofs`, which is {min}");
            self.refuse(SECTION, "max_proofs", value, Fault::Value(reason));
        }
        prover
    }

    fn node(&mut self) -> Node {
        Node {
            network: self
                .one("node", "network", value::network_id)
                .unwrap_or_default(),
            seed: self.one("node", "seed", value::seed),
            management_peer_id: self.one("node", "management_peer_id", |value| {
                let text = value::string(value)?;
                address::peer_id(text)?;
                Ok(text.to_owned())
            }),
            bootstrap: self.multiaddrs("node", "bootstrap", Peer::Named),
        }
    }

    fn multiaddrs(&mut self, section: &str, key: &str, peer: Peer) -> Vec<String> {
        self.many(section, key, MAX_LIST, |value| {
            let text = value::string(value)?;
            address::multiaddr(text, peer)
                .map_err(|reason| format!("has a wrong entry: {reason}"))?;
            Ok(text.to_owned())
        })
    }

    fn network(&mut self, node: &Node) -> Network {
        let default = Network::default();
        let network = Network {
            addressing: self.addressing(node),
            ipv6: self.addressing6(),
            vlan: self.one("network", "vlan", value::vlan),
            hostname: self
                .one("network", "hostname", value::hostname)
                .unwrap_or(default.hostname),
            tcp_port: self
                .one("network", "tcp_port", value::port)
                .unwrap_or(default.tcp_port),
            websocket_port: self
                .one("network", "websocket_port", value::port)
                .unwrap_or(default.websocket_port),
            external_addresses: self.multiaddrs("network", "external_addresses", Peer::Own),
            speed_test: self
                .one("network", "speed_test", value::flag)
                .unwrap_or(default.speed_test),
        };
        if network.tcp_port == network.websocket_port {
            let both = ["websocket_port", "tcp_port"];
            if let Some(value) = both.into_iter().find_map(|key| self.value("network", key)) {
                let message = format!(
                    "`tcp_port` and `websocket_port` are both {}",
                    network.tcp_port
                );
                self.find(value.span(), message, Some("give each its own port".into()));
            }
        }
        network
    }

    fn tls(&mut self) -> Tls {
        let text = |value: &DeValue<'i>| value::string(value).map(str::to_owned);
        let roots = self.many("tls", "roots", MAX_LIST, |value| {
            let text = value::string(value)?;
            address::root(text)?;
            Ok(text.to_owned())
        });
        let chain = self.one("tls", "certificate", text);
        let key = self.one("tls", "key", text);
        let certificate = match (chain, key) {
            (Some(chain), Some(key)) => {
                let pair = (chain, key);
                if let (Err((name, reason)), Some(value)) = (
                    address::certificate(&pair),
                    self.value("tls", "certificate"),
                ) {
                    let value = self.value("tls", name).unwrap_or(value);
                    self.refuse("tls", name, value, Fault::Value(reason));
                }
                Some(pair)
            }
            (None, None) => None,
            (chain, _) => {
                let (given, missing) = match chain {
                    Some(_) => ("certificate", "key"),
                    None => ("key", "certificate"),
                };
                // The other one was refused already, if it is there.
                if self.value("tls", missing).is_none()
                    && let Some(value) = self.value("tls", given)
                {
                    let reason = format!("is given without `{missing}`");
                    self.refuse("tls", given, value, Fault::Value(reason));
                }
                None
            }
        };
        Tls { certificate, roots }
    }

    fn disk(&mut self) -> Disk {
        let disk = Disk {
            state: self.one("disk", "state", value::disk_name),
            format: self.one("disk", "format", value::flag).unwrap_or_default(),
            test: self
                .one("disk", "test", value::disk_test)
                .unwrap_or_default(),
        };
        if disk.format
            && let (None, Some(value)) = (self.value("disk", "state"), self.value("disk", "format"))
        {
            let reason = "is given, but no disk is named that may be formatted: add its `state`";
            self.refuse("disk", "format", value, Fault::from(reason));
        }
        disk
    }

    fn addressing(&mut self, node: &Node) -> Addressing {
        let given = self.value("network", "address").is_some();
        let address = self.one("network", "address", value::address);
        let gateway = self.one("network", "gateway", value::host);
        let dns: Vec<Ipv4Addr> = self.many("network", "dns", MAX_DNS, value::host);
        match address {
            Some(Some((address, prefix))) => {
                if gateway == Some(address) {
                    self.refuse_static("gateway", "is the appliance's own address");
                }
                if dns.is_empty() {
                    self.refuse_unresolvable(node);
                }
                Addressing::Static(StaticAddress {
                    address,
                    prefix,
                    gateway,
                    dns,
                })
            }
            // The address was refused already: what depends on it cannot be judged.
            None if given => Addressing::Dhcp,
            None | Some(None) => {
                for key in ["gateway", "dns"] {
                    let reason = "is given, but the address comes from DHCP, which gives it too: \
                                  remove it, or write a static `address`";
                    self.refuse_static(key, reason);
                }
                Addressing::Dhcp
            }
        }
    }

    fn addressing6(&mut self) -> Option<StaticAddress6> {
        let given = self.value("network", "ipv6_address").is_some();
        let address = self.one("network", "ipv6_address", value::address6);
        let gateway = self.one("network", "ipv6_gateway", value::host6);
        let Some((address, prefix)) = address else {
            if !given {
                self.refuse_static("ipv6_gateway", "is given without an `ipv6_address`");
            }
            return None;
        };
        if let Some(gateway) = gateway {
            let host_bits = 128 - u32::from(prefix);
            let network = |ip: Ipv6Addr| ip.to_bits().checked_shr(host_bits).unwrap_or(0);
            if gateway == address {
                self.refuse_static("ipv6_gateway", "is the appliance's own address");
            } else if !gateway.is_unicast_link_local() && network(gateway) != network(address) {
                let reason = "is neither in the subnet nor a link-local address";
                self.refuse_static("ipv6_gateway", reason);
            }
        }
        Some(StaticAddress6 {
            address,
            prefix,
            gateway,
        })
    }

    /// Refuses a key for what stands beside it, unless it was refused for itself.
    fn refuse_static(&mut self, key: &str, reason: &str) {
        let Some(value) = self.value("network", key) else {
            return;
        };
        let span = value.span();
        let inside = |other: &Range<usize>| span.start <= other.start && other.end <= span.end;
        if !self.findings.iter().any(|finding| inside(&finding.span)) {
            self.refuse("network", key, value, Fault::from(reason));
        }
    }

    /// Names cannot be resolved with a static address and no name server.
    fn refuse_unresolvable(&mut self, node: &Node) {
        let named = node
            .bootstrap
            .iter()
            .any(|address| address.starts_with("/dns"));
        if let (true, Some(value)) = (named, self.value("node", "bootstrap")) {
            let reason = "names a host, but a static `address` without `dns` cannot look it up";
            self.refuse("node", "bootstrap", value, Fault::from(reason));
        }
    }
}

/// What a value is, with its article.
fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
