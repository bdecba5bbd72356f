//! What follows a job. Each job that somebody waits for has a [`Followup`], which is matched here
//! and nowhere else.

use basalt_net::time::Instant;

use super::change::{Change, Then};
use super::followup::Followup;
use super::held::Rooms;
use crate::chain::Chain;
use crate::compute::{Done, Job, JobId};
use crate::disk::{DiskDone, DiskJob, DiskOutcome};
use crate::host::Clock;
use crate::reply::{CallError, Later, Reply};
use crate::services::{self, Loading};

impl Rooms {
    /// The next job for a core with room.
    pub fn next_job(&mut self, clock: Clock) -> Option<Job> {
        loop {
            let job = self.services.next_job(&mut self.disk, &mut self.vaults);
            // A cold service may just have been read: then there is a job now.
            if job.is_some() || !self.run_disk(clock) {
                return job;
            }
        }
    }

    /// Takes back a job that a core has done.
    pub fn done(&mut self, clock: Clock, done: Done) {
        let (tally, disk) = (&mut self.tally, &mut self.disk);
        let over = self
            .services
            .returned(tally, disk, clock.now, done.id, done.core);
        if let Some(over) = over {
            self.over(clock, done.id, over);
        }
    }

    /// The next job for the disk, if the edge has taken the state. As long as it has not, the jobs
    /// are run here and now.
    pub fn next_disk_job(&mut self, clock: Clock) -> Option<DiskJob> {
        self.run_disk(clock);
        match self.disk.exists() && self.state.is_none() {
            true => self.disk.next(),
            false => None,
        }
    }

    /// Queues the chain's commits, and runs the disk's jobs unless the edge does; true when there
    /// was one.
    fn run_disk(&mut self, clock: Clock) -> bool {
        let mut ran = false;
        loop {
            while let Some((id, changes)) = self.chain.as_mut().and_then(Chain::next_commit) {
                self.disk.commit(id, changes);
            }
            if self.disk.exists() && self.state.is_none() {
                return ran;
            }
            let Some(job) = self.disk.next() else {
                return ran;
            };
            let done = match &mut self.state {
                Some(state) => job.run(state),
                None => job.run_without_disk(),
            };
            self.disk_done(clock, done);
            ran = true;
        }
    }

    /// Takes back what came of a disk job.
    pub fn disk_done(&mut self, clock: Clock, done: DiskDone) {
        match self.disk.done(done) {
            Some((id, DiskOutcome::Committed(kept))) => {
                let kept = match self.services.kept(clock.now, id, kept) {
                    Ok(over) => return self.over(clock, id, over),
                    Err(kept) => kept,
                };
                let kept = match &mut self.chain {
                    Some(chain) => match chain.kept(clock.now, id, kept) {
                        Ok(None) => return,
                        Ok(Some((call, answer))) => return self.finish(clock, call, answer),
                        Err(kept) => kept,
                    },
                    None => kept,
                };
                // What nobody waits for may fail all the same.
                if let Err(Err(error)) = self.change_kept(clock, id, kept) {
                    log::error!(target: "state", "something is not kept: {error}");
                }
            }
            Some((id, DiskOutcome::Read(read))) => {
                let Err(read) = self.services.read(&mut self.vaults, id, read) else {
                    return;
                };
                if let Some(Followup::Load(Loading::Read { cid })) = self.followups.remove(&id) {
                    let tally = &mut self.tally;
                    let interface = self.services.interface_read(tally, &cid, read);
                    let answer = self.interface_or_job(interface);
                    self.finish(clock, id, answer);
                }
            }
            Some((_, DiskOutcome::Maintained(_))) | None => {}
        }
    }

    /// An interface that is there, or the job that loads it.
    pub(super) fn interface_or_job(
        &mut self,
        interface: Result<Result<Reply, (JobId, Loading)>, services::Error>,
    ) -> Result<Reply, CallError> {
        Ok(interface?.unwrap_or_else(|(job, loading)| {
            self.followups.insert(job, Followup::Load(loading));
            Reply::job(job)
        }))
    }

    /// A job is over: it succeeded, or its service could not be started or kept.
    fn over(&mut self, clock: Clock, id: JobId, over: Result<(), services::Error>) {
        if let Some(followup) = self.followups.remove(&id)
            && let Some(answer) = self.follow(clock, followup, over)
        {
            self.finish(clock, id, answer);
        }
    }

    /// Does what follows a job; gives the answer to who waits for it, if anybody may.
    fn follow(
        &mut self,
        clock: Clock,
        followup: Followup,
        over: Result<(), services::Error>,
    ) -> Option<Result<Reply, CallError>> {
        Some(match followup {
            Followup::Call(called) => self.services.called(&mut self.tally, called, over),
            Followup::Load(loading) => self.loaded(clock, loading),
            Followup::Made { id, begun, made } => {
                let late = Err(services::Error::Late);
                let made = over.and_then(|()| made.take().unwrap_or(late));
                let then = Then::Created {
                    id: id.clone(),
                    begun,
                };
                match made {
                    Ok(()) => self.change(clock, Change::Record(id), then),
                    Err(error) => self.changed(clock, then, Err(error.into())),
                }
            }
            Followup::Filled { filling, begun } => {
                let (filled, result) = filling.filled(over);
                if let Err(error) = result {
                    self.spell_failed(clock, &filled.id, begun);
                    return Some(Err(error.into()));
                }
                let then = Then::Spell {
                    id: filled.id.clone(),
                    scope: filled.scope,
                    begun,
                };
                let change = Change::Spell {
                    filled,
                    is_new: begun.is_some(),
                    now_ms: clock.wall_ms,
                };
                self.change(clock, change, then)
            }
            Followup::Asked(asked) => asked.reply(over),
            Followup::Triggered(beginning) => {
                self.spells.begun(&self.host, clock, beginning, over);
                return None;
            }
        })
    }

    fn loaded(&mut self, clock: Clock, loading: Loading) -> Result<Reply, CallError> {
        match loading {
            Loading::Uploaded {
                author,
                name,
                bytes,
                loaded,
            } => {
                let (cid, module) = loaded.take().ok_or(services::Error::Late)??;
                let change = Change::Module {
                    author,
                    cid,
                    name,
                    bytes,
                    module,
                };
                self.change(clock, change, Then::Answer)
            }
            Loading::Interface { cid, loaded } => {
                Ok(self.services.interface_loaded(&cid, loaded)?)
            }
            Loading::Read { .. } => Err(services::Error::Late.into()),
        }
    }

    /// A new spell cannot be made, or a known one cannot be changed. A new one goes with all that
    /// it may have left.
    pub(super) fn spell_failed(&mut self, clock: Clock, id: &str, begun: Option<Option<Instant>>) {
        if let Some(begun) = begun {
            self.services
                .created(&mut self.tally, id, begun, clock.now, false);
            self.spells.unsubscribe(id);
            let _ = self.change(clock, Change::Remove(id.into()), Then::Answer);
        }
    }

    /// The answer of a job is there: for the installer, or for the call that waits for it.
    pub(super) fn finish(&mut self, clock: Clock, id: JobId, answer: Result<Reply, CallError>) {
        let Some(step) = self.installer.done(id) else {
            self.answers.push_back((id, answer));
            return;
        };
        match answer {
            Ok(Reply::Later(Later::Job(next))) => self.installer.wait(next, step),
            answer => self.install_step(clock, step, answer.is_ok()),
        }
    }
}
