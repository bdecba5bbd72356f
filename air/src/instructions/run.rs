//! The state of one run.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use hashbrown::HashSet;

use super::fault::Fault;
use super::rest::Pending;
use crate::ast::{Instr, NodeId, Script, display::InstrText};
use crate::cid::Stores;
use crate::config::Config;
use crate::data::{CallResult, Cid, State, Tetraplet};
use crate::error::{Error, TraceError};
use crate::hashing::Keyed;
use crate::host::{Answers, CallRequests};
use crate::params::RunParams;
use crate::scopes::*;
use crate::trace::Trace;
use crate::values::{BudgetExceeded, Heap, Json, Number, Value};

/// What instructions work on.
pub(crate) struct Run<'r> {
    pub(super) heap: Heap<'r>,
    pub(super) script: &'r Script,
    pub(super) params: &'r RunParams,
    pub(super) steps_left: u64,
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
        config: &Config,
        heap: Heap<'r>,
        script: &'r Script,
        params: &'r RunParams,
        trace: Trace<'r>,
        stores: Stores<'r>,
        answers: Answers<'r>,
        last_call_request_id: u32,
        seed: Keyed<'r>,
    ) -> Self {
        let names = script.names.len();
        let no_error = [
            ("error_code", Json::Number(Number::U64(0))),
            ("message", Json::String("")),
        ];
        let no_error = Value::from_tree(&heap, Json::Object(heap.slice(&no_error)));
        let literal = heap.alloc(Tetraplet {
            peer_pk: &params.init_peer_id,
            ..Tetraplet::default()
        });
        Run {
            heap,
            script,
            params,
            steps_left: config.max_steps,
            states_held: 0,
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
        }
    }

    /// Instructions that may still be executed.
    pub(crate) fn steps_left(&self) -> u64 {
        self.steps_left
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
        stream.compact(|position, generation| {
            trace.set_generation(position, generation, |number| heap.slice(&[number]))
        })
    }

    /// Pays for an instruction that goes through many elements: to hash one costs as much as to
    /// write a few hundred bytes.
    pub(super) fn charge_elements(&self, count: usize) -> Result<(), BudgetExceeded> {
        self.heap.charge(256 * count)
    }

    pub(super) fn is_current_peer(&self, peer: &str) -> bool {
        peer == self.params.current_peer_id
    }

    /// The particle is to go to `peer`.
    pub(super) fn add_next_peer(&mut self, peer: &'r str) {
        self.heap.spend(peer.len());
        if self.next_peers_seen.insert(peer) {
            self.next_peers.push(peer);
        }
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
        self.charge_elements(1)?;
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
            self.heap.charge(message.len() + instruction.len())?;
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

    /// Names the instruction in an error of the trace.
    pub(super) fn trace_fault(&self, node: NodeId, reason: TraceError) -> Fault<'r> {
        Error::Trace {
            instruction: self.instruction_text(node),
            reason,
        }
        .into()
    }
}
