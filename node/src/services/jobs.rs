//! Jobs for services: their turn, starting them, and keeping what they changed.
//!
//! A job of a service goes this way:
//!
//! 1. [`Services::ask`] puts it in its service's line.
//! 2. [`Services::next_job`] takes it when the service is free and its core has room. If the
//!    service is cold, its modules and files are read from the disk first ([`Services::read`]).
//! 3. The edge runs it. [`Services::returned`] takes the service back, with what the job changed in
//!    its files, and commits that.
//! 4. [`Services::kept`] gets the disk's word. Only then the job is over, its result may be seen,
//!    and the service is free for the next one.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::vfs::Quota;

use super::entry::{Place, file_key, file_prefix};
use super::error::Error;
use super::room::Services;
use super::running::{Loaded, Maker, Running};
use super::under_way::{Back, Source, Turn, UnderWay, Waiting};
use crate::compute::{Job, JobId, Receipt, receipt};
use crate::disk::{Disk, Wanted};
use crate::refusal::Refusal;
use crate::state;
use crate::state::{Batch, Namespace, Record};
use crate::tally::Tally;
use crate::vault::Vaults;

/// Records of files that may always gather before all files are written anew, in bytes. Below it a
/// service with small files would be written anew by almost every call.
const MIN_FILE_LOG: u64 = 1 << 20;

