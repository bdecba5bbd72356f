//! Names of modules: who gave which, and which of them the modules of a service get.
//!
//! A module is imported by its name, but the name is no part of its file: two authors may upload
//! the same bytes under two names. So the name that was first recorded stays what the module is
//! called on the node, each author has the names that he gave himself, and a blueprint keeps those
//! of whoever added it. What one author uploads is never looked at for another's services.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_wasm_host::Module;
use serde_json::{Value, json};

/// Names of one module beside the first: bounds what re-uploads of known bytes take.
const MAX_NAMES: usize = 256;
/// Those of one author: so that no author takes them all.
const MAX_NAMES_OF_AUTHOR: usize = 16;
/// Authors whose names a blueprint keeps. Services of others get those of the first.
const MAX_ADDERS: usize = 256;
/// Modules of a service of which wrong names are put right: bounds the search.
const MAX_SETTLED: usize = 64;

/// Who gave a name; `None`: the node itself, or nobody knows any more.
type Author = Option<PeerId>;

/// The names of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    first: String,
    /// In the order in which they were given.
    given: Vec<(Author, String)>,
}

impl Names {
    pub(super) fn new(first: &str) -> Names {
        Names {
            first: first.into(),
            given: Vec::new(),
        }
    }

    /// What was kept of them: the first name, and what [`Names::text`] wrote.
    pub(super) fn parse(first: String, text: Option<&[u8]>) -> Names {
        let given = text.and_then(|text| serde_json::from_slice::<Vec<Value>>(text).ok());
        let given = given.unwrap_or_default();
        let given = given.iter().filter_map(|pair| {
            let author = author(pair.get(0)?)?;
            Some((author, pair.get(1)?.as_str()?.to_string()))
        });
        Names {
            first,
            given: given.collect(),
        }
    }

    /// As they are kept beside the first.
    pub(super) fn text(&self) -> String {
        let given = self.given.iter();
        let given = given.map(|(author, name)| json!([author_text(author), name]));
        given.collect::<Value>().to_string()
    }

    /// What the module is called on the node.
    pub(super) fn first(&self) -> &str {
        &self.first
    }

    /// What an author calls it: as he did last.
    fn latest(&self, author: &PeerId) -> &str {
        let mut given = self.given.iter().rev();
        let own = given.find(|(other, _)| *other == Some(*author));
        own.map_or(&self.first, |(_, name)| name)
    }

    /// With a name that an author gives; `None`: there are too many.
    pub(super) fn with(&self, author: &PeerId, name: &str) -> Option<Names> {
        let mut names = self.clone();
        if self.latest(author) == name {
            return Some(names);
        }
        let pair = (Some(*author), name.to_string());
        names.given.retain(|known| *known != pair);
        let own = names.given.iter().filter(|known| known.0 == pair.0);
        if own.count() >= MAX_NAMES_OF_AUTHOR || names.given.len() >= MAX_NAMES {
            return None;
        }
        names.given.push(pair);
        Some(names)
    }

    /// With a name that the node itself knows the module by: it is the first from now on, and the
    /// one that was stays known.
    pub(super) fn led_by(&self, name: &str) -> Names {
        let mut names = self.clone();
        if self.first == name || self.of_nobody().any(|known| known == name) {
            return names;
        }
        let before = core::mem::replace(&mut names.first, name.into());
        names.given.insert(0, (None, before));
        names
    }

    fn of_nobody(&self) -> impl Iterator<Item = &str> {
        let given = self.given.iter().filter(|(author, _)| author.is_none());
        given.map(|(_, name)| name.as_str())
    }

    fn of<'a>(&'a self, author: &'a PeerId) -> impl Iterator<Item = &'a str> {
        let given = self.given.iter();
        let given = given.filter(move |(other, _)| *other == Some(*author));
        given.map(|(_, name)| name.as_str())
    }
}

fn author(value: &Value) -> Option<Author> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.parse().ok()?)),
        _ => None,
    }
}

fn author_text(author: &Author) -> Value {
    author.map_or(Value::Null, |author| author.to_string().into())
}

/// The names of a blueprint's modules as one author meant them; a module that was not there when
/// the blueprint was added has none.
type Meant = Vec<Option<String>>;

/// Who added a blueprint, and the names of its modules then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Adders(Vec<(Author, Meant)>);

impl Adders {
    /// Those of a blueprint that was kept before names were: its modules have their first names
    /// for everybody, or those that other modules import.
    pub(super) fn unknown() -> Adders {
        Adders(alloc::vec![(None, Vec::new())])
    }

    /// Reads what [`Adders::text`] wrote.
    pub(super) fn parse(text: &[u8]) -> Option<Adders> {
        let list: Vec<Value> = serde_json::from_slice(text).ok()?;
        let adders = list.iter().map(|pair| {
            let names = pair.get(1)?.as_array()?.iter();
            let names = names.map(|name| name.as_str().map(str::to_string));
            Some((author(pair.get(0)?)?, names.collect()))
        });
        adders.collect::<Option<Vec<_>>>().map(Adders)
    }

