//! The chain, as deals need it: which deals this peer is in, who else is in a deal, and the word
//! that a worker is there.
//!
//! Layers: [`abi`] and [`wallet`] make and read bytes, [`rpc`] puts them into JSON-RPC, [`answers`]
//! makes of them what scripts see, [`sending`] brings transactions onto the chain, of which
//! [`pending`] keeps the list, and here each call of a script is a [`Work`] of one or two HTTP
//! requests, which the node's edge makes. Source: protocol description, "Marketplace", sections 3,
//! 7 and 8.

mod abi;
mod answers;
mod pending;
mod rpc;
mod sending;
mod wallet;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use basalt_manifest::{Manifest, Url};
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde_json::{Value, json};

use crate::call::Call;
use crate::compute::{JobId, JobIds};
use crate::outgoing::{Answer, Head, Method, Owner, Request, Server};
use crate::reply::{CallError, Reply};
use crate::state::{self, Changes, State};
use abi::Word;
use answers::{Deal, deal_info, deals, receipt, subnet, workers};
use pending::Pending;
use rpc::Question;
use sending::{Keeping, Prepared, is_mined, mined};
use wallet::Address;

pub use answers::views;
pub use pending::Resending;
pub use wallet::Wallet;

/// Longest answer, in bytes. Against nodes of the chain that send without end.
const MAX_ANSWER: usize = 2 << 20;
/// Calls under way at the same time. Against scripts that ask without end.
const MAX_WORKS: usize = 64;
/// Longest time for a call, in milliseconds.
const MAX_MS: u64 = 60_000;

/// `getComputeUnits(bytes32)` of the diamond.
const GET_COMPUTE_UNITS: u32 = 0xb601_5c6e;
/// `getStatus()` of a deal.
const GET_STATUS: u32 = 0x4e69_d560;
/// `appCID()` of a deal.
const APP_CID: u32 = 0x9bc6_6868;
/// `getWorkers()` of a deal.
const GET_WORKERS: u32 = 0xc149_9f71;
/// `activateWorker(bytes32,bytes32)` of a deal.
const ACTIVATE_WORKER: u32 = 0x22eb_d58a;

/// How the node finds the chain, and what it may do there.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where a node of the chain takes JSON-RPC over HTTP.
    pub endpoint: Url,
    /// The market's contract.
    pub diamond: [u8; 20],
    /// The chain's id; transactions are for no other one.
    pub chain_id: u64,
    /// Who pays for transactions.
    pub wallet: Wallet,
    /// Wei per gas in place of what the chain says.
    pub base_fee: Option<u128>,
    /// Wei per gas on top, in place of what the chain says.
    pub priority_fee: Option<u128>,
    /// The API that has the definitions of deals, in place of the network's own: a multiaddr.
    pub ipfs: Option<String>,
    /// What becomes of transactions that are not mined.
    pub resending: Resending,
}

impl Settings {
    /// What a manifest says; `None` when it names no chain, or a key that is none.
    pub fn from_manifest(manifest: &Manifest) -> Option<Settings> {
        let chain = manifest.chain.as_ref()?;
        let Some(wallet) = Wallet::new(chain.wallet_key.as_bytes()) else {
            log::error!(target: "chain", "the manifest's wallet_key is no key: there are no deals");
            return None;
        };
        Some(Settings {
            endpoint: chain.endpoint.clone(),
            diamond: chain.diamond,
            chain_id: chain.chain_id,
            wallet,
            base_fee: chain.base_fee.map(Into::into),
            priority_fee: chain.priority_fee.map(Into::into),
            ipfs: chain.ipfs.clone(),
            resending: Resending::default(),
        })
    }
}

