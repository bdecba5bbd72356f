//! The protocols on a connection's streams.
//!
//! Each stream has a [`Role`] that its bytes are handed to. Outbound streams send their proposal
//! and what follows it in one go: a peer that refuses the protocol answers so, whatever follows.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::context::Context;
use super::event::Event;
use super::limits::Limits;
use crate::multistream::{Dialer, MultistreamError, Responder};
use crate::particle::frame::{Frame, FrameError};
use crate::refusal::Refusal;
use crate::sending::{SendError, SendId};
use crate::yamux::{self, Session, StreamId};
use crate::{identify, kad, particle, ping};
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::prefixed;
use basalt_terms::time::{Instant, earliest};

/// How often all streams are checked for those that take too long.
const SWEEP: core::time::Duration = core::time::Duration::from_secs(1);

const SECOND: core::time::Duration = core::time::Duration::from_secs(1);

/// The protocols that the other side may choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Particle,
    Identify,
    IdentifyPush,
    Ping,
    Kademlia,
}

/// What a stream is for.
#[derive(Debug)]
enum Role {
    /// The other side opened it and has not chosen a protocol.
    Choosing(Responder),
    /// Receives a particle.
    ParticleIn(particle::frame::Reader),
    /// Echoes.
    Ping(ping::Echo),
    /// Receives what the other side is: because it was asked, or as a `push`.
    IdentityIn {
        push: bool,
        dialer: Option<Dialer>,
        reader: prefixed::Reader,
    },
    /// Sends a particle. `flushed` once all its bytes are out.
    ParticleOut {
        id: SendId,
        dialer: Option<Dialer>,
        flushed: bool,
    },
    /// Sends what we are, unasked.
    PushOut(Option<Dialer>),
    /// Receives Kademlia's questions, of which `open` are not answered yet; `finished` once no more
    /// come.
    KadIn {
        reader: prefixed::Reader,
        open: usize,
        finished: bool,
    },
    /// Sends a question and receives the answer.
    KadOut {
        query: kad::QueryId,
        dialer: Option<Dialer>,
        reader: prefixed::Reader,
    },
    /// Nothing more is expected but its end.
    Draining,
}

#[derive(Debug)]
struct Entry {
    role: Role,
    opened: Instant,
    moved: Instant,
    /// What was queued at the last look, to see whether it moves.
    queued: usize,
}

/// All streams of a connection.
#[derive(Debug)]
pub(super) struct Streams {
    entries: BTreeMap<StreamId, Entry>,
    /// Particles that wait for a stream.
    waiting: VecDeque<(SendId, Frame)>,
    waiting_bytes: usize,
    /// Memory of unfinished incoming particles.
    held: usize,
    pings: usize,
    kads: usize,
    /// The second that questions of Kademlia are counted in, and how many there were.
    questions: (Instant, u32),
    next_sweep: Option<Instant>,
    next_identify: Instant,
    opened: Instant,
    last_used: Instant,
}

impl Streams {
    pub(super) fn new(now: Instant, limits: &Limits) -> Self {
        Self {
            entries: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            held: 0,
            pings: 0,
            kads: 0,
            questions: (now, 0),
            next_sweep: None,
            next_identify: now + limits.identify_interval,
            opened: now,
            last_used: now,
        }
    }

    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// When something other than identify and ping happened last.
    pub(super) fn last_used(&self) -> Instant {
        self.last_used
    }

    /// Memory held for unfinished particles, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Bytes of particles that wait for a stream.
    pub(super) fn waiting(&self) -> usize {
        self.waiting_bytes
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        earliest(Some(self.next_identify), self.next_sweep)
    }

    // -- out ------------------------------------------------------------------------------------

    fn add(&mut self, now: Instant, id: StreamId, role: Role) {
        self.entries.insert(
            id,
            Entry {
                role,
                opened: now,
                moved: now,
                queued: 0,
            },
        );
        self.next_sweep.get_or_insert(now + SWEEP);
    }

    /// Opens a stream and proposes `protocol`; `None` if no stream is free.
    fn open(
        &mut self,
        now: Instant,
        session: &mut Session,
        protocol: &str,
        role: impl FnOnce(Dialer) -> Role,
    ) -> Option<StreamId> {
        let id = session.open()?;
        let mut proposal = Vec::with_capacity(64);
        let dialer = Dialer::new(protocol, &mut proposal);
        session.send(id, proposal);
        self.add(now, id, role(dialer));
        Some(id)
    }

