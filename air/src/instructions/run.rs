//! The state of one run.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use hashbrown::HashSet;

use super::fault::Fault;
use super::pending::Pending;
use crate::ast::{Instr, NodeId, Script, display::InstrText};
use crate::budget::{BudgetExceeded, Heap, cost};
use crate::cid::Stores;
use crate::data::{CallResult, Cid, State, Tetraplet};
use crate::error::{Error, TraceError};
use crate::hashing::Keyed;
use crate::host::{Answers, CallRequests};
use crate::params::RunParams;
use crate::scopes::*;
use crate::trace::{FoldError, Trace};
use crate::values::{Json, Number, Value};

/// Memory of a state: in the list, with its origins and its CID among those vouched for in lists
/// that double, and where it is written.
pub(crate) const STATE: usize = size_of::<State<'static>>() + 2 * (8 + 4) + 4;

/// Memory of a name that nothing stands for yet: its places in three tables and among the
/// iterators.
const NAME: usize = 3 * size_of::<Vec<()>>() + 4;

/// Memory of the name of a stream.
const SLOT: usize = size_of::<Vec<()>>();

/// Memory of a next peer beside its name.
const NEXT_PEER: usize = 128;

/// What instructions work on.
pub(crate) struct Run<'r> {
    pub(super) heap: Heap<'r>,
    pub(super) script: &'r Script,
    pub(super) params: &'r RunParams,
    /// Instructions executed.
    pub(crate) steps: u64,
    /// States of the trace for which memory was taken.
    pub(super) states_held: usize,

    /// Whether the last instruction did all it had to (AIR spec section 4.1).
    pub(super) complete: bool,
    /// Instructions that wait for something.
    pub(super) pending: Pending,
    pub(super) errors: ErrorState<'r>,

    pub(super) depths: Depths,
    pub(super) scalars: Variables<Stored<'r>>,
    pub(super) canons: Variables<Canon<'r>>,
    pub(super) canon_maps: Variables<Canon<'r>>,
    pub(super) iterators: Iterators<'r>,
    pub(super) streams: Streams<'r>,

    pub(super) trace: Trace<'r>,
    pub(super) stores: Stores<'r>,

    pub(super) answers: Answers<'r>,
    pub(super) requests: CallRequests,
    pub(super) last_call_request_id: u32,
    next_peers: Vec<&'r str>,
    next_peers_seen: HashSet<&'r str, Keyed<'r>>,
    /// CIDs the current peer vouches for, one per state of the trace.
    vouched: Vec<Cid>,

    /// Tetraplet of literals.
    pub(super) literal: &'r Tetraplet<'r>,
    /// A buffer for texts that are hashed.
    pub(super) scratch: String,
    /// Keys the tables that instructions make.
    pub(super) seed: Keyed<'r>,
}

/// What is left of a run when the script has ended.
pub(crate) struct Finished<'r> {
    pub(crate) heap: Heap<'r>,
    pub(crate) stores: Stores<'r>,
    pub(crate) trace: Vec<State<'r>>,
    /// Results that no call asked for.
    pub(crate) unprocessed: Answers<'r>,
    pub(crate) requests: CallRequests,
    pub(crate) last_call_request_id: u32,
    pub(crate) next_peers: Vec<String>,
    pub(crate) vouched: Vec<Cid>,
}

