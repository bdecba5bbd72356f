//! One step of a particle on one peer: the order of work (AIR spec section 1).

use alloc::format;
use alloc::string::ToString;
use bumpalo::Bump;
use semver::Version;

use crate::ast::Script;
use crate::budget::{Heap, Meter, cost};
use crate::cid::{Stores, check_forms, verify};
use crate::config::Config;
use crate::data::{Data, Envelope, EnvelopeError, MIN_INTERPRETER_VERSION};
use crate::error::Error;
use crate::hashing::Seed;
use crate::host::{Answers, CallResult, CallResults, Outcome};
use crate::instructions::{Fault, Finished, Run, STATE};
use crate::params::{RunParams, SizeLimits};
use crate::parser::{self, ParseError};
use crate::security::{SignatureStore, VerifiedSignatures};
use crate::trace::Trace;

/// The interpreter: a configuration, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Interpreter {
    config: Config,
}

/// A script, as text or parsed before.
#[derive(Clone, Copy, Debug)]
pub enum Air<'a> {
    /// Parsed in each run.
    Text(&'a str),
    /// Parsed by [`Interpreter::parse`] for an earlier run, which paid for it.
    Script(&'a Script),
    /// Parsed by [`Interpreter::parse`] for this run: what that took counts for it.
    Fresh(&'a Script),
    /// Refused by [`Interpreter::parse`]: the run tells the mistake when it comes to the script.
    Refused(&'a str, &'a ParseError),
}

/// Answers to call requests, typed or raw.
#[derive(Clone, Copy, Debug)]
pub enum Results<'a> {
    /// Typed.
    Typed(&'a CallResults),
    /// Multicodec MessagePack (AIR spec section 6.6).
    Raw(&'a [u8]),
}

impl Results<'_> {
    /// Bytes of all results.
    fn len(&self) -> usize {
        match self {
            Results::Typed(results) => results.0.values().map(|one| one.result.len()).sum(),
            Results::Raw(bytes) => bytes.len(),
        }
    }
}

/// Everything one run works on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The particle's script.
    pub air: Air<'a>,
    /// What this peer kept from its last run of the particle; empty at first.
    pub prev_data: &'a [u8],
    /// What came with the particle; empty if only call results came.
    pub current_data: &'a [u8],
    /// Parameters.
    pub params: &'a RunParams,
    /// Answers to call requests of earlier runs.
    pub call_results: Results<'a>,
}

/// Bytes of results, and of what earlier runs have kept of them, that give a run more time.
const RESULTS: u64 = 8 << 20;

impl Interpreter {
    /// An interpreter with limits of its own.
    pub fn new(config: Config) -> Self {
        Interpreter { config }
    }

    /// Parses a script, to be run any number of times.
    ///
    /// # Errors
    /// The script's first mistake, with its place, or that it exceeds what a run of it may take.
    pub fn parse(&self, source: &str) -> Result<Script, ParseError> {
        let size = source.len() as u64;
        let meter = Meter::new(&self.config, size, size);
        let arena = Bump::new();
        parser::parse(source, &self.config, &Heap::new(&arena, &meter))
    }

    /// Runs one step. Never panics and never fails: errors are in the [`Outcome`].
    ///
    /// `verified` remembers signatures between runs; make it with capacity 0 to check each time.
    pub fn run(&self, input: Input<'_>, verified: &mut VerifiedSignatures) -> Outcome {
        let mut outcome = Outcome::default();
        let data = input.prev_data.len().max(input.current_data.len());
        let size = source(&input).len() + data;
        // Larger ones are not sent, so they get no more; nor for what a script has made of it: a
        // value may double in each run. Results of calls, and what is kept of them, take time.
        let limits = &input.params.limits;
        let largest = limits.air.saturating_add(limits.particle);
        let read = size as u64 + input.call_results.len() as u64;
        let read = read.min(largest).min(limits.own.saturating_add(RESULTS));
        let size = (size as u64).min(largest).min(limits.own);
        let room = Room {
            seed: Seed::new(self.config.seed),
            meter: Meter::new(&self.config, size, read),
            arena: Bump::new(),
        };
        let stepped = self.step(input, verified, &mut outcome, &room);
        outcome.time = room.meter.time();
        outcome.memory = room.meter.peak(room.arena.allocated_bytes());
        // Before the previous data is copied, which may be all that there was room for.
        drop(room);
        if let Err(error) = stepped {
            // What the host gets on an error is what it gave, and the error.
            outcome.ret_code = error.code();
            outcome.error_message = error.to_string();
            outcome.data = input.prev_data.to_vec();
            outcome.next_peer_pks.clear();
            outcome.call_requests.clear();
            if let Error::Size { size, .. } = error {
                outcome.air_size_limit_exceeded = false;
                outcome.particle_size_limit_exceeded = false;
                outcome.call_result_size_limit_exceeded = size.is_none();
            }
        }
        outcome
    }

    fn step(
        &self,
        input: Input<'_>,
        verified: &mut VerifiedSignatures,
        outcome: &mut Outcome,
        room: &Room,
    ) -> Result<(), Error> {
        let Input { params, .. } = input;
        let Room { seed, meter, arena } = room;
        let parsed;
        check_sizes(&input, outcome)?;
        let previous = open(input.prev_data)?;
        let current = open(input.current_data)?;
        check_version(current.as_ref())?;

        let heap = Heap::new(arena, meter);
        let previous = decode(previous, &heap, seed)?;
        let current = decode(current, &heap, seed)?;
        heap.charge(cost::LOOKUP * current.cids.len())?;
        check_forms(&current.cids).map_err(Error::CidStore)?;

        let longer = input.prev_data.len().max(input.current_data.len());
        let most = self.config.max_signatures + longer / BYTES_PER_SIGNATURE;
        if previous.signatures.len().max(current.signatures.len()) > most {
            return Err(Error::Budget("signatures"));
        }
        let mut stores = Stores::new(seed, previous.cids.len() + current.cids.len(), &heap)?;
        let previous = stores.load(previous, &heap)?;
        stores.add(&previous, &heap)?;
        let current = stores.load(current, &heap)?;
        verify(&current, &stores, &heap)?;
        let signatures = SignatureStore::collect(&previous, stores.texts(), seed, &heap)?;
        let mut current_signatures =
            SignatureStore::collect(&current, stores.texts(), seed, &heap)?;
        let salt = &params.particle_id;
        current_signatures.verify(salt, stores.texts(), verified, &heap)?;
        let mut signatures = signatures
            .merge(current_signatures, stores.texts())
            .map_err(Error::Signature)?;
        stores.add(&current, &heap)?;

        let script = match input.air {
            Air::Script(script) => script,
            Air::Fresh(script) => {
                heap.hold(script.bytes())?;
                heap.charge(cost::Ticks::from_micros(script.parsing()))?;
                script
            }
            Air::Refused(_, error) => {
                heap.charge(cost::Ticks::from_micros(error.time))?;
                return Err(error.into());
            }
            Air::Text(text) => {
                parsed = parser::parse(text, &self.config, &heap)
                    .map_err(|error| Error::from(&error))?;
                &parsed
            }
        };
        let answers = answers(&input, outcome)?;
        params
            .key
            .check()
            .map_err(|error| Error::Key(error.to_string()))?;

        // A result makes a value and an aggregate, and perhaps a tetraplet.
        stores.expect(2 * answers.len() + 8, &heap)?;
        let last_id = previous.last_call_request_id;
        let states = previous.trace.len().max(current.trace.len()) + 1;
        heap.hold(STATE * states)?;
        let trace = Trace::new(previous.trace, current.trace, self.config.max_generation);
        let mut run = Run::new(
            heap,
            script,
            params,
            trace,
            stores,
            answers,
            last_id,
            seed.keyed(),
        )?;
        let executed = run.execute();
        let is_over = run.is_over_here();
        outcome.steps = run.steps;
        match executed {
            Err(Fault(raised)) if !raised.error.is_catchable() => return Err(raised.error),
            Err(Fault(raised)) => {
                outcome.ret_code = raised.error.code();
                outcome.error_message = raised.error.to_string();
            }
            Ok(()) => {}
        }
        let finished = match run.finish() {
            Ok(finished) => finished,
            // Its data is not whole: the previous data stays.
            Err(error @ Error::Budget(_)) => return Err(error),
            Err(error) => {
                outcome.ret_code = error.code();
                outcome.error_message = error.to_string();
                return Ok(());
            }
        };
        if outcome.ret_code == 0 && finished.unprocessed.left().next().is_some() {
            let left = finished.unprocessed.left();
            let left: CallResults = left
                .map(|(id, answer)| (id, CallResult::from(answer)))
                .collect();
            let error = Error::UnprocessedResults(format!("{:?}", left.0));
            outcome.ret_code = error.code();
            outcome.error_message = error.to_string();
        }
        let Finished {
            heap,
            stores,
            trace,
            requests,
            next_peers,
            vouched,
            ..
        } = finished;
        signatures
            .sign(&params.key, vouched, salt, stores.texts(), verified, &heap)
            .map_err(|error| Error::Key(error.to_string()))?;
        heap.hold(stores.lists())?;
        let data = stores.into_data(
            trace,
            finished.last_call_request_id,
            signatures.into_signatures(),
        );
        let len = data.size_hint();
        heap.charge(cost::copied(len) + cost::ENTRY * data.len())?;
        heap.hold(len + 8 * data.cids.len() + 8 * data.trace.len())?;
        outcome.data = data.encode(self.config.seed);
        outcome.next_peer_pks = next_peers;
        outcome.call_requests = requests;
        outcome.finished = is_over;
        Ok(())
    }
}

/// Bytes of data that allow one more signature: a signature takes as long to check as sixteen
/// kilobytes take to read, hash and write.
const BYTES_PER_SIGNATURE: usize = 16 << 10;

/// What a run works with.
struct Room {
    seed: Seed,
    meter: Meter,
    arena: Bump,
}

fn source<'a>(input: &Input<'a>) -> &'a str {
    match input.air {
        Air::Text(text) | Air::Refused(text, _) => text,
        Air::Script(script) | Air::Fresh(script) => script.source(),
    }
}