    /// Sends a particle now, or as soon as a stream is free.
    pub(super) fn send(
        &mut self,
        context: Context<'_>,
        session: &mut Session,
        id: SendId,
        frame: Frame,
    ) {
        self.last_used = context.now;
        self.waiting_bytes += frame.size();
        self.waiting.push_back((id, frame));
        self.pump(context, session);
    }

    /// Tells nothing more about a particle. If it has a stream, that goes on.
    pub(super) fn disown(&mut self, particle: SendId) {
        let on_stream = |entry: &&mut Entry| matches!(entry.role, Role::ParticleOut { id, .. } if id == particle);
        if let Some(entry) = self.entries.values_mut().find(on_stream) {
            entry.role = Role::Draining;
            return;
        }
        // It is the first of those that wait, if whoever asks goes by their age.
        let waiting = self.waiting.iter().position(|(id, _)| *id == particle);
        if let Some((_, frame)) = waiting.and_then(|at| self.waiting.remove(at)) {
            self.waiting_bytes -= frame.size();
        }
    }

    fn pump(&mut self, context: Context<'_>, session: &mut Session) {
        while session.can_open()
            && let Some((id, frame)) = self.waiting.pop_front()
        {
            self.waiting_bytes -= frame.size();
            let role = |dialer| Role::ParticleOut {
                id,
                dialer: Some(dialer),
                flushed: false,
            };
            if let Some(id) = self.open(context.now, session, particle::PROTOCOL, role) {
                session.send(id, frame.head);
                session.send(id, frame.data);
                session.finish(id);
            }
        }
    }

    /// Asks the other side what it is.
    pub(super) fn ask_identity(&mut self, context: Context<'_>, session: &mut Session) {
        self.next_identify = context.now + context.local.limits.identify_interval;
        let reader = prefixed::Reader::new(identify::MAX_MESSAGE);
        let role = |dialer| Role::IdentityIn {
            push: false,
            dialer: Some(dialer),
            reader,
        };
        self.open(context.now, session, identify::PROTOCOL, role);
    }

    /// Asks the other side who is close to a place; false if no stream is free for that.
    pub(super) fn ask_kad(
        &mut self,
        context: Context<'_>,
        session: &mut Session,
        query: kad::QueryId,
        request: &kad::Message,
    ) -> bool {
        let Some(protocol) = &context.local.kademlia else {
            return false;
        };
        self.last_used = context.now;
        let reader = prefixed::Reader::new(kad::message::MAX_MESSAGE);
        let role = |dialer| Role::KadOut {
            query,
            dialer: Some(dialer),
            reader,
        };
        let Some(id) = self.open(context.now, session, protocol, role) else {
            return false;
        };
        session.send(id, prefixed::frame(&request.encode()));
        session.finish(id);
        true
    }

    /// Answers a question of the other side; `None` has no answer.
    pub(super) fn answer_kad(
        &mut self,
        session: &mut Session,
        id: StreamId,
        answer: Option<&kad::Message>,
    ) {
        if let Some(answer) = answer {
            session.send(id, prefixed::frame(&answer.encode()));
        }
        if let Some(entry) = self.entries.get_mut(&id)
            && let Role::KadIn { open, finished, .. } = &mut entry.role
        {
            *open -= 1;
            if *finished && *open == 0 {
                session.finish(id);
            }
        }
    }

    /// Tells the other side what we are.
    pub(super) fn push_identity(
        &mut self,
        context: Context<'_>,
        observed: &Multiaddr,
        session: &mut Session,
    ) {
        let role = |dialer| Role::PushOut(Some(dialer));
        if let Some(id) = self.open(context.now, session, identify::PUSH_PROTOCOL, role) {
            session.send(id, identity(context, observed));
            session.finish(id);
        }
    }

    /// Learns which streams are written to their end.
    pub(super) fn flushed(
        &mut self,
        context: Context<'_>,
        session: &mut Session,
        out: &mut Vec<Event>,
    ) {
        for id in session.take_flushed() {
            if let Some(entry) = self.entries.get_mut(&id)
                && let Role::ParticleOut {
                    id: particle,
                    dialer,
                    flushed,
                } = &mut entry.role
            {
                *flushed = true;
                if dialer.is_none() {
                    out.push(Event::Sent(*particle));
                    entry.role = Role::Draining;
                }
            }
            if !session.contains(id) {
                self.remove(id, out);
            }
        }
        self.pump(context, session);
    }

    // -- in -------------------------------------------------------------------------------------

