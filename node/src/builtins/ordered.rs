//! JSON whose objects keep the order in which their keys came.
//!
//! Arguments reach a built-in with sorted keys, because the interpreter sorts them; results are
//! text that the interpreter stores as it is. `json.*` must give keys in the order of insertion, so
//! what it builds is kept in this type until it is text.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use basalt_terms::layout;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Number, Value};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ordered {
    /// `null`, a boolean, a number or a string.
    Plain(Value),
    /// An array.
    Array(Vec<Ordered>),
    /// An object.
    Object(Object),
}

/// Key and value pairs in order of insertion, each key once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object {
    pairs: Vec<(String, Ordered)>,
    /// Where each key stands: an attacker's million keys must not cost their square in comparisons.
    places: BTreeMap<String, usize>,
}

impl Object {
    /// Sets `key`; a key that is there keeps its place.
    pub(super) fn put(&mut self, key: String, value: Ordered) {
        match self.places.get(&key) {
            Some(&place) => self.pairs[place].1 = value,
            None => {
                self.places.insert(key.clone(), self.pairs.len());
                self.pairs.push((key, value));
            }
        }
    }
}

impl Ordered {
    /// Compact JSON text.
    pub(super) fn to_text(&self) -> String {
        // Writing to memory cannot fail, and keys are strings.
        layout::network(serde_json::to_string(self).unwrap_or_default())
    }
}

/// Compact JSON text of a value. It may be a value of its own to scripts.
pub(super) fn text_of(value: &Value) -> String {
    layout::network(value.to_string())
}

impl From<Value> for Ordered {
    fn from(value: Value) -> Ordered {
        match value {
            Value::Array(array) => Ordered::Array(array.into_iter().map(Ordered::from).collect()),
            Value::Object(map) => Ordered::Object(map.into()),
            plain => Ordered::Plain(plain),
        }
    }
}

impl From<serde_json::Map<String, Value>> for Object {
    fn from(map: serde_json::Map<String, Value>) -> Object {
        let mut object = Object::default();
        for (key, value) in map {
            object.put(key, value.into());
        }
        object
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Ordered::Plain(value) => value.serialize(serializer),
            Ordered::Array(array) => array.serialize(serializer),
            Ordered::Object(Object { pairs, .. }) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered, D::Error> {
        deserializer.deserialize_any(OrderedVisitor)
    }
}

struct OrderedVisitor;

impl<'de> Visitor<'de> for OrderedVisitor {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Plain(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
        Ok(Ordered::Plain(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(
            Number::from_f64(value).map_or(Value::Null, Value::Number),
        ))
    }

    fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Ordered, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = seq.next_element()? {
            array.push(value);
        }
        Ok(Ordered::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut object = Object::default();
        while let Some((key, value)) = map.next_entry()? {
            object.put(key, value);
        }
        Ok(Ordered::Object(object))
    }
}
