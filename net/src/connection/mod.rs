//! The whole stack of one connection as one value.
//!
//! Bytes of the transport go in with [`Connection::receive`], what they mean comes out as
//! [`Event`]s; bytes for the transport are fetched with [`Connection::transmit`], which encrypts
//! them right into the caller's buffer. Inside, one layer's output is the next one's input:
//!
//! ```text
//! transport ─ TLS ─ link (WebSocket) ─ multistream ─ Noise ─ multistream ─ Yamux ─ streams
//! ```
//!
//! As the side that dials, each layer's first bytes follow the proposal of the layer below without
//! waiting for its answer, which saves two round trips.

mod channel;
mod close;
mod context;
mod error;
mod event;
mod limits;
mod link;
mod secure;
mod streams;

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use basalt_terms::multiaddr::{Multiaddr, Protocol, Transport};
use basalt_terms::time::{Instant, earliest};

pub use close::CloseReason;
pub use context::{Context, Local, Setup};
pub use error::Error;
pub use event::Event;
pub use limits::Limits;

use self::channel::{Channel, Open, OtherEnd};
use self::link::{Link, State};
use self::secure::Secure;
use crate::direction::Direction;
use crate::particle::frame::Frame;
use crate::refusal::Refusal;
use crate::sending::{CannotSend, SendId};
use crate::tls::{self, TlsError};
use crate::websocket::Opcode;
use crate::yamux::StreamId;
use crate::{kad, noise};

/// A record is built in the caller's buffer if it has this many bytes left, and in a buffer of its
/// own otherwise.
const MIN_RECORD_ROOM: usize = 1024;
/// Largest record on the wire, in bytes. The sizes of socket buffers are multiples of it, so that
/// few records are split between two reads. A record of this size stays in the processor's
/// first-level cache while it is filled and encrypted.
const MAX_RECORD: usize = 16 * 1024;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    direction: Direction,
    other: OtherEnd,
    tls: Option<Box<Secure>>,
    /// Whether the first byte has yet to show if the other side speaks TLS.
    undecided: bool,
    link: Link,
    channel: Channel,
    /// Bytes from the link that do not yet make a whole message.
    inbox: Vec<u8>,
    /// Whole frames for the transport; the first `outbox_sent` bytes are sent.
    outbox: Vec<u8>,
    outbox_sent: usize,

    set_up_deadline: Instant,
    /// When bytes came in last that are the peer's own.
    last_received: Instant,
    next_ping: Instant,
    /// Since when the other side takes no more streams.
    left_since: Option<Instant>,
    /// Since when bytes wait without any being taken.
    stalled_since: Option<Instant>,
    /// Whether bytes were taken since the last look.
    moved: bool,
}

impl Connection {
    /// A connection whose TCP part is up. It fails if TLS is to be spoken and is not set up, or if
    /// no certificate can be for the host.
    pub fn new(context: Context<'_>, setup: &Setup<'_>) -> Result<Self, Error> {
        let Context { now, local, .. } = context;
        let mut observed = Multiaddr::from_socket(setup.remote);
        if setup.transport != Transport::Tcp {
            observed = observed.with(Protocol::Ws);
        }
        let secure = setup.transport == Transport::SecureWebSocket;
        let inbound = setup.direction == Direction::Inbound;
        let tls = match &local.tls {
            Some(tls) if secure && !inbound => Some(Box::new(Secure::new(tls.dial(setup.host)?)?)),
            None if secure => return Err(TlsError::Protocol.into()),
            _ => None,
        };
        let serves_tls = local.tls.as_ref().is_some_and(|tls| tls.serves());
        let mut outbox = Vec::new();
        let [noise, link] = setup.entropy;
        let authority = match setup.host.contains(':') {
            true => format!("[{}]:{}", setup.host, setup.port),
            false => format!("{}:{}", setup.host, setup.port),
        };
        let link = Link::new(
            setup.transport,
            setup.direction,
            (&authority, setup.path),
            link,
            &mut outbox,
        );
        let mut connection = Self {
            direction: setup.direction,
            other: OtherEnd {
                expected: setup.expected,
                observed,
            },
            tls,
            undecided: inbound && serves_tls && setup.transport != Transport::Tcp,
            link,
            channel: Channel::new(&local.noise, setup.direction, noise),
            inbox: Vec::new(),
            outbox,
            outbox_sent: 0,
            set_up_deadline: now + local.limits.set_up_timeout,
            last_received: now,
            next_ping: now,
            left_since: None,
            stalled_since: None,
            moved: false,
        };
        if connection.link.is_open() {
            connection.start(local);
        }
        Ok(connection)
    }

