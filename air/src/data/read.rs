//! The checked reader: hostile bytes in, plain structs out.
//!
//! The archive's own rule makes sharing and overlap checkable in one pass: fields are walked in
//! order, depth first, and each owned target (and each shared one at its first visit) must lie
//! behind the end of the target visited before it and before its parent. [`Reader::start`] and
//! [`Reader::end`] are that window. Every byte is thus visited at most once, and reading takes time
//! linear in the blob.

use alloc::vec::Vec;
use bumpalo::Bump;
use core::fmt;
use hashbrown::HashMap;

use super::field::{self, root, tag};
use super::model::*;
use crate::budget::{BudgetExceeded, Heap, Meter, cost};
use crate::hashing::{Keyed, Seed};

/// Why a body was refused, with the byte offset where it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The body is shorter than its root.
    TooShort(usize),
    /// A pointer leads outside the part of the body where its target may lie.
    OutOfBounds(usize),
    /// A struct does not start at a multiple of four.
    Unaligned(usize),
    /// A text is not UTF-8.
    NotUtf8(usize),
    /// An enum has a tag that is not known.
    UnknownTag(usize, u8),
    /// Two pointers of different kinds or lengths lead to one place.
    SharedDiffers(usize),
    /// It is more than a run may take: of the thing named.
    Budget(&'static str),
}

impl From<BudgetExceeded> for DecodeError {
    fn from(exceeded: BudgetExceeded) -> Self {
        Self::Budget(exceeded.name())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort(len) => write!(f, "{len} bytes are too few for a root"),
            Self::OutOfBounds(at) => write!(f, "the target at {at} is out of bounds or overlaps"),
            Self::Unaligned(at) => write!(f, "the target at {at} is not aligned"),
            Self::NotUtf8(at) => write!(f, "the text at {at} is not UTF-8"),
            Self::UnknownTag(at, tag) => write!(f, "unknown tag {tag} at {at}"),
            Self::Budget(what) => write!(f, "the budget of {what} is exceeded"),
            Self::SharedDiffers(at) => {
                write!(f, "the target at {at} is shared by pointers that differ")
            }
        }
    }
}

impl core::error::Error for DecodeError {}

type Result<T> = core::result::Result<T, DecodeError>;

impl<'a> Data<'a> {
    /// Reads a body. Texts borrow from `bytes`, small arrays are made in `arena`.
    ///
    /// `seed` keys the table of shared targets, whose positions the sender chooses: it should be
    /// secret.
    pub fn decode(bytes: &'a [u8], arena: &'a Bump, seed: u64) -> Result<Self> {
        let heap = Heap::new(arena, arena.alloc(Meter::unlimited()));
        Data::read(bytes, &heap, arena.alloc(Seed::new(seed)))
    }

    /// The same within a run, whose meter pays.
    pub(crate) fn read(bytes: &'a [u8], heap: &Heap<'a>, seed: &'a Seed) -> Result<Self> {
        heap.charge(cost::copied(bytes.len()))?;
        let root = bytes
            .len()
            .checked_sub(root::SIZE)
            .ok_or(DecodeError::TooShort(bytes.len()))?;
        // Pointers reach 2 GiB; the table of shared targets counts on it.
        if i32::try_from(root).is_err() {
            return Err(DecodeError::OutOfBounds(root));
        }
        if !root.is_multiple_of(field::ALIGN) {
            return Err(DecodeError::Unaligned(root));
        }
        let mut reader = Reader {
            bytes,
            heap,
            start: 0,
            end: root,
            shared: HashMap::with_hasher(seed.keyed()),
            cids: Vec::new(),
            peers: Vec::new(),
        };
        let r = &mut reader;
        let trace = r.vec(root + root::TRACE, field::STATE, Reader::state)?;
        let last_call_request_id = r.u32(root + root::LAST_CALL_REQUEST_ID)?;
        let values = r.store(root + root::VALUES, Kind::Value, field::FAT, Reader::text)?;
        let tetraplets = r.store(
            root + root::TETRAPLETS,
            Kind::Tetraplet,
            field::TETRAPLET,
            Reader::tetraplet,
        )?;
        let canon_elements = r.store(
            root + root::CANON_ELEMENTS,
            Kind::CanonElement,
            field::CANON_ELEMENT,
            Reader::canon_element,
        )?;
        let canon_results = r.store(
            root + root::CANON_RESULTS,
            Kind::CanonResult,
            field::CANON_RESULT,
            Reader::canon_result,
        )?;
        let service_results = r.store(
            root + root::SERVICE_RESULTS,
            Kind::ServiceResult,
            field::SERVICE_RESULT,
            Reader::service_result,
        )?;
        let signatures = r.vec(root + root::SIGNATURES, field::SIGNATURE, Reader::signature)?;
        heap.release_table(&r.shared);
        heap.release(r.peers.capacity() * size_of::<&str>());
        Ok(Data {
            trace,
            last_call_request_id,
            cids: reader.cids,
            values,
            tetraplets,
            canon_elements,
            canon_results,
            service_results,
            signatures,
        })
    }
}

