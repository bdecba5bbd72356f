//! `ap`: a value to a scalar, a stream or a map (AIR spec section 4.5).

use super::canon_map::{is_whole_canon, key_of};
use super::fault::Fault;
use super::frame::{Flow, Step};
use super::resolve::Resolved;
use super::run::Run;
use crate::ast::{NodeId, Operand, Output, StreamRef};
use crate::data::{State, Tetraplet};
use crate::error::Error;
use crate::scopes::{Place, Stored, StreamValue};
use crate::trace::STUB_GENERATION;
use crate::values::{Json, Value};

impl<'r> Run<'r> {
    pub(super) fn ap(&mut self, node: NodeId, argument: Operand, output: Output) -> Step<'r> {
        let Some(resolved) = self.ap_argument(argument)? else {
            return Ok(Flow::Done);
        };
        let stored = self.stored(&resolved);
        match output {
            Output::None => {}
            Output::Scalar(name) => {
                let text = self.script.name(name);
                self.scalars
                    .set(name, stored, &mut self.depths, text, &self.heap)?;
            }
            Output::Stream(stream) => {
                let place = self.meet_ap(node)?;
                self.add_and_push(stream, stored, place)?;
            }
        }
        Ok(Flow::Done)
    }

    /// A quirk: the trace's state is taken before the key is looked at, and lost if the key is bad
    /// (AIR spec section 9, quirk 2).
    pub(super) fn ap_map(
        &mut self,
        node: NodeId,
        key: Operand,
        value: Operand,
        map: StreamRef,
    ) -> Step<'r> {
        let Some(value) = self.ap_argument(value)? else {
            return Ok(Flow::Done);
        };
        let place = self.meet_ap(node)?;
        let Some(key) = self.resolve_or_wait(key)? else {
            return Ok(Flow::Done);
        };
        let key = key.value.tree(&self.heap)?;
        if key_of(key).is_none() {
            return Err(Error::MapKey(self.script.name(map.name).into()).into());
        }
        let stored = self.stored(&value);
        let entries = [("key", key), ("value", Json::Shared(stored.value))];
        let pair = Value::from_tree(&self.heap, Json::Object(self.heap.slice(&entries)));
        // Written now: pairs of pairs would else make trees of any depth.
        pair.text(&self.heap)?;
        self.add_and_push(
            map,
            Stored {
                value: pair,
                ..stored
            },
            place,
        )?;
        Ok(Flow::Done)
    }

    /// The argument; a whole canon has the one tetraplet of its peer.
    fn ap_argument(&mut self, argument: Operand) -> Result<Option<Resolved<'r>>, Fault<'r>> {
        let Some(resolved) = self.resolve_or_wait(argument)? else {
            return Ok(None);
        };
        let canon = match argument {
            Operand::Canon(name, None) => self.canon_stream(name)?,
            Operand::CanonMap(name, None) => self.canon_map(name)?,
            _ => return Ok(Some(resolved)),
        };
        debug_assert!(is_whole_canon(argument));
        let peer_pk = canon.tetraplet.peer_pk;
        let tetraplet = self.heap.alloc(Tetraplet {
            peer_pk,
            ..Tetraplet::default()
        });
        Ok(Some(self.single(
            resolved.value,
            tetraplet,
            resolved.provenance,
        )))
    }

    fn meet_ap(&mut self, node: NodeId) -> Result<Place, Fault<'r>> {
        let met = self
            .trace
            .meet_ap()
            .map_err(|reason| self.trace_fault(node, reason))?;
        Ok(met.map_or(Place::New, |(generation, source)| source.place(generation)))
    }

    fn add_and_push(
        &mut self,
        stream: StreamRef,
        stored: Stored<'r>,
        place: Place,
    ) -> Result<(), Fault<'r>> {
        let position = self.trace.position();
        self.streams
            .add(stream, StreamValue { stored, position }, place, &self.heap)?;
        self.trace.push(State::Ap {
            generations: &[STUB_GENERATION],
        });
        Ok(())
    }
}
