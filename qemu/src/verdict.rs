//! What a Basalt kernel says in its serial lines about how it is.

use core::str::FromStr;

/// How a boot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The node is reachable.
    Listening(Listening),
    /// The node was not started: what to do, such as "fix the manifest"; the reason is in the lines
    /// before.
    NotStarted(String),
    /// The kernel panicked; its line.
    Panic(String),
    /// The kernel has stopped for good.
    Halted,
}

/// The node's own account of where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The node's peer id.
    pub peer_id: String,
    /// Its multiaddrs, as it sees them from inside.
    pub addresses: Vec<String>,
    /// Time since the kernel's first instruction, in milliseconds.
    pub after_ms: Option<u64>,
    /// Memory in use, in KiB.
    pub memory_kib: Option<u64>,
    /// Size of the kernel's image, in KiB.
    pub image_kib: Option<u64>,
}

impl Verdict {
    /// The verdict that a line tells, if it is one that does.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        let (_, said) = line.split_once("basalt: ")?;
        if let Some(fields) = said.strip_prefix("listening ") {
            return fields.parse().ok().map(Self::Listening);
        }
        if let Some(advice) = said.strip_prefix("not started: ") {
            return Some(Self::NotStarted(advice.to_owned()));
        }
        if said.starts_with("panic") {
            return Some(Self::Panic(said.to_owned()));
        }
        (said.trim_end() == "halted").then_some(Self::Halted)
    }
}

impl FromStr for Listening {
    type Err = ();

    /// Reads `peer_id=.. addrs=..,.. after_ms=.. memory_kib=.. image_kib=..`.
    fn from_str(fields: &str) -> Result<Self, ()> {
        let field = |name: &str| {
            fields
                .split_whitespace()
                .filter_map(|field| field.split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let number = |name| field(name).and_then(|value| value.parse().ok());
        Ok(Self {
            peer_id: field("peer_id").ok_or(())?.to_owned(),
            addresses: field("addrs")
                .ok_or(())?
                .split(',')
                .map(str::to_owned)
                .collect(),
            after_ms: number("after_ms"),
            memory_kib: number("memory_kib"),
            image_kib: number("image_kib"),
        })
    }
}

impl Listening {
    /// Its addresses with their TCP ports.
    pub fn endpoints(&self) -> impl Iterator<Item = (&str, u16)> {
        self.addresses.iter().filter_map(|address| {
            let port = address
                .split('/')
                .skip_while(|part| *part != "tcp")
                .nth(1)?;
            Some((address.as_str(), port.parse().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_verdict() {
        let line = "[    0.412003] c0 info  node: basalt: listening peer_id=12D3KooWabc \
                    addrs=/ip4/10.0.2.15/tcp/977,/ip4/10.0.2.15/tcp/999/ws after_ms=412 \
                    memory_kib=5120 image_kib=900";
        let Some(Verdict::Listening(node)) = Verdict::of_line(line) else {
            panic!("{line}");
        };
        assert_eq!(node.peer_id, "12D3KooWabc");
        assert_eq!(node.addresses[1], "/ip4/10.0.2.15/tcp/999/ws");
        assert!(node.endpoints().map(|(_, port)| port).eq([977, 999]));
        assert_eq!(
            (node.after_ms, node.memory_kib, node.image_kib),
            (Some(412), Some(5120), Some(900))
        );

        let of = Verdict::of_line;
        assert_eq!(
            of("basalt: not started: fix the manifest"),
            Some(Verdict::NotStarted("fix the manifest".into()))
        );
        assert_eq!(of("x basalt: halted"), Some(Verdict::Halted));
        let panic = of("basalt: panic on core 1: out of memory");
        assert_eq!(
            panic,
            Some(Verdict::Panic("panic on core 1: out of memory".into()))
        );
        for other in [
            "",
            "basalt: manifest rejected",
            "basalt: listening",
            "listening peer_id=x",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