/// What a shared pointer leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Peer,
    Value,
    Tetraplet,
    CanonElement,
    CanonResult,
    ServiceResult,
}

struct Reader<'h, 'a> {
    bytes: &'a [u8],
    heap: &'h Heap<'a>,
    /// Targets may begin here.
    start: usize,
    /// Targets must end here.
    end: usize,
    /// Shared targets met so far: their kind, and their index in the table of that kind.
    shared: HashMap<u32, (Kind, u32), Keyed<'a>>,
    cids: Vec<&'a str>,
    peers: Vec<&'a str>,
}

impl<'a> Reader<'_, 'a> {
    fn word(&self, at: usize) -> Result<[u8; 4]> {
        self.bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .ok_or(DecodeError::OutOfBounds(at))
    }

    fn u32(&self, at: usize) -> Result<u32> {
        Ok(u32::from_be_bytes(self.word(at)?))
    }

    fn tag(&self, at: usize) -> Result<u8> {
        Ok(self.word(at)?[0])
    }

    /// Follows the relative pointer at `at`.
    fn target(&self, at: usize) -> Result<usize> {
        let offset = i32::from_be_bytes(self.word(at)?);
        at.checked_add_signed(offset as isize)
            .ok_or(DecodeError::OutOfBounds(at))
    }

    /// Checks that `len` bytes at `at` may be a target. What it points to must lie before it: the
    /// caller walks its fields with `end` at `at`, then calls [`Self::leave`] with the returned
    /// end.
    fn enter(&mut self, at: usize, len: usize) -> Result<usize> {
        let behind = at.checked_add(len).ok_or(DecodeError::OutOfBounds(at))?;
        if at < self.start || behind > self.end {
            return Err(DecodeError::OutOfBounds(at));
        }
        if !at.is_multiple_of(field::ALIGN) {
            return Err(DecodeError::Unaligned(at));
        }
        Ok(core::mem::replace(&mut self.end, at))
    }

    fn leave(&mut self, behind: usize, end: usize) {
        self.start = behind;
        self.end = end;
    }

    /// A target without pointers.
    fn leaf(&mut self, at: usize, len: usize) -> Result<&'a [u8]> {
        let behind = at.checked_add(len).ok_or(DecodeError::OutOfBounds(at))?;
        if at < self.start || behind > self.end {
            return Err(DecodeError::OutOfBounds(at));
        }
        self.start = behind;
        Ok(&self.bytes[at..behind])
    }

    fn utf8(at: usize, bytes: &'a [u8]) -> Result<&'a str> {
        core::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8(at))
    }

    /// Where the array of a vector lies, and its length in elements and bytes.
    fn extent(&self, at: usize, size: usize) -> Result<(usize, usize, usize)> {
        let target = self.target(at)?;
        let count = self.u32(at + 4)? as usize;
        let len = count
            .checked_mul(size)
            .ok_or(DecodeError::OutOfBounds(target))?;
        Ok((target, count, len))
    }

    fn vec<T>(
        &mut self,
        at: usize,
        size: usize,
        mut element: impl FnMut(&mut Self, usize) -> Result<T>,
    ) -> Result<Vec<T>> {
        let (target, count, len) = self.extent(at, size)?;
        let end = self.enter(target, len)?;
        // Twelve bytes of an entry become six times as much.
        self.heap.charge(cost::ENTRY * count)?;
        self.heap.hold(count * size_of::<T>())?;
        let mut items = Vec::with_capacity(count);
        for index in 0..count {
            items.push(element(self, target + index * size)?);
        }
        self.leave(target + len, end);
        Ok(items)
    }

    /// A vector of plain numbers, without a detour over the heap.
    fn plain<T: Copy>(
        &mut self,
        at: usize,
        size: usize,
        element: impl Fn(&[u8]) -> T,
    ) -> Result<&'a [T]> {
        let (target, count, len) = self.extent(at, size)?;
        let end = self.enter(target, len)?;
        self.leave(target + len, end);
        let bytes = &self.bytes[target..target + len];
        self.heap.room(count * size_of::<T>())?;
        let elements = bytes.chunks_exact(size).map(element);
        Ok(self.heap.collect(elements))
    }

    /// A store: a vector of keys and pointers to values, which may be shared.
    fn store<T: Copy>(
        &mut self,
        at: usize,
        kind: Kind,
        size: usize,
        mut value: impl FnMut(&mut Self, usize) -> Result<T>,
    ) -> Result<Vec<(Cid, T)>> {
        let mut seen: Vec<T> = Vec::new();
        let entries = self.vec(at, field::ENTRY, |r, entry| {
            let key = r.cid(entry)?;
            let target = r.target(entry + field::ENTRY_VALUE)?;
            if let Some(index) = r.known(target, kind)? {
                return Ok((key, seen[index as usize]));
            }
            let end = r.enter(target, size)?;
            let item = value(r, target)?;
            r.leave(target + size, end);
            r.share(target, (kind, seen.len() as u32))?;
            r.heap.push(&mut seen, item)?;
            Ok((key, item))
        });
        self.heap.release(seen.capacity() * size_of::<T>());
        entries
    }

    /// Remembers a target.
    fn share(&mut self, target: usize, known: (Kind, u32)) -> Result<()> {
        self.heap.spend(cost::LOOKUP);
        if self.shared.len() == self.shared.capacity() {
            self.heap.grow_table(&mut self.shared)?;
        }
        self.shared.insert(target as u32, known);
        Ok(())
    }

    fn known(&self, target: usize, kind: Kind) -> Result<Option<u32>> {
        match self.shared.get(&(target as u32)) {
            None => Ok(None),
            Some(&(known, index)) if known == kind => Ok(Some(index)),
            Some(_) => Err(DecodeError::SharedDiffers(target)),
        }
    }

    fn cid(&mut self, at: usize) -> Result<Cid> {
        let target = self.target(at)?;
        let len = self.u32(at + 4)? as usize;
        if let Some(index) = self.known(target, Kind::Text)? {
            let same = self.cids[index as usize].len() == len;
            return if same {
                Ok(Cid(index))
            } else {
                Err(DecodeError::SharedDiffers(target))
            };
        }
        let bytes = self.leaf(target, len)?;
        let text = Self::utf8(target, bytes)?;
        let index = self.cids.len() as u32;
        self.heap.push(&mut self.cids, text)?;
        // Empty texts take no room, so a different target may follow at the same place.
        if len != 0 {
            self.share(target, (Kind::Text, index))?;
        }
        Ok(Cid(index))
    }

    /// A text behind a pointer with a length.
    fn text(&mut self, at: usize) -> Result<&'a str> {
        let target = self.target(at)?;
        let bytes = self.bytes(at)?;
        Self::utf8(target, bytes)
    }

    fn bytes(&mut self, at: usize) -> Result<&'a [u8]> {
        let target = self.target(at)?;
        let len = self.u32(at + 4)? as usize;
        self.leaf(target, len)
    }

    /// A text that is inline when short.
    fn str(&mut self, at: usize) -> Result<&'a str> {
        let repr = self
            .bytes
            .get(at..at + field::STR)
            .ok_or(DecodeError::OutOfBounds(at))?;
        let last = repr[field::STR_INLINE];
        if last & 0x80 == 0 {
            let inline = repr
                .get(..last as usize)
                .filter(|text| text.len() < field::STR);
            return Self::utf8(at, inline.ok_or(DecodeError::OutOfBounds(at))?);
        }
        let len = self.u32(at)? as usize;
        let offset = i32::from_le_bytes(self.word(at + 4)?);
        let target = at
            .checked_add_signed(offset as isize)
            .ok_or(DecodeError::OutOfBounds(at))?;
        let bytes = self.leaf(target, len)?;
        Self::utf8(target, bytes)
    }

    /// A shared text.
    fn peer(&mut self, at: usize) -> Result<&'a str> {
        let target = self.target(at)?;
        if let Some(index) = self.known(target, Kind::Peer)? {
            return Ok(self.peers[index as usize]);
        }
        let end = self.enter(target, field::STR)?;
        let text = self.str(target)?;
        self.leave(target + field::STR, end);
        self.share(target, (Kind::Peer, self.peers.len() as u32))?;
        self.heap.push(&mut self.peers, text)?;
        Ok(text)
    }

    fn state(&mut self, at: usize) -> Result<State<'a>> {
        Ok(match self.tag(at)? {
            tag::PAR => State::Par {
                left: self.u32(at + 4)?,
                right: self.u32(at + 8)?,
            },
            tag::CALL => State::Call(self.call_result(at + 4)?),
            tag::FOLD => {
                let lore = self.vec(at + 4, field::LORE, Self::lore)?;
                self.heap.release(size_of_val(lore.as_slice()));
                self.heap.room(size_of_val(lore.as_slice()))?;
                State::Fold {
                    lore: self.heap.slice(&lore),
                }
            }
            tag::AP => State::Ap {
                generations: self.plain(at + 4, 4, be_u32)?,
            },
            tag::CANON => State::Canon(match self.tag(at + 4)? {
                tag::CANON_SENT_BY => CanonState::RequestSentBy(self.peer(at + 8)?),
                tag::CANON_EXECUTED => CanonState::Executed(self.cid(at + 8)?),
                tag => return Err(DecodeError::UnknownTag(at + 4, tag)),
            }),
            tag => return Err(DecodeError::UnknownTag(at, tag)),
        })
    }

    fn call_result(&mut self, at: usize) -> Result<CallResult<'a>> {
        let inner = self.tag(at + 4);
        Ok(match self.tag(at)? {
            tag::CALL_SENT_BY => CallResult::RequestSentBy(match inner? {
                tag::SENDER_PEER => Sender::Peer(self.peer(at + 8)?),
                tag::SENDER_PEER_WITH_CALL_ID => Sender::PeerWithCallId {
                    peer: self.peer(at + 8)?,
                    call_id: self.u32(at + 12)?,
                },
                tag => return Err(DecodeError::UnknownTag(at + 4, tag)),
            }),
            tag::CALL_EXECUTED => CallResult::Executed(match inner? {
                tag::VALUE_SCALAR => ValueRef::Scalar(self.cid(at + 8)?),
                tag::VALUE_STREAM => ValueRef::Stream {
                    cid: self.cid(at + 8)?,
                    generation: self.u32(at + 16)?,
                },
                tag::VALUE_UNUSED => ValueRef::Unused(self.cid(at + 8)?),
                tag => return Err(DecodeError::UnknownTag(at + 4, tag)),
            }),
            tag::CALL_FAILED => CallResult::Failed(self.cid(at + 4)?),
            tag => return Err(DecodeError::UnknownTag(at, tag)),
        })
    }

    fn lore(&mut self, at: usize) -> Result<Lore<'a>> {
        Ok(Lore {
            value_pos: self.u32(at)?,
            subtraces: self.plain(at + 4, field::SUB_TRACE, |bytes| SubTrace {
                begin: be_u32(bytes),
                len: be_u32(&bytes[4..]),
            })?,
        })
    }

    fn tetraplet(&mut self, at: usize) -> Result<Tetraplet<'a>> {
        Ok(Tetraplet {
            peer_pk: self.str(at)?,
            service_id: self.str(at + field::STR)?,
            function_name: self.str(at + 2 * field::STR)?,
            lens: self.str(at + 3 * field::STR)?,
        })
    }

    fn canon_element(&mut self, at: usize) -> Result<CanonElement> {
        Ok(CanonElement {
            value: self.cid(at)?,
            tetraplet: self.cid(at + 8)?,
            provenance: match self.tag(at + 16)? {
                tag::LITERAL => Provenance::Literal,
                tag::SERVICE_RESULT => Provenance::ServiceResult(self.cid(at + 20)?),
                tag::CANON_PROVENANCE => Provenance::Canon(self.cid(at + 20)?),
                tag => return Err(DecodeError::UnknownTag(at + 16, tag)),
            },
        })
    }

    fn canon_result(&mut self, at: usize) -> Result<CanonResult<'a>> {
        let tetraplet = self.cid(at)?;
        let values = self.vec(at + 8, field::FAT, Self::cid)?;
        self.heap.release(size_of_val(values.as_slice()));
        self.heap.room(size_of_val(values.as_slice()))?;
        Ok(CanonResult {
            tetraplet,
            values: self.heap.slice(&values),
        })
    }

    fn service_result(&mut self, at: usize) -> Result<ServiceResult<'a>> {
        let value = self.cid(at)?;
        let argument_hash = self.cid(at + 8)?;
        let tetraplet = self.cid(at + 16)?;
        Ok(ServiceResult {
            value,
            argument_hash: self.cids[argument_hash.index()],
            tetraplet,
        })
    }

    fn signature(&mut self, at: usize) -> Result<Signature<'a>> {
        Ok(Signature {
            public_key: self.bytes(at)?,
            signature: self.bytes(at + field::FAT)?,
        })
    }
}

fn be_u32(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |word| u32::from_be_bytes(*word))
}
