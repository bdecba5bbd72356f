//! Transactions from a script's call to the chain: made one at a time, kept before they are sent,
//! and looked after until they are mined.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::time::Instant;
use serde_json::{Value, json};

use super::answers::mined;
use super::model::{Chain, Keeping, MAX_MS, Work, receipts};
use super::pending::{Fees, Planned, Sent};
use super::rpc;
use super::wallet::Address;
use crate::compute::JobId;
use crate::reply::{CallError, Reply};
use crate::state::{self, Batch};

/// What the endpoint answers to the questions of a request; the outer error is for want of an
/// answer.
type Answers = Result<Vec<Result<Value, String>>, String>;

/// The call that waits, and its answer.
pub(crate) type Answered = (JobId, Result<Reply, CallError>);

/// A transaction that a script asks for.
pub(super) enum Prepared {
    /// It was sent before, and may yet be mined: its hash.
    Known(String),
    /// It is to be sent when the disk has kept it.
    New(Batch, Box<Planned>),
}

impl Chain {
    /// Starts the next transaction, unless one is being made.
    pub(super) fn send_next(&mut self) {
        if self.sending.is_some() {
            return;
        }
        let Some((job, until, to, data)) = self.waiting.pop_front() else {
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
        let id = self.ask(job, until, Work::Prepare(to, data), &questions);
        self.sending = Some(id);
    }

    /// Transactions that were sent and are not known to be mined.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// When to look after a transaction that was sent.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.pending.wake_at()
    }

    /// Asks after transactions whose time is over.
    pub(crate) fn timer(&mut self, now: Instant) {
        while let Some(sent) = self.pending.due(now) {
            let mut questions = vec![
                ("eth_getBlockByNumber", json!(["pending", false])),
                ("eth_maxPriorityFeePerGas", json!([])),
            ];
            questions.extend(receipts(&sent.hashes));
            let work = Work::Watch(sent.nonce);
            let until = now + Duration::from_millis(MAX_MS);
            self.ask(None, until, work, &questions);
        }
    }

    /// What the chain asks for a unit of gas: its answers about a block and the usual priority fee.
    fn fees(
        &self,
        block: Result<Value, String>,
        priority: Result<Value, String>,
    ) -> Result<Fees, String> {
        let base = match self.settings.base_fee {
            Some(fee) => fee,
            None => rpc::quantity(&block?["baseFeePerGas"])?,
        };
        let priority = match self.settings.priority_fee {
            Some(fee) => fee,
            None => rpc::quantity(&priority?)?,
        };
        Ok(Fees {
            // Twice the base fee, so that the transaction stays good for some blocks.
            max: base.saturating_mul(2).saturating_add(priority),
            priority,
        })
    }

    /// Makes the transaction for which the chain has told fees and number, and keeps it. A script
    /// that asks once more for what is under way, after a reboot perhaps, does not pay twice.
    pub(super) fn prepared(
        &mut self,
        now: Instant,
        to: Address,
        data: Vec<u8>,
        answers: Answers,
    ) -> Result<Prepared, String> {
        let known = self.pending.of_call(&to, &data);
        if let Some(hash) = known.and_then(|sent| sent.hashes.first()) {
            return Ok(Prepared::Known(hash.clone()));
        }
        let mut answers = answers?.into_iter();
        let mut next = || answers.next().ok_or("the chain does not answer")?;
        let expected = self.settings.chain_id;
        let chain_id = rpc::quantity(&next()?)?;
        if chain_id != expected.into() {
            return Err(format!(
                "the endpoint is on chain {chain_id}, this node on {expected}"
            ));
        }
        let (block, gas, priority) = (next(), next(), next());
        let (gas, fees) = (rpc::quantity(&gas?)?, self.fees(block, priority)?);
        let count = rpc::quantity(&next()?)?;
        let small = |number: u128| u64::try_from(number).map_err(|error| error.to_string());
        let nonce = self.pending.free_nonce(small(count)?);
        let sent = Sent::new(nonce, to, data, small(gas)?, fees);
        let (changes, planned) = self.pending.plan(now, sent);
        Ok(Prepared::New(changes, Box::new(planned)))
    }

    /// What the endpoint says to a new transaction. One without an answer may be on the chain all
    /// the same: it is looked after.
    pub(super) fn told(&mut self, nonce: u64, answers: &Answers) {
        let answer = answers.as_ref().ok().and_then(|answers| answers.first());
        let changes = match answer {
            Some(Ok(Value::String(hash))) => self.pending.taken(nonce, hash),
            Some(Err(_)) => self.pending.forget(nonce),
            Some(Ok(_)) | None => return,
        };
        self.keep(changes);
    }

