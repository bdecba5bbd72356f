//! Text to tree, by `serde_json`, but for floats: those are rounded as the reference does it.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::float::Floats;
use super::json::{Json, Number};
use crate::budget::{Heap, cost};

/// Reads one JSON text. Strings without escapes stay where they are.
pub(super) fn read<'r>(text: &'r str, heap: &Heap<'r>) -> serde_json::Result<Json<'r>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let floats = RefCell::new(Floats::new(text));
    let seed = Seed {
        heap,
        floats: &floats,
    };
    let tree = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(tree)
}

#[derive(Clone, Copy)]
struct Seed<'h, 'r> {
    heap: &'h Heap<'r>,
    /// The floats of the text that were not visited yet: `serde_json` visits them in their order.
    floats: &'h RefCell<Floats<'r>>,
}

impl<'r> Seed<'_, 'r> {
    /// Makes room for one more: two bytes of text can be an element of two dozen bytes.
    fn grow<T, E: Error>(&self, items: &mut Vec<T>) -> Result<(), E> {
        self.heap.spend(cost::LEAF);
        if items.len() == items.capacity() {
            let more = items.capacity().max(4);
            self.heap.check().map_err(E::custom)?;
            // What is read is copied to the arena at its end.
            self.heap
                .hold(2 * more * size_of::<T>())
                .map_err(E::custom)?;
            items.reserve_exact(more);
        }
        Ok(())
    }

    fn keep<T: Copy>(&self, items: Vec<T>) -> &'r [T] {
        self.heap.release(2 * items.capacity() * size_of::<T>());
        self.heap.slice(&items)
    }
}

impl<'r> DeserializeSeed<'r> for Seed<'_, 'r> {
    type Value = Json<'r>;

    fn deserialize<D: Deserializer<'r>>(self, deserializer: D) -> Result<Json<'r>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'r> Visitor<'r> for Seed<'_, 'r> {
    type Value = Json<'r>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'r>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'r>, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'r>, E> {
        Ok(Json::Number(Number::U64(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'r>, E> {
        Ok(Json::Number(Number::from_i64(number)))
    }

    /// The number that `serde_json` has made depends on its features, so it is made again.
    fn visit_f64<E: Error>(self, _: f64) -> Result<Json<'r>, E> {
        self.heap.spend(cost::FLOAT);
        match self.floats.borrow_mut().next() {
            Some(number) if number.is_finite() => Ok(Json::Number(Number::F64(number))),
            _ => Err(E::custom("number out of range")),
        }
    }

    fn visit_borrowed_str<E>(self, text: &'r str) -> Result<Json<'r>, E> {
        Ok(Json::String(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'r>, E> {
        self.heap.spend(cost::parsed(text.len()));
        Ok(Json::String(self.heap.str(text)))
    }

    fn visit_seq<A: SeqAccess<'r>>(self, mut items: A) -> Result<Json<'r>, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            self.grow(&mut array)?;
            array.push(item);
        }
        Ok(Json::Array(self.keep(array)))
    }

    fn visit_map<A: MapAccess<'r>>(self, mut entries: A) -> Result<Json<'r>, A::Error> {
        let mut object: Vec<(&'r str, Json<'r>)> = Vec::new();
        let mut sorted = true;
        while let Some(key) = entries.next_key_seed(KeySeed(self.heap))? {
            let value = entries.next_value_seed(self)?;
            self.grow(&mut object)?;
            sorted &= object.last().is_none_or(|(last, _)| *last < key);
            object.push((key, value));
        }
        if !sorted {
            // Keys may have long beginnings in common, which each comparison passes over.
            let keys: usize = object.iter().map(|(key, _)| key.len()).sum();
            let rounds = object.len().ilog2() as usize + 1;
            self.heap
                .charge(cost::copied(rounds * keys))
                .map_err(A::Error::custom)?;
            // Stable, so the last of equal keys is the last that was read: it wins.
            object.sort_by_key(|(key, _)| *key);
            object.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 = next.1;
                }
                same
            });
        }
        Ok(Json::Object(self.keep(object)))
    }
}

struct KeySeed<'h, 'r>(&'h Heap<'r>);

impl<'r> DeserializeSeed<'r> for KeySeed<'_, 'r> {
    type Value = &'r str;

    fn deserialize<D: Deserializer<'r>>(self, deserializer: D) -> Result<&'r str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'r> Visitor<'r> for KeySeed<'_, 'r> {
    type Value = &'r str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_borrowed_str<E>(self, text: &'r str) -> Result<&'r str, E> {
        Ok(text)
    }

    fn visit_str<E>(self, text: &str) -> Result<&'r str, E> {
        Ok(self.0.str(text))
    }
}
