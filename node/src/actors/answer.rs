//! Calls of scripts: answered at once, or when a time, a job or a connection is there.

use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::time::Instant;
use serde_json::Value;

use super::actor::CallId;
use super::calls::Waited;
use super::node::{Effect, Node};
use crate::builtins::{self, Call, CallError, Later, Reply, Slot};
use crate::compute::{Done, Job, JobId};
use crate::disk::{DiskDone, DiskJob};
use crate::host::{Clock, Network};
use crate::outgoing::{Answer, Owner, Request};
use crate::quoted::Quoted;
use crate::refusal::Refusal;
use crate::script::{CallRequest, CallResult, Interpreter};
use crate::shares::Payer;

/// Bytes of answers that wait for one run of a stranger's particle: half of what a run may take,
/// which has to keep them.
const MAX_ANSWERS: usize = 32 << 20;

impl<I: Interpreter> Node<I> {
    /// Answers a call, or lets it wait; gives the bytes of the answer.
    pub(super) fn answer(
        &mut self,
        clock: Clock,
        network: &dyn Network,
        call: CallId,
        request: &CallRequest,
        out: &mut Vec<Effect>,
    ) -> usize {
        let Some(actor) = self.table.get(call.actor) else {
            return 0;
        };
        let host = self.rooms.host().clone();
        // A call of the same run may have taken the worker away.
        if !host.is_local(&actor.scope) {
            return 0;
        }
        let (deadline, payer) = (actor.deadline, actor.payer);
        let result_bytes = actor.result_bytes;
        let particle = actor.particle.clone();
        let slot = builtins::slot(request.service_id());
        // It is not known yet whether the call will wait; who has its share has to wait before.
        let mut may_begin = slot.map_or(Ok(()), |slot| self.calls.may_begin(slot, &payer));
        if result_bytes > MAX_ANSWERS && !payer.is_house() {
            may_begin = Err(Refusal::AnswersFull);
        }
        if let Err(reason) = may_begin {
            return self.refuse(call, reason);
        }
        let request_call = Call {
            host: &host,
            network,
            clock,
            scope: actor.scope,
            trusted: self.rooms.is_trusted(&particle),
            particle: particle.authored(),
            payer,
            request,
        };
        let begin = self.rooms.now();
        let answer = builtins::call(&mut self.rooms, &request_call);
        if !matches!(answer, Ok(Reply::Later(_)))
            && let (Some(begin), Some(end)) = (begin, self.rooms.now())
        {
            self.rooms.tally.meters.builtin_call.time(end.since(begin));
        }
        self.counts.calls += 1;
        let result = match builtins::result(answer) {
            Ok(result) => Some(result),
            Err(later) => {
                let life = Duration::from_millis(deadline.saturating_sub(clock.wall_ms));
                let asked = (slot.unwrap_or_default(), request.arguments().len());
                self.put_off(clock, life, (call, payer), asked, later, out)
            }
        };
        let Some(result) = result else {
            return 0;
        };
        if result.ret_code != 0 {
            self.counts.failed_calls += 1;
            log::debug!(
                target: "node",
                "call {}.{} failed: {}",
                Quoted(request.service_id()),
                Quoted(request.function_name()),
                Quoted(&result.result)
            );
        }
        let bytes = result.result.len();
        self.finish(call, result);
        bytes
    }

    /// Lets a call wait whose particle has so much `life` left. A result, if too many wait.
    fn put_off(
        &mut self,
        clock: Clock,
        life: Duration,
        (call, payer): (CallId, Payer),
        (slot, arguments): (Slot, usize),
        later: Later,
        out: &mut Vec<Effect>,
    ) -> Option<CallResult> {
        match later {
            Later::Job(job) => {
                self.table.hold(&payer, arguments);
                self.calls.wait_for_job(job, call, slot, payer, arguments);
            }
            Later::Sleep { duration, .. } if duration > life => {
                // The particle is gone by then, and its answer with it.
                return None;
            }
            Later::Sleep { duration, result } => {
                let result = json(&result);
                let bytes = result.result.len();
                let may_set = self.calls.timers.may_set(&payer);
                if let Err(reason) = may_set.and_then(|()| self.table.may_hold(&payer, bytes)) {
                    return Some(self.refuse_call(reason));
                }
                self.table.hold(&payer, bytes);
                let timers = &mut self.calls.timers;
                timers.set(clock.now + duration, call, payer, result);
            }
            Later::Connect { peer, addresses } => {
                if let Err(reason) = self.calls.begin_connect(call, payer) {
                    return Some(self.refuse_call(reason));
                }
                out.push(Effect::Connect {
                    call,
                    payer,
                    peer,
                    addresses,
                });
            }
        }
        self.table.change(call.actor, |actor| actor.open_calls += 1);
        None
    }

