//! Modules and blueprints of the whole node.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_distro::{Damaged, cid};
use basalt_wasm_host::{Module, Wasmi};
use serde_json::{Value, json};

use super::error::Error;
use super::running::{File, Part};
use crate::disk::Wanted;
use crate::state::{Batch, Namespace, Record, State};

/// A module that the node has.
struct Known {
    name: String,
    /// Its file, when there is no store to read it from.
    bytes: Option<File>,
    loaded: Option<Module>,
}

/// A recipe for services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blueprint {
    /// Its name.
    pub name: String,
    /// CID of its text.
    pub id: String,
    /// CIDs of its modules, the facade last.
    pub dependencies: Vec<String>,
}

impl Blueprint {
    /// Reads the DAG-JSON form.
    ///
    /// # Errors
    /// It is none, or names no modules.
    pub fn parse(text: &str) -> Result<Blueprint, Error> {
        let bad = |why: &str| Error::BadBlueprint(why.to_string());
        let value: Value =
            serde_json::from_str(text).map_err(|error| Error::BadBlueprint(error.to_string()))?;
        let name = value.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| bad("missing field `name`"))?;
        let links = value.get("dependencies").and_then(Value::as_array);
        let links = links.ok_or_else(|| bad("missing field `dependencies`"))?;
        let mut dependencies = Vec::with_capacity(links.len());
        for link in links {
            let cid = link.get("/").and_then(Value::as_str);
            let cid = cid.ok_or_else(|| bad("a dependency is no link"))?;
            dependencies.push(cid.to_string());
        }
        if dependencies.is_empty() {
            return Err(Error::EmptyBlueprint(name.to_string()));
        }
        let id = cid::of_file(dag_json(name, &dependencies).as_bytes());
        Ok(Blueprint {
            name: name.to_string(),
            id,
            dependencies,
        })
    }

    /// The DAG-JSON form.
    pub fn text(&self) -> String {
        dag_json(&self.name, &self.dependencies)
    }

    /// As scripts see it.
    pub(crate) fn value(&self) -> Value {
        json!({ "name": self.name, "id": self.id, "dependencies": self.dependencies })
    }
}

/// The DAG-JSON form of a blueprint.
pub(crate) fn dag_json(name: &str, dependencies: &[String]) -> String {
    let links: Vec<Value> = dependencies.iter().map(|cid| json!({ "/": cid })).collect();
    // DAG-JSON sorts keys by length, then by bytes; these two come out as they are written here.
    alloc::format!(
        "{{\"dependencies\":{},\"name\":{}}}",
        Value::Array(links),
        Value::String(name.into())
    )
}

/// All modules and blueprints.
#[derive(Default)]
pub struct Modules {
    pub(super) engine: Wasmi,
    modules: BTreeMap<String, Known>,
    blueprints: BTreeMap<String, Blueprint>,
}

impl Modules {
    /// Those that the state has.
    pub(super) fn restore(state: &mut State) -> Result<Modules, Error> {
        let mut restored = Modules::default();
        for (cid, facts) in state.records(Namespace::ModuleFacts, b"")? {
            let known = Known {
                name: String::from_utf8_lossy(&facts).into_owned(),
                bytes: None,
                loaded: None,
            };
            let cid = String::from_utf8_lossy(&cid).into_owned();
            restored.modules.insert(cid, known);
        }
        for (_, text) in state.records(Namespace::Blueprints, b"")? {
            let blueprint = Blueprint::parse(&String::from_utf8_lossy(&text))?;
            restored.blueprints.insert(blueprint.id.clone(), blueprint);
        }
        Ok(restored)
    }

    /// What has to be kept of a module that was loaded.
    pub(crate) fn plan(&self, cid: &str, name: &str, bytes: &File) -> Batch {
        let mut changes = Batch::new();
        if !self.modules.contains_key(cid) {
            changes.put(Namespace::Modules, cid, (**bytes).as_ref().to_vec());
        }
        changes.put(Namespace::ModuleFacts, cid, name);
        changes
    }

    /// Takes a module that was loaded, and its file if that is on no store.
    pub(crate) fn add(&mut self, cid: &str, name: &str, bytes: Option<File>, module: Module) {
        let known = Known {
            name: name.into(),
            bytes,
            loaded: Some(module),
        };
        self.modules.insert(cid.into(), known);
    }

    /// Takes a module that comes with the node, when the node starts: it is loaded when a service
    /// needs it. What the state cannot keep is there until the node stops, and comes again.
    pub(crate) fn install(
        &mut self,
        state: Option<&mut State>,
        name: &str,
        file: &basalt_distro::File,
    ) -> Result<(), Damaged> {
        let cid = file.cid();
        if self.modules.contains_key(cid) {
            return Ok(());
        }
        let bytes = file.read()?;
        let kept = state.is_some_and(|state| {
            let mut changes = Batch::new();
            changes
                .put(Namespace::Modules, cid, &*bytes)
                .put(Namespace::ModuleFacts, cid, name);
            state
                .commit(changes)
                .inspect_err(|error| log::warn!(target: "system", "{name} is not kept: {error}"))
                .is_ok()
        });
        let known = Known {
            name: name.into(),
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

    /// A module's name, and its code or its file, which may be among the records that were read.
    pub(super) fn part(&self, cid: &str, read: &[Vec<Record>]) -> Result<(String, Part), Error> {
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
        Ok((known.name.clone(), part))
    }

    /// All modules as scripts see them.
    pub(crate) fn list(&self) -> Value {
        let modules = self.modules.iter().map(|(cid, known)| {
            json!({ "name": known.name, "hash": cid, "config": { "name": known.name } })
        });
        modules.collect()
    }

    /// What has to be kept of a blueprint: nothing if it is known.
    pub(crate) fn plan_blueprint(&self, blueprint: &Blueprint) -> Batch {
        let mut changes = Batch::new();
        if !self.blueprints.contains_key(&blueprint.id) {
            changes.put(
                Namespace::Blueprints,
                blueprint.id.as_bytes(),
                blueprint.text(),
            );
        }
        changes
    }

    /// Takes a blueprint; gives its id.
    pub(crate) fn add_blueprint(&mut self, blueprint: Blueprint) -> String {
        let id = blueprint.id.clone();
        self.blueprints.insert(id.clone(), blueprint);
        id
    }

    /// A blueprint.
    pub(crate) fn blueprint(&self, id: &str) -> Result<&Blueprint, Error> {
        let found = self.blueprints.get(id);
        found.ok_or_else(|| Error::NoBlueprint(id.to_string()))
    }

    /// All blueprints as scripts see them.
    pub(crate) fn list_blueprints(&self) -> Value {
        self.blueprints.values().map(Blueprint::value).collect()
    }
}
