//! The CID table of a run and the five stores: what previous and current data brought, and what is
//! new.
//!
//! Entries keep their order: previous, then current, then new ones as they are made. What is
//! written is therefore the same for the same inputs.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::compute::{CidText, Hashed, PREFIX, of_bytes};
use crate::budget::{BudgetExceeded, Heap, cost};
use crate::data::*;
use crate::error::Error;
use crate::hashing::{Keyed, Seed};
use crate::values::{ReadError, Value};

/// One store: entries in order, found by CID.
pub(crate) struct Store<T> {
    pub(super) entries: Vec<(Cid, T)>,
    /// Entry of each CID of the table, plus one; 0 for none.
    by_cid: Vec<u32>,
}

impl<T: Copy> Store<T> {
    fn new() -> Self {
        Store {
            entries: Vec::new(),
            by_cid: Vec::new(),
        }
    }

    pub(crate) fn get(&self, cid: Cid) -> Option<&T> {
        let place = self.by_cid.get(cid.index())?.checked_sub(1)?;
        Some(&self.entries[place as usize].1)
    }

    fn get_mut(&mut self, cid: Cid) -> Option<&mut T> {
        let place = self.by_cid.get(cid.index())?.checked_sub(1)?;
        Some(&mut self.entries[place as usize].1)
    }