    /// Refuses a call; gives the bytes of the answer.
    pub(super) fn refuse(&mut self, call: CallId, reason: Refusal) -> usize {
        let refused = self.refuse_call(reason);
        let bytes = refused.result.len();
        self.finish(call, refused);
        bytes
    }

    /// The answer to a call that is refused because too much is under way.
    fn refuse_call(&mut self, reason: Refusal) -> CallResult {
        self.count(reason);
        CallError::text(alloc::format!("this peer is too busy: {reason}")).into()
    }

    /// Delivers the result of a call that [`Effect::Connect`] asked for. Lost when the particle has
    /// expired.
    pub fn complete(&mut self, call: CallId, result: Value) {
        self.calls.end_connect(call);
        self.resume(call, json(&result));
    }

    /// A call that was put off has its result.
    fn resume(&mut self, call: CallId, result: CallResult) {
        self.table.change(call.actor, |actor| {
            actor.open_calls = actor.open_calls.saturating_sub(1);
        });
        self.finish(call, result);
    }

    /// Gives a result to the actor that made the call.
    fn finish(&mut self, call: CallId, result: CallResult) {
        self.table.change(call.actor, |actor| {
            actor.add_result(call.request, result);
        });
        self.wake(call.actor);
    }

    /// Fires the calls of `peer.timeout` whose time has come.
    pub(super) fn fire_timers(&mut self, now: Instant) {
        while let Some((call, payer, result)) = self.calls.timers.due(now) {
            self.table.release(&payer, result.result.len());
            self.resume(call, result);
        }
    }

    /// The next job for the disk, if the edge has taken the state. Otherwise these jobs are done
    /// here and now.
    pub fn next_disk_job(&mut self, clock: Clock) -> Option<DiskJob> {
        let job = self.rooms.next_disk_job(clock);
        self.take_answers(clock);
        job
    }

    /// Takes back what came of a disk job.
    pub fn disk_done(&mut self, clock: Clock, done: DiskDone) {
        self.rooms.disk_done(clock, done);
        self.take_answers(clock);
    }

    /// The next job for a compute core, if there is one and its core has room.
    pub fn next_job(&mut self, clock: Clock) -> Option<Job> {
        let job = self.rooms.next_job(clock);
        self.take_answers(clock);
        job
    }

    /// Takes back a job that a core has done.
    pub fn done(&mut self, clock: Clock, done: Done) {
        self.rooms.done(clock, done);
        self.take_answers(clock);
    }

    /// Takes the answers of jobs, and the particles of spells.
    fn take_answers(&mut self, clock: Clock) {
        self.take_spells(clock);
        while let Some((job, answer)) = self.rooms.next_answer() {
            self.job_answered(job, answer);
        }
    }

    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        self.rooms.next_request()
    }

    /// Takes the answer to an HTTP request.
    pub(crate) fn http_done(&mut self, clock: Clock, owner: Owner, answer: Answer) {
        self.rooms.http_done(clock, owner, answer);
        self.take_answers(clock);
    }

    /// The answer of the call that waits for a job is there, or the job was the first of several.
    fn job_answered(&mut self, job: JobId, answer: Result<Reply, CallError>) {
        if let Ok(Reply::Later(Later::Job(next))) = answer {
            self.calls.job_goes_on(job, next);
            return;
        }
        let Some(Waited { call, payer, bytes }) = self.calls.job_done(job) else {
            return;
        };
        self.table.release(&payer, bytes);
        if let Ok(result) = builtins::result(answer) {
            self.counts.failed_calls += u64::from(result.ret_code != 0);
            self.resume(call, result);
        }
    }
}

/// A result that is a JSON value.
fn json(value: &Value) -> CallResult {
    CallResult {
        ret_code: 0,
        result: alloc::format!("{value}"),
    }
}