    /// Whether streams can be opened.
    pub fn is_open(&self) -> bool {
        self.channel.open().is_some()
    }

    /// The last round trip that a ping measured.
    pub fn round_trip(&self) -> Option<core::time::Duration> {
        self.channel
            .open()
            .and_then(|open| open.session.round_trip())
    }

    /// When streams could be opened first.
    pub fn opened(&self) -> Option<Instant> {
        self.channel.open().map(|open| open.streams.opened())
    }

    /// When a particle or a question of Kademlia went over it last; at the latest when it was made.
    pub fn last_used(&self) -> Instant {
        self.channel
            .open()
            .map_or(self.last_received, |open| open.streams.last_used())
    }

    /// When bytes came in last that are the peer's own.
    pub fn heard(&self) -> Instant {
        self.last_received
    }

    /// Resets the time of silence: the peer is not being read from, so its silence means nothing.
    pub fn excuse(&mut self, now: Instant) {
        self.last_received = now;
    }

    /// Memory held for unfinished particles, in bytes.
    pub fn held(&self) -> usize {
        self.channel.open().map_or(0, |open| open.streams.held())
    }

    /// Streams that the other side has open.
    pub fn inbound_streams(&self) -> usize {
        self.channel.open().map_or(0, |open| open.session.inbound())
    }

    /// Bounds the streams that the other side may open, beside the multiplexer's own bound.
    pub fn allow_streams(&mut self, streams: usize) {
        if let Some(open) = self.channel.open_mut() {
            open.session.allow_inbound(streams);
        }
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.channel
            .open()
            .map_or(0, |open| open.streams.waiting() + open.session.queued())
    }

    /// The link is up: the dialer speaks first.
    fn start(&mut self, local: &Local) {
        if self.direction == Direction::Outbound {
            let mut bytes = Vec::new();
            self.channel.start(&local.noise, &mut bytes);
            self.link.queue(Opcode::Binary, &bytes, &mut self.outbox);
        }
    }

    // -- in -------------------------------------------------------------------------------------

    /// Takes bytes from the transport. `scratch` is a buffer that all connections share, so that
    /// none keeps one of its own while nothing is left in it.
    pub fn receive(
        &mut self,
        context: Context<'_>,
        bytes: &mut [u8],
        scratch: &mut Vec<u8>,
        out: &mut Vec<Event>,
    ) {
        if self.channel.is_closed() {
            return;
        }
        // An answer to a particle must not be reported before `Sent` of that particle.
        self.after_transmit(context, out);
        if self.undecided && !bytes.is_empty() {
            self.undecided = false;
            let session = context.local.tls.as_ref().and_then(|tls| tls.accept());
            if bytes[0] == tls::FIRST_BYTE
                && let Some(session) = session
            {
                match Secure::new(session) {
                    Ok(secure) => self.tls = Some(Box::new(secure)),
                    Err(error) => return self.fail(error, out),
                }
            }
        }
        if self.tls.is_none() && self.link.is_bare() && self.is_open() {
            self.last_received = context.now;
            return match self.receive_bare(context, bytes, scratch, out) {
                Ok(()) => self.end_if_left(context, out),
                Err(error) => self.fail(error, out),
            };
        }
        let (mut plain, mut goes_on) = (Vec::new(), true);
        let bytes = match &mut self.tls {
            None => &*bytes,
            Some(tls) => match tls.receive(bytes, &mut plain) {
                Ok(more) => {
                    goes_on = more;
                    &plain[..]
                }
                Err(error) => return self.fail(error, out),
            },
        };
        let was_open = self.link.is_open();
        let mut inbox = self.take_inbox(scratch);
        let held = inbox.len();
        let state = match self.link.receive(bytes, &mut inbox, &mut self.outbox) {
            Ok(state) => state,
            Err(error) => return self.fail(error.into(), out),
        };
        // TLS and WebSocket have messages of their own. Whoever sends those, a proxy perhaps, need
        // not have a peer behind it any more.
        if inbox.len() > held || !was_open {
            self.last_received = context.now;
        }
        if !was_open && self.link.is_open() {
            self.start(context.local);
        }
        if state != State::SettingUp {
            match self.process(context, &mut inbox, out) {
                Ok(used) => drop(inbox.drain(..used)),
                Err(error) => return self.fail(error, out),
            }
        }
        self.keep_inbox(inbox, scratch);
        if state == State::Closed || !goes_on {
            self.close(CloseReason::Remote, out);
        }
        self.end_if_left(context, out);
    }

