//! Which CIDs each peer vouches for, and the signatures over them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use basalt_terms::public_key::is_canonical;
use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey};
use hashbrown::HashMap;

use super::cache::VerifiedSignatures;
use super::key::{ED25519, Key, KeyError, base58_peer_id};
use crate::budget::{Heap, cost};
use crate::cid::{self, Loaded};
use crate::data::{CallResult, CanonState, Cid, Signature, State, ValueRef};
use crate::error::Error;
use crate::hashing::{Keyed, Seed};

type Result<T> = core::result::Result<T, String>;

/// One peer's signature and the CIDs it covers, sorted by text.
struct Entry<'r> {
    peer: &'r str,
    signature: Signature<'r>,
    cids: Vec<Cid>,
    /// Whether the signature was verified over these CIDs and the particle's salt.
    valid: bool,
}

/// The signatures of one particle's data, by peer.
pub(crate) struct SignatureStore<'r> {
    entries: Vec<Entry<'r>>,
    by_peer: HashMap<&'r str, usize, Keyed<'r>>,
}

/// Looks up in a data's own stores: a table by CID number.
struct ByCid<T>(Vec<Option<T>>);

impl<T: Copy> ByCid<T> {
    fn new(size: usize, items: impl Iterator<Item = (Cid, T)>) -> Self {
        let mut table = alloc::vec![None; size];
        items.for_each(|(cid, item)| table[cid.index()] = Some(item));
        ByCid(table)
    }

    fn get(&self, cid: Cid, texts: &[&str]) -> Result<T> {
        self.0[cid.index()]
            .ok_or_else(|| format!("CID \"{}\" of the trace is in no store", texts[cid.index()]))
    }
}

/// Memory of a CID in the tables of [`SignatureStore::collect`].
const TABLES: usize = size_of::<[Option<Cid>; 2]>() + size_of::<[&str; 1]>() + size_of::<usize>();

/// Memory of a state's CID among those of its peer, in a list that doubles.
const CIDS: usize = 2 * size_of::<Cid>();

/// The same while that is sorted.
const SORTING: usize = size_of::<(u64, Cid)>() + size_of::<Cid>();

/// Bytes of a CID in a message that is signed, while that is written.
const MESSAGE: usize = 3 * 68;

/// No peer.
const NOBODY: usize = usize::MAX;

