//! Checks of current data's stores (AIR spec section 8, a and b).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::compute::{Hashed, of_bytes};
use super::form;
use super::store::{ELEMENT_TEXT, Loaded, Stores};
use crate::budget::{Heap, cost};
use crate::data::{Cid, Provenance};
use crate::error::Error;

/// Characters of a text that is no CID that are told in an error.
const MAX_QUOTED: usize = 64;

/// Checks that texts are CIDs in forms that are read, before anything is made of them: what is
/// hashed has CIDs in it, whose lengths are known then.
pub(crate) fn check_forms(texts: &[&str]) -> Result<(), String> {
    let Some(text) = texts.iter().find(|text| !form::is_canonical(text)) else {
        return Ok(());
    };
    let begin: String = text.chars().take(MAX_QUOTED).collect();
    Err(format!("\"{begin}\" is no CID in a form that is read"))
}

/// Checks that all entries of `current` hash to their CIDs and that what they refer to is there.
///
/// `known` holds the stores of previous data, which are trusted: an entry that is there in the same
/// bytes is not hashed again.
pub(crate) fn verify<'r>(
    current: &Loaded<'r>,
    known: &Stores<'r>,
    heap: &Heap<'r>,
) -> Result<(), Error> {
    let present = 5 * known.texts().len();
    heap.hold(present)?;
    let verified = check_all(current, known, heap);
    heap.release(present);
    verified
}

fn check_all<'r>(current: &Loaded<'r>, known: &Stores<'r>, heap: &Heap<'r>) -> Result<(), Error> {
    let mut checker = Checker {
        known,
        heap,
        hashed: Hashed {
            out: Vec::new(),
            texts: known.texts(),
        },
    };
    let c = &mut checker;
    let size = known.texts().len();
    let mut values = Present::new(size);
    let mut tetraplets = Present::new(size);
    let mut elements = Present::new(size);
    let mut canons = Present::new(size);
    let mut results = Present::new(size);

    for &(cid, raw) in &current.values {
        values.insert(cid);
        heap.charge(cost::copied(raw.len()))?;
        if known.values.get(cid).is_none_or(|stored| stored.raw != raw) {
            c.check("value", cid, |_| raw.as_bytes().into())?;
        }
    }
    for &(cid, tetraplet) in &current.tetraplets {
        tetraplets.insert(cid);
        if known.tetraplets.get(cid) != Some(&tetraplet) {
            c.check("tetraplet", cid, |hashed| {
                Bytes::Hashed(hashed.tetraplet(tetraplet))
            })?;
        }
    }
    for (cid, element) in &current.canon_elements {
        elements.insert(*cid);
        if known.canon_elements.get(*cid) != Some(element) {
            c.check("canon element", *cid, |hashed| {
                Bytes::Hashed(hashed.canon_element(element))
            })?;
        }
    }
    for (cid, canon) in &current.canon_results {
        canons.insert(*cid);
        let text = ELEMENT_TEXT * canon.values.len();
        heap.hold(text)?;
        heap.charge(cost::copied(size_of_val(canon.values)))?;
        if known.canon_results.get(*cid) != Some(canon) {
            c.check("canon result", *cid, |hashed| {
                Bytes::Hashed(hashed.canon_result(canon))
            })?;
        }
        // What the buffer keeps is a part of what the longest one took.
        heap.release(text);
    }
    for (cid, result) in &current.service_results {
        results.insert(*cid);
        if known.service_results.get(*cid) != Some(result) {
            c.check("service result", *cid, |hashed| {
                Bytes::Hashed(hashed.service_result(result))
            })?;
        }
    }

    for (_, result) in &current.service_results {
        c.refer("service result", result.value, "value", &values)?;
        c.refer("service result", result.tetraplet, "tetraplet", &tetraplets)?;
    }
    for (_, canon) in &current.canon_results {
        heap.charge(cost::ENTRY * canon.values.len())?;
        c.refer("canon result", canon.tetraplet, "tetraplet", &tetraplets)?;
        for &element in canon.values {
            c.refer("canon result", element, "canon element", &elements)?;
        }
    }
    for (_, element) in &current.canon_elements {
        c.refer("canon element", element.value, "value", &values)?;
        c.refer("canon element", element.tetraplet, "tetraplet", &tetraplets)?;
        match element.provenance {
            Provenance::Literal => {}
            Provenance::ServiceResult(cid) => {
                c.refer("canon element", cid, "service result", &results)?;
            }
            Provenance::Canon(cid) => c.refer("canon element", cid, "canon result", &canons)?,
        }
    }
    Ok(())
}

/// A set of CIDs.
struct Present(Vec<bool>);

impl Present {
    fn new(size: usize) -> Self {
        Present(alloc::vec![false; size])
    }

    fn insert(&mut self, cid: Cid) {
        self.0[cid.index()] = true;
    }
}

/// What is hashed.
enum Bytes<'b> {
    Raw(&'b [u8]),
    /// Left in the buffer, with the CID it has in our form.
    Hashed(super::CidText),
}

impl<'b> From<&'b [u8]> for Bytes<'b> {
    fn from(bytes: &'b [u8]) -> Self {
        Bytes::Raw(bytes)
    }
}

struct Checker<'c, 'r> {
    heap: &'c Heap<'r>,
    known: &'c Stores<'r>,
    hashed: Hashed<'c, 'r>,
}

impl<'r> Checker<'_, 'r> {
    fn check<'b>(
        &mut self,
        store: &str,
        cid: Cid,
        write: impl FnOnce(&mut Hashed<'_, 'r>) -> Bytes<'b>,
    ) -> Result<(), Error> {
        let text = self.known.text(cid);
        let (ours, bytes) = match write(&mut self.hashed) {
            Bytes::Raw(bytes) => (of_bytes(bytes), bytes),
            Bytes::Hashed(ours) => (ours, &self.hashed.out[..]),
        };
        self.heap.charge(cost::HASH + cost::hashed(bytes.len()))?;
        if ours.as_str() == text {
            return Ok(());
        }
        self.heap
            .charge(cost::FOREIGN_CID + cost::hashed_slowly(bytes.len()))?;
        if form::names(text, bytes) {
            return Ok(());
        }
        Err(Error::CidStore(format!(
            "Value mismatch in the \"{store}\" store for CID \"{text}\""
        )))
    }

    fn refer(&self, from: &str, cid: Cid, to: &str, present: &Present) -> Result<(), Error> {
        if present.0[cid.index()] {
            return Ok(());
        }
        let text = self.known.text(cid);
        Err(Error::CidStore(format!(
            "Reference CID \"{text}\" from type \"{from}\" to \"{to}\" was not found"
        )))
    }
}
