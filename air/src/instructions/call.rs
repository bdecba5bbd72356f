//! `call` (AIR spec section 4.4).

use alloc::string::String;
use alloc::vec::Vec;

use super::fault::{Fault, blame};
use super::frame::{Flow, Step};
use super::resolve::Resolved;
use super::run::Run;
use crate::ast::{Call, NodeId, Operand, Output};
use crate::budget::cost;
use crate::cid::{CidText, of_bytes};
use crate::data::{CallResult, Sender, Tetraplet};
use crate::error::{Error, TraceError};
use crate::host::CallRequest;
use crate::scopes::{Place, Stored, StreamValue};

type Result<'r, T> = core::result::Result<T, Fault<'r>>;

/// A call whose peer, service and function are known.
pub(super) struct Resolving<'r> {
    pub(super) node: NodeId,
    pub(super) tetraplet: &'r Tetraplet<'r>,
    pub(super) output: Output,
    /// The name of a variable that is not there if they can't be resolved.
    arguments: core::result::Result<Vec<Resolved<'r>>, String>,
}

/// Memory of a request beside its texts, and of each tetraplet in it.
const REQUEST: usize = 256;
const REQUEST_ORIGIN: usize = 32;
/// Memory that a request has ready for each argument.
const REQUEST_ARGUMENT: usize = 160;

impl<'r> Run<'r> {
    pub(super) fn call(&mut self, node: NodeId, call: &'r Call) -> Step<'r> {
        let tetraplet = match self.triplet(call) {
            Ok(tetraplet) => self.heap.alloc(tetraplet),
            Err(fault) if fault.is_joinable() => {
                self.complete = false;
                return Ok(Flow::Done);
            }
            Err(fault) => return Err(fault),
        };
        let arguments = call.arguments.len() * size_of::<Resolved<'_>>();
        self.heap.hold(arguments)?;
        let called = self.resolved_call(node, call, tetraplet);
        self.heap.release(arguments);
        match called {
            Ok(()) => Ok(Flow::Done),
            Err(fault) if fault.0.origin.is_some() => Err(fault),
            Err(fault) => Err(blame(fault, tetraplet)),
        }
    }

    fn triplet(&mut self, call: &'r Call) -> Result<'r, Tetraplet<'r>> {
        let peer_pk = match call.peer {
            Operand::InitPeerId => &self.params.init_peer_id,
            peer => self.triplet_part(peer)?,
        };
        let service_id = self.triplet_part(call.service)?;
        let function_name = self.triplet_part(call.function)?;
        Ok(Tetraplet {
            peer_pk,
            service_id,
            function_name,
            lens: "",
        })
    }

    fn resolved_call(
        &mut self,
        node: NodeId,
        call: &'r Call,
        tetraplet: &'r Tetraplet<'r>,
    ) -> Result<'r, ()> {
        self.check_output(call.output)?;
        self.heap.charge(cost::CALL)?;
        let arguments = self.arguments(self.script.arguments(&call.arguments))?;
        let call = Resolving {
            node,
            tetraplet,
            output: call.output,
            arguments,
        };
        let met = self
            .trace
            .meet_call()
            .map_err(|reason| self.trace_fault(node, reason))?;
        let Some((state, source)) = met else {
            return self.send(&call, None);
        };
        match state {
            CallResult::Failed(cid) => self.call_failed(&call, cid),
            CallResult::Executed(value) => self.call_executed(&call, value, source),
            CallResult::RequestSentBy(Sender::PeerWithCallId { peer, call_id })
                if self.is_current_peer(peer) =>
            {
                match self.answers.take(call_id) {
                    Some(answer) => self.call_answered(&call, answer),
                    None => self.wait(state),
                }
            }
            CallResult::RequestSentBy(_) if !self.is_current_peer(tetraplet.peer_pk) => {
                self.wait(state)
            }
            CallResult::RequestSentBy(_) => self.send(&call, Some(state)),
        }
    }

    /// Refuses outputs that could not be set, before anything is done.
    fn check_output(&self, output: Output) -> core::result::Result<(), Error> {
        let Output::Scalar(name) = output else {
            return Ok(());
        };
        let text = || self.script.name(name).into();
        if self.iterators.is_open(name) {
            return Err(Error::IteratorShadowed(text()));
        }
        if !self.scalars.may_set(name, &self.depths) {
            return Err(Error::Shadowing(text()));
        }
        Ok(())
    }