    /// Adds an entry, or replaces it.
    fn insert(&mut self, cid: Cid, item: T, heap: &Heap<'_>) -> Result<(), BudgetExceeded> {
        if self.by_cid.len() <= cid.index() {
            self.by_cid.resize(cid.index() + 1, 0);
        }
        match &mut self.by_cid[cid.index()] {
            0 => {
                heap.push(&mut self.entries, (cid, item))?;
                self.by_cid[cid.index()] = self.entries.len() as u32;
            }
            place => self.entries[*place as usize - 1].1 = item,
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
pub(crate) struct StoredValue<'r> {
    pub(crate) raw: &'r str,
    value: Option<Value<'r>>,
}

/// Bytes of an element in the text that a canon result is hashed as, while that is written.
pub(super) const ELEMENT_TEXT: usize = 3 * 64;

/// Memory of a CID while data is loaded: its new number, and where it was seen.
const MAP: usize = size_of::<Cid>() + 1;

/// Memory of a list of CIDs while data is loaded.
const LIST: usize = 3 * size_of::<((usize, usize), &[Cid])>();

/// Memory of a CID: its text in a list, its place in the table, and its places in five stores.
const CID: usize = size_of::<&str>() + 8 + 5 * 4;

/// The CID table and the stores.
pub(crate) struct Stores<'r> {
    /// CIDs that memory was taken for.
    held: usize,
    texts: Vec<&'r str>,
    /// Finds a CID by its text.
    cids: HashTable<Cid>,
    hasher: Keyed<'r>,
    /// CIDs of tetraplets that were stored in this run.
    tetraplet_cids: HashMap<Tetraplet<'r>, Cid, Keyed<'r>>,
    scratch: Vec<u8>,
    scratch_held: usize,
    pub(crate) values: Store<StoredValue<'r>>,
    pub(crate) tetraplets: Store<&'r Tetraplet<'r>>,
    pub(crate) canon_elements: Store<CanonElement>,
    pub(crate) canon_results: Store<CanonResult<'r>>,
    pub(crate) service_results: Store<ServiceResult<'r>>,
}

/// Data whose CIDs are those of the run's table.
pub(crate) struct Loaded<'r> {
    pub(crate) trace: Vec<State<'r>>,
    pub(crate) last_call_request_id: u32,
    pub(crate) values: Vec<(Cid, &'r str)>,
    pub(crate) tetraplets: Vec<(Cid, &'r Tetraplet<'r>)>,
    pub(crate) canon_elements: Vec<(Cid, CanonElement)>,
    pub(crate) canon_results: Vec<(Cid, CanonResult<'r>)>,
    pub(crate) service_results: Vec<(Cid, ServiceResult<'r>)>,
    pub(crate) signatures: Vec<Signature<'r>>,
}

impl<'r> Stores<'r> {
    /// `cids` is the number of CIDs to expect.
    pub(crate) fn new(
        seed: &'r Seed,
        cids: usize,
        heap: &Heap<'r>,
    ) -> Result<Self, BudgetExceeded> {
        heap.hold(CID * cids)?;
        let hasher = seed.keyed();
        Ok(Stores {
            held: cids,
            texts: Vec::with_capacity(cids),
            cids: HashTable::with_capacity(cids),
            tetraplet_cids: HashMap::with_hasher(hasher),
            hasher,
            scratch: Vec::new(),
            scratch_held: 0,
            values: Store::new(),
            tetraplets: Store::new(),
            canon_elements: Store::new(),
            canon_results: Store::new(),
            service_results: Store::new(),
        })
    }

    pub(crate) fn text(&self, cid: Cid) -> &'r str {
        self.texts[cid.index()]
    }

    pub(crate) fn texts(&self) -> &[&'r str] {
        &self.texts
    }

    /// Makes room for `cids` more.
    pub(crate) fn expect(&mut self, cids: usize, heap: &Heap<'r>) -> Result<(), BudgetExceeded> {
        let wanted = self.texts.len() + cids;
        if wanted > self.held {
            // Both lists may double.
            let more = wanted - self.held + self.held / 2;
            heap.hold(CID * more)?;
            self.held += more;
        }
        let (texts, hasher) = (&mut self.texts, &self.hasher);
        texts.reserve(cids);
        self.cids
            .reserve(cids, |cid| hasher.hash_one(texts[cid.index()]));
        Ok(())
    }

    fn intern(&mut self, text: &'r str) -> Cid {
        self.intern_with(text, || text)
    }

    /// The number of a CID that was just computed.
    pub(crate) fn intern_computed(
        &mut self,
        text: &CidText,
        heap: &Heap<'r>,
    ) -> Result<Cid, BudgetExceeded> {
        let text = text.as_str();
        heap.spend(cost::LOOKUP);
        self.expect(1, heap)?;
        Ok(self.intern_with(text, || heap.str(text)))
    }

    /// `keep` gives `text` for as long as the run lasts.
    fn intern_with(&mut self, text: &str, keep: impl FnOnce() -> &'r str) -> Cid {
        let (texts, hasher) = (&mut self.texts, &self.hasher);
        let entry = self.cids.entry(
            hasher.hash_one(text),
            |cid| texts[cid.index()] == text,
            |cid| hasher.hash_one(texts[cid.index()]),
        );
        match entry {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let cid = Cid(texts.len() as u32);
                entry.insert(cid);
                texts.push(keep());
                cid
            }
        }
    }

    /// Renumbers the CIDs of `data`; its stores are not yet added.
    ///
    /// # Errors
    /// An entry stands twice in a store: many such entries may share what they point to.
    pub(crate) fn load(&mut self, data: Data<'r>, heap: &Heap<'r>) -> Result<Loaded<'r>, Error> {
        heap.charge(cost::LOOKUP * data.cids.len() + cost::ENTRY * (2 * data.len()))?;
        // They are made anew beside those that were read.
        let lists_read = data.lists();
        heap.hold(lists_read + MAP * (data.cids.len() + self.texts.len()))?;
        let map: Vec<Cid> = data.cids.iter().map(|text| self.intern(text)).collect();
        let new = |cid: Cid| map[cid.index()];
        self.check_unique(&data, &map).map_err(Error::CidStore)?;
        let mut trace = data.trace;
        for state in &mut trace {
            match state {
                State::Call(CallResult::Failed(cid))
                | State::Call(CallResult::Executed(
                    ValueRef::Scalar(cid) | ValueRef::Stream { cid, .. } | ValueRef::Unused(cid),
                ))
                | State::Canon(CanonState::Executed(cid)) => *cid = new(*cid),
                _ => {}
            }
        }
        // By address: entries that share a canon result share its list here too.
        let mut lists: HashMap<(usize, usize), &'r [Cid], Keyed<'r>> =
            HashMap::with_hasher(self.hasher);
        let mut list = |values: &[Cid]| {
            if lists.len() == lists.capacity() && heap.hold(LIST * (lists.len() + 8)).is_err() {
                return &[][..];
            }
            *lists
                .entry((values.as_ptr().addr(), values.len()))
                .or_insert_with(|| heap.collect(values.iter().map(|&cid| new(cid))))
        };
        let tetraplets: &'r [Tetraplet<'r>] =
            heap.collect(data.tetraplets.iter().map(|(_, tetraplet)| *tetraplet));
        let loaded = Loaded {
            trace,
            last_call_request_id: data.last_call_request_id,
            values: data
                .values
                .iter()
                .map(|&(cid, raw)| (new(cid), raw))
                .collect(),
            tetraplets: data
                .tetraplets
                .iter()
                .zip(tetraplets)
                .map(|(&(cid, _), tetraplet)| (new(cid), tetraplet))
                .collect(),
            canon_elements: data
                .canon_elements
                .iter()
                .map(|&(cid, element)| {
                    let element = CanonElement {
                        value: new(element.value),
                        tetraplet: new(element.tetraplet),
                        provenance: match element.provenance {
                            Provenance::Literal => Provenance::Literal,
                            Provenance::ServiceResult(cid) => Provenance::ServiceResult(new(cid)),
                            Provenance::Canon(cid) => Provenance::Canon(new(cid)),
                        },
                    };
                    (new(cid), element)
                })
                .collect(),
            canon_results: data
                .canon_results
                .iter()
                .map(|&(cid, canon)| {
                    let values = list(canon.values);
                    (
                        new(cid),
                        CanonResult {
                            tetraplet: new(canon.tetraplet),
                            values,
                        },
                    )
                })
                .collect(),
            service_results: data
                .service_results
                .iter()
                .map(|&(cid, result)| {
                    let (value, tetraplet) = (new(result.value), new(result.tetraplet));
                    (
                        new(cid),
                        ServiceResult {
                            value,
                            tetraplet,
                            ..result
                        },
                    )
                })
                .collect(),
            signatures: data.signatures,
        };
        heap.release(lists_read + MAP * (data.cids.len() + self.texts.len()));
        heap.release(LIST * lists.capacity());
        heap.check()?;
        Ok(loaded)
    }

    fn check_unique(&self, data: &Data<'r>, map: &[Cid]) -> Result<(), String> {
        let mut seen = alloc::vec![0_u8; self.texts.len()];
        let mut check = |store: u8, cid: Cid| {
            let cid = map[cid.index()];
            let stores = &mut seen[cid.index()];
            if *stores >> store & 1 != 0 {
                let text = self.text(cid);
                return Err(format!("CID \"{text}\" stands twice in a store"));
            }
            *stores |= 1 << store;
            Ok(())
        };
        data.values.iter().try_for_each(|entry| check(0, entry.0))?;
        data.tetraplets
            .iter()
            .try_for_each(|entry| check(1, entry.0))?;
        data.canon_elements
            .iter()
            .try_for_each(|entry| check(2, entry.0))?;
        data.canon_results
            .iter()
            .try_for_each(|entry| check(3, entry.0))?;
        data.service_results
            .iter()
            .try_for_each(|entry| check(4, entry.0))
    }

    /// Adds the stores of `loaded`, replacing what is there.
    pub(crate) fn add(
        &mut self,
        loaded: &Loaded<'r>,
        heap: &Heap<'r>,
    ) -> Result<(), BudgetExceeded> {
        for &(cid, raw) in &loaded.values {
            let value = StoredValue { raw, value: None };
            self.values.insert(cid, value, heap)?;
        }
        for &(cid, item) in &loaded.tetraplets {
            self.tetraplets.insert(cid, item, heap)?;
        }
        for &(cid, item) in &loaded.canon_elements {
            self.canon_elements.insert(cid, item, heap)?;
        }
        for &(cid, item) in &loaded.canon_results {
            self.canon_results.insert(cid, item, heap)?;
        }
        for &(cid, item) in &loaded.service_results {
            self.service_results.insert(cid, item, heap)?;
        }
        Ok(())
    }

    /// The value stored under `cid`.
    pub(crate) fn value(&mut self, cid: Cid, heap: &Heap<'r>) -> Option<Value<'r>> {
        let canonical = self.texts[cid.index()].as_bytes().starts_with(PREFIX);
        let stored = self.values.get_mut(cid)?;
        Some(*stored.value.get_or_insert_with(|| {
            let value = Value::from_raw(heap, stored.raw);
            if canonical {
                value.remember_cid(cid);
            }
            value
        }))
    }

    pub(crate) fn store_value(
        &mut self,
        value: Value<'r>,
        heap: &Heap<'r>,
    ) -> Result<Cid, ReadError> {
        let text = value.text(heap)?;
        if let Some(cid) = value.cid() {
            return Ok(cid);
        }
        heap.charge(cost::HASH + cost::hashed(text.len()))?;
        let cid = self.intern_computed(&of_bytes(text.as_bytes()), heap)?;
        let stored = StoredValue {
            raw: text,
            value: Some(value),
        };
        self.values.insert(cid, stored, heap)?;
        value.remember_cid(cid);
        Ok(cid)
    }

    pub(crate) fn store_tetraplet(
        &mut self,
        tetraplet: &'r Tetraplet<'r>,
        heap: &Heap<'r>,
    ) -> Result<Cid, BudgetExceeded> {
        heap.spend(cost::LOOKUP + cost::scanned(tetraplet.len()));
        if let Some(cid) = self.tetraplet_cids.get(tetraplet) {
            return Ok(*cid);
        }
        let cid = self.hashed(heap, |hashed| hashed.tetraplet(tetraplet))?;
        self.tetraplets.insert(cid, tetraplet, heap)?;
        if self.tetraplet_cids.len() == self.tetraplet_cids.capacity() {
            heap.grow_table(&mut self.tetraplet_cids)?;
        }
        self.tetraplet_cids.insert(*tetraplet, cid);
        Ok(cid)
    }

    pub(crate) fn store_service_result(
        &mut self,
        result: ServiceResult<'r>,
        heap: &Heap<'r>,
    ) -> Result<Cid, BudgetExceeded> {
        let cid = self.hashed(heap, |hashed| hashed.service_result(&result))?;
        self.service_results.insert(cid, result, heap)?;
        Ok(cid)
    }

    pub(crate) fn store_canon_element(
        &mut self,
        element: CanonElement,
        heap: &Heap<'r>,
    ) -> Result<Cid, BudgetExceeded> {
        let cid = self.hashed(heap, |hashed| hashed.canon_element(&element))?;
        self.canon_elements.insert(cid, element, heap)?;
        Ok(cid)
    }

    pub(crate) fn store_canon_result(
        &mut self,
        canon: CanonResult<'r>,
        heap: &Heap<'r>,
    ) -> Result<Cid, BudgetExceeded> {
        // Sixty-odd bytes for each element, in a buffer that doubles.
        let text = ELEMENT_TEXT * canon.values.len();
        heap.hold(text)?;
        let cid = self.hashed(heap, |hashed| hashed.canon_result(&canon))?;
        heap.release(text);
        self.canon_results.insert(cid, canon, heap)?;
        Ok(cid)
    }

    fn hashed(
        &mut self,
        heap: &Heap<'r>,
        hash: impl FnOnce(&mut Hashed<'_, 'r>) -> CidText,
    ) -> Result<Cid, BudgetExceeded> {
        let out = core::mem::take(&mut self.scratch);
        let mut hashed = Hashed {
            out,
            texts: &self.texts,
        };
        let text = hash(&mut hashed);
        self.scratch = hashed.out;
        heap.spend(cost::HASH + cost::hashed(self.scratch.len()));
        let grown = self.scratch.capacity().saturating_sub(self.scratch_held);
        heap.hold(grown)?;
        self.scratch_held += grown;
        self.intern_computed(&text, heap)
    }

    /// Bytes of the lists that [`Self::into_data`] makes anew.
    pub(crate) fn lists(&self) -> usize {
        self.values.entries.len() * size_of::<(Cid, &str)>()
            + self.tetraplets.entries.len() * size_of::<(Cid, Tetraplet<'_>)>()
    }

    /// Gives back the stores as data, with `trace` and `signatures`.
    pub(crate) fn into_data(
        self,
        trace: Vec<State<'r>>,
        last_call_request_id: u32,
        signatures: Vec<Signature<'r>>,
    ) -> Data<'r> {
        Data {
            trace,
            last_call_request_id,
            cids: self.texts,
            values: self
                .values
                .entries
                .iter()
                .map(|(cid, stored)| (*cid, stored.raw))
                .collect(),
            tetraplets: self
                .tetraplets
                .entries
                .iter()
                .map(|(cid, item)| (*cid, **item))
                .collect(),
            canon_elements: self.canon_elements.entries,
            canon_results: self.canon_results.entries,
            service_results: self.service_results.entries,
            signatures,
        }
    }
}