    /// Takes bytes of an open connection with nothing below it but TCP: whole messages are read
    /// where they lie, and no more is copied than what was cut off at the end, until the rest of it
    /// is there.
    fn receive_bare(
        &mut self,
        context: Context<'_>,
        mut bytes: &mut [u8],
        scratch: &mut Vec<u8>,
        out: &mut Vec<Event>,
    ) -> Result<(), Error> {
        while !self.inbox.is_empty() && !bytes.is_empty() {
            let missing = noise::missing(&self.inbox).min(bytes.len());
            let (head, rest) = core::mem::take(&mut bytes).split_at_mut(missing);
            let mut inbox = self.take_inbox(scratch);
            inbox.extend_from_slice(head);
            let used = self.process(context, &mut inbox, out)?;
            inbox.drain(..used);
            self.keep_inbox(inbox, scratch);
            bytes = rest;
        }
        let used = self.process(context, bytes, out)?;
        if used < bytes.len() {
            let mut inbox = self.take_inbox(scratch);
            inbox.extend_from_slice(&bytes[used..]);
            self.inbox = inbox;
        }
        Ok(())
    }

    /// The bytes left from the last read, or an empty buffer.
    fn take_inbox(&mut self, scratch: &mut Vec<u8>) -> Vec<u8> {
        match self.inbox.is_empty() {
            true => core::mem::take(scratch),
            false => core::mem::take(&mut self.inbox),
        }
    }

    /// Keeps what is left for the next time; an empty buffer is left to all connections.
    fn keep_inbox(&mut self, inbox: Vec<u8>, scratch: &mut Vec<u8>) {
        if !inbox.is_empty() {
            self.inbox = inbox;
        } else if inbox.capacity() > scratch.capacity() {
            *scratch = inbox;
        }
    }

    /// Hands what the link delivered to the layers above, and gives how much of it was used.
    fn process(
        &mut self,
        context: Context<'_>,
        bytes: &mut [u8],
        out: &mut Vec<Event>,
    ) -> Result<usize, Error> {
        let was_open = self.is_open();
        let mut answer = Vec::new();
        let used = self
            .channel
            .receive(context, &self.other, bytes, &mut answer, out);
        if !answer.is_empty() {
            self.link.queue(Opcode::Binary, &answer, &mut self.outbox);
        }
        let used = used?;
        if !was_open && let Channel::Open(open) = &mut self.channel {
            open.session.ping();
            self.next_ping = context.now + context.local.limits.ping_interval;
            open.streams.ask_identity(context, &mut open.session);
        }
        Ok(used)
    }

    fn fail(&mut self, error: Error, out: &mut Vec<Event>) {
        self.end(out);
        out.push(Event::Closed(CloseReason::Failed(error)));
    }

    /// Ends the connection: the other side is told that no more streams are taken.
    pub fn close(&mut self, reason: CloseReason, out: &mut Vec<Event>) {
        if self.channel.is_closed() {
            return;
        }
        if let Channel::Open(open) = &mut self.channel
            && matches!(reason, CloseReason::Local | CloseReason::Idle)
        {
            let mut record = alloc::vec![0; MIN_RECORD_ROOM];
            open.session.go_away();
            let len = open.record(&mut self.link, &mut record);
            self.outbox.extend_from_slice(&record[..len]);
            self.link
                .queue(Opcode::Close, &1000u16.to_be_bytes(), &mut self.outbox);
        }
        self.end(out);
        out.push(Event::Closed(reason));
    }

