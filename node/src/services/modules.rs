//! Modules and blueprints of the whole node.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_distro::Damaged;
use basalt_net::peer_id::PeerId;
use basalt_wasm_host::{Module, Wasmi};
use serde_json::{Value, json};

use super::blueprint::Blueprint;
use super::error::Error;
use super::names::{Adders, Names};
use super::running::{File, Ingredient, Part};
use crate::disk::Wanted;
use crate::refusal::Refusal;
use crate::state::{Batch, Namespace, Record, State};

/// A module that the node has.
struct Known {
    names: Names,
    /// Its file, when there is no store to read it from.
    bytes: Option<File>,
    loaded: Option<Module>,
}

/// All modules and blueprints.
#[derive(Default)]
pub struct Modules {
    pub(super) engine: Wasmi,
    modules: BTreeMap<String, Known>,
    blueprints: BTreeMap<String, (Blueprint, Adders)>,
}

impl Modules {
    /// Those that the state has.
    pub(super) fn restore(state: &mut State) -> Result<Modules, Error> {
        let mut restored = Modules::default();
        for (cid, first) in state.records(Namespace::ModuleFacts, b"")? {
            let first = String::from_utf8_lossy(&first).into_owned();
            let given = state.get(Namespace::ModuleNames, &cid)?;
            let known = Known {
                names: Names::parse(first, given.as_deref()),
                bytes: None,
                loaded: None,
            };
            let cid = String::from_utf8_lossy(&cid).into_owned();
            restored.modules.insert(cid, known);
        }
        for (_, text) in state.records(Namespace::Blueprints, b"")? {
            let blueprint = Blueprint::parse(&String::from_utf8_lossy(&text))?;
            let id = blueprint.id.clone();
            let adders = state.get(Namespace::BlueprintNames, id.as_bytes())?;
            let adders = adders.and_then(|text| Adders::parse(&text));
            let adders = adders.unwrap_or_else(Adders::unknown);
            restored.blueprints.insert(id, (blueprint, adders));
        }
        Ok(restored)
    }

    /// What has to be kept of a module that an author uploaded, and its names then.
    ///
    /// # Errors
    /// It has too many names.
    pub(crate) fn plan(
        &self,
        author: &PeerId,
        cid: &str,
        name: &str,
        bytes: &File,
    ) -> Result<(Batch, Names), Error> {
        let mut changes = Batch::new();
        let Some(known) = self.modules.get(cid) else {
            changes.put(Namespace::Modules, cid, (**bytes).as_ref().to_vec());
            changes.put(Namespace::ModuleFacts, cid, name);
            return Ok((changes, Names::new(name)));
        };
        let names = known.names.with(author, name);
        let names = names.ok_or(Error::Refused(Refusal::ModulesFull))?;
        if names != known.names {
            changes.put(Namespace::ModuleNames, cid, names.text());
        }
        Ok((changes, names))
    }

    /// Takes a module that was loaded, and its file if that is on no store.
    pub(crate) fn add(&mut self, cid: &str, names: Names, bytes: Option<File>, module: Module) {
        let known = Known {
            names,
            bytes,
            loaded: Some(module),
        };
        self.modules.insert(cid.into(), known);
    }

    /// Takes a module that comes with the node, when the node starts: it is loaded when a service
    /// needs it. What the state cannot keep is there until the node stops, and comes again. If the
    /// state knows it by another name, it gets its own back.
    pub(crate) fn install(
        &mut self,
        state: Option<&mut State>,
        name: &str,
        file: &basalt_distro::File,
    ) -> Result<(), Damaged> {
        let cid = file.cid();
        if let Some(known) = self.modules.get_mut(cid) {
            let names = known.names.led_by(name);
            if names != known.names {
                known.names = names;
                let mut changes = Batch::new();
                changes.put(Namespace::ModuleFacts, cid, name).put(
                    Namespace::ModuleNames,
                    cid,
                    known.names.text(),
                );
                keep(state, name, changes);
            }
            return Ok(());
        }
        let bytes = file.read()?;
        let mut changes = Batch::new();
        changes
            .put(Namespace::Modules, cid, &*bytes)
            .put(Namespace::ModuleFacts, cid, name);
        let kept = keep(state, name, changes);
        let known = Known {
            names: Names::new(name),
            bytes: (!kept).then(|| Arc::new(bytes) as File),
            loaded: None,
        };
        self.modules.insert(cid.into(), known);
        Ok(())
    }

    /// Remembers that a module is loaded.
    pub(super) fn loaded(&mut self, cid: &str, module: Module) {
        if let Some(known) = self.modules.get_mut(cid) {
            known.loaded = Some(module);
        }
    }

    /// Number of modules.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// What has to be read from the disk before a service of a blueprint can be started.
    pub(super) fn wanted(&self, blueprint: &str) -> Result<Vec<Wanted>, Error> {
        let mut wanted = Vec::new();
        for cid in &self.blueprint(blueprint)?.dependencies {
            wanted.extend(self.wanted_module(cid)?);
        }
        Ok(wanted)
    }

    /// What has to be read from the disk before a module can be used.
    pub(super) fn wanted_module(&self, cid: &str) -> Result<Option<Wanted>, Error> {
        let known = self.modules.get(cid);
        let known = known.ok_or_else(|| Error::NoModule(cid.to_string()))?;
        let is_here = known.loaded.is_some() || known.bytes.is_some();
        Ok((!is_here).then(|| Wanted::One(Namespace::Modules, cid.as_bytes().to_vec())))
    }

