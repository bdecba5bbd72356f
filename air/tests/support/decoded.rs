//! Data as JSON, for comparison: the form that the recorded cases use.

use std::borrow::ToOwned;
use std::string::{String, ToString};
use std::vec::Vec;

use basalt_air::data::{
    CallResult, CanonState, Cid, Data, Envelope, Provenance, Sender, State, ValueRef,
};
use bumpalo::Bump;
use serde_json::{Map, Value, json};

/// The canonical JSON of a blob; null if it is empty, an error text if it is none.
pub fn decoded(blob: &[u8]) -> Value {
    if blob.is_empty() {
        return Value::Null;
    }
    let envelope = match Envelope::decode(blob) {
        Ok(envelope) => envelope,
        Err(error) => return json!({"undecodable": error.to_string()}),
    };
    let arena = Bump::new();
    match Data::decode(envelope.inner_data, &arena, 0) {
        Ok(data) => body(&data),
        Err(error) => json!({"undecodable": error.to_string()}),
    }
}

fn body(data: &Data<'_>) -> Value {
    let text = |cid: Cid| data.text(cid);
    let store = |entries: Vec<(Cid, Value)>| -> Value {
        entries
            .into_iter()
            .map(|(cid, value)| (text(cid).to_owned(), value))
            .collect()
    };
    let signatures: Map<String, Value> = data
        .signatures
        .iter()
        .map(|entry| {
            let base58 = |bytes: &[u8]| bs58::encode(bytes).into_string();
            (base58(entry.public_key), base58(entry.signature).into())
        })
        .collect();
    json!({
        "trace": data.trace.iter().map(|one| state(one, data)).collect::<Vec<_>>(),
        "lcid": data.last_call_request_id,
        "cid_info": {
            "value_store": store(data.values.iter().map(|(c, raw)| (*c, json!(raw))).collect()),
            "tetraplet_store": store(data.tetraplets.iter().map(|(cid, item)| (*cid, json!({
                "peer_pk": item.peer_pk,
                "service_id": item.service_id,
                "function_name": item.function_name,
                "lens": item.lens,
            }))).collect()),
            "canon_element_store": store(data.canon_elements.iter().map(|(cid, item)| (*cid, json!({
                "value": text(item.value),
                "tetraplet": text(item.tetraplet),
                "provenance": match item.provenance {
                    Provenance::Literal => json!({"type": "literal"}),
                    Provenance::ServiceResult(cid) => {
                        json!({"type": "service_result", "cid": text(cid)})
                    }
                    Provenance::Canon(cid) => json!({"type": "canon", "cid": text(cid)}),
                },
            }))).collect()),
            "canon_result_store": store(data.canon_results.iter().map(|(cid, item)| (*cid, json!({
                "tetraplet": text(item.tetraplet),
                "values": item.values.iter().map(|cid| text(*cid)).collect::<Vec<_>>(),
            }))).collect()),
            "service_result_store": store(
                data.service_results.iter().map(|(cid, item)| (*cid, json!({
                    "value_cid": text(item.value),
                    "argument_hash": item.argument_hash,
                    "tetraplet_cid": text(item.tetraplet),
                }))).collect(),
            ),
        },
        "signatures": signatures,
    })
}

fn state(state: &State<'_>, data: &Data<'_>) -> Value {
    let text = |cid: Cid| data.text(cid);
    match *state {
        State::Par { left, right } => json!({"par": [left, right]}),
        State::Call(CallResult::RequestSentBy(Sender::Peer(peer))) => {
            json!({"call": {"sent_by": {"PeerId": peer}}})
        }
        State::Call(CallResult::RequestSentBy(Sender::PeerWithCallId { peer, call_id })) => {
            json!({"call": {"sent_by": {"PeerIdWithCallId": {"peer_id": peer, "call_id": call_id}}}})
        }
        State::Call(CallResult::Executed(ValueRef::Scalar(cid))) => {
            json!({"call": {"executed": {"scalar": text(cid)}}})
        }
        State::Call(CallResult::Executed(ValueRef::Stream { cid, generation })) => {
            json!({"call": {"executed": {"stream": {"cid": text(cid), "generation": generation}}}})
        }
        State::Call(CallResult::Executed(ValueRef::Unused(cid))) => {
            json!({"call": {"executed": {"unused": text(cid)}}})
        }
        State::Call(CallResult::Failed(cid)) => json!({"call": {"failed": text(cid)}}),
        State::Fold { lore } => {
            let lore: Vec<Value> = lore
                .iter()
                .map(|entry| {
                    let desc: Vec<Value> = entry
                        .subtraces
                        .iter()
                        .map(|piece| json!({"pos": piece.begin, "len": piece.len}))
                        .collect();
                    json!({"pos": entry.value_pos, "desc": desc})
                })
                .collect();
            json!({"fold": {"lore": lore}})
        }
        State::Ap { generations } => json!({"ap": {"gens": generations}}),
        State::Canon(CanonState::RequestSentBy(peer)) => json!({"canon": {"sent_by": peer}}),
        State::Canon(CanonState::Executed(cid)) => json!({"canon": {"executed": text(cid)}}),
    }
}
