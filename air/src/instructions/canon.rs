//! `canon`: a stream as it is now, fixed and signed by one peer (AIR spec section 4.7).

use alloc::vec::Vec;

use super::call_result::differing_tetraplets;
use super::fault::Fault;
use super::frame::{Flow, Step};
use super::run::Run;
use crate::ast::{CanonOutput, NodeId, Operand, StreamRef};
use crate::data::{CanonElement, CanonResult, CanonState, Cid, Provenance, State, Tetraplet};
use crate::error::Error;
use crate::scopes::{Canon, Stored};

type Result<'r, T> = core::result::Result<T, Fault<'r>>;

impl<'r> Run<'r> {
    /// A quirk: the trace's state is taken before the peer is resolved, and lost if that fails (AIR
    /// spec section 9, quirk 2).
    pub(super) fn canon(
        &mut self,
        node: NodeId,
        peer: Operand,
        stream: StreamRef,
        output: CanonOutput,
    ) -> Step<'r> {
        let met = self
            .trace
            .meet_canon()
            .map_err(|reason| self.trace_fault(node, reason))?;
        let peer = match (self.canon_peer(peer), met) {
            (Err(fault), None) if fault.is_joinable() => {
                self.complete = false;
                return Ok(Flow::Done);
            }
            (peer, _) => peer?,
        };
        match met {
            Some(CanonState::Executed(cid)) => {
                let canon = self.load_canon(peer, cid)?;
                if let CanonOutput::Map(_) = output {
                    self.check_pairs(canon.elements)?;
                }
                self.set_canon(output, canon)?;
            }
            met if !self.is_current_peer(peer) => {
                self.complete = false;
                let sender = match met {
                    Some(CanonState::RequestSentBy(sender)) => sender,
                    _ => {
                        self.add_next_peer(peer)?;
                        &self.params.current_peer_id
                    }
                };
                self.trace
                    .push(State::Canon(CanonState::RequestSentBy(sender)));
            }
            _ => {
                let canon = self.make_canon(peer, stream, output)?;
                self.set_canon(output, canon)?;
            }
        }
        Ok(Flow::Done)
    }

    fn canon_peer(&mut self, peer: Operand) -> Result<'r, &'r str> {
        match peer {
            Operand::InitPeerId => Ok(&self.params.init_peer_id),
            peer => self.triplet_part(peer),
        }
    }

    fn canon_tetraplet(&self, peer_pk: &'r str) -> &'r Tetraplet<'r> {
        self.heap.alloc(Tetraplet {
            peer_pk,
            ..Tetraplet::default()
        })
    }

    /// Reads a canon result that stands in the trace.
    fn load_canon(&mut self, peer: &'r str, cid: Cid) -> Result<'r, Canon<'r>> {
        let result = *self
            .stores
            .canon_results
            .get(cid)
            .ok_or_else(|| self.cid_not_found("canon result aggregate", cid))?;
        self.charge_elements(result.values.len())?;
        let tetraplet = self.canon_tetraplet(peer);
        let stored = self.stored_tetraplet(result.tetraplet)?;
        if stored != tetraplet {
            return Err(differing_tetraplets("canon tetraplet", tetraplet, stored).into());
        }
        let mut elements = Vec::with_capacity(result.values.len());
        for &element in result.values {
            let element = *self
                .stores
                .canon_elements
                .get(element)
                .ok_or_else(|| self.cid_not_found("canon aggregate", element))?;
            elements.push(Stored {
                value: self.stored_value(element.value)?,
                tetraplet: self.stored_tetraplet(element.tetraplet)?,
                provenance: element.provenance,
            });
        }
        Ok(Canon {
            elements: self.heap.slice(&elements),
            tetraplet,
            cid,
        })
    }

    /// Fixes the stream as it is now.
    fn make_canon(
        &mut self,
        peer: &'r str,
        stream: StreamRef,
        output: CanonOutput,
    ) -> Result<'r, Canon<'r>> {
        let mut elements = self.streams.values(stream);
        self.charge_elements(elements.len())?;
        let tetraplet = self.canon_tetraplet(peer);
        match output {
            CanonOutput::Canon(_) => {}
            CanonOutput::Map(_) => self.check_pairs(&elements)?,
            CanonOutput::Scalar(_) => {
                self.check_pairs(&elements)?;
                let value = self.first_values(&elements)?;
                elements = alloc::vec![Stored {
                    value,
                    tetraplet,
                    provenance: Provenance::Literal,
                }];
            }
        }
        // An element, its value and its tetraplet.
        self.stores.expect(3 * elements.len(), &self.heap)?;
        let mut values = Vec::with_capacity(elements.len());
        for element in &elements {
            let stored = CanonElement {
                value: self.stores.store_value(element.value, &self.heap)?,
                tetraplet: self.stores.store_tetraplet(element.tetraplet, &self.heap)?,
                provenance: element.provenance,
            };
            values.push(self.stores.store_canon_element(stored, &self.heap)?);
        }
        let stored = CanonResult {
            tetraplet: self.stores.store_tetraplet(tetraplet, &self.heap)?,
            values: self.heap.slice(&values),
        };
        let cid = self.stores.store_canon_result(stored, &self.heap)?;
        Ok(Canon {
            elements: self.heap.slice(&elements),
            tetraplet,
            cid,
        })
    }

    fn check_pairs(&self, elements: &[Stored<'r>]) -> Result<'r, ()> {
        elements
            .iter()
            .try_for_each(|element| self.pair(element.value).map(drop))
    }

    /// Notes a canon, sets its variable and writes its state.
    fn set_canon(&mut self, output: CanonOutput, canon: Canon<'r>) -> Result<'r, ()> {
        self.vouch(canon.tetraplet.peer_pk, canon.cid);
        let (depths, heap) = (&mut self.depths, &self.heap);
        match output {
            CanonOutput::Canon(name) => {
                self.canons
                    .set(name, canon, depths, self.script.name(name), heap)?;
            }
            CanonOutput::Map(name) => {
                self.canon_maps
                    .set(name, canon, depths, self.script.name(name), heap)?;
            }
            CanonOutput::Scalar(name) => {
                let value = canon.elements.first().ok_or(Error::CanonScalar)?.value;
                let provenance = Provenance::Canon(canon.cid);
                let stored = Stored {
                    value,
                    tetraplet: canon.tetraplet,
                    provenance,
                };
                self.scalars
                    .set(name, stored, depths, self.script.name(name), heap)?;
            }
        }
        self.trace
            .push(State::Canon(CanonState::Executed(canon.cid)));
        Ok(())
    }
}