    /// Looks after a transaction that was sent: what is not mined is sent again with a higher fee.
    pub(super) fn look_after(
        &mut self,
        now: Instant,
        until: Instant,
        work: Work,
        answers: Answers,
    ) {
        match (work, answers) {
            (Work::Watch(nonce), Ok(answers)) => self.watched(now, until, nonce, answers),
            (Work::Watch(nonce), Err(error)) => {
                log::debug!(target: "chain", "transaction {nonce} cannot be looked after: {error}");
                self.pending.wait(now, nonce);
            }
            // A refused one may just have been mined: the next look tells.
            (Work::Resend(nonce), Ok(answers)) => match answers.first() {
                Some(Err(error)) => {
                    log::debug!(target: "chain", "the replacement of {nonce} is refused: {error}");
                }
                _ => self.told(nonce, &Ok(answers)),
            },
            (Work::Resend(nonce), Err(error)) => {
                log::debug!(target: "chain", "no answer to the replacement of {nonce}: {error}");
            }
            _ => {}
        }
    }

    fn watched(
        &mut self,
        now: Instant,
        until: Instant,
        nonce: u64,
        answers: Vec<Result<Value, String>>,
    ) {
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Null));
        let (block, priority) = (next(), next());
        match mined(answers) {
            Ok(Value::Null) => {}
            Ok(_) => return self.close(nonce),
            // It may be mined.
            Err(_) => return self.pending.wait(now, nonce),
        }
        let Some(sent) = self.pending.get(nonce).cloned() else {
            return;
        };
        let fees = match self.fees(block, priority) {
            Ok(fees) if self.pending.may_repeat(&sent) => fees.in_place_of(sent.fees),
            Ok(_) => {
                log::warn!(target: "chain", "transaction {nonce} is not mined and is given up");
                return self.close(nonce);
            }
            Err(_) => return self.pending.wait(now, nonce),
        };
        let (changes, planned) = self.pending.plan(now, Sent { fees, ..sent });
        let keeping = Keeping::Again(until, Box::new(planned));
        self.keep_first(changes, keeping);
    }

    /// Keeps what is to be sent then.
    pub(super) fn keep_first(&mut self, changes: Batch, keeping: Keeping) {
        let id = self.ids.next();
        self.keeping.insert(id, keeping);
        self.commits.push_back((id, changes));
    }

    /// Keeps what nothing waits for.
    pub(super) fn keep(&mut self, changes: Batch) {
        if !changes.is_empty() {
            self.commits.push_back((self.ids.next(), changes));
        }
    }

    /// The next changes for the disk.
    pub(crate) fn next_commit(&mut self) -> Option<(JobId, Batch)> {
        self.commits.pop_front()
    }

    /// The disk has kept a transaction, which may be sent now, or has not. Gives the reply to the
    /// call that waits for it, if it has one already.
    ///
    /// # Errors
    /// The job is none of the chain's.
    pub(crate) fn kept(
        &mut self,
        now: Instant,
        id: JobId,
        kept: Result<(), state::Error>,
    ) -> Result<Option<Answered>, Result<(), state::Error>> {
        let send = |raw: &[u8]| [("eth_sendRawTransaction", json!([rpc::hex(raw)]))];
        match (self.keeping.remove(&id), kept) {
            (None, kept) => return Err(kept),
            (Some(Keeping::New(call, until, planned)), Ok(())) => {
                let nonce = planned.nonce();
                let raw = self.pending.add(*planned);
                let id = self.ask(call, until, Work::Send(nonce), &send(&raw));
                self.sending = Some(id);
            }
            (Some(Keeping::New(call, _, _)), Err(error)) => {
                self.sending = None;
                self.send_next();
                let error = format!("the transaction cannot be kept: {error}");
                return Ok(Some((call, Err(CallError::text(error)))));
            }
            (Some(Keeping::Again(until, planned)), Ok(())) => {
                let nonce = planned.nonce();
                if self.pending.get(nonce).is_none() {
                    // Somebody has seen its receipt meanwhile.
                    return Ok(None);
                }
                log::info!(target: "chain", "transaction {nonce} is not mined: it is sent again");
                let raw = self.pending.add(*planned);
                self.ask(None, until, Work::Resend(nonce), &send(&raw));
            }
            (Some(Keeping::Again(_, planned)), Err(error)) => {
                let nonce = planned.nonce();
                log::error!(target: "chain", "transaction {nonce} cannot be sent again: {error}");
                self.pending.wait(now, nonce);
            }
        }
        Ok(None)
    }

    /// A transaction is mined or given up.
    pub(super) fn close(&mut self, nonce: u64) {
        let changes = self.pending.close(nonce);
        self.keep(changes);
    }
}
