//! Calls of scripts to the chain.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde_json::Value;

use super::abi::{self, Word};
use super::answers::{deal_info, deals, is_mined, mined, receipt, subnet, workers};
use super::model::{Chain, Keeping, MAX_MS, Work, receipts};
use super::rpc::{self, Question};
use super::sending::{Answered, Prepared};
use super::wallet::Address;
use crate::call::Call;
use crate::compute::JobId;
use crate::outgoing::{Answer, Response};
use crate::reply::{CallError, Reply};

/// `getComputeUnits(bytes32)` of the diamond.
pub(super) const GET_COMPUTE_UNITS: u32 = 0xb601_5c6e;
/// `getStatus()` of a deal.
const GET_STATUS: u32 = 0x4e69_d560;
/// `appCID()` of a deal.
const APP_CID: u32 = 0x9bc6_6868;
/// `getWorkers()` of a deal.
const GET_WORKERS: u32 = 0xc149_9f71;
/// `activateWorker(bytes32,bytes32)` of a deal.
const ACTIVATE_WORKER: u32 = 0x22eb_d58a;

/// The raw key of a peer, as the chain holds it.
pub(super) fn chain_id_of(peer: &PeerId) -> Option<Word> {
    peer.ed25519_key()
}

pub(super) fn deal_address(text: &str) -> Option<Address> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    HEX.decode(text.as_bytes()).ok()?.try_into().ok()
}

impl Chain {
    /// Room for one more call: its job, and until when it may take.
    fn admit(&mut self, call: &Call<'_>) -> Result<(JobId, Instant), CallError> {
        match self.has_room() {
            true => Ok((self.ids.next(), call.until(MAX_MS))),
            false => Err(CallError::text(
                "this peer is too busy: too many calls wait for the chain",
            )),
        }
    }

    /// The deals of this peer.
    pub(crate) fn get_deals(&mut self, call: &Call<'_>) -> Result<Reply, CallError> {
        let peer = chain_id_of(&call.host.peer_id).unwrap_or_default();
        let (job, until) = self.admit(call)?;
        let diamond = self.settings.diamond;
        let question = rpc::eth_call(&diamond, &abi::call(GET_COMPUTE_UNITS, &[peer]));
        self.ask(job, until, Work::Units, &[question]);
        Ok(Reply::job(job))
    }

    /// Tells a deal which worker serves it here.
    pub(crate) fn register_worker(
        &mut self,
        call: &Call<'_>,
        deal: &str,
        worker: &str,
        onchain: &[u8],
    ) -> Result<Reply, CallError> {
        if onchain.is_empty() {
            return Err(CallError::text("Invalid onchain_worker_id: empty"));
        }
        let onchain: Word = onchain.try_into().map_err(|_| {
            CallError::text(format!(
                "Invalid onchain_worker_id: {} bytes",
                onchain.len()
            ))
        })?;
        let to = deal_address(deal)
            .ok_or_else(|| CallError::text(format!("Invalid deal id '{deal}': invalid length")))?;
        let peer: Option<PeerId> = worker.parse().ok();
        let offchain = peer.as_ref().and_then(chain_id_of);
        let offchain =
            offchain.ok_or_else(|| CallError::text(format!("Invalid worker id '{worker}'")))?;
        let data = abi::call(ACTIVATE_WORKER, &[onchain, offchain]);
        let (job, until) = self.admit(call)?;
        self.waiting.push_back((job, until, to, data));
        self.send_next();
        Ok(Reply::job(job))
    }

    /// What became of transactions.
    pub(crate) fn get_receipts(
        &mut self,
        call: &Call<'_>,
        hashes: &[String],
    ) -> Result<Reply, CallError> {
        if hashes.is_empty() {
            return Ok(Value::Array(Vec::new()).into());
        }
        let (job, until) = self.admit(call)?;
        let families: Vec<Vec<String>> = hashes
            .iter()
            .map(|hash| match self.pending.of_hash(hash) {
                Some(sent) => sent.hashes.clone(),
                None => vec![hash.clone()],
            })
            .collect();
        let questions: Vec<Question> = families
            .iter()
            .flat_map(|hashes| receipts(hashes))
            .collect();
        self.ask(job, until, Work::Receipts(families), &questions);
        Ok(Reply::job(job))
    }

    /// Who serves a deal.
    pub(crate) fn resolve_subnet(
        &mut self,
        call: &Call<'_>,
        deal: &str,
    ) -> Result<Reply, CallError> {
        let Some(to) = deal_address(deal) else {
            let error = format!("Invalid deal id '{deal}': invalid length");
            return Ok(subnet(Err(error)).into());
        };
        let (job, until) = self.admit(call)?;
        let question = rpc::eth_call(&to, &abi::call(GET_WORKERS, &[]));
        self.ask(job, until, Work::Workers, &[question]);
        Ok(Reply::job(job))
    }

