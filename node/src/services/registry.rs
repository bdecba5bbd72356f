//! Which services there are, under which names, and who may do what to them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;

use super::entry::{Entry, file_key};
use super::error::Error;
use super::record::Kind;
use super::room::Services;
use crate::state::{Batch, Namespace};

/// Aliases that mean the spell that runs.
pub(crate) const OWN_ALIASES: [&str; 2] = ["spell", "self"];

impl Services {
    /// A service, whatever its scope.
    pub(crate) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
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

    /// Ids of the services of a scope.
    pub(crate) fn ids_of_scope(&self, scope: &PeerId) -> Vec<String> {
        let services = self.of_scope(scope);
        services.map(|entry| entry.record.id.clone()).collect()
    }

    /// Ids of the spells of a scope.
    pub(crate) fn spells_of(&self, scope: &PeerId) -> Vec<String> {
        let services = self.of_scope(scope);
        let spells = services.filter(|entry| entry.record.kind == Kind::Spell);
        spells.map(|entry| entry.record.id.clone()).collect()
    }

    /// The services of a scope.
    pub(crate) fn of_scope<'a>(&'a self, scope: &'a PeerId) -> impl Iterator<Item = &'a Entry> {
        let entries = self.entries.values();
        entries.filter(move |entry| entry.record.scope == *scope && entry.kept)
    }
}

/// A service's new name, ready to be kept.
pub(crate) struct Named {
    scope: PeerId,
    alias: String,
    id: String,
    /// The aliases of each service that changes.
    updated: Vec<(String, Vec<String>)>,
}

impl Services {
    /// Prepares another name for a service in its scope, taking the name from the service that had
    /// it. There are no changes when it has the name already.
    ///
    /// # Errors
    /// The name is an id or reserved, or there is no such service.
    pub(crate) fn plan_alias(
        &self,
        scope: PeerId,
        alias: &str,
        id: &str,
    ) -> Result<(Batch, Named), Error> {
        if OWN_ALIASES.contains(&alias) {
            return Err(Error::AliasReserved(alias.to_string()));
        }
        if self.entries.contains_key(alias) {
            return Err(Error::AliasIsId(alias.to_string()));
        }
        let entry = self.find(&scope, id)?;
        let mut named = Named {
            scope,
            alias: alias.to_string(),
            id: entry.record.id.clone(),
            updated: Vec::new(),
        };
        let mut changes = Batch::new();
        let before = self.alias(&scope, alias);
        if before == Some(&named.id) {
            return Ok((changes, named));
        }
        let mut update = |entry: &Entry, aliases: Vec<String>| {
            let id = &entry.record.id;
            changes.put(
                Namespace::Services,
                id.as_bytes(),
                entry.record.text(&aliases),
            );
            named.updated.push((id.clone(), aliases));
        };
        if let Some(before) = before.and_then(|before| self.entries.get(before)) {
            let mut aliases = before.aliases.clone();
            aliases.retain(|known| known != alias);
            update(before, aliases);
        }
        let mut aliases = entry.aliases.clone();
        aliases.push(alias.to_string());
        update(entry, aliases);
        Ok((changes, named))
    }

    /// Gives a service its name, which is kept.
    pub(crate) fn name(&mut self, named: Named) {
        for (id, aliases) in named.updated {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.aliases = aliases;
            }
        }
        self.aliases.insert((named.scope, named.alias), named.id);
    }

    /// What has to be kept of a new service.
    pub(crate) fn plan_record(&self, id: &str) -> Batch {
        let mut changes = Batch::new();
        if let Some(entry) = self.entries.get(id) {
            let text = entry.record.text(&entry.aliases);
            changes.put(Namespace::Services, id, text);
        }
        changes
    }

    /// A new service's record is kept.
    pub(crate) fn record_kept(&mut self, id: &str) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.kept = true;
        }
    }

    /// What has to be deleted with a service: its record, its subscription, its files.
    ///
    /// # Errors
    /// There is no such service.
    pub(crate) fn plan_removal(
        &self,
        host: PeerId,
        id: &str,
        changes: &mut Batch,
    ) -> Result<(), Error> {
        let entry = self.entries.get(id);
        let entry = entry.ok_or_else(|| Error::NotFound(id.to_string(), host))?;
        changes.delete(Namespace::Services, id);
        changes.delete(Namespace::Spells, id);
        for number in entry.file_records.clone() {
            changes.delete(Namespace::Files, file_key(id, number));
        }
        Ok(())
    }

    /// Removes a service with its names. Calls that wait for it fail. True if it was a whole one.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.leaves(id);
        let Some(entry) = self.entries.remove(id) else {
            return false;
        };
        for alias in &entry.aliases {
            let key = (entry.record.scope, alias.clone());
            self.aliases.remove(&key);
        }
        self.fail_waiting(id);
        entry.kept
    }
}