    /// As they are kept.
    pub(super) fn text(&self) -> String {
        let adders = self.0.iter();
        let adders = adders.map(|(author, names)| json!([author_text(author), names]));
        adders.collect::<Value>().to_string()
    }

    /// With another author, who knows the modules by these names. Whoever has added it before
    /// keeps what he meant then, for his services have their files under these names.
    pub(super) fn with<'a>(
        &self,
        author: &PeerId,
        modules: impl Iterator<Item = Option<&'a Names>>,
    ) -> Adders {
        let mut adders = self.clone();
        let is_known = |(other, _): &(Author, Meant)| other.is_none() || *other == Some(*author);
        if self.0.iter().any(is_known) || self.0.len() >= MAX_ADDERS {
            return adders;
        }
        let names = modules.map(|names| names.map(|names| names.latest(author).to_string()));
        adders.0.push((Some(*author), names.collect()));
        adders
    }

    /// With the node itself, whose names hold for everybody.
    pub(super) fn of_node(&self, names: Vec<String>) -> Adders {
        let mut adders = self.0.clone();
        adders.retain(|(author, _)| author.is_some());
        adders.insert(0, (None, names.into_iter().map(Some).collect()));
        Adders(adders)
    }

    fn of(&self, owner: &PeerId) -> Option<&(Author, Meant)> {
        let find = |author: Author| self.0.iter().find(|(other, _)| *other == author);
        find(None)
            .or_else(|| find(Some(*owner)))
            .or_else(|| self.0.first())
    }

    /// Whether nobody knows any more what the modules were called.
    pub(super) fn are_unknown(&self) -> bool {
        matches!(self.0.first(), Some((None, names)) if names.is_empty())
    }

    /// Names that the module at a place of the blueprint may have in a service, the best first:
    /// as the blueprint was meant, then what the owner, whoever added the blueprint, and the node
    /// call it. There is at least one.
    pub(super) fn candidates(&self, owner: &PeerId, place: usize, module: &Names) -> Vec<String> {
        let mut candidates: Vec<&str> = Vec::new();
        let adder = self.of(owner);
        if let Some(meant) = adder.and_then(|(_, names)| names.get(place)?.as_deref()) {
            candidates.push(meant);
        }
        match adder.and_then(|(author, _)| author.as_ref()) {
            Some(adder) => candidates.extend(module.of(adder)),
            // The node's own, or an old one: the first name is the best.
            None => candidates.push(&module.first),
        }
        candidates.push(&module.first);
        candidates.extend(module.of_nobody());
        candidates.extend(module.of(owner));
        let mut seen = BTreeSet::new();
        candidates.retain(|name| seen.insert(*name));
        candidates.into_iter().map(String::from).collect()
    }
}

/// What decides about the name of a module in a service.
pub(super) struct Linkable<'a> {
    /// Names that it may have, the best first.
    pub(super) candidates: &'a [String],
    /// Functions that it imports of other modules, by the name of the module.
    pub(super) imports: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Functions that it has.
    pub(super) exports: BTreeSet<&'a str>,
}

impl<'a> Linkable<'a> {
    pub(super) fn of(candidates: &'a [String], module: &'a Module) -> Linkable<'a> {
        let interface = module.interface();
        let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (import, ..) in interface.linked_imports() {
            let functions = imports.entry(&import.namespace).or_default();
            functions.insert(&import.name);
        }
        let exports = interface.exports.iter();
        Linkable {
            candidates,
            imports,
            exports: exports.map(|export| export.name.as_str()).collect(),
        }
    }
}

/// The name of each module of a service: its best one, unless a module after it imports a name
/// that none has. Then one that may have this name, and that nobody imports by its best one, gets
/// it; if `lost`, also the only one that has the functions. So a service that can start as it is
/// meant is not touched, whatever names there are.
pub(super) fn settle(modules: &[Linkable<'_>], lost: bool) -> Vec<String> {
    let best = |module: &Linkable<'_>| module.candidates.first().cloned().unwrap_or_default();
    let mut names: Vec<String> = modules.iter().map(best).collect();
    if modules.len() > MAX_SETTLED {
        return names;
    }
    let all = modules.iter().flat_map(|module| module.imports.keys());
    let wanted: BTreeSet<&str> = all.copied().collect();
    for (place, module) in modules.iter().enumerate() {
        for (name, functions) in &module.imports {
            if names[..place].iter().any(|known| known == name) {
                continue;
            }
            let is_free = |other: &usize| !wanted.contains(names[*other].as_str());
            let may_be = |other: &usize| {
                let candidates = modules[*other].candidates.iter();
                candidates.into_iter().any(|candidate| candidate == name)
            };
            let free: Vec<usize> = (0..place).filter(is_free).collect();
            let named = free.iter().copied().find(may_be);
            let found = named.or_else(|| {
                let mut offers = free.iter().copied().filter(|other| {
                    let exports = &modules[*other].exports;
                    lost && functions.iter().all(|function| exports.contains(function))
                });
                offers.next().filter(|_| offers.next().is_none())
            });
            match found {
                Some(other) => names[other] = (*name).into(),
                // Whoever links them says what is missing.
                None => return names,
            }
        }
    }
    names
}

#[cfg(test)]
mod tests;
