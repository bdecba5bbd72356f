//! The plain structs of a particle's data (AIR spec section 6.2, "Root").
//!
//! Everything borrows: texts from the blob that was read, or from the arena of the run that made
//! them.

use alloc::vec::Vec;

/// A CID, as an index into the [`Data::cids`] of the data it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(pub u32);

impl Cid {
    /// The index as a `usize`.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Everything a particle's data holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data<'a> {
    /// What was done, in order of execution.
    pub trace: Vec<State<'a>>,
    /// The highest call request id that this peer has given out.
    pub last_call_request_id: u32,
    /// Texts of all CIDs; [`Cid`] indexes here. A text may occur twice.
    pub cids: Vec<&'a str>,
    /// Raw JSON texts.
    pub values: Vec<(Cid, &'a str)>,
    /// Origins of values.
    pub tetraplets: Vec<(Cid, Tetraplet<'a>)>,
    /// Elements of canonicalised streams.
    pub canon_elements: Vec<(Cid, CanonElement)>,
    /// Canonicalised streams.
    pub canon_results: Vec<(Cid, CanonResult<'a>)>,
    /// Results of service calls.
    pub service_results: Vec<(Cid, ServiceResult<'a>)>,
    /// One signature per peer.
    pub signatures: Vec<Signature<'a>>,
}

impl<'a> Data<'a> {
    /// Number of states and entries.
    pub(crate) fn len(&self) -> usize {
        self.trace.len()
            + self.values.len()
            + self.tetraplets.len()
            + self.canon_elements.len()
            + self.canon_results.len()
            + self.service_results.len()
            + self.signatures.len()
    }

    /// Bytes of all lists but the trace and the signatures.
    pub(crate) fn lists(&self) -> usize {
        self.cids.capacity() * size_of::<&str>()
            + size_of_val(self.values.as_slice())
            + size_of_val(self.tetraplets.as_slice())
            + size_of_val(self.canon_elements.as_slice())
            + size_of_val(self.canon_results.as_slice())
            + size_of_val(self.service_results.as_slice())
    }

    /// The text of `cid`.
    pub fn text(&self, cid: Cid) -> &'a str {
        self.cids[cid.index()]
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tetraplet<'a> {
    /// Peer that produced the value.
    pub peer_pk: &'a str,
    /// Service called there.
    pub service_id: &'a str,
    /// Function called there.
    pub function_name: &'a str,
    /// Lens applied to the result.
    pub lens: &'a str,
}

impl<'a> Tetraplet<'a> {
    /// Length of its texts.
    pub(crate) fn len(&self) -> usize {
        self.texts().map(str::len).iter().sum()
    }

    /// Its texts, in the order of the fields.
    pub(crate) fn texts(&self) -> [&'a str; 4] {
        [self.peer_pk, self.service_id, self.function_name, self.lens]
    }
}

/// What vouches for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// Written in the script, or a parameter of the run.
    Literal,
    /// A [`ServiceResult`].
    ServiceResult(Cid),
    /// A [`CanonResult`].
    Canon(Cid),
}

/// One element of a canonicalised stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonElement {
    /// In [`Data::values`].
    pub value: Cid,
    /// In [`Data::tetraplets`].
    pub tetraplet: Cid,
    /// What vouches for the value.
    pub provenance: Provenance,
}

/// A canonicalised stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonResult<'a> {
    /// In [`Data::tetraplets`]: the peer that canonicalised.
    pub tetraplet: Cid,
    /// In [`Data::canon_elements`], in order.
    pub values: &'a [Cid],
}

/// A result of a service call, bound to the call by its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceResult<'a> {
    /// In [`Data::values`].
    pub value: Cid,
    /// CID text of the JSON array of arguments.
    pub argument_hash: &'a str,
    /// In [`Data::tetraplets`].
    pub tetraplet: Cid,
}

/// A signature of one peer over all CIDs the trace attributes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    /// Key format byte and key.
    pub public_key: &'a [u8],
    /// Key format byte and signature.
    pub signature: &'a [u8],
}

/// One entry of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// A `par` and the number of states in each arm.
    Par {
        /// States of the left arm.
        left: u32,
        /// States of the right arm.
        right: u32,
    },
    /// A `call`.
    Call(CallResult<'a>),
    /// A `fold` over a stream.
    Fold {
        /// Iterations, in order.
        lore: &'a [Lore<'a>],
    },
    /// An `ap` to a stream; exactly one generation unless the data is malformed.
    Ap {
        /// Generations of the value in its stream.
        generations: &'a [u32],
    },
    /// A `canon`.
    Canon(CanonState<'a>),
}

/// State of a `call`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult<'a> {
    /// Not yet answered.
    RequestSentBy(Sender<'a>),
    /// Answered.
    Executed(ValueRef),
    /// Answered with an error; the CID of a [`ServiceResult`].
    Failed(Cid),
}

/// Who passed a call on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender<'a> {
    /// A peer that forwarded the particle.
    Peer(&'a str),
    /// The peer that handed the call to its own host.
    PeerWithCallId {
        /// The peer.
        peer: &'a str,
        /// The id its host answers to.
        call_id: u32,
    },
}

/// Where the result of a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef {
    /// To a scalar; the CID of a [`ServiceResult`].
    Scalar(Cid),
    /// To a stream.
    Stream {
        /// The CID of a [`ServiceResult`].
        cid: Cid,
        /// Generation of the value in its stream.
        generation: u32,
    },
    /// Nowhere; the CID of the value, which is not stored.
    Unused(Cid),
}

/// State of a `canon`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanonState<'a> {
    /// Not yet made; the peer that forwarded the particle.
    RequestSentBy(&'a str),
    /// The CID of a [`CanonResult`].
    Executed(Cid),
}

/// One iteration of a fold over a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lore<'a> {
    /// Trace position of the state that made the value.
    pub value_pos: u32,
    /// States before and states behind `next`; two unless the data is malformed.
    pub subtraces: &'a [SubTrace],
}

/// A piece of the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubTrace {
    /// Position of the first state.
    pub begin: u32,
    /// Number of states.
    pub len: u32,
}