    pub(super) fn handle(
        &mut self,
        context: Context<'_>,
        observed: &Multiaddr,
        session: &mut Session,
        event: yamux::Event<'_>,
        out: &mut Vec<Event>,
    ) {
        match event {
            yamux::Event::Opened(id) => {
                self.add(context.now, id, Role::Choosing(Responder::default()));
            }
            yamux::Event::Data(id, bytes) => {
                self.data(context, observed, session, id, bytes, out);
                session.consume(id, bytes.len());
            }
            yamux::Event::Finished(id) => self.finished(session, id, out),
            yamux::Event::Reset(id) => self.reset(id, out),
            yamux::Event::Refused(_) => out.push(Event::Refused(Refusal::StreamsFull)),
            yamux::Event::GoAway(_) => self.left(session, out),
            yamux::Event::Credit(_) | yamux::Event::Pong(_) => {}
        }
        if !self.waiting.is_empty() {
            self.pump(context, session);
        }
    }

    /// The other side takes no more streams: what it has not heard of is taken back.
    fn left(&mut self, session: &mut Session, out: &mut Vec<Event>) {
        for id in session.unheard() {
            self.drop_stream(session, id, out);
        }
        self.waiting_bytes = 0;
        out.push(Event::Left(self.waiting.drain(..).collect()));
    }

    /// Whether nothing is under way but pings, which have no end.
    pub(super) fn is_done(&self) -> bool {
        let ping = |entry: &Entry| matches!(entry.role, Role::Ping(_));
        self.waiting.is_empty() && self.entries.values().all(ping)
    }

    fn data(
        &mut self,
        context: Context<'_>,
        observed: &Multiaddr,
        session: &mut Session,
        id: StreamId,
        mut bytes: &[u8],
        out: &mut Vec<Event>,
    ) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.moved = context.now;
        if let Role::Choosing(responder) = &mut entry.role {
            let limits = &context.local.limits;
            let (mut answer, mut unknown) = (Vec::new(), false);
            let pings_full = self.pings >= limits.max_ping_streams;
            let kademlia = context.local.kademlia.as_deref();
            let kademlia = kademlia.filter(|_| self.kads < limits.max_kad_streams);
            let chosen = responder.push(&mut bytes, &mut answer, |line| {
                let protocol = match line {
                    particle::PROTOCOL => Some(Protocol::Particle),
                    identify::PROTOCOL => Some(Protocol::Identify),
                    identify::PUSH_PROTOCOL => Some(Protocol::IdentifyPush),
                    ping::PROTOCOL if !pings_full => Some(Protocol::Ping),
                    line if kademlia == Some(line) => Some(Protocol::Kademlia),
                    _ => None,
                };
                unknown |= protocol.is_none();
                protocol
            });
            if unknown {
                out.push(Event::Refused(Refusal::UnknownProtocol));
            }
            if !answer.is_empty() {
                session.send(id, answer);
            }
            entry.role = match chosen {
                Ok(None) => return,
                Ok(Some(Protocol::Particle)) => {
                    Role::ParticleIn(particle::frame::Reader::new(limits.max_particle))
                }
                Ok(Some(Protocol::Ping)) => {
                    self.pings += 1;
                    Role::Ping(ping::Echo::default())
                }
                Ok(Some(Protocol::Kademlia)) => {
                    self.kads += 1;
                    Role::KadIn {
                        reader: prefixed::Reader::new(kad::message::MAX_MESSAGE),
                        open: 0,
                        finished: false,
                    }
                }
                Ok(Some(Protocol::IdentifyPush)) => Role::IdentityIn {
                    push: true,
                    dialer: None,
                    reader: prefixed::Reader::new(identify::MAX_MESSAGE),
                },
                Ok(Some(Protocol::Identify)) => {
                    session.send(id, identity(context, observed));
                    session.finish(id);
                    Role::Draining
                }
                Err(_) => return self.refuse(session, id, Refusal::MessageMalformed, out),
            };
        }
        if !self.agree(context, session, id, &mut bytes, out) || bytes.is_empty() {
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if matches!(entry.role, Role::ParticleIn(_) | Role::KadIn { .. }) {
            self.last_used = context.now;
        }
        match &mut entry.role {
            Role::ParticleIn(reader) => {
                let before = reader.held();
                let particle = reader.push(bytes);
                self.held = self.held - before + reader.held();
                let limit = context.local.limits.max_held.min(context.allowance);
                match particle {
                    Ok(None) if self.held > limit => {
                        self.refuse(session, id, Refusal::ParticleMemory, out);
                    }
                    Ok(None) => {}
                    Ok(Some(particle)) => {
                        entry.role = Role::Draining;
                        session.finish(id);
                        out.push(Event::Particle(Box::new(particle)));
                    }
                    Err(FrameError::TooBig(_)) => {
                        self.refuse(session, id, Refusal::ParticleTooBig, out);
                    }
                    Err(_) => self.refuse(session, id, Refusal::ParticleMalformed, out),
                }
            }
            Role::Ping(echo) => {
                // A peer that sends pings must read the echoes, or they would pile up here.
                if session.queued_on(id) > ping::MAX_ECHOES {
                    return self.refuse(session, id, Refusal::MessageMalformed, out);
                }
                let answer = echo.push(bytes);
                if !answer.is_empty() {
                    session.send(id, answer);
                }
            }
            Role::IdentityIn { push, reader, .. } => match reader.push(&mut bytes) {
                Ok(None) => {}
                Ok(Some(message)) => match identify::Info::decode(&message) {
                    Ok(info) => {
                        let told = match push {
                            true => Event::Pushed,
                            false => Event::Identified,
                        };
                        entry.role = Role::Draining;
                        session.finish(id);
                        out.push(told(Box::new(info)));
                    }
                    Err(_) => self.refuse(session, id, Refusal::MessageMalformed, out),
                },
                Err(_) => self.refuse(session, id, Refusal::MessageMalformed, out),
            },
            Role::KadIn { reader, open, .. } => {
                while !bytes.is_empty() {
                    let message = reader.push(&mut bytes).ok().map(|message| {
                        message.map_or(Ok(None), |message| kad::Message::decode(&message))
                    });
                    match message {
                        // A peer that asks must read the answers, or they would pile up here.
                        Some(Ok(Some(_))) if session.queued_on(id) > kad::message::MAX_MESSAGE => {
                            return self.refuse(session, id, Refusal::MessageMalformed, out);
                        }
                        Some(Ok(Some(message))) => {
                            let (since, asked) = &mut self.questions;
                            if context.now.since(*since) >= SECOND {
                                (*since, *asked) = (context.now, 0);
                            }
                            *asked += 1;
                            if *asked > context.local.limits.max_kad_rate {
                                return self.refuse(session, id, Refusal::QuestionFlood, out);
                            }
                            *open += 1;
                            out.push(Event::KadRequest(id, Box::new(message)));
                        }
                        Some(Ok(None)) => {}
                        Some(Err(_)) | None => {
                            return self.refuse(session, id, Refusal::MessageMalformed, out);
                        }
                    }
                }
            }
            Role::KadOut { query, reader, .. } => match reader.push(&mut bytes) {
                Ok(None) => {}
                Ok(Some(message)) => {
                    let message = kad::Message::decode(&message).ok().flatten().map(Box::new);
                    out.push(Event::KadAnswer(*query, message));
                    entry.role = Role::Draining;
                }
                Err(_) => self.refuse(session, id, Refusal::MessageMalformed, out),
            },
            Role::ParticleOut { .. } | Role::PushOut(_) | Role::Choosing(_) | Role::Draining => {}
        }
    }

