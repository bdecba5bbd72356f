//! States in words, for messages.

use alloc::format;
use alloc::string::String;

use crate::data::{CallResult, CanonState, Sender, State, ValueRef};

pub(super) fn describe(state: &State<'_>) -> String {
    match state {
        State::Par { left, right } => format!("par({left}, {right})"),
        State::Call(call) => describe_call(call),
        State::Fold { lore } => format!("fold of {} iterations", lore.len()),
        State::Ap { generations } => format!("ap({generations:?})"),
        State::Canon(canon) => describe_canon(canon),
    }
}

pub(super) fn describe_call(call: &CallResult<'_>) -> String {
    match call {
        CallResult::RequestSentBy(Sender::Peer(peer)) => format!("call sent by {peer}"),
        CallResult::RequestSentBy(Sender::PeerWithCallId { peer, call_id }) => {
            format!("call {call_id} sent by {peer}")
        }
        CallResult::Executed(value) => format!("executed call ({})", describe_value(value)),
        CallResult::Failed(_) => "failed call".into(),
    }
}

/// Where a result went, in words.
pub(crate) fn describe_value(value: &ValueRef) -> &'static str {
    match value {
        ValueRef::Scalar(_) => "to a scalar",
        ValueRef::Stream { .. } => "to a stream",
        ValueRef::Unused(_) => "unused",
    }
}

pub(super) fn describe_canon(canon: &CanonState<'_>) -> String {
    match canon {
        CanonState::RequestSentBy(peer) => format!("canon sent by {peer}"),
        CanonState::Executed(_) => "executed canon".into(),
    }
}