/// Compares a size with its limit; says whether it is exceeded.
fn exceeds(
    what: &'static str,
    size: usize,
    limit: u64,
    limits: &SizeLimits,
) -> Result<bool, Error> {
    let size = size as u64;
    if size > limit && limits.hard {
        return Err(Error::Size {
            what,
            size: Some(size),
            limit,
        });
    }
    Ok(size > limit)
}

fn check_sizes(input: &Input<'_>, outcome: &mut Outcome) -> Result<(), Error> {
    let limits = &input.params.limits;
    let air = source(input).len();
    outcome.air_size_limit_exceeded = exceeds("air", air, limits.air, limits)?;
    let particle = input.current_data.len();
    outcome.particle_size_limit_exceeded =
        exceeds("Current_data particle", particle, limits.particle, limits)?;
    Ok(())
}

/// Opens the envelope; no bytes stand for empty data.
fn open(bytes: &[u8]) -> Result<Option<Envelope<'_>>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Envelope::decode(bytes).map(Some).map_err(|error| {
        let reason = error.to_string();
        match error {
            EnvelopeError::Malformed(_) => Error::Envelope(reason),
            EnvelopeError::BodyMissing(versions) => Error::EnvelopeVersioned {
                reason,
                data: versions.data.to_string(),
                interpreter: versions.interpreter.to_string(),
            },
        }
    })
}