impl Services {
    /// Lets a service do some work on its core when it is its turn, not after `until`. When the job
    /// is over its value is with the receipt, unless the service could not be started.
    ///
    /// # Errors
    /// Too much waits, there is no such service or no compute core.
    pub(crate) fn ask<T: Send + 'static>(
        &mut self,
        tally: &mut Tally,
        host: &PeerId,
        id: &str,
        until: Instant,
        work: impl FnOnce(&mut Running) -> T + Send + 'static,
    ) -> Result<(JobId, Receipt<T>), Error> {
        let platform = self.means.platform.clone().ok_or(Error::NoCompute)?;
        if !self.queues.has_room() {
            return Err(refused(tally, Refusal::JobsFull));
        }
        let missing = || Error::NotFound(id.to_string(), *host);
        let entry = self.entries.get(id).ok_or_else(missing)?;
        let (scope, core) = (entry.record.scope, entry.core);
        if self.queues.waiting_for(id) >= self.limits.max_service_queue {
            return Err(refused(tally, Refusal::ServiceQueueFull));
        }
        if scope != *host && self.jobs_of(&scope) >= self.limits.worker_jobs {
            return Err(refused(tally, Refusal::WorkerJobsFull));
        }
        let job = self.ids.next();
        let asked = platform.clock().now;
        let (slip, value) = receipt();
        let launch = Box::new(move |source| {
            Job::new(job, core, move |pauser| -> Back {
                let waited = platform.clock().now.since(asked);
                let mut loaded = Loaded::new();
                let mut running = match source {
                    Source::Ready(running) => Ok(running),
                    Source::Make(maker) => maker.make(&mut loaded, pauser).map(Box::new),
                    Source::Failed(error) => Err(error),
                };
                if let Ok(running) = &mut running {
                    running.enter(pauser);
                    slip.leave(work(running));
                    running.leave();
                }
                Back {
                    running,
                    loaded,
                    waited,
                }
            })
        });
        let waiting = Waiting {
            id: job,
            service: id.to_string(),
            core,
            until,
            launch,
        };
        self.queues.call(id, core, Turn::Service(waiting));
        let waits = UnderWay::Waits { scope, reads: None };
        self.under_way.insert(job, waits);
        self.job_begins(scope);
        Ok((job, value))
    }

    /// Whether another job of a script may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.queues.has_room()
    }

    /// Lets a core do work of the node's own.
    pub(super) fn start<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> (JobId, Receipt<T>) {
        // The node's own work runs on the first core, which is one of the host's.
        let (id, core) = (self.ids.next(), 0);
        let (job, receipt) = Job::new(id, core, move |_| work());
        self.queues.submit(core, Turn::Job(job));
        (id, receipt)
    }

    /// The next job for a core with room.
    pub(crate) fn next_job(&mut self, disk: &mut Disk, vaults: &mut Vaults) -> Option<Job> {
        loop {
            let (core, turn) = self.queues.next()?;
            let job = match turn {
                Turn::Job(job) => Some(job),
                Turn::Service(waiting) => self.begin(waiting, disk, vaults),
            };
            match job {
                Some(mut job) => {
                    job.counts_in(self.queues.paused(core));
                    return Some(job);
                }
                // The disk has to be asked first. The core is free until that is done.
                None => self.queues.finished(core),
            }
        }
    }

    /// Gives a job its service; `None` when the disk was asked for what that is made of.
    fn begin(&mut self, waiting: Waiting, disk: &mut Disk, vaults: &mut Vaults) -> Option<Job> {
        if let Some(source) = self.source(&waiting, disk, vaults) {
            return Some(self.launch(waiting, source));
        }
        if let Some(UnderWay::Waits { reads, .. }) = self.under_way.get_mut(&waiting.id) {
            *reads = Some(Box::new(waiting));
        }
        None
    }

    fn launch(&mut self, waiting: Waiting, source: Source) -> Job {
        let (job, back) = (waiting.launch)(source);
        let scope = match self.under_way.remove(&waiting.id) {
            Some(UnderWay::Waits { scope, .. }) => scope,
            _ => return job,
        };
        let runs = UnderWay::Runs {
            scope,
            service: waiting.service,
            back,
        };
        self.under_way.insert(waiting.id, runs);
        job
    }

    /// What a job gets to work with; `None` when the disk was asked for it.
    fn source(
        &mut self,
        waiting: &Waiting,
        disk: &mut Disk,
        vaults: &mut Vaults,
    ) -> Option<Source> {
        self.leaves(&waiting.service);
        let Some(entry) = self.entries.get_mut(&waiting.service) else {
            return Some(Source::Failed(self.missing(waiting)));
        };
        if let Place::Ready(running) = core::mem::replace(&mut entry.place, Place::Away) {
            return Some(Source::Ready(running));
        }
        let mut wanted = match self.modules.wanted(&entry.record.blueprint) {
            Ok(wanted) => wanted,
            Err(error) => return Some(Source::Failed(error)),
        };
        if !entry.file_records.is_empty() {
            wanted.push(Wanted::Prefix(
                Namespace::Files,
                file_prefix(&waiting.service),
            ));
        }
        if wanted.is_empty() {
            let maker = self.maker(waiting, vaults, Vec::new());
            return Some(maker.map_or_else(Source::Failed, |maker| Source::Make(Box::new(maker))));
        }
        disk.read(waiting.id, wanted);
        None
    }

    fn missing(&self, waiting: &Waiting) -> Error {
        let scope = match self.under_way.get(&waiting.id) {
            Some(UnderWay::Waits { scope, .. }) => *scope,
            _ => return Error::NoCompute,
        };
        Error::NotFound(waiting.service.clone(), scope)
    }

    /// Takes what the disk has read for a job.
    ///
    /// # Errors
    /// No job of a service waits for it: it is given back.
    pub(crate) fn read(
        &mut self,
        vaults: &mut Vaults,
        id: JobId,
        read: Result<Vec<Vec<Record>>, state::Error>,
    ) -> Result<(), Result<Vec<Vec<Record>>, state::Error>> {
        let Some(UnderWay::Waits { reads, .. }) = self.under_way.get_mut(&id) else {
            return Err(read);
        };
        let Some(waiting) = reads.take() else {
            return Err(read);
        };
        let maker = match self.entries.contains_key(&waiting.service) {
            true => read
                .map_err(Error::from)
                .and_then(|records| self.maker(&waiting, vaults, records)),
            false => Err(self.missing(&waiting)),
        };
        let source = maker.map_or_else(Source::Failed, |maker| Source::Make(Box::new(maker)));
        let core = waiting.core;
        let job = self.launch(*waiting, source);
        self.queues.submit_first(core, Turn::Job(job));
        Ok(())
    }

    /// Everything that a service is made of, with the records that were wanted for it.
    fn maker(
        &mut self,
        waiting: &Waiting,
        vaults: &mut Vaults,
        mut records: Vec<Vec<Record>>,
    ) -> Result<Maker, Error> {
        let platform = self.means.platform.clone().ok_or(Error::NoCompute)?;
        let Some(entry) = self.entries.get(&waiting.service) else {
            return Err(self.missing(waiting));
        };
        let record = entry.record.clone();
        let files = match entry.file_records.is_empty() {
            true => Vec::new(),
            false => records.pop().unwrap_or_default(),
        };
        let (modules, owner) = (&self.modules, &record.owner);
        let ingredients = modules.ingredients(&record.blueprint, owner, &records)?;
        Ok(Maker {
            platform,
            engine: self.modules.engine.clone(),
            id: record.id,
            modules: ingredients,
            has_lost_names: self.modules.has_lost_names(&record.blueprint)?,
            binaries: self.limits.binaries.clone(),
            files: files.into_iter().map(|(_, record)| record).collect(),
            quota: Quota {
                bytes: self.limits.service_files,
                ..Quota::default()
            },
            vault: vaults.volume(&record.scope),
            memory: self.limits.service_memory,
            pool: self.means.memory.clone(),
            web: self.means.web.clone(),
            until: waiting.until,
        })
    }

    /// A core has finished a job. If it was a service's, the service comes back, and what the job
    /// changed in its files goes to the disk. Gives what became of the job once it is over: right
    /// now, or with [`Services::kept`].
    pub(crate) fn returned(
        &mut self,
        tally: &mut Tally,
        disk: &mut Disk,
        now: Instant,
        id: JobId,
        core: usize,
    ) -> Option<Result<(), Error>> {
        self.queues.finished(core);
        let (scope, service, back) = match self.under_way.remove(&id) {
            Some(UnderWay::Runs {
                scope,
                service,
                back,
            }) => (scope, service, back),
            Some(other) => {
                self.under_way.insert(id, other);
                return None;
            }
            // It was the node's own.
            None => return Some(Ok(())),
        };
        self.job_ends(&scope);
        let Some(back) = back.take() else {
            return Some(self.put_back(now, &service, None, Err(Error::Late)));
        };
        tally.meters.lock_wait.time(back.waited);
        for (cid, module) in back.loaded {
            self.modules.loaded(&cid, module);
        }
        let running = match back.running {
            Ok(running) => running,
            Err(error) => return Some(self.put_back(now, &service, None, Err(error))),
        };
        match self.changes(&service, &running, disk.exists()) {
            Some((changes, records, log)) if !changes.is_empty() => {
                disk.commit(id, changes);
                // Should the service be removed before the disk answers, these go as well.
                if let Some(entry) = self.entries.get_mut(&service) {
                    entry.file_records.end = records.end;
                }
                let keeps = UnderWay::Keeps {
                    service,
                    running,
                    records,
                    log,
                };
                self.under_way.insert(id, keeps);
                None
            }
            _ => Some(self.put_back(now, &service, Some(running), Ok(()))),
        }
    }

    /// What a job changed in the files of its service, the numbers of the records that are there
    /// then, and the bytes of those that were added since all files were written.
    ///
    /// Each call adds records of what it changed. When these have grown to more than twice the
    /// files themselves, all files are written anew and the records before are deleted. So no more
    /// than three times the files are on the store and have to be read at a cold start, and a byte
    /// that is written costs half a byte of rewriting on average.
    fn changes(
        &self,
        service: &str,
        running: &Running,
        has_disk: bool,
    ) -> Option<(Batch, core::ops::Range<u64>, u64)> {
        let entry = self.entries.get(service).filter(|_| has_disk)?;
        let mut changes = Batch::new();
        let (mut records, mut log) = (entry.file_records.clone(), entry.file_log);
        for record in running.changes() {
            log += record.len() as u64;
            changes.put(Namespace::Files, file_key(service, records.end), record);
            records.end += 1;
        }
        if log > MIN_FILE_LOG + 2 * running.file_bytes() {
            changes = Batch::new();
            for number in entry.file_records.clone() {
                changes.delete(Namespace::Files, file_key(service, number));
            }
            // Numbers go on, they do not begin anew: a batch must not put what it deletes.
            records = entry.file_records.end..entry.file_records.end;
            for record in running.files() {
                changes.put(Namespace::Files, file_key(service, records.end), record);
                records.end += 1;
            }
            log = 0;
        }
        Some((changes, records, log))
    }

    /// What a job changed is on the store, or is not. Gives what became of the job, which is over.
    ///
    /// # Errors
    /// No job of a service waits for it: it is given back.
    pub(crate) fn kept(
        &mut self,
        now: Instant,
        id: JobId,
        kept: Result<(), state::Error>,
    ) -> Result<Result<(), Error>, Result<(), state::Error>> {
        let (service, running, records, log) = match self.under_way.remove(&id) {
            Some(UnderWay::Keeps {
                service,
                running,
                records,
                log,
            }) => (service, running, records, log),
            Some(other) => {
                self.under_way.insert(id, other);
                return Err(kept);
            }
            None => return Err(kept),
        };
        if let Err(error) = kept {
            log::error!(target: "service", "{service}: what a call changed is not kept: {error}");
            return Ok(self.put_back(now, &service, None, Err(error.into())));
        }
        if let Some(entry) = self.entries.get_mut(&service) {
            (entry.file_records, entry.file_log) = (records, log);
        }
        Ok(self.put_back(now, &service, Some(running), Ok(())))
    }

    /// A service is back, or has to be started anew. Its next job may have it.
    fn put_back(
        &mut self,
        now: Instant,
        service: &str,
        running: Option<Box<Running>>,
        result: Result<(), Error>,
    ) -> Result<(), Error> {
        // It may have been removed meanwhile.
        if let Some(entry) = self.entries.get_mut(service) {
            entry.place = Place::Cold;
            if let Some(running) = running {
                entry.memory = running.memory();
                entry.place = Place::Ready(running);
                self.returns(service, now);
            }
        }
        self.queues.release(service);
        result
    }

    /// Lets all jobs fail that wait for a service that is gone.
    pub(super) fn fail_waiting(&mut self, service: &str) {
        for turn in self.queues.remove(service) {
            if let Turn::Service(waiting) = turn {
                let error = self.missing(&waiting);
                let core = waiting.core;
                let job = self.launch(waiting, Source::Failed(error));
                self.queues.submit(core, Turn::Job(job));
            }
        }
    }
}

/// Counts that a budget is used up.
pub(super) fn refused(tally: &mut Tally, reason: Refusal) -> Error {
    tally.refuse(reason);
    Error::Refused(reason)
}