    /// Ends the connection if the other side takes no more streams, as soon as those that are open
    /// are done or have had their time. It need not close the transport itself, and nothing could
    /// be asked on what is left.
    fn end_if_left(&mut self, context: Context<'_>, out: &mut Vec<Event>) {
        let Channel::Open(open) = &self.channel else {
            return;
        };
        if !open.session.has_left() {
            return;
        }
        let since = *self.left_since.get_or_insert(context.now);
        let time = context.now.since(since);
        if open.streams.is_done() || time >= context.local.limits.stream_lifetime {
            self.close(CloseReason::Remote, out);
        }
    }

    /// Ends our side of TLS, or else of the WebSocket, and nothing else.
    #[cfg(test)]
    pub(crate) fn end_below(&mut self) {
        match &mut self.tls {
            Some(tls) => tls.end(),
            None => {
                let code = 1000u16.to_be_bytes();
                self.link.queue(Opcode::Close, &code, &mut self.outbox);
            }
        }
    }

    /// Tells the other side that no more streams are taken, and goes on with those that are open.
    #[cfg(test)]
    pub(crate) fn go_away(&mut self) {
        if let Channel::Open(open) = &mut self.channel {
            open.session.go_away();
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if let Channel::Open(open) = &mut self.channel {
            open.streams.fail_all(out);
        }
        if let Some(tls) = &mut self.tls {
            tls.end();
        }
        self.channel = Channel::Closed;
        self.inbox = Vec::new();
    }

    // -- out ------------------------------------------------------------------------------------

    /// Sends the frame of a particle on a stream of its own.
    pub fn send(
        &mut self,
        context: Context<'_>,
        id: SendId,
        frame: Frame,
    ) -> Result<(), CannotSend> {
        let queued = self.queued();
        let Channel::Open(open) = &mut self.channel else {
            return Err(CannotSend::NotConnected);
        };
        if open.session.has_left() {
            return Err(CannotSend::NotConnected);
        }
        if queued > 0 && queued.saturating_add(frame.size()) > context.local.limits.max_queued {
            return Err(CannotSend::Congested);
        }
        open.session.set_now(context.now);
        open.streams.send(context, &mut open.session, id, frame);
        Ok(())
    }

    /// Tells nothing more about a particle, which goes another way. What was begun goes on.
    pub fn disown(&mut self, id: SendId) {
        if let Channel::Open(open) = &mut self.channel {
            open.streams.disown(id);
        }
    }

    /// Asks the peer as a part of Kademlia; [`Event::KadAnswer`] follows. False if that cannot be.
    pub fn ask_kad(
        &mut self,
        context: Context<'_>,
        query: kad::QueryId,
        request: &kad::Message,
    ) -> bool {
        let Channel::Open(open) = &mut self.channel else {
            return false;
        };
        open.session.set_now(context.now);
        open.streams
            .ask_kad(context, &mut open.session, query, request)
    }

    /// Answers a request; `None` has no answer.
    pub fn answer_kad(&mut self, stream: StreamId, answer: Option<&kad::Message>) {
        if let Channel::Open(open) = &mut self.channel {
            open.streams.answer_kad(&mut open.session, stream, answer);
        }
    }

    /// Tells the peer unasked what we are.
    pub fn push_identity(&mut self, context: Context<'_>) {
        if let Channel::Open(open) = &mut self.channel {
            open.streams
                .push_identity(context, &self.other.observed, &mut open.session);
        }
    }

    /// Whether [`transmit`](Self::transmit) has something to give.
    pub fn has_output(&self) -> bool {
        let plain = self.has_plain_output();
        self.tls.as_ref().map_or(plain, |tls| tls.has_output(plain))
    }

    fn has_plain_output(&self) -> bool {
        self.outbox_sent < self.outbox.len()
            || self
                .channel
                .open()
                .is_some_and(|open| open.session.has_output())
    }

    /// Fills `buf` with bytes for the transport and gives how many there are. Less than the
    /// buffer's size, by more than a kibibyte, means that nothing is left.
    pub fn transmit(&mut self, buf: &mut [u8]) -> usize {
        let Some(mut tls) = self.tls.take() else {
            return self.transmit_plain(buf);
        };
        let len = tls.transmit(buf, |plain| self.transmit_plain(plain));
        self.tls = Some(tls);
        self.moved |= len > 0;
        len
    }

    fn transmit_plain(&mut self, buf: &mut [u8]) -> usize {
        let mut at = self.drain_outbox(buf);
        while self.outbox.is_empty()
            && let Channel::Open(open) = &mut self.channel
            && open.session.has_output()
        {
            if buf.len() - at >= MIN_RECORD_ROOM {
                let len = open.record(&mut self.link, &mut buf[at..]);
                at += len;
                if len == 0 {
                    break;
                }
            } else if at == 0 {
                let mut record = alloc::vec![0; MIN_RECORD_ROOM];
                let len = open.record(&mut self.link, &mut record);
                record.truncate(len);
                self.outbox = record;
                at = self.drain_outbox(buf);
                break;
            } else {
                break;
            }
        }
        self.moved |= at > 0;
        at
    }

    fn drain_outbox(&mut self, buf: &mut [u8]) -> usize {
        let rest = &self.outbox[self.outbox_sent..];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        self.outbox_sent += len;
        if self.outbox_sent == self.outbox.len() {
            self.outbox = Vec::new();
            self.outbox_sent = 0;
        }
        len
    }

    /// Whether [`after_transmit`](Self::after_transmit) has something to tell.
    pub fn has_news(&self) -> bool {
        self.channel
            .open()
            .is_some_and(|open| open.session.has_flushed())
    }

    /// What follows from the bytes that [`transmit`](Self::transmit) has given.
    pub fn after_transmit(&mut self, context: Context<'_>, out: &mut Vec<Event>) {
        if let Channel::Open(open) = &mut self.channel {
            open.streams.flushed(context, &mut open.session, out);
        }
    }

    // -- time -----------------------------------------------------------------------------------

    /// When [`tick`](Self::tick) is due.
    pub fn wake_at(&self) -> Option<Instant> {
        match &self.channel {
            Channel::Open(open) => earliest(Some(self.next_ping), open.streams.wake_at()),
            Channel::Closed => None,
            _ => Some(self.set_up_deadline),
        }
    }

    /// Does what the time asks for.
    pub fn tick(&mut self, context: Context<'_>, out: &mut Vec<Event>) {
        let Context { now, local, .. } = context;
        let limits = &local.limits;
        let waiting = self.has_output();
        let Channel::Open(open) = &mut self.channel else {
            if !self.channel.is_closed() && now >= self.set_up_deadline {
                self.end(out);
                out.push(Event::Refused(Refusal::SetUpTimeout));
                out.push(Event::Closed(CloseReason::SetUpTimeout));
            }
            return;
        };
        open.session.set_now(now);
        if now >= self.next_ping {
            if now.since(self.last_received) >= limits.ping_interval + limits.ping_timeout {
                return self.close(CloseReason::PingTimeout, out);
            }
            if !waiting || core::mem::take(&mut self.moved) {
                self.stalled_since = None;
            } else if now.since(*self.stalled_since.get_or_insert(now)) >= limits.stall_timeout {
                out.push(Event::Refused(Refusal::SlowReader));
                return self.close(CloseReason::SlowReader, out);
            }
            open.session.ping();
            self.next_ping = now + limits.ping_interval;
        }
        open.streams.tick(context, &mut open.session, out);
        self.end_if_left(context, out);
    }
}

impl Open {
    /// Builds one encrypted record in `buf` and gives its size; 0 if there is nothing to say.
    fn record(&mut self, link: &mut Link, buf: &mut [u8]) -> usize {
        let head = link.head_room();
        let start = head + noise::PREFIX;
        let room = buf.len().min(MAX_RECORD) - start - noise::TAG;
        let len = self.session.write(&mut buf[start..start + room]);
        if len == 0 {
            return 0;
        }
        let size = self.seal.seal(&mut buf[head..], len);
        link.frame(buf, size)
    }
}
