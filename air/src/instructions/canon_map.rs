//! Canon maps as values: whole, by key, by key and index (AIR spec section 3.1).

use alloc::vec::Vec;

use super::fault::Fault;
use super::resolve::Resolved;
use super::run::Run;
use crate::ast::{Accessor, LensId, LensKind, Name, Operand};
use crate::budget::cost;
use crate::data::{Provenance, Tetraplet};
use crate::error::{Error, LensError};
use crate::scopes::{Canon, Stored};
use crate::values::{Json, Key, Number, Value};

type Result<'r, T> = core::result::Result<T, Fault<'r>>;

/// How often a key is compared with others while it is sorted in, as a rule.
const SORTED: usize = 4;

impl<'r> Run<'r> {
    pub(super) fn canon_map_operand(
        &mut self,
        name: Name,
        lens: Option<LensId>,
    ) -> Result<'r, Resolved<'r>> {
        let map = self.canon_map(name)?;
        // The pairs are made anew, and sorted.
        self.charge_elements(2 * map.elements.len())?;
        let provenance = Provenance::Canon(map.cid);
        let Some(lens) = lens else {
            return Ok(Resolved {
                value: self.map_object(map)?,
                tetraplets: self
                    .heap
                    .collect(map.elements.iter().map(|pair| pair.tetraplet)),
                provenance,
            });
        };
        let script = self.script;
        let LensKind::Path(path) = &script.lens(lens).kind else {
            let count = Json::Number(Number::U64(map.elements.len() as u64));
            // The missing dot is the reference's.
            let tetraplet = self.heap.alloc(Tetraplet {
                peer_pk: &self.params.current_peer_id,
                lens: "length",
                ..Tetraplet::default()
            });
            return Ok(self.single(Value::from_tree(&self.heap, count), tetraplet, provenance));
        };
        let path = script.lens_accessors(path);
        let key = self.accessor_key(path[0])?;
        let values = self.values_of(map, key)?;
        // A key that is not there has no values, whatever the lens asks of them.
        let Some(&index) = path.get(1).filter(|_| !values.is_empty()) else {
            let lens = script.lens_text(lens);
            let tetraplet = self.heap.alloc(Tetraplet {
                lens,
                ..*map.tetraplet
            });
            return Ok(self.single(self.array(&values), tetraplet, provenance));
        };
        let element = self.element(&values, index)?;
        if path.len() == 2 {
            return Ok(self.single(element.value, element.tetraplet, provenance));
        }
        let value = self.walk(element.value, &path[2..])?;
        let lens = self
            .heap
            .concat(&[element.tetraplet.lens, self.rest_text(lens)]);
        let tetraplet = self.heap.alloc(Tetraplet {
            lens,
            ..*element.tetraplet
        });
        Ok(self.single(value, tetraplet, provenance))
    }

