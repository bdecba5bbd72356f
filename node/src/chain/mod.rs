//! The chain, as deals need it: which deals this peer is in, who else is in a deal, and the word that a worker is there.
//!
//! Layers: [`abi`] and [`wallet`] make and read bytes, [`rpc`] puts them into JSON-RPC, [`answers`] makes of them what
//! scripts see, and here each call of a script is a [`Work`] of one or two HTTP requests, which the node's edge makes.
//! Source: protocol description, "Marketplace", sections 3, 7 and 8.

mod abi;
mod answers;
mod rpc;
mod wallet;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use basalt_manifest::{Manifest, Url};
use basalt_net::keypair::PublicKey;
use basalt_net::multiaddr::{Endpoint, Host};
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::Transport;
use basalt_net::time::Instant;
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde_json::{Value, json};

use crate::builtins::{Call, CallError, Later, Reply};
use crate::compute::Ticket;
use crate::http::{Answer, Request};
use crate::world::World;
use abi::Word;
use answers::{Deal, deal_info, deals, receipt, subnet, workers};
use rpc::Question;
use wallet::{Address, Transaction};

pub use wallet::Wallet;

/// Longest answer, in bytes. Against nodes of the chain that send without end.
const MAX_ANSWER: usize = 2 << 20;
/// Calls under way at the same time. Against scripts that ask without end.
const MAX_WORKS: usize = 64;
/// Longest time for a call, in milliseconds.
const MAX_MS: u64 = 60_000;
/// Requests of the chain are numbered from here on, those of others below.
const FIRST: u64 = 1 << 63;

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
    /// Where a node of the chain takes JSON-RPC over plain HTTP.
    pub endpoint: Endpoint,
    /// Name of that host, as the request tells it.
    pub host: String,
    /// Path of the request.
    pub path: String,
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
}

impl Settings {
    /// What a manifest says; `None` when it names no chain, or a key that is none.
    pub fn from_manifest(manifest: &Manifest) -> Option<Settings> {
        let chain = manifest.chain.as_ref()?;
        let Url { host, port, path } = &chain.endpoint;
        let Some(wallet) = Wallet::new(chain.wallet_key.as_bytes()) else {
            log::error!(target: "chain", "the manifest's wallet_key is no key: there are no deals");
            return None;
        };
        let address = host.parse().map(Host::Ip);
        Some(Settings {
            endpoint: Endpoint {
                host: address.unwrap_or_else(|_| Host::Dns(host.clone())),
                port: *port,
                transport: Transport::Tcp,
                peer: None,
            },
            host: format!("{host}:{port}"),
            path: path.clone(),
            diamond: chain.diamond,
            chain_id: chain.chain_id,
            wallet,
            base_fee: chain.base_fee.map(Into::into),
            priority_fee: chain.priority_fee.map(Into::into),
            ipfs: chain.ipfs.clone(),
        })
    }
}

/// What a call waits for.
enum Work {
    /// Which units of this peer are in deals.
    Units,
    /// What state those deals are in.
    Deals(Vec<Deal>),
    /// Receipts of transactions.
    Receipts(usize),
    /// The workers of a deal.
    Workers,
    /// Fees and number of a transaction to a deal.
    Prepare(Address, Vec<u8>),
    /// The transaction's hash.
    Send,
}

struct Asked {
    ticket: Ticket,
    until: Instant,
    count: usize,
    work: Work,
}

/// The chain, and what is under way there.
pub(crate) struct Chain {
    settings: Box<Settings>,
    works: BTreeMap<u64, Asked>,
    requests: VecDeque<Request>,
    /// A transaction is being made; the next ones wait, since each has the number after the one before.
    sending: Option<u64>,
    waiting: VecDeque<(Ticket, Instant, Address, Vec<u8>)>,
    next: u64,
}

