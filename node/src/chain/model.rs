//! What the node knows of the chain, and what it waits for from there.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use basalt_manifest::{Manifest, Url};
use basalt_net::multiaddr::Scope;
use basalt_net::time::Instant;
use serde_json::json;

use super::answers::Deal;
use super::pending::{Pending, Planned, Resending};
use super::rpc::{self, Question};
use super::wallet::{Address, Wallet};
use crate::compute::{JobId, JobIds};
use crate::outgoing::{Head, Method, Owner, Request, Server};
use crate::state::{self, Batch, State};

/// Longest answer, in bytes. Against nodes of the chain that send without end.
const MAX_ANSWER: usize = 2 << 20;
/// Calls under way at the same time. Against scripts that ask without end.
pub(crate) const MAX_CALLS: usize = 64;
/// Longest time for a call, in milliseconds.
pub(super) const MAX_MS: u64 = 60_000;

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
pub(super) enum Work {
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

pub(super) struct Asked {
    /// The call that waits; `None`: it is the chain's own work.
    pub(super) job: Option<JobId>,
    pub(super) until: Instant,
    pub(super) count: usize,
    pub(super) work: Work,
}

/// The chain, and what is under way there.
pub(crate) struct Chain {
    pub(super) settings: Box<Settings>,
    pub(super) works: BTreeMap<u64, Asked>,
    pub(super) requests: VecDeque<Request>,
    /// A transaction is being made; the next ones wait, since each has the number after the one
    /// before.
    pub(super) sending: Option<u64>,
    pub(super) waiting: VecDeque<(JobId, Instant, Address, Vec<u8>)>,
    /// Transactions that were sent.
    pub(super) pending: Pending,
    /// Changes for the disk.
    pub(super) commits: VecDeque<(JobId, Batch)>,
    /// Transactions that the disk is keeping.
    pub(super) keeping: BTreeMap<JobId, Keeping>,
    pub(super) ids: JobIds,
    pub(super) next: u64,
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

    pub(super) fn has_room(&self) -> bool {
        self.works.len() + self.waiting.len() < MAX_CALLS
    }

    /// Asks the chain; gives the name of the work.
    pub(super) fn ask(
        &mut self,
        job: impl Into<Option<JobId>>,
        until: Instant,
        work: Work,
        questions: &[Question],
    ) -> u64 {
        let id = self.next;
        self.next += 1;
        let url = &self.settings.endpoint;
        // The manifest names it, so it may be anywhere.
        let server = Server::of_url(url).within(Scope::Any);
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
pub(super) fn receipts(hashes: &[String]) -> impl Iterator<Item = Question> {
    hashes
        .iter()
        .map(|hash| ("eth_getTransactionReceipt", json!([hash])))
}

/// A transaction that the disk is keeping, and who waits for that.
pub(super) enum Keeping {
    /// A script's call waits until then for its first sending.
    New(JobId, Instant, Box<Planned>),
    /// It takes the place of one that is not mined, until then.
    Again(Instant, Box<Planned>),
}