    /// What a service of an owner is made of. Code or files of the modules may be among the
    /// records that were read.
    pub(super) fn ingredients(
        &self,
        blueprint: &str,
        owner: &PeerId,
        read: &[Vec<Record>],
    ) -> Result<Vec<Ingredient>, Error> {
        let (blueprint, adders) = self.entry(blueprint)?;
        let dependencies = blueprint.dependencies.iter().enumerate();
        let ingredients = dependencies.map(|(place, cid)| {
            let (names, part) = self.known_part(cid, read)?;
            Ok(Ingredient {
                cid: cid.clone(),
                names: adders.candidates(owner, place, names),
                part,
            })
        });
        ingredients.collect()
    }

    /// Whether nobody knows any more what the modules of a blueprint were called.
    pub(super) fn has_lost_names(&self, blueprint: &str) -> Result<bool, Error> {
        Ok(self.entry(blueprint)?.1.are_unknown())
    }

    /// What the node calls a module, and its code or its file, which may be among the records that
    /// were read.
    pub(super) fn part(&self, cid: &str, read: &[Vec<Record>]) -> Result<(String, Part), Error> {
        let (names, part) = self.known_part(cid, read)?;
        Ok((names.first().to_string(), part))
    }

    fn known_part(&self, cid: &str, read: &[Vec<Record>]) -> Result<(&Names, Part), Error> {
        let missing = || Error::NoModule(cid.to_string());
        let known = self.modules.get(cid).ok_or_else(missing)?;
        let part = match (&known.loaded, &known.bytes) {
            (Some(module), _) => Part::Loaded(module.clone()),
            (None, Some(bytes)) => Part::File(bytes.clone()),
            (None, None) => {
                let mut all = read.iter().flatten();
                let record = all.find(|(key, _)| key == cid.as_bytes());
                let (_, bytes) = record.ok_or_else(missing)?;
                // A blueprint may name a module twice: the record stays.
                Part::File(Arc::new(bytes.clone()))
            }
        };
        Ok((&known.names, part))
    }

    /// All modules as scripts see them.
    pub(crate) fn list(&self) -> Value {
        let modules = self.modules.iter().map(|(cid, known)| {
            let name = known.names.first();
            json!({ "name": name, "hash": cid, "config": { "name": name } })
        });
        modules.collect()
    }

    /// What has to be kept of a blueprint that an author adds: nothing if he has added it before.
    pub(crate) fn plan_blueprint(&self, author: &PeerId, blueprint: &Blueprint) -> Batch {
        self.blueprint_changes(blueprint, &self.adders(author, blueprint))
    }

    /// Takes a blueprint that an author adds; gives its id.
    pub(crate) fn add_blueprint(&mut self, author: &PeerId, blueprint: Blueprint) -> String {
        let adders = self.adders(author, &blueprint);
        let id = blueprint.id.clone();
        self.blueprints.insert(id.clone(), (blueprint, adders));
        id
    }

    /// Takes a blueprint that comes with the node, when the node starts: its modules have these
    /// names for everybody. Gives its id.
    pub(crate) fn install_blueprint(
        &mut self,
        state: Option<&mut State>,
        blueprint: Blueprint,
        names: Vec<String>,
    ) -> Result<String, Error> {
        let id = blueprint.id.clone();
        let adders = self.blueprints.get(&id).map(|(_, adders)| adders);
        let adders = adders.unwrap_or(&Adders::default()).of_node(names);
        if let Some(state) = state {
            state.commit(self.blueprint_changes(&blueprint, &adders))?;
        }
        self.blueprints.insert(id.clone(), (blueprint, adders));
        Ok(id)
    }

    fn adders(&self, author: &PeerId, blueprint: &Blueprint) -> Adders {
        let modules = blueprint.dependencies.iter();
        let modules = modules.map(|cid| Some(&self.modules.get(cid)?.names));
        let known = self.blueprints.get(&blueprint.id);
        let known = known.map(|(_, adders)| adders);
        known.unwrap_or(&Adders::default()).with(author, modules)
    }

    fn blueprint_changes(&self, blueprint: &Blueprint, adders: &Adders) -> Batch {
        let mut changes = Batch::new();
        let id = blueprint.id.as_bytes();
        let known = self.blueprints.get(&blueprint.id);
        if known.is_none() {
            changes.put(Namespace::Blueprints, id, blueprint.text());
        }
        if known.is_none_or(|(_, known)| known != adders) {
            changes.put(Namespace::BlueprintNames, id, adders.text());
        }
        changes
    }

    /// A blueprint.
    pub(crate) fn blueprint(&self, id: &str) -> Result<&Blueprint, Error> {
        Ok(&self.entry(id)?.0)
    }

    fn entry(&self, id: &str) -> Result<&(Blueprint, Adders), Error> {
        let found = self.blueprints.get(id);
        found.ok_or_else(|| Error::NoBlueprint(id.to_string()))
    }

    /// All blueprints as scripts see them.
    pub(crate) fn list_blueprints(&self) -> Value {
        let blueprints = self.blueprints.values();
        blueprints.map(|(blueprint, _)| blueprint.value()).collect()
    }
}

/// Keeps something of a module that comes with the node; true if that succeeded.
fn keep(state: Option<&mut State>, name: &str, changes: Batch) -> bool {
    state.is_some_and(|state| {
        state
            .commit(changes)
            .inspect_err(|error| log::warn!(target: "system", "{name} is not kept: {error}"))
            .is_ok()
    })
}