impl Chain {
    pub(crate) fn new(settings: Settings) -> Chain {
        Chain {
            settings: Box::new(settings),
            works: BTreeMap::new(),
            requests: VecDeque::new(),
            sending: None,
            waiting: VecDeque::new(),
            next: FIRST,
        }
    }

    /// The API that has the definitions of deals, if it is another one than the network's.
    pub(crate) fn ipfs(&self) -> Option<&str> {
        self.settings.ipfs.as_deref()
    }

    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Whether a request is one of these.
    pub(crate) fn asked(id: u64) -> bool {
        id >= FIRST
    }

    fn has_room(&self) -> bool {
        self.works.len() + self.waiting.len() < MAX_WORKS
    }

    /// Asks the chain; gives the name of the work.
    fn ask(&mut self, ticket: Ticket, until: Instant, work: Work, questions: &[Question]) -> u64 {
        let id = self.next;
        self.next += 1;
        let Settings {
            endpoint,
            host,
            path,
            ..
        } = &*self.settings;
        let body = rpc::batch(questions);
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        self.requests.push_back(Request {
            id,
            endpoint: endpoint.clone(),
            bytes: bytes.into_bytes(),
            max_body: MAX_ANSWER,
            until,
        });
        let asked = Asked {
            ticket,
            until,
            count: questions.len(),
            work,
        };
        self.works.insert(id, asked);
        id
    }

    /// Starts the next transaction, unless one is being made.
    fn send_next(&mut self) {
        if self.sending.is_some() {
            return;
        }
        let Some((ticket, until, to, data)) = self.waiting.pop_front() else {
            return;
        };
        let from = rpc::hex(&self.settings.wallet.address());
        let call = json!([{ "from": from, "to": rpc::hex(&to), "data": rpc::hex(&data) }]);
        let questions = [
            ("eth_chainId", json!([])),
            ("eth_getBlockByNumber", json!(["pending", false])),
            ("eth_estimateGas", call),
            ("eth_maxPriorityFeePerGas", json!([])),
            ("eth_getTransactionCount", json!([from, "pending"])),
        ];
        let id = self.ask(ticket, until, Work::Prepare(to, data), &questions);
        self.sending = Some(id);
    }

    /// Signs the transaction for which the chain has told fees and number.
    fn signed(
        &self,
        to: Address,
        data: &[u8],
        mut answers: Vec<Result<Value, String>>,
    ) -> Result<Vec<u8>, String> {
        let mut next = || answers.remove(0);
        let settings = &self.settings;
        let chain_id = rpc::quantity(&next()?)?;
        if chain_id != settings.chain_id.into() {
            return Err(format!(
                "the endpoint is on chain {chain_id}, this node on {}",
                settings.chain_id
            ));
        }
        let block = next();
        let base_fee = match settings.base_fee {
            Some(fee) => fee,
            None => rpc::quantity(&block?["baseFeePerGas"])?,
        };
        let gas = rpc::quantity(&next()?)?;
        let priority = next();
        let priority_fee = match settings.priority_fee {
            Some(fee) => fee,
            None => rpc::quantity(&priority?)?,
        };
        let nonce = rpc::quantity(&next()?)?;
        let small = |number: u128| u64::try_from(number).map_err(|error| error.to_string());
        Ok(settings.wallet.sign(&Transaction {
            chain_id: settings.chain_id,
            nonce: small(nonce)?,
            max_priority_fee: priority_fee,
            // Twice the base fee, so that the transaction stays good for some blocks.
            max_fee: base_fee.saturating_mul(2).saturating_add(priority_fee),
            gas: small(gas)?,
            to,
            data,
        }))
    }
}

/// The raw key of a peer, as the chain holds it.
fn chain_id_of(peer: &PeerId) -> Option<Word> {
    match peer.public_key()? {
        PublicKey::Ed25519(key) => Some(key),
        _ => None,
    }
}

fn deal_address(text: &str) -> Option<Address> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    HEX.decode(text.as_bytes()).ok()?.try_into().ok()
}