    /// Reads the answer to our proposal, where one is awaited. False if there is none yet.
    fn agree(
        &mut self,
        context: Context<'_>,
        session: &mut Session,
        id: StreamId,
        bytes: &mut &[u8],
        out: &mut Vec<Event>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else {
            return false;
        };
        let (slot, protocol) = match &mut entry.role {
            Role::ParticleOut { dialer, .. } => (dialer, particle::PROTOCOL),
            Role::PushOut(dialer) => (dialer, identify::PUSH_PROTOCOL),
            Role::IdentityIn { dialer, .. } => (dialer, identify::PROTOCOL),
            Role::KadOut { dialer, .. } => (
                dialer,
                context.local.kademlia.as_deref().unwrap_or_default(),
            ),
            _ => return true,
        };
        let Some(dialer) = slot else { return true };
        match dialer.push(bytes, protocol) {
            Ok(false) => return false,
            Ok(true) => *slot = None,
            Err(error) => {
                if let Role::ParticleOut { id, .. } = entry.role {
                    out.push(Event::SendFailed(id, SendError::ProtocolRefused));
                    entry.role = Role::Draining;
                }
                if error != MultistreamError::Refused {
                    out.push(Event::Refused(Refusal::MessageMalformed));
                }
                self.drop_stream(session, id, out);
                return false;
            }
        }
        if let Role::ParticleOut {
            id, flushed: true, ..
        } = entry.role
        {
            out.push(Event::Sent(id));
            entry.role = Role::Draining;
        }
        true
    }