    fn arguments(
        &mut self,
        operands: &[Operand],
    ) -> Result<'r, core::result::Result<Vec<Resolved<'r>>, String>> {
        let mut arguments = Vec::with_capacity(operands.len());
        for &operand in operands {
            match self.resolve(operand) {
                Ok(argument) => arguments.push(argument),
                Err(fault) => match fault.0.error {
                    Error::VariableNotFound(name) => return Ok(Err(name)),
                    _ => return Err(fault),
                },
            }
        }
        Ok(Ok(arguments))
    }

    /// The call waits; its state stays.
    fn wait(&mut self, state: CallResult<'r>) -> Result<'r, ()> {
        self.complete = false;
        self.push_call(state);
        Ok(())
    }

    /// Passes the call on: to another peer, or to the host.
    fn send(&mut self, call: &Resolving<'r>, state: Option<CallResult<'r>>) -> Result<'r, ()> {
        self.complete = false;
        let current: &'r str = &self.params.current_peer_id;
        if !self.is_current_peer(call.tetraplet.peer_pk) {
            self.add_next_peer(call.tetraplet.peer_pk)?;
            self.push_call(CallResult::RequestSentBy(Sender::Peer(current)));
            return Ok(());
        }
        let Ok(arguments) = &call.arguments else {
            state.into_iter().for_each(|state| self.push_call(state));
            return Ok(());
        };
        let mut text = core::mem::take(&mut self.scratch);
        text.clear();
        self.write_arguments(arguments, &mut text)?;
        // Many elements may share one long tetraplet, which is written out for each.
        let origins = arguments.iter().flat_map(|argument| argument.tetraplets);
        let len: usize = origins
            .map(|tetraplet| REQUEST_ORIGIN + tetraplet.len())
            .sum();
        self.heap
            .charge(cost::REQUEST + cost::copied(text.len() + len))?;
        let roughly = REQUEST + REQUEST_ARGUMENT * arguments.len();
        self.heap.hold(roughly + 2 * (text.len() + len))?;
        let origins = arguments
            .iter()
            .map(|argument| argument.tetraplets.iter().copied());
        let Tetraplet {
            service_id,
            function_name,
            ..
        } = *call.tetraplet;
        let request = CallRequest::new(service_id, function_name, &text, origins);
        self.scratch = text;
        let call_id = self.last_call_request_id.wrapping_add(1);
        self.last_call_request_id = call_id;
        self.requests.push((call_id, request));
        let sender = Sender::PeerWithCallId {
            peer: current,
            call_id,
        };
        self.push_call(CallResult::RequestSentBy(sender));
        Ok(())
    }

    /// The JSON array of the arguments.
    fn write_arguments(&self, arguments: &[Resolved<'r>], out: &mut String) -> Result<'r, ()> {
        let mut len = 2 + arguments.len();
        for argument in arguments {
            len += argument.value.text(&self.heap)?.len();
        }
        self.heap.charge(cost::copied(len))?;
        // For the buffer, which is kept, and for who takes a copy of it.
        self.heap.room(2 * len)?;
        out.reserve(len);
        out.push('[');
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(argument.value.text(&self.heap)?);
        }
        out.push(']');
        Ok(())
    }

    /// The hash that binds a result to the arguments it was made of.
    ///
    /// A quirk of the reference is to crash on a result whose arguments are missing (AIR spec
    /// section 9, quirk 7).
    pub(super) fn argument_hash(&mut self, call: &Resolving<'r>) -> Result<'r, CidText> {
        let arguments = match &call.arguments {
            Ok(arguments) => arguments,
            Err(name) => {
                let reason = TraceError::ArgumentsMissing(name.clone());
                return Err(self.trace_fault(call.node, reason));
            }
        };
        let mut text = core::mem::take(&mut self.scratch);
        text.clear();
        let written = self.write_arguments(arguments, &mut text);
        self.heap.spend(cost::HASH + cost::hashed(text.len()));
        let hash = written.map(|()| of_bytes(text.as_bytes()));
        self.scratch = text;
        hash
    }

    /// Puts a result where the call wants it.
    pub(super) fn set_output(
        &mut self,
        output: Output,
        stored: Stored<'r>,
        place: Place,
    ) -> Result<'r, ()> {
        match output {
            Output::None => {}
            Output::Scalar(name) => {
                let text = self.script.name(name);
                self.scalars
                    .set(name, stored, &mut self.depths, text, &self.heap)?;
            }
            Output::Stream(stream) => {
                let position = self.trace.position();
                self.streams
                    .add(stream, StreamValue { stored, position }, place, &self.heap)?;
            }
        }
        Ok(())
    }
}
