//! Recipes for services.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_distro::cid;
use serde_json::{Value, json};

use super::error::Error;

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