fn check_version(current: Option<&Envelope<'_>>) -> Result<(), Error> {
    let minimum = Version::parse(MIN_INTERPRETER_VERSION).ok();
    match current.map(|envelope| &envelope.versions.interpreter) {
        Some(version) if Some(version) < minimum.as_ref() => {
            Err(Error::Version(version.to_string()))
        }
        _ => Ok(()),
    }
}

fn decode<'r>(
    envelope: Option<Envelope<'r>>,
    heap: &Heap<'r>,
    seed: &'r Seed,
) -> Result<Data<'r>, Error> {
    match envelope {
        Some(envelope) => Ok(Data::read(envelope.inner_data, heap, seed)?),
        None => Ok(Data::default()),
    }
}

/// Call results, with their lengths checked.
fn answers<'r>(input: &Input<'r>, outcome: &mut Outcome) -> Result<Answers<'r>, Error> {
    let answers = match input.call_results {
        Results::Typed(results) => results.into(),
        Results::Raw(bytes) => {
            Answers::decode(bytes).map_err(|error| Error::CallResults(error.to_string()))?
        }
    };
    let limits = &input.params.limits;
    let longest = answers
        .left()
        .map(|(_, answer)| answer.result.len())
        .max()
        .unwrap_or(0);
    outcome.call_result_size_limit_exceeded =
        exceeds("Call result", longest, limits.call_result, limits).map_err(
            |error| match error {
                // This text alone does not name the size.
                Error::Size { what, limit, .. } => Error::Size {
                    what,
                    size: None,
                    limit,
                },
                error => error,
            },
        )?;
    Ok(answers)
}
