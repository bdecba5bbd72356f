//! What contracts and the chain answer, as scripts see it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::iter;

use basalt_distro::cid;
use basalt_net::peer_id::PeerId;
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde_json::{Value, json};

use super::abi::{self, View, Word};
use super::rpc;
use super::wallet::Address;

/// A deal with units of this peer.
pub(super) struct Deal {
    pub(super) id: Address,
    pub(super) units: Vec<Word>,
    worker: Word,
}

/// The deals that units are in, and those that are left out: the peer has more than one worker
/// there.
pub(super) fn deals(answer: &[u8]) -> Result<Vec<Deal>, abi::Malformed> {
    let mut deals: BTreeMap<Address, Option<Deal>> = BTreeMap::new();
    for unit in View(answer).tuples(0, 4)? {
        let (id, worker) = (address(&unit.word(1)?), unit.word(3)?);
        if id == [0; 20] {
            continue;
        }
        let fresh = || Deal {
            id,
            units: Vec::new(),
            worker,
        };
        let deal = deals.entry(id).or_insert_with(|| Some(fresh()));
        match deal {
            Some(deal) if deal.worker == worker => deal.units.push(unit.word(0)?),
            Some(_) => {
                log::error!(target: "chain", "deal {} has two workers here: it is left out", HEX.encode(&id));
                *deal = None;
            }
            None => {}
        }
    }
    Ok(deals.into_values().flatten().collect())
}

/// An address out of its word.
fn address(word: &Word) -> Address {
    let mut address = [0; 20];
    address.copy_from_slice(&word[12..]);
    address
}

/// A deal's status by its code.
pub(super) fn status(answer: &[u8]) -> Result<&'static str, String> {
    const NAMES: [&str; 5] = [
        "INSUFFICIENT_FUNDS",
        "ACTIVE",
        "ENDED",
        "NOT_ENOUGH_WORKERS",
        "SMALL_BALANCE",
    ];
    let code = View(answer).size(0).map_err(|error| error.to_string())?;
    let name = NAMES.get(code).copied();
    name.ok_or_else(|| format!("the deal's status {code} is unknown"))
}

/// A deal's application.
pub(super) fn app_cid(answer: &[u8]) -> Result<String, String> {
    let words = (View(answer).word(0), View(answer).word(1));
    let (Ok(prefix), Ok(hash)) = words else {
        return Err(abi::Malformed.to_string());
    };
    Ok(cid::text(&[&prefix[..4], &hash].concat()))
}

/// One deal as scripts see it.
pub(super) fn deal_info(deal: &Deal, answers: [Result<Value, String>; 2]) -> Value {
    let info = || {
        let [status_of, app] = answers;
        let status = status(&rpc::bytes(&status_of?)?)?;
        let app_cid = app_cid(&rpc::bytes(&app?)?)?;
        let units = deal.units.iter().map(|unit| HEX.encode(unit));
        Ok::<Value, String>(json!({
            "status": status,
            "cu_ids": units.collect::<Vec<_>>(),
            "app_cid": app_cid,
            "onchain_worker_id": deal.worker,
        }))
    };
    let id = HEX.encode(&deal.id);
    match info() {
        Ok(info) => json!({ "success": true, "error": [], "deal_id": id, "deal_info": [info] }),
        Err(error) => {
            json!({ "success": false, "error": [error], "deal_id": id, "deal_info": [] })
        }
    }
}

/// The receipt among those of transactions with one number, of which at most one is mined; null if
/// each is known to be not mined.
pub(super) fn mined(
    receipts: impl Iterator<Item = Result<Value, String>>,
) -> Result<Value, String> {
    let mut last = Ok(Value::Null);
    for receipt in receipts {
        match receipt {
            Ok(Value::Null) => {}
            Ok(receipt) if receipt.is_object() => return Ok(receipt),
            Ok(other) => last = Err(format!("{} is no receipt", rpc::shortened(&other))),
            Err(error) => last = Err(error),
        }
    }
    last
}

/// Whether there is a receipt.
pub(super) fn is_mined(receipt: &Result<Value, String>) -> bool {
    matches!(receipt, Ok(receipt) if !receipt.is_null())
}

/// One receipt as scripts see it.
pub(super) fn receipt(answer: Result<Value, String>) -> Value {
    let (success, error, status, receipt) = match answer {
        Err(error) => (false, Some(error), "", None),
        Ok(Value::Null) => (true, None, "pending", None),
        Ok(receipt) => {
            let status = match rpc::quantity(&receipt["status"]) {
                Ok(1) => "ok",
                _ => "failed",
            };
            let facts = json!({
                "block_number": receipt["blockNumber"],
                "tx_hash": receipt["transactionHash"],
            });
            (true, None, status, Some(facts))
        }
    };
    json!({
        "success": success,
        "error": error.into_iter().collect::<Vec<_>>(),
        "status": status,
        "receipt": receipt.into_iter().collect::<Vec<_>>(),
    })
}

/// The workers of a deal as scripts see them.
pub(super) fn workers(answer: &[u8]) -> Result<Value, abi::Malformed> {
    let mut workers = Vec::new();
    // Offsets may lead to the same bytes again and again: what is read is not more than what came.
    let mut left = answer.len() / size_of::<Word>();
    for worker in View(answer).dynamic(0)? {
        let (offchain, peer) = (worker.word(0)?, worker.word(2)?);
        let units = worker.words(5)?;
        left = left.checked_sub(units.len()).ok_or(abi::Malformed)?;
        let activated = (offchain != [0; 32]).then(|| PeerId::from_ed25519(&offchain).to_string());
        workers.push(json!({
            "cu_ids": units.iter().map(|unit| rpc::hex(unit)).collect::<Vec<_>>(),
            "host_id": PeerId::from_ed25519(&peer).to_string(),
            "worker_id": activated.into_iter().collect::<Vec<_>>(),
        }));
    }
    Ok(workers.into())
}

/// The answer of `subnet.resolve`.
pub(super) fn subnet(workers: Result<Value, String>) -> Value {
    match workers {
        Ok(workers) => json!({ "success": true, "workers": workers, "error": [] }),
        Err(error) => json!({ "success": false, "workers": [], "error": [error] }),
    }
}

/// A body from the chain's endpoint as scripts would see it, were it the answer to each of these
/// questions: the deals of a peer, a deal's status, its application, its workers, a receipt.
pub fn views(body: &[u8]) -> [Result<Value, String>; 5] {
    let answer = rpc::answers(body, 1).and_then(|mut answers| answers.remove(0));
    let bytes = answer.clone().and_then(|answer| rpc::bytes(&answer));
    let of =
        |read: fn(&[u8]) -> Result<Value, String>| bytes.clone().and_then(|answer| read(&answer));
    [
        of(|answer| {
            let deals = deals(answer).map_err(|error| error.to_string())?;
            Ok(deals.iter().map(|deal| HEX.encode(&deal.id)).collect())
        }),
        of(|answer| status(answer).map(Value::from)),
        of(|answer| app_cid(answer).map(Value::from)),
        of(|answer| workers(answer).map_err(|error| error.to_string())),
        Ok(receipt(mined(iter::once(answer)))),
    ]
}
