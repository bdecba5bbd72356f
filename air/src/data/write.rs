//! The writer: plain structs to bytes, the reader's inverse.
//!
//! Targets are written before what points to them, fields in order, which is the order that readers
//! check. The text of a [`Cid`] and a sender that is one text in memory are written once and
//! shared; a blob stays as small as the one the network's other writers make.

use alloc::vec::Vec;
use hashbrown::HashMap;

use super::envelope;
use super::field::{self, root, tag};
use super::model::*;
use crate::hashing::{Keyed, Seed};

impl Data<'_> {
    /// Writes the body in its envelope.
    ///
    /// Bodies beyond 2 GiB do not exist: inputs are limited far below.
    ///
    /// `seed` keys the table of texts that are written once; it does not influence the result.
    pub fn encode(&self, seed: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size_hint());
        let body = envelope::open(&mut out);
        self.write_body(&mut out, body, &Seed::new(seed));
        envelope::close(&mut out, body);
        out
    }

    /// Writes the body alone.
    pub fn encode_body(&self, seed: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size_hint());
        self.write_body(&mut out, 0, &Seed::new(seed));
        out
    }

    fn write_body(&self, out: &mut Vec<u8>, base: usize, seed: &Seed) {
        let mut writer = Writer {
            out,
            base,
            data: self,
            texts: alloc::vec![UNWRITTEN; self.cids.len()],
            senders: HashMap::with_hasher(seed.keyed()),
            targets: Vec::with_capacity(self.trace.len()),
        };
        writer.root();
    }

    /// Close to the length of the result, and not below it in practice.
    pub(crate) fn size_hint(&self) -> usize {
        let texts: usize = self.cids.iter().map(|text| text.len()).sum();
        let values: usize = self.values.iter().map(|(_, text)| text.len() + 24).sum();
        let lists: usize = self
            .canon_results
            .iter()
            .map(|(_, canon)| canon.values.len() * 8)
            .sum();
        let lore: usize = self
            .trace
            .iter()
            .map(|state| match state {
                State::Fold { lore } => lore.len() * (field::LORE + 2 * field::SUB_TRACE),
                _ => 0,
            })
            .sum();
        256 + texts
            + lore
            + values
            + lists
            + self.trace.len() * 48
            + self.tetraplets.len() * 192
            + self.canon_elements.len() * 40
            + self.canon_results.len() * 28
            + self.service_results.len() * 104
            + self.signatures.len() * 116
    }
}

const UNWRITTEN: u32 = u32::MAX;

struct Writer<'w, 'a> {
    out: &'w mut Vec<u8>,
    /// Where the body starts in `out`; positions are relative to it.
    base: usize,
    data: &'w Data<'a>,
    /// Position of each CID's text.
    texts: Vec<u32>,
    /// Position of each sender's text struct, by the address and length of the text.
    senders: HashMap<(usize, usize), u32, Keyed<'w>>,
    /// What the elements of the array being written point to, in order.
    targets: Vec<u32>,
}