impl<'r> Run<'r> {
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the run's state"
    )]
    pub(crate) fn new(
        heap: Heap<'r>,
        script: &'r Script,
        params: &'r RunParams,
        trace: Trace<'r>,
        stores: Stores<'r>,
        answers: Answers<'r>,
        last_call_request_id: u32,
        seed: Keyed<'r>,
    ) -> Result<Self, BudgetExceeded> {
        let names = script.names.len();
        let slots = script.slots as usize;
        heap.hold(NAME * names + SLOT * slots)?;
        // The list of states is as long as the longer input from the start.
        let states_held = trace.room();
        heap.charge(cost::copied(NAME * names + SLOT * slots))?;
        let no_error = [
            ("error_code", Json::Number(Number::U64(0))),
            ("message", Json::String("")),
        ];
        let no_error = Value::from_tree(&heap, Json::Object(heap.slice(&no_error)));
        let literal = heap.alloc(Tetraplet {
            peer_pk: &params.init_peer_id,
            ..Tetraplet::default()
        });
        Ok(Run {
            heap,
            script,
            params,
            steps: 0,
            states_held,
            complete: true,
            pending: Pending::default(),
            errors: ErrorState::new(no_error),
            depths: Depths::new(),
            scalars: Variables::new(Table::Scalars, names),
            canons: Variables::new(Table::Canons, names),
            canon_maps: Variables::new(Table::CanonMaps, names),
            iterators: Iterators::new(names),
            streams: Streams::new(script.slots),
            trace,
            stores,
            answers,
            requests: CallRequests::new(),
            last_call_request_id,
            next_peers: Vec::new(),
            next_peers_seen: HashSet::with_hasher(seed),
            vouched: Vec::new(),
            literal,
            scratch: String::new(),
            seed,
        })
    }

    /// Ends the run: streams are compacted, the parts handed over.
    pub(crate) fn finish(mut self) -> Result<Finished<'r>, Error> {
        for stream in self.streams.close_all() {
            self.compact(stream)?;
        }
        Ok(Finished {
            heap: self.heap,
            stores: self.stores,
            trace: self.trace.into_result(),
            unprocessed: self.answers,
            requests: self.requests,
            last_call_request_id: self.last_call_request_id,
            next_peers: self.next_peers.into_iter().map(Into::into).collect(),
            vouched: self.vouched,
        })
    }

    pub(super) fn compact(&mut self, stream: NewStream<'r>) -> Result<(), Error> {
        let (trace, heap) = (&mut self.trace, &self.heap);
        stream.compact(heap, |position, generation| {
            trace.set_generation(position, generation, |number| heap.slice(&[number]))
        })
    }

    /// Pays for an instruction that goes through many elements.
    pub(super) fn charge_elements(&self, count: usize) -> Result<(), BudgetExceeded> {
        self.heap.charge(cost::ELEMENT * count)
    }

    pub(super) fn is_current_peer(&self, peer: &str) -> bool {
        peer == self.params.current_peer_id
    }

    /// The particle is to go to `peer`.
    pub(super) fn add_next_peer(&mut self, peer: &'r str) -> Result<(), BudgetExceeded> {
        self.heap.spend(cost::LOOKUP + cost::scanned(peer.len()));
        if self.next_peers_seen.insert(peer) {
            // In the list, in the set, and for the host.
            self.heap.hold(NEXT_PEER + peer.len())?;
            self.next_peers.push(peer);
        }
        Ok(())
    }

    /// Notes that `peer` made `cid`; it is signed if that is the current peer.
    pub(super) fn vouch(&mut self, peer: &str, cid: Cid) {
        if self.is_current_peer(peer) {
            self.vouched.push(cid);
        }
    }

    pub(super) fn push_call(&mut self, result: CallResult<'r>) {
        self.trace.push(State::Call(result));
    }

    pub(super) fn instruction_text(&self, node: NodeId) -> String {
        InstrText(self.script, node).to_string()
    }

    /// Notes an error in `%last_error%` and `:error:` (AIR spec section 4.2).
    pub(super) fn note_error(&mut self, node: NodeId, fault: &Fault<'r>) -> Result<(), Fault<'r>> {
        let raised = &*fault.0;
        self.heap.charge(cost::ERROR)?;
        if raised.error.is_catchable() && self.errors.wants(&raised.error) {
            let own_peer = matches!(
                self.script.instr(node),
                Instr::Call(_) | Instr::Canon { .. }
            );
            let peer = raised
                .origin
                .map_or(&*self.params.current_peer_id, |call| call.peer_pk);
            let message = raised.error.to_string();
            let instruction = self.instruction_text(node);
            // What it quotes is there once more, and both are copied below.
            let texts = 2 * message.capacity() + instruction.capacity();
            self.heap.hold(texts)?;
            self.heap.release(texts);
            self.heap
                .charge(cost::scanned(message.len() + instruction.len()))?;
            let code = Json::Number(Number::from_i64(raised.error.code()));
            let fields = [
                ("error_code", code),
                ("instruction", Json::String(self.heap.str(&instruction))),
                ("message", Json::String(self.heap.str(&message))),
                ("peer_id", Json::String(peer)),
            ];
            let object = |fields: &[_]| Json::Object(self.heap.slice(fields));
            let last = Value::from_tree(&self.heap, object(&fields));
            let own = if own_peer {
                last
            } else {
                Value::from_tree(&self.heap, object(&fields[..3]))
            };
            self.errors.note(raised, last, own);
        }
        self.errors.error_settable = false;
        Ok(())
    }

    /// The same for an error of a fold.
    pub(super) fn fold_fault(&self, node: NodeId, reason: FoldError) -> Fault<'r> {
        match reason {
            FoldError::Trace(reason) => self.trace_fault(node, reason),
            FoldError::Budget(exceeded) => exceeded.into(),
        }
    }

    /// Names the instruction in an error of the trace.
    pub(super) fn trace_fault(&self, node: NodeId, reason: TraceError) -> Fault<'r> {
        Error::Trace {
            instruction: self.instruction_text(node),
            reason,
        }
        .into()
    }
}
