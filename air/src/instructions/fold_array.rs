//! `fold` over arrays, canon streams and canon maps (AIR spec sections 4.8 and 4.9).

use hashbrown::HashMap;

use super::fault::Fault;
use super::frame::{Flow, FoldArrayBody, Frame, Stack, Step};
use super::run::Run;
use crate::ast::{Iterable, Name, NodeId, Operand};
use crate::budget::cost;
use crate::data::Tetraplet;
use crate::error::Error;
use crate::scopes::{Canon, Items, Table};
use crate::values::{Json, Key};

impl<'r> Run<'r> {
    pub(super) fn fold(
        &mut self,
        node: NodeId,
        iterable: Iterable,
        iterator: Name,
        body: NodeId,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        let value = match iterable {
            Iterable::Stream(stream) => {
                return self.fold_stream(node, stream, iterator, body, stack);
            }
            Iterable::Value(value) => value,
        };
        let items = match self.iterable(value) {
            Ok(items) => items,
            Err(fault) if fault.is_joinable() => {
                self.complete = false;
                return Ok(Flow::Done);
            }
            Err(fault) => return Err(fault),
        };
        if items.len() == 0 {
            return Ok(Flow::Done);
        }
        self.open_iterator(node, iterator, items)?;
        stack.push(Frame::FoldArray(FoldArrayBody { iterator }));
        Ok(Flow::Enter(body))
    }

    pub(super) fn fold_array_resume(
        &mut self,
        frame: FoldArrayBody,
        result: Result<(), Fault<'r>>,
    ) -> Step<'r> {
        self.close_iterator(frame.iterator);
        result.map(|()| Flow::Done)
    }

    /// Opens a scope with an iterator at its first element.
    pub(super) fn open_iterator(
        &mut self,
        node: NodeId,
        iterator: Name,
        items: Items<'r>,
    ) -> Result<(), Error> {
        if self.iterators.is_open(iterator) {
            return Err(Error::IteratorInUse(self.script.name(iterator).into()));
        }
        self.depths.open();
        self.iterators.open(iterator, node, items);
        Ok(())
    }

    pub(super) fn close_iterator(&mut self, iterator: Name) {
        self.iterators.close(iterator);
        self.close_depth();
    }

    /// Leaves a fold or an iteration: what was set in it is forgotten.
    pub(super) fn close_depth(&mut self) {
        self.depths.close();
        while let Some((table, name)) = self.depths.expired() {
            match table {
                Table::Scalars => self.scalars.forget(name),
                Table::Canons => self.canons.forget(name),
                Table::CanonMaps => self.canon_maps.forget(name),
            }
        }
    }

    fn iterable(&mut self, operand: Operand) -> Result<Items<'r>, Fault<'r>> {
        match operand {
            Operand::EmptyArray => return Ok(Items::Canon(&[])),
            Operand::Canon(name, None) => {
                return Ok(Items::Canon(self.canon_stream(name)?.elements));
            }
            Operand::CanonMap(name, None) => {
                let map = self.canon_map(name)?;
                return self.last_pairs(map);
            }
            // Nothing is read of an empty map, its lens included.
            Operand::CanonMap(name, Some(_)) if self.canon_map(name)?.elements.is_empty() => {
                return Ok(Items::Canon(&[]));
            }
            _ => {}
        }
        let resolved = self.resolve(operand)?;
        let Json::Array(items) = resolved.value.tree(&self.heap)? else {
            let value = self.quote(resolved.value)?;
            let name = match operand {
                Operand::Scalar(_, Some(lens)) | Operand::CanonMap(_, Some(lens)) => {
                    self.script.lens_text(lens)
                }
                Operand::Scalar(name, None) => self.script.name(name),
                _ => "",
            };
            return Err(Error::FoldNonArray {
                name: name.into(),
                value,
            }
            .into());
        };
        let tetraplet = match operand {
            // That of the map and the whole lens, also where the lens leads into an element.
            Operand::CanonMap(name, Some(lens)) => {
                let peer_pk = self.canon_map(name)?.tetraplet.peer_pk;
                let lens = self.script.lens_text(lens);
                self.heap.alloc(Tetraplet {
                    peer_pk,
                    lens,
                    ..Tetraplet::default()
                })
            }
            _ => resolved.tetraplets.first().copied().unwrap_or(self.literal),
        };
        Ok(Items::Array {
            items,
            tetraplet,
            provenance: resolved.provenance,
        })
    }

    /// One pair per key: the last of each, in the order of these.
    fn last_pairs(&mut self, map: Canon<'r>) -> Result<Items<'r>, Fault<'r>> {
        self.charge_elements(map.elements.len())?;
        let mut last: HashMap<Key<'r>, usize, _> = HashMap::with_hasher(self.seed);
        let mut keys = alloc::vec::Vec::with_capacity(map.elements.len());
        for (index, element) in map.elements.iter().enumerate() {
            let (key, _) = self.pair(element.value)?;
            self.heap.charge(cost::LOOKUP + cost::scanned(key.len()))?;
            last.insert(key, index);
            keys.push(key);
        }
        let pairs: alloc::vec::Vec<_> = map
            .elements
            .iter()
            .zip(keys)
            .enumerate()
            .filter(|(index, (_, key))| last.get(key) == Some(index))
            .map(|(_, (element, _))| *element)
            .collect();
        Ok(Items::Canon(self.heap.slice(&pairs)))
    }
}