    fn finished(&mut self, session: &mut Session, id: StreamId, out: &mut Vec<Event>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        match &mut entry.role {
            Role::ParticleIn(_) => {
                return self.refuse(session, id, Refusal::ParticleMalformed, out);
            }
            Role::ParticleOut {
                dialer: Some(_), ..
            }
            | Role::KadOut { .. } => return self.drop_stream(session, id, out),
            Role::KadIn { open, finished, .. } if *open > 0 => *finished = true,
            Role::KadIn { .. } => session.finish(id),
            // The rest of what we send is still taken.
            Role::ParticleOut { dialer: None, .. } | Role::PushOut(_) => {}
            Role::Ping(_) => {
                // The next may come before the last bytes of this one are out.
                self.pings -= 1;
                entry.role = Role::Draining;
                session.finish(id);
            }
            Role::Choosing(_) | Role::IdentityIn { .. } | Role::Draining => {
                session.finish(id);
            }
        }
        if !session.contains(id) {
            self.remove(id, out);
        }
    }

    fn reset(&mut self, id: StreamId, out: &mut Vec<Event>) {
        self.remove(id, out);
    }

    /// Resets a stream of the other side and says why.
    fn refuse(
        &mut self,
        session: &mut Session,
        id: StreamId,
        reason: Refusal,
        out: &mut Vec<Event>,
    ) {
        out.push(Event::Refused(reason));
        self.drop_stream(session, id, out);
    }

    fn drop_stream(&mut self, session: &mut Session, id: StreamId, out: &mut Vec<Event>) {
        session.reset(id);
        self.remove(id, out);
    }

    /// Forgets a stream that is gone; a particle that was not out yet has failed.
    fn remove(&mut self, id: StreamId, out: &mut Vec<Event>) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        match entry.role {
            Role::ParticleIn(reader) => self.held -= reader.held(),
            Role::Ping(_) => self.pings -= 1,
            Role::KadIn { .. } => self.kads -= 1,
            Role::KadOut { query, .. } => out.push(Event::KadAnswer(query, None)),
            Role::ParticleOut { id, .. } => {
                out.push(Event::SendFailed(id, SendError::StreamReset));
            }
            _ => {}
        }
    }

    /// The connection is over: so is everything on it.
    pub(super) fn fail_all(&mut self, out: &mut Vec<Event>) {
        let failed = |id| Event::SendFailed(id, SendError::ConnectionClosed);
        for entry in core::mem::take(&mut self.entries).into_values() {
            match entry.role {
                Role::ParticleOut { id, .. } => out.push(failed(id)),
                Role::KadOut { query, .. } => out.push(Event::KadAnswer(query, None)),
                _ => {}
            }
        }
        out.extend(self.waiting.drain(..).map(|(id, _)| failed(id)));
        self.waiting_bytes = 0;
        self.held = 0;
    }

    // -- time -----------------------------------------------------------------------------------

    pub(super) fn tick(
        &mut self,
        context: Context<'_>,
        session: &mut Session,
        out: &mut Vec<Event>,
    ) {
        let Context { now, local, .. } = context;
        if now >= self.next_identify {
            self.ask_identity(context, session);
        }
        if self.next_sweep.is_none_or(|sweep| now < sweep) {
            return;
        }
        let mut late = Vec::new();
        for (&id, entry) in &mut self.entries {
            let queued = session.queued_on(id);
            if queued != entry.queued {
                entry.queued = queued;
                entry.moved = now;
            }
            if !matches!(entry.role, Role::Ping(_))
                && (now.since(entry.moved) >= local.limits.stream_idle
                    || now.since(entry.opened) >= local.limits.stream_lifetime)
            {
                late.push(id);
            }
        }
        for id in late {
            match self.entries.get_mut(&id).map(|entry| &mut entry.role) {
                Some(Role::Draining) => self.drop_stream(session, id, out),
                Some(role @ Role::ParticleOut { .. }) => {
                    if let Role::ParticleOut { id, .. } = *role {
                        out.push(Event::SendFailed(id, SendError::Timeout));
                    }
                    *role = Role::Draining;
                    self.drop_stream(session, id, out);
                }
                _ => self.refuse(session, id, Refusal::StreamTimeout, out),
            }
        }
        self.pump(context, session);
        let busy = self
            .entries
            .values()
            .any(|entry| !matches!(entry.role, Role::Ping(_)));
        self.next_sweep = busy.then(|| now + SWEEP);
    }
}

/// Our identify message with its length in front.
fn identity(context: Context<'_>, observed: &Multiaddr) -> Vec<u8> {
    let mut message = context.local.identify.clone();
    identify::Info::append_observed(observed, &mut message);
    prefixed::frame(&message)
}