    /// Takes the answer to a request to the chain. Gives the reply to the call that waits for it,
    /// if it has one already.
    pub(crate) fn done(&mut self, now: Instant, id: u64, answer: Answer) -> Option<Answered> {
        let asked = self.works.remove(&id)?;
        let answers = answer.and_then(|answer| match answer.status {
            200 => rpc::answers(&answer.body, asked.count),
            _ => Err(refused(&answer)),
        });
        let Some(job) = asked.job else {
            self.look_after(now, asked.until, asked.work, answers);
            return None;
        };
        let reply = self.proceed(now, id, asked.until, job, asked.work, answers)?;
        Some((job, reply))
    }
}

impl Chain {
    /// Makes of answers the call's reply, or the next request.
    pub(super) fn proceed(
        &mut self,
        now: Instant,
        id: u64,
        until: Instant,
        job: JobId,
        work: Work,
        answers: Result<Vec<Result<Value, String>>, String>,
    ) -> Option<Result<Reply, CallError>> {
        let first = |answers: Result<Vec<Result<Value, String>>, String>| {
            answers.and_then(|mut answers| answers.remove(0))
        };
        let reply = match work {
            Work::Units => {
                let found = first(answers)
                    .and_then(|units| rpc::bytes(&units))
                    .and_then(|units| deals(&units).map_err(|error| error.to_string()));
                match found {
                    Ok(found) if found.is_empty() => Ok(Value::Array(Vec::new())),
                    Ok(found) => {
                        let questions: Vec<Question> = found
                            .iter()
                            .flat_map(|deal| {
                                [GET_STATUS, APP_CID].map(|function| {
                                    rpc::eth_call(&deal.id, &abi::call(function, &[]))
                                })
                            })
                            .collect();
                        self.ask(job, until, Work::Deals(found), &questions);
                        return None;
                    }
                    Err(error) => Err(error),
                }
            }
            Work::Deals(deals) => answers.map(|answers| {
                let mut answers = answers.into_iter();
                let infos = deals
                    .iter()
                    .filter_map(|deal| Some(deal_info(deal, [answers.next()?, answers.next()?])));
                infos.collect()
            }),
            Work::Receipts(families) => {
                let all = families.iter().map(Vec::len).sum();
                let answers = answers.unwrap_or_else(|error| vec![Err(error); all]);
                let mut answers = answers.into_iter();
                let mut over = Vec::new();
                let of = |hashes: Vec<String>| {
                    let found = mined(answers.by_ref().take(hashes.len()));
                    let sent = hashes.first().and_then(|hash| self.pending.of_hash(hash));
                    if let Some(nonce) = sent.map(|sent| sent.nonce)
                        && is_mined(&found)
                    {
                        over.push(nonce);
                    }
                    receipt(found)
                };
                let told = families.into_iter().map(of).collect();
                over.into_iter().for_each(|nonce| self.close(nonce));
                Ok(told)
            }
            Work::Workers => {
                let found = first(answers)
                    .and_then(|answer| rpc::bytes(&answer))
                    .and_then(|answer| workers(&answer).map_err(|error| error.to_string()));
                Ok(subnet(found))
            }
            Work::Prepare(to, data) => match self.prepared(now, to, data, answers) {
                Ok(Prepared::Known(hash)) => Ok(Value::String(hash)),
                Ok(Prepared::New(changes, planned)) => {
                    // The next one waits until this one is kept and sent.
                    self.keep_first(changes, Keeping::New(job, until, planned));
                    return None;
                }
                Err(error) => Err(error),
            },
            Work::Send(nonce) => {
                self.told(nonce, &answers);
                first(answers).and_then(|hash| match hash.is_string() {
                    true => Ok(hash),
                    false => Err(format!("{} is no hash", rpc::shortened(&hash))),
                })
            }
            Work::Watch(_) | Work::Resend(_) => return None,
        };
        if self.sending == Some(id) {
            self.sending = None;
            self.send_next();
        }
        Some(reply.map(Reply::Value).map_err(CallError::text))
    }
}

/// What is told of an answer with a status that is not 200: with an error, if it has one.
fn refused(answer: &Response) -> String {
    let status = answer.outcome();
    match rpc::refusal(&answer.body) {
        Some(error) => format!("the chain's endpoint answers {status}: {error}"),
        None => format!("the chain's endpoint answers {status}"),
    }
}
