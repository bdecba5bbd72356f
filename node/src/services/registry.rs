//! Which services there are, under which names, and who may do what to them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use serde_json::{Value, json};

use super::{Entry, Error, Services, file_prefix};
use crate::state::{Changes, Room};
use crate::world::World;

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary one.
    Service,
    /// One that starts particles by itself.
    Spell,
}

impl Kind {
    fn name(self) -> &'static str {
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
    fn text(&self, aliases: &[String]) -> String {
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

impl Entry {
    /// As scripts see it.
    pub(crate) fn value(&self) -> Value {
        json!({
            "id": self.record.id,
            "blueprint_id": self.record.blueprint,
            "service_type": self.record.kind.name(),
            "owner_id": self.record.owner.to_string(),
            "aliases": self.aliases,
            "worker_id": self.record.scope.to_string(),
        })
    }

    /// Sets the record on the store to what it is now.
    pub(super) fn keep(&self, changes: &mut Changes) {
        let key = self.record.id.as_bytes();
        changes.put(Room::Services, key, self.record.text(&self.aliases));
    }
}

/// Aliases that mean the spell that runs.
pub(crate) const OWN_ALIASES: [&str; 2] = ["spell", "self"];

impl Services {
    /// A service, whatever its scope.
    pub(crate) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.record.id.clone(), entry);
    }

    /// The service with an id, or else with an alias, in a scope.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn find(&self, scope: &PeerId, name: &str) -> Result<&Entry, Error> {
        let by_id = self.entries.get(name);
        let by_id = by_id.filter(|entry| entry.record.scope == *scope);
        by_id
            .or_else(|| self.entries.get(self.alias(scope, name)?))
            .ok_or_else(|| Error::NotFound(name.to_string(), *scope))
    }

    /// The id behind an alias in a scope.
    pub(crate) fn alias(&self, scope: &PeerId, alias: &str) -> Option<&String> {
        self.aliases.get(&(*scope, alias.to_string()))
    }

    /// The services of a scope.
    pub(crate) fn of_scope<'a>(&'a self, scope: &'a PeerId) -> impl Iterator<Item = &'a Entry> {
        let entries = self.entries.values();
        entries.filter(move |entry| entry.record.scope == *scope && entry.kept)
    }
}

impl World {
    /// Gives a service another name in its scope, taking the name from the service that had it.
    ///
    /// # Errors
    /// The name is an id or reserved, there is no such service, or the store refuses.
    pub(crate) fn set_alias(&mut self, scope: &PeerId, alias: &str, id: &str) -> Result<(), Error> {
        if OWN_ALIASES.contains(&alias) {
            return Err(Error::AliasReserved(alias.to_string()));
        }
        if self.services.entries.contains_key(alias) {
            return Err(Error::AliasIsId(alias.to_string()));
        }
        let id = self.services.find(scope, id)?.record.id.clone();
        let before = self.services.alias(scope, alias).cloned();
        if before.as_ref() == Some(&id) {
            return Ok(());
        }
        let mut changes = Changes::new();
        let mut updated = Vec::new();
        if let Some(entry) = before.and_then(|before| self.services.entries.get(&before)) {
            let mut aliases = entry.aliases.clone();
            aliases.retain(|known| known != alias);
            updated.push((entry.record.clone(), aliases));
        }
        if let Some(entry) = self.services.entries.get(&id) {
            let mut aliases = entry.aliases.clone();
            aliases.push(alias.to_string());
            updated.push((entry.record.clone(), aliases));
        }
        for (record, aliases) in &updated {
            changes.put(Room::Services, record.id.as_bytes(), record.text(aliases));
        }
        self.keep(changes)?;
        for (record, aliases) in updated {
            if let Some(entry) = self.services.entries.get_mut(&record.id) {
                entry.aliases = aliases;
            }
        }
        self.services
            .aliases
            .insert((*scope, alias.to_string()), id);
        Ok(())
    }

    /// Removes a service with its files and names. Calls that wait for it fail.
    ///
    /// # Errors
    /// There is no such service, or the store refuses.
    pub(crate) fn remove_service(&mut self, id: &str) -> Result<(), Error> {
        let Some(entry) = self.services.entries.get(id) else {
            return Err(Error::NotFound(id.to_string(), self.host().peer_id));
        };
        let begin = self.now();
        let scope = entry.record.scope;
        let mut changes = Changes::new();
        changes.delete(Room::Services, id);
        changes.delete(Room::Spells, id);
        if let Some(state) = &self.state {
            for key in state.keys(Room::Files, &file_prefix(id)) {
                changes.delete(Room::Files, key);
            }
        }
        self.keep(changes)?;
        self.services.leaves(id);
        let Some(entry) = self.services.entries.remove(id) else {
            return Ok(());
        };
        if entry.kept {
            self.meters.removed += 1;
            if let (Some(begin), Some(end)) = (begin, self.now()) {
                self.meters.removal.milliseconds(end.since(begin));
            }
        }
        for alias in &entry.aliases {
            self.services.aliases.remove(&(scope, alias.clone()));
        }
        for waiting in entry.waiting {
            waiting.fail(self, Error::NotFound(id.to_string(), scope));
        }
        Ok(())
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