impl World {
    /// The chain, with room for one more call, and until when that may take.
    fn chain_for(&mut self, call: &Call<'_>) -> Result<(&mut Chain, Ticket, Instant), CallError> {
        let ticket = self.ticket();
        let life = call.particle.deadline().saturating_sub(call.clock.wall_ms);
        let until = call.clock.now + Duration::from_millis(life.min(MAX_MS));
        match &mut self.chain {
            Some(chain) if chain.has_room() => Ok((chain, ticket, until)),
            Some(_) => Err(CallError::text(
                "this peer is too busy: too many calls wait for the chain",
            )),
            None => Err(CallError::text("this peer knows no chain")),
        }
    }

    /// The deals of this peer.
    pub(crate) fn get_deals(&mut self, call: &Call<'_>) -> Result<Reply, CallError> {
        let peer = chain_id_of(&self.host().peer_id).unwrap_or_default();
        let (chain, ticket, until) = self.chain_for(call)?;
        let diamond = chain.settings.diamond;
        let question = rpc::eth_call(&diamond, &abi::call(GET_COMPUTE_UNITS, &[peer]));
        chain.ask(ticket, until, Work::Units, &[question]);
        Ok(Reply::Later(Later::Job(ticket)))
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
        let (chain, ticket, until) = self.chain_for(call)?;
        chain.waiting.push_back((ticket, until, to, data));
        chain.send_next();
        Ok(Reply::Later(Later::Job(ticket)))
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
        let (chain, ticket, until) = self.chain_for(call)?;
        let questions: Vec<Question> = hashes
            .iter()
            .map(|hash| ("eth_getTransactionReceipt", json!([hash])))
            .collect();
        chain.ask(ticket, until, Work::Receipts(hashes.len()), &questions);
        Ok(Reply::Later(Later::Job(ticket)))
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
        let (chain, ticket, until) = self.chain_for(call)?;
        let question = rpc::eth_call(&to, &abi::call(GET_WORKERS, &[]));
        chain.ask(ticket, until, Work::Workers, &[question]);
        Ok(Reply::Later(Later::Job(ticket)))
    }

    /// Takes the answer to a request to the chain.
    pub(crate) fn chain_done(&mut self, id: u64, answer: Answer) {
        let Some(chain) = &mut self.chain else {
            return;
        };
        let Some(asked) = chain.works.remove(&id) else {
            return;
        };
        let answers = answer.and_then(|(status, body)| match status {
            200 => rpc::answers(&body, asked.count),
            _ => Err(format!("the chain's endpoint answers {status}")),
        });
        let reply = chain.proceed(id, asked.until, asked.ticket, asked.work, answers);
        if let Some(reply) = reply {
            self.finished.push_back((asked.ticket, reply));
        }
    }
}

impl Chain {
    /// Makes of answers the call's reply, or the next request.
    fn proceed(
        &mut self,
        id: u64,
        until: Instant,
        ticket: Ticket,
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
                        self.ask(ticket, until, Work::Deals(found), &questions);
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
            Work::Receipts(count) => {
                let answers = answers.unwrap_or_else(|error| alloc::vec![Err(error); count]);
                Ok(answers.into_iter().map(receipt).collect())
            }
            Work::Workers => {
                let found = first(answers)
                    .and_then(|answer| rpc::bytes(&answer))
                    .and_then(|answer| workers(&answer).map_err(|error| error.to_string()));
                Ok(subnet(found))
            }
            Work::Prepare(to, data) => {
                let signed = answers.and_then(|answers| self.signed(to, &data, answers));
                match signed {
                    Ok(raw) => {
                        let question = ("eth_sendRawTransaction", json!([rpc::hex(&raw)]));
                        self.sending = Some(self.ask(ticket, until, Work::Send, &[question]));
                        return None;
                    }
                    Err(error) => Err(error),
                }
            }
            Work::Send => first(answers),
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