impl<'r> SignatureStore<'r> {
    /// Collects keys, and the CIDs that the trace attributes to each peer; each such peer needs a
    /// key.
    pub(crate) fn collect(
        data: &Loaded<'r>,
        texts: &[&'r str],
        seed: &'r Seed,
        heap: &Heap<'r>,
    ) -> core::result::Result<Self, Error> {
        let tables = TABLES * texts.len();
        let tables = tables + SORTING * data.trace.len();
        heap.hold(tables + CIDS * data.trace.len())?;
        heap.charge(cost::ENTRY * (2 * data.trace.len()) + cost::copied(tables))?;
        let collected = SignatureStore::collect_all(data, texts, seed, heap);
        heap.release(tables);
        collected.map_err(|error| match heap.check() {
            Ok(()) => Error::Signature(error),
            Err(exceeded) => exceeded.into(),
        })
    }

    fn collect_all(
        data: &Loaded<'r>,
        texts: &[&'r str],
        seed: &'r Seed,
        heap: &Heap<'r>,
    ) -> Result<Self> {
        let mut store = SignatureStore {
            entries: Vec::with_capacity(data.signatures.len()),
            by_peer: HashMap::with_hasher(seed.keyed()),
        };
        for &signature in &data.signatures {
            heap.spend(cost::PEER_ID);
            let peer = peer_id(signature.public_key)?;
            store.insert(Entry {
                peer: heap.str(&peer),
                signature,
                cids: Vec::new(),
                valid: false,
            });
        }

        let results = data
            .service_results
            .iter()
            .map(|(cid, result)| (*cid, result.tetraplet));
        let results = ByCid::new(texts.len(), results);
        let canons = data
            .canon_results
            .iter()
            .map(|(cid, canon)| (*cid, canon.tetraplet));
        let canons = ByCid::new(texts.len(), canons);
        let peers = data
            .tetraplets
            .iter()
            .map(|(cid, tetraplet)| (*cid, tetraplet.peer_pk));
        let peers = ByCid::new(texts.len(), peers);
        // The entry of a tetraplet's peer is looked up once per tetraplet.
        let mut entry_of = alloc::vec![NOBODY; texts.len()];
        for state in &data.trace {
            let (cid, tetraplet) = match *state {
                State::Call(CallResult::Executed(
                    ValueRef::Scalar(cid) | ValueRef::Stream { cid, .. },
                ))
                | State::Call(CallResult::Failed(cid)) => (cid, results.get(cid, texts)?),
                State::Canon(CanonState::Executed(cid)) => (cid, canons.get(cid, texts)?),
                _ => continue,
            };
            let known = &mut entry_of[tetraplet.index()];
            if *known == NOBODY {
                let peer = peers.get(tetraplet, texts)?;
                *known = *store.by_peer.get(peer).ok_or_else(|| {
                    format!("peer_id doens't match any available public key: \"{peer}\"")
                })?;
            }
            heap.spend(cost::SORTED_CID);
            store.entries[*known].cids.push(cid);
        }
        store
            .entries
            .iter_mut()
            .for_each(|entry| sort(&mut entry.cids, texts));
        Ok(store)
    }

    fn insert(&mut self, entry: Entry<'r>) {
        match self.by_peer.get(entry.peer) {
            Some(&index) => self.entries[index] = entry,
            None => {
                self.by_peer.insert(entry.peer, self.entries.len());
                self.entries.push(entry);
            }
        }
    }

    /// Checks each signature over its peer's CIDs and the salt.
    pub(crate) fn verify(
        &mut self,
        salt: &str,
        texts: &[&str],
        verified: &mut VerifiedSignatures,
        heap: &Heap<'r>,
    ) -> core::result::Result<(), Error> {
        let mut message = Vec::new();
        for entry in &mut self.entries {
            heap.room(MESSAGE * entry.cids.len() + salt.len())?;
            borsh(&entry.cids, salt, texts, &mut message);
            heap.charge(cost::LOOKUP + cost::hashed(message.len()))?;
            let Signature {
                public_key,
                signature,
            } = entry.signature;
            entry.valid = true;
            let name = verified
                .is_enabled()
                .then(|| VerifiedSignatures::name(public_key, signature, &message));
            if name.is_some_and(|name| verified.contains(&name)) {
                continue;
            }
            heap.charge(cost::VERIFY + cost::hashed_slowly(message.len()))?;
            verify(public_key, signature, &message).map_err(|reason| {
                let peer = entry.peer;
                Error::Signature(format!("signature mismatch for \"{peer}\": {reason}"))
            })?;
            name.into_iter().for_each(|name| verified.insert(name));
        }
        Ok(())
    }

    /// Merges: per peer the larger multiset wins, and it must contain the smaller.
    pub(crate) fn merge(mut self, current: Self, texts: &[&str]) -> Result<Self> {
        for entry in current.entries {
            let Some(&index) = self.by_peer.get(entry.peer) else {
                self.insert(entry);
                continue;
            };
            let ours = &mut self.entries[index];
            let current_wins = entry.cids.len() > ours.cids.len();
            let (larger, smaller) = if current_wins {
                (&entry.cids, &ours.cids)
            } else {
                (&ours.cids, &entry.cids)
            };
            if !contains(larger, smaller, texts) {
                return Err(format!(
                    "inconsistent CID multisets on merge for peer {:?}",
                    entry.peer
                ));
            }
            let same = ours.signature == entry.signature && ours.cids == entry.cids;
            if current_wins || same {
                *ours = entry;
            }
        }
        Ok(self)
    }

    /// Signs `cids` for the current peer, unless its signature over the very same bytes is there
    /// and known to be valid: Ed25519 would make it again.
    pub(crate) fn sign(
        &mut self,
        key: &Key,
        mut cids: Vec<Cid>,
        salt: &str,
        texts: &[&str],
        verified: &mut VerifiedSignatures,
        heap: &Heap<'r>,
    ) -> core::result::Result<(), KeyError> {
        let public_key = key.public()?;
        sort(&mut cids, texts);
        let existing = self
            .entries
            .iter()
            .find(|entry| entry.signature.public_key == public_key);
        let same = existing.filter(|entry| entry.cids == cids);
        if same.is_some_and(|entry| entry.valid) {
            return Ok(());
        }
        let mut message = Vec::new();
        borsh(&cids, salt, texts, &mut message);
        heap.spend(cost::hashed(message.len()));
        let name = |signature: &[u8]| VerifiedSignatures::name(&public_key, signature, &message);
        if let Some(entry) = same
            && verified.is_enabled()
            && verified.contains(&name(entry.signature.signature))
        {
            return Ok(());
        }
        // Paid for at the end of the run.
        heap.spend(cost::SIGN + cost::hashed_slowly(2 * message.len()));
        let signature = key.sign(&message)?;
        if verified.is_enabled() {
            verified.insert(name(&signature));
        }
        let peer = match existing {
            Some(entry) => entry.peer,
            None => {
                let [_, key @ ..] = &public_key;
                heap.str(&base58_peer_id(key))
            }
        };
        let signature = Signature {
            public_key: heap.slice(&public_key),
            signature: heap.slice(&signature),
        };
        self.insert(Entry {
            peer,
            signature,
            cids,
            valid: true,
        });
        Ok(())
    }

    pub(crate) fn into_signatures(self) -> Vec<Signature<'r>> {
        self.entries
            .into_iter()
            .map(|entry| entry.signature)
            .collect()
    }
}

/// Whether `smaller` is a part of `larger`, as multisets; both are sorted.
fn contains(larger: &[Cid], smaller: &[Cid], texts: &[&str]) -> bool {
    let mut rest = larger.iter();
    smaller.iter().all(|cid| {
        rest.by_ref()
            .find(|other| texts[other.index()] >= texts[cid.index()])
            .is_some_and(|other| other == cid)
    })
}

/// Sorts by text.
fn sort(cids: &mut Vec<Cid>, texts: &[&str]) {
    // Nearly all texts differ in the eight characters behind the part they share; those alone are
    // compared then, as one number.
    let key = |cid: &Cid| {
        let random = texts[cid.index()].as_bytes().strip_prefix(cid::PREFIX)?;
        random.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    };
    let keyed: Option<Vec<(u64, Cid)>> = cids
        .iter()
        .map(|cid| key(cid).map(|key| (key, *cid)))
        .collect();
    match keyed {
        Some(mut keyed) => {
            keyed.sort_unstable_by(|left, right| {
                let texts = || texts[left.1.index()].cmp(texts[right.1.index()]);
                left.0.cmp(&right.0).then_with(texts)
            });
            cids.clear();
            cids.extend(keyed.into_iter().map(|(_, cid)| cid));
        }
        None => cids.sort_unstable_by_key(|cid| texts[cid.index()]),
    }
}

/// The signed bytes: sorted CIDs and salt in Borsh.
fn borsh(cids: &[Cid], salt: &str, texts: &[&str], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&(cids.len() as u32).to_le_bytes());
    for text in cids.iter().map(|cid| texts[cid.index()]).chain([salt]) {
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// Checks a signature strictly: under a key of small order one signature fits many messages, so a
/// stranger could show results that such a peer has "signed" for any script.
fn verify(public_key: &[u8], signature: &[u8], message: &[u8]) -> Result<()> {
    let key = raw_key(public_key)?;
    if !is_canonical(key) {
        return Err("malformed key: its coordinate is not reduced".into());
    }
    let key = VerifyingKey::from_bytes(key).map_err(|error| format!("malformed key: {error}"))?;
    let signature = match signature {
        [ED25519, signature @ ..] => Ed25519Signature::from_slice(signature)
            .map_err(|error| format!("malformed signature: {error}"))?,
        _ => return Err("malformed signature: no Ed25519 signature".into()),
    };
    key.verify_strict(message, &signature)
        .map_err(|error| format!("{error}"))
}

fn raw_key(public_key: &[u8]) -> Result<&[u8; 32]> {
    match public_key {
        [ED25519, key @ ..] => key
            .try_into()
            .map_err(|_| format!("malformed key: {} bytes long", public_key.len())),
        [] => Err("malformed key: it is empty".into()),
        [format, ..] => Err(format!("malformed key: format {format} is not Ed25519")),
    }
}

fn peer_id(public_key: &[u8]) -> Result<String> {
    raw_key(public_key).map(base58_peer_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use ed25519_dalek::{Signer, SigningKey, Verifier};

    /// Encodings of the eight points of small order, and other forms that libraries read.
    const WEAK: [&str; 14] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    fn key(hex: &str) -> [u8; 32] {
        let byte = |index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap();
        core::array::from_fn(byte)
    }

    /// A signature that nobody made: the neutral point, and zero. It fits every message whose hash
    /// the key's order divides.
    fn forged() -> [u8; 64] {
        let mut signature = [0; 64];
        signature[0] = 1;
        signature
    }

    fn prefixed(bytes: &[u8]) -> Vec<u8> {
        [&[ED25519][..], bytes].concat()
    }

    #[test]
    fn nothing_is_signed_by_a_key_of_small_order() {
        let mut loosely = 0;
        for weak in WEAK {
            let bytes = key(weak);
            for number in 0..64_u8 {
                let message = [number; 3];
                let known = VerifyingKey::from_bytes(&bytes).ok();
                let signature = Ed25519Signature::from_bytes(&forged());
                let fits = |key: VerifyingKey| key.verify(&message, &signature).is_ok();
                loosely += usize::from(known.is_some_and(fits));
                let strictly = verify(&prefixed(&bytes), &prefixed(&forged()), &message);
                assert!(strictly.is_err(), "{weak} {number}");
            }
        }
        // The forgery is a real one.
        assert!(loosely > 64, "{loosely}");
    }

    #[test]
    fn each_honest_key_passes() {
        for seed in 0..=u8::MAX {
            let pair = SigningKey::from_bytes(&[seed; 32]);
            let message = vec![seed; 40];
            let signature = prefixed(&pair.sign(&message).to_bytes());
            let public = prefixed(pair.verifying_key().as_bytes());
            assert_eq!(verify(&public, &signature, &message), Ok(()));
        }
    }
}