impl<'a> Writer<'_, 'a> {
    fn position(&self) -> u32 {
        (self.out.len() - self.base) as u32
    }

    fn align(&mut self) -> u32 {
        while !(self.out.len() - self.base).is_multiple_of(field::ALIGN) {
            self.out.push(0);
        }
        self.position()
    }

    fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn tag(&mut self, tag: u8) {
        self.out.extend_from_slice(&[tag, 0, 0, 0]);
    }

    fn zeros(&mut self, words: usize) {
        for _ in 0..words {
            self.u32(0);
        }
    }

    /// A pointer from here to `target`.
    fn pointer(&mut self, target: u32) {
        let offset = target.wrapping_sub(self.position());
        self.u32(offset);
    }

    fn fat(&mut self, target: u32, len: usize) {
        self.pointer(target);
        self.u32(len as u32);
    }

    fn bytes(&mut self, bytes: &[u8]) -> u32 {
        let position = self.position();
        self.out.extend_from_slice(bytes);
        position
    }

    /// Writes the text of `cid` unless it is there.
    fn text(&mut self, cid: Cid) {
        if self.texts[cid.index()] == UNWRITTEN {
            self.texts[cid.index()] = self.bytes(self.data.cids[cid.index()].as_bytes());
        }
    }

    fn cid(&mut self, cid: Cid) {
        self.fat(self.texts[cid.index()], self.data.cids[cid.index()].len());
    }

    /// Writes what an 8-byte text struct needs beside itself.
    fn str_tail(&mut self, text: &str) -> u32 {
        if text.len() > field::STR_INLINE {
            self.bytes(text.as_bytes())
        } else {
            0
        }
    }

    fn str(&mut self, text: &str, tail: u32) {
        if text.len() > field::STR_INLINE {
            let offset = tail.wrapping_sub(self.position());
            self.u32(text.len() as u32);
            self.out.extend_from_slice(&offset.to_le_bytes());
        } else {
            let mut inline = [0; field::STR];
            inline[..text.len()].copy_from_slice(text.as_bytes());
            inline[field::STR_INLINE] = text.len() as u8;
            self.out.extend_from_slice(&inline);
        }
    }

    fn sender(&mut self, peer: &'a str) -> u32 {
        let identity = (peer.as_ptr().addr(), peer.len());
        if let Some(&position) = self.senders.get(&identity) {
            return position;
        }
        let tail = self.str_tail(peer);
        let position = self.align();
        self.str(peer, tail);
        self.senders.insert(identity, position);
        position
    }

    fn root(&mut self) {
        let data = self.data;
        let trace = self.trace();
        let values = self.store(&data.values, |w, text| {
            let target = w.bytes(text.as_bytes());
            let position = w.align();
            w.fat(target, text.len());
            position
        });
        let tetraplets = self.store(&data.tetraplets, Self::tetraplet);
        let canon_elements = self.store(&data.canon_elements, Self::canon_element);
        let canon_results = self.store(&data.canon_results, Self::canon_result);
        let service_results = self.store(&data.service_results, Self::service_result);
        let signatures = self.signatures();

        let start = self.align();
        self.fat(trace, data.trace.len());
        self.u32(data.last_call_request_id);
        self.fat(values, data.values.len());
        self.fat(tetraplets, data.tetraplets.len());
        self.fat(canon_elements, data.canon_elements.len());
        self.fat(canon_results, data.canon_results.len());
        self.fat(service_results, data.service_results.len());
        self.fat(signatures, data.signatures.len());
        debug_assert_eq!((self.position() - start) as usize, root::SIZE);
    }

    fn store<T: Copy>(
        &mut self,
        entries: &[(Cid, T)],
        mut value: impl FnMut(&mut Self, T) -> u32,
    ) -> u32 {
        self.targets.clear();
        for &(key, item) in entries {
            self.text(key);
            let target = value(self, item);
            self.targets.push(target);
        }
        let start = self.align();
        for (index, &(key, _)) in entries.iter().enumerate() {
            self.cid(key);
            self.pointer(self.targets[index]);
        }
        start
    }

    fn trace(&mut self) -> u32 {
        let data = self.data;
        for state in &data.trace {
            let target = self.state_target(state);
            self.targets.push(target);
        }
        let start = self.align();
        for (index, state) in data.trace.iter().enumerate() {
            self.state(state, self.targets[index]);
        }
        start
    }

    /// Writes what a state points to.
    fn state_target(&mut self, state: &State<'a>) -> u32 {
        match *state {
            State::Par { .. } => 0,
            State::Call(CallResult::RequestSentBy(
                Sender::Peer(peer) | Sender::PeerWithCallId { peer, .. },
            ))
            | State::Canon(CanonState::RequestSentBy(peer)) => self.sender(peer),
            State::Call(CallResult::Failed(cid))
            | State::Call(CallResult::Executed(
                ValueRef::Scalar(cid) | ValueRef::Stream { cid, .. } | ValueRef::Unused(cid),
            ))
            | State::Canon(CanonState::Executed(cid)) => {
                self.text(cid);
                0
            }
            State::Ap { generations } => {
                let start = self.align();
                generations
                    .iter()
                    .for_each(|&generation| self.u32(generation));
                start
            }
            State::Fold { lore } => self.lore(lore),
        }
    }

    fn lore(&mut self, lore: &[Lore<'a>]) -> u32 {
        let first = self.align();
        for entry in lore {
            for subtrace in entry.subtraces {
                self.u32(subtrace.begin);
                self.u32(subtrace.len);
            }
        }
        let start = self.position();
        let mut subtraces = first;
        for entry in lore {
            self.u32(entry.value_pos);
            self.fat(subtraces, entry.subtraces.len());
            subtraces += (entry.subtraces.len() * field::SUB_TRACE) as u32;
        }
        start
    }

    fn state(&mut self, state: &State<'a>, target: u32) {
        let start = self.out.len();
        match *state {
            State::Par { left, right } => {
                self.tag(tag::PAR);
                self.u32(left);
                self.u32(right);
            }
            State::Call(result) => {
                self.tag(tag::CALL);
                self.call_result(result, target);
            }
            State::Fold { lore } => {
                self.tag(tag::FOLD);
                self.fat(target, lore.len());
            }
            State::Ap { generations } => {
                self.tag(tag::AP);
                self.fat(target, generations.len());
            }
            State::Canon(CanonState::RequestSentBy(_)) => {
                self.tag(tag::CANON);
                self.tag(tag::CANON_SENT_BY);
                self.pointer(target);
            }
            State::Canon(CanonState::Executed(cid)) => {
                self.tag(tag::CANON);
                self.tag(tag::CANON_EXECUTED);
                self.cid(cid);
            }
        }
        self.zeros((start + field::STATE - self.out.len()) / 4);
    }

    fn call_result(&mut self, result: CallResult<'a>, target: u32) {
        match result {
            CallResult::RequestSentBy(Sender::Peer(_)) => {
                self.tag(tag::CALL_SENT_BY);
                self.tag(tag::SENDER_PEER);
                self.pointer(target);
            }
            CallResult::RequestSentBy(Sender::PeerWithCallId { call_id, .. }) => {
                self.tag(tag::CALL_SENT_BY);
                self.tag(tag::SENDER_PEER_WITH_CALL_ID);
                self.pointer(target);
                self.u32(call_id);
            }
            CallResult::Executed(value) => {
                self.tag(tag::CALL_EXECUTED);
                match value {
                    ValueRef::Scalar(cid) => {
                        self.tag(tag::VALUE_SCALAR);
                        self.cid(cid);
                    }
                    ValueRef::Stream { cid, generation } => {
                        self.tag(tag::VALUE_STREAM);
                        self.cid(cid);
                        self.u32(generation);
                    }
                    ValueRef::Unused(cid) => {
                        self.tag(tag::VALUE_UNUSED);
                        self.cid(cid);
                    }
                }
            }
            CallResult::Failed(cid) => {
                self.tag(tag::CALL_FAILED);
                self.cid(cid);
            }
        }
    }

    fn tetraplet(&mut self, tetraplet: Tetraplet<'a>) -> u32 {
        let Tetraplet {
            peer_pk,
            service_id,
            function_name,
            lens,
        } = tetraplet;
        let texts = [peer_pk, service_id, function_name, lens];
        let tails = texts.map(|text| self.str_tail(text));
        let start = self.align();
        for (text, tail) in texts.into_iter().zip(tails) {
            self.str(text, tail);
        }
        start
    }

    fn canon_element(&mut self, element: CanonElement) -> u32 {
        let cid = match element.provenance {
            Provenance::Literal => None,
            Provenance::ServiceResult(cid) | Provenance::Canon(cid) => Some(cid),
        };
        self.text(element.value);
        self.text(element.tetraplet);
        cid.into_iter().for_each(|cid| self.text(cid));
        let start = self.align();
        self.cid(element.value);
        self.cid(element.tetraplet);
        self.tag(match element.provenance {
            Provenance::Literal => tag::LITERAL,
            Provenance::ServiceResult(_) => tag::SERVICE_RESULT,
            Provenance::Canon(_) => tag::CANON_PROVENANCE,
        });
        match cid {
            None => self.zeros(2),
            Some(cid) => self.cid(cid),
        }
        start
    }

    fn canon_result(&mut self, canon: CanonResult<'a>) -> u32 {
        self.text(canon.tetraplet);
        canon.values.iter().for_each(|&cid| self.text(cid));
        let values = self.align();
        canon.values.iter().for_each(|&cid| self.cid(cid));
        let start = self.position();
        self.cid(canon.tetraplet);
        self.fat(values, canon.values.len());
        start
    }

    fn service_result(&mut self, result: ServiceResult<'a>) -> u32 {
        self.text(result.value);
        let hash = self.bytes(result.argument_hash.as_bytes());
        self.text(result.tetraplet);
        let start = self.align();
        self.cid(result.value);
        self.fat(hash, result.argument_hash.len());
        self.cid(result.tetraplet);
        start
    }

    fn signatures(&mut self) -> u32 {
        let data = self.data;
        let tails: Vec<(u32, u32)> = data
            .signatures
            .iter()
            .map(|entry| (self.bytes(entry.public_key), self.bytes(entry.signature)))
            .collect();
        let start = self.align();
        for (entry, (public_key, signature)) in data.signatures.iter().zip(tails) {
            self.fat(public_key, entry.public_key.len());
            self.fat(signature, entry.signature.len());
        }
        start
    }
}