    /// The text of a lens behind its first two accessors, with the dot.
    fn rest_text(&self, lens: LensId) -> &'r str {
        let script = self.script;
        let text = script.lens_text(lens);
        let mut dots = text.match_indices('.').map(|(at, _)| at);
        // The first dot is that of `.$`, then each accessor has one.
        dots.nth(3).map_or("", |at| &text[at..])
    }

    fn accessor_key(&mut self, accessor: Accessor) -> Result<'r, Key<'r>> {
        match accessor {
            Accessor::Index(index) => Ok(Key::U64(index.into())),
            Accessor::Field(field) => Ok(Key::String(self.script.text(field))),
            Accessor::Scalar(name) if self.iterators.is_open(name) => {
                Err(Error::from(LensError::MapAccessorIterable).into())
            }
            Accessor::Scalar(name) => {
                let value = self.scalar(name)?.value;
                match key_of(value.tree(&self.heap)?) {
                    Some(key) => Ok(key),
                    None => {
                        let value = self.quote(value)?;
                        Err(Error::from(LensError::MapAccessor(value)).into())
                    }
                }
            }
        }
    }

    /// The values of one key, in order.
    fn values_of(&mut self, map: Canon<'r>, key: Key<'r>) -> Result<'r, Vec<Stored<'r>>> {
        let mut values = Vec::new();
        for element in map.elements {
            let (own, value) = self.pair(element.value)?;
            self.heap.charge(cost::scanned(own.len()))?;
            if own == key {
                values.push(Stored { value, ..*element });
            }
        }
        Ok(values)
    }

    /// The object of all values by the text of their keys.
    ///
    /// The keys 3 and "3" have one text, and one place in the object. The reference puts the list
    /// of one of them there, which one is random; here it is that of the key that came first.
    fn map_object(&mut self, map: Canon<'r>) -> Result<'r, Value<'r>> {
        let mut pairs = Vec::with_capacity(map.elements.len());
        for element in map.elements {
            let (key, value) = self.pair(element.value)?;
            self.heap.charge(cost::scanned(SORTED * key.len()))?;
            pairs.push((self.key_text(key), key, Json::Shared(value)));
        }
        // Stable: the values of one key keep their order.
        pairs.sort_by_key(|(text, ..)| *text);
        let entries: Vec<_> = pairs
            .chunk_by(|left, right| left.0 == right.0)
            .map(|pairs| {
                let (text, first, _) = pairs[0];
                let own = pairs.iter().filter(|(_, key, _)| *key == first);
                let values: Vec<_> = own.map(|(.., value)| *value).collect();
                (text, Json::Array(self.heap.slice(&values)))
            })
            .collect();
        Ok(Value::from_tree(
            &self.heap,
            Json::Object(self.heap.slice(&entries)),
        ))
    }

    /// The object of the first value of each key: what a map is canonicalised to for a scalar.
    pub(super) fn first_values(&mut self, elements: &[Stored<'r>]) -> Result<'r, Value<'r>> {
        let mut pairs = Vec::with_capacity(elements.len());
        for element in elements {
            let (key, value) = self.pair(element.value)?;
            self.heap.charge(cost::scanned(SORTED * key.len()))?;
            pairs.push((self.key_text(key), Json::Shared(value)));
        }
        pairs.sort_by_key(|(key, _)| *key);
        pairs.dedup_by_key(|(key, _)| *key);
        Ok(Value::from_tree(
            &self.heap,
            Json::Object(self.heap.slice(&pairs)),
        ))
    }

    fn key_text(&self, key: Key<'r>) -> &'r str {
        let mut digits = itoa::Buffer::new();
        match key {
            Key::String(text) => text,
            Key::U64(number) => self.heap.str(digits.format(number)),
            Key::I64(number) => self.heap.str(digits.format(number)),
        }
    }

    /// Key and value of a map's element.
    pub(super) fn pair(&self, pair: Value<'r>) -> Result<'r, (Key<'r>, Value<'r>)> {
        let field = |entries: &[(&str, Json<'r>)], name: &str| {
            let place = entries.binary_search_by_key(&name, |(key, _)| key);
            place.ok().map(|place| entries[place].1)
        };
        let bad_key = || Error::MapPair("unsupported kvpair object or map key type");
        let Json::Object(entries) = pair.tree(&self.heap)? else {
            return Err(bad_key().into());
        };
        let key = field(entries, "key")
            .ok_or_else(bad_key)?
            .force(&self.heap)?;
        let key = key_of(key).ok_or_else(bad_key)?;
        let value = field(entries, "value").ok_or(Error::MapPair(
            "there must be a \"value\" field in kvpair object",
        ))?;
        Ok((key, Value::from_tree(&self.heap, value)))
    }
}

/// The key that a value stands for, if it may be one.
pub(super) fn key_of(tree: Json<'_>) -> Option<Key<'_>> {
    match tree {
        Json::String(text) => Some(Key::String(text)),
        Json::Number(Number::U64(number)) => Some(Key::U64(number)),
        Json::Number(Number::I64(number)) => Some(Key::I64(number)),
        _ => None,
    }
}

/// Whether an operand reads a whole canon.
pub(super) fn is_whole_canon(operand: Operand) -> bool {
    matches!(
        operand,
        Operand::Canon(_, None) | Operand::CanonMap(_, None)
    )
}
