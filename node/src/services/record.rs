//! What stays the same about a service, as it is kept.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use serde_json::{Value, json};

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary one.
    Service,
    /// One that starts particles by itself.
    Spell,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Spell => "spell",
        }
    }
}

/// What stays the same about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id, a UUID.
    pub id: String,
    /// Ordinary or spell.
    pub kind: Kind,
    /// What it is made of.
    pub blueprint: String,
    /// Who created it.
    pub owner: PeerId,
    /// The worker, or the host, that it belongs to.
    pub scope: PeerId,
}

impl Record {
    /// As it is kept on the store, with the aliases.
    pub(super) fn text(&self, aliases: &[String]) -> String {
        json!({
            "service_id": self.id,
            "service_type": self.kind.name(),
            "blueprint_id": self.blueprint,
            "owner_id": self.owner.to_string(),
            "peer_scope": self.scope.to_string(),
            "aliases": aliases,
        })
        .to_string()
    }

    /// Reads what [`Record::text`] wrote.
    pub(super) fn parse(text: &[u8]) -> Option<(Record, Vec<String>)> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let text = |name: &str| value.get(name)?.as_str().map(str::to_string);
        let aliases = value.get("aliases")?.as_array()?.iter();
        let aliases = aliases.map(|alias| alias.as_str().map(str::to_string));
        let kind = match text("service_type")?.as_str() {
            "service" => Kind::Service,
            "spell" => Kind::Spell,
            _ => return None,
        };
        let record = Record {
            id: text("service_id")?,
            kind,
            blueprint: text("blueprint_id")?,
            owner: text("owner_id")?.parse().ok()?,
            scope: text("peer_scope")?.parse().ok()?,
        };
        Some((record, aliases.collect::<Option<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_are_written() {
        let peer = |n| basalt_net::keypair::Keypair::from_seed([n; 32]).peer_id();
        let record = Record {
            id: "id".into(),
            kind: Kind::Spell,
            blueprint: "bafk".into(),
            owner: peer(1),
            scope: peer(2),
        };
        let aliases = alloc::vec![String::from("a \"b\"")];
        let text = record.text(&aliases);
        assert_eq!(
            Record::parse(text.as_bytes()),
            Some((record.clone(), aliases))
        );
        let broken = text.replace("\"spell\"", "\"spelt\"");
        assert_eq!(Record::parse(broken.as_bytes()), None);
        assert_eq!(Record::parse(b"{}"), None);
    }
}