/// What a call waits for.
enum Work {
    /// Which units of this peer are in deals.
    Units,
    /// What state those deals are in.
    Deals(Vec<Deal>),
    /// Receipts of transactions: the hashes that each may have.
    Receipts(Vec<Vec<String>>),
    /// The workers of a deal.
    Workers,
    /// Fees and number of a transaction to a deal.
    Prepare(Address, Vec<u8>),
    /// The hash of the transaction with this number.
    Send(u64),
    /// Whether that is mined, and what fees are now.
    Watch(u64),
    /// The hash of what was sent in its place.
    Resend(u64),
}

struct Asked {
    /// The call that waits; `None`: it is the chain's own work.
    job: Option<JobId>,
    until: Instant,
    count: usize,
    work: Work,
}

/// The chain, and what is under way there.
pub(crate) struct Chain {
    settings: Box<Settings>,
    works: BTreeMap<u64, Asked>,
    requests: VecDeque<Request>,
    /// A transaction is being made; the next ones wait, since each has the number after the one
    /// before.
    sending: Option<u64>,
    waiting: VecDeque<(JobId, Instant, Address, Vec<u8>)>,
    /// Transactions that were sent.
    pending: Pending,
    /// Changes for the disk.
    commits: VecDeque<(JobId, Changes)>,
    /// Transactions that the disk is keeping.
    keeping: BTreeMap<JobId, Keeping>,
    ids: JobIds,
    next: u64,
}

impl Chain {
    /// The chain, with the transactions that the state has.
    ///
    /// # Errors
    /// The state fails.
    pub(crate) fn new(
        settings: Settings,
        ids: JobIds,
        state: &mut Option<State>,
    ) -> Result<Chain, state::Error> {
        let (resending, wallet) = (settings.resending.clone(), settings.wallet.clone());
        let pending = Pending::restore(resending, wallet, settings.chain_id, state)?;
        Ok(Chain {
            works: BTreeMap::new(),
            requests: VecDeque::new(),
            sending: None,
            waiting: VecDeque::new(),
            pending,
            commits: VecDeque::new(),
            keeping: BTreeMap::new(),
            ids,
            settings: Box::new(settings),
            next: 0,
        })
    }

    /// The API that has the definitions of deals, if it is another one than the network's.
    pub(crate) fn ipfs(&self) -> Option<&str> {
        self.settings.ipfs.as_deref()
    }

    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    fn has_room(&self) -> bool {
        self.works.len() + self.waiting.len() < MAX_WORKS
    }

    /// Asks the chain; gives the name of the work.
    fn ask(
        &mut self,
        job: impl Into<Option<JobId>>,
        until: Instant,
        work: Work,
        questions: &[Question],
    ) -> u64 {
        let id = self.next;
        self.next += 1;
        let url = &self.settings.endpoint;
        let server = Server::of_url(url);
        let head = Head::new(Method::POST, &url.path, &server).content_type("application/json");
        self.requests.push_back(Request {
            owner: Owner::Chain(id),
            has_body: true,
            bytes: head.with_body(rpc::batch(questions).as_bytes()),
            server,
            max_body: MAX_ANSWER,
            until,
        });
        let asked = Asked {
            job: job.into(),
            until,
            count: questions.len(),
            work,
        };
        self.works.insert(id, asked);
        id
    }
}

/// The questions for receipts.
fn receipts(hashes: &[String]) -> impl Iterator<Item = Question> {
    hashes
        .iter()
        .map(|hash| ("eth_getTransactionReceipt", json!([hash])))
}

/// The raw key of a peer, as the chain holds it.
fn chain_id_of(peer: &PeerId) -> Option<Word> {
    peer.ed25519_key()
}

fn deal_address(text: &str) -> Option<Address> {
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
    pub(crate) fn done(
        &mut self,
        now: Instant,
        id: u64,
        answer: Answer,
    ) -> Option<(JobId, Result<Reply, CallError>)> {
        let asked = self.works.remove(&id)?;
        let answers = answer.and_then(|answer| match answer.status {
            200 => rpc::answers(&answer.body, asked.count),
            status => Err(format!("the chain's endpoint answers {status}")),
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
    fn proceed(
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
                first(answers)
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

#[cfg(test)]
mod tests;
