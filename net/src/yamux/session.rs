//! The session: all streams of one connection.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::config::{Config, StreamId};
use super::error::YamuxError;
use super::frame::{Flags, HEADER, Header, Kind};
use super::stream::{Half, Stream};
use basalt_terms::time::Instant;

/// A data frame is not squeezed into less room than this at the end of a buffer, unless it is all
/// it has left to send.
const MIN_ROOM: usize = 1024;

/// What incoming bytes mean.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The other side opened a stream.
    Opened(StreamId),
    /// Bytes of a stream. Their credit goes back with [`Session::consume`].
    Data(StreamId, &'a [u8]),
    /// The other side sends nothing more on a stream.
    Finished(StreamId),
    /// The other side killed a stream.
    Reset(StreamId),
    /// The other side opened more streams than it may; this one is reset.
    Refused(StreamId),
    /// More can be sent on a stream than before.
    Credit(StreamId),
    /// A ping of ours came back.
    Pong(Duration),
    /// The other side ends the session, with its code for the reason: it takes no more streams.
    GoAway(u32),
}

/// Where in a frame the input stands.
#[derive(Debug)]
enum Input {
    Header {
        bytes: [u8; HEADER],
        len: usize,
    },
    /// Within a frame's data, or behind it when nothing is left.
    Body {
        stream: StreamId,
        left: u32,
        fin: bool,
    },
}

const START: Input = Input::Header {
    bytes: [0; HEADER],
    len: 0,
};

/// A Yamux session. See the module's documentation for how it is driven.
#[derive(Debug)]
pub struct Session {
    config: Config,
    now: Instant,
    next_id: StreamId,
    streams: BTreeMap<StreamId, Stream>,
    inbound: usize,
    /// Inbound streams that all sessions together permit.
    allowed: usize,
    input: Input,

    /// Frames that are complete as they are: answers to pings, resets, going away.
    answers: VecDeque<Header>,
    /// Streams with something to send, in turn.
    ready: VecDeque<StreamId>,
    /// Streams whose FIN was written since this was last asked for.
    flushed: Vec<StreamId>,
    /// Bytes queued in all streams.
    queued: usize,

    ping: u32,
    pinged: Option<Instant>,
    round_trip: Option<Duration>,
    window_growth: u64,
    /// Whether the other side takes no more streams.
    left: bool,
}

impl Session {
    /// A session of the side that opened the connection, or of the other one.
    pub fn new(config: Config, now: Instant, initiator: bool) -> Self {
        Self {
            config,
            now,
            next_id: if initiator { 1 } else { 2 },
            streams: BTreeMap::new(),
            inbound: 0,
            allowed: usize::MAX,
            input: START,
            answers: VecDeque::new(),
            ready: VecDeque::new(),
            flushed: Vec::new(),
            queued: 0,
            ping: 0,
            pinged: None,
            round_trip: None,
            window_growth: 0,
            left: false,
        }
    }

    /// Streams that the other side has open.
    pub fn inbound(&self) -> usize {
        self.inbound
    }

    /// Bounds the streams that the other side may open, beside the configuration's own bound.
    pub fn allow_inbound(&mut self, streams: usize) {
        self.allowed = streams;
    }

    /// Tells the time, before anything else is done at it.
    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Streams that are open, in either direction.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no stream is open.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Whether a stream is open in either direction.
    pub fn contains(&self, id: StreamId) -> bool {
        self.streams.contains_key(&id)
    }

    /// Bytes that wait to be sent, in all streams.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Bytes that wait to be sent on a stream.
    pub fn queued_on(&self, id: StreamId) -> usize {
        self.streams.get(&id).map_or(0, |stream| stream.queued)
    }

    /// The last round trip that a ping measured.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    fn is_ours(&self, id: StreamId) -> bool {
        id % 2 == self.next_id % 2
    }

    // -- out ------------------------------------------------------------------------------------

    /// Whether the other side has said that it takes no more streams (yamux specification, "Go
    /// Away").
    pub fn has_left(&self) -> bool {
        self.left
    }

    /// Streams of ours that the other side has not heard of: nothing of them was written.
    pub fn unheard(&self) -> Vec<StreamId> {
        let unheard = |(&id, stream): (&StreamId, &Stream)| stream.syn.then_some(id);
        self.streams.iter().filter_map(unheard).collect()
    }

    /// Whether [`open`](Self::open) would open a stream.
    pub fn can_open(&self) -> bool {
        !self.left
            && self.streams.len() - self.inbound < self.config.max_outbound_streams
            && self.next_id.checked_add(2).is_some()
    }

    /// Opens a stream; `None` if there are as many of ours as allowed, or if the other side takes
    /// no more. It learns of the stream with the first bytes.
    pub fn open(&mut self) -> Option<StreamId> {
        if !self.can_open() {
            return None;
        }
        let id = self.next_id;
        self.next_id += 2;
        self.streams.insert(id, Stream::new(self.now, true));
        Some(id)
    }

    /// Queues bytes on a stream. A stream that is gone or closed takes nothing.
    pub fn send(&mut self, id: StreamId, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.half == Half::Open
        {
            self.queued += bytes.len();
            stream.push(bytes);
        }
        self.schedule(id);
    }

    /// Closes our half of a stream after all that is queued.
    pub fn finish(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.half == Half::Open
        {
            stream.half = Half::Closing;
        }
        self.schedule(id);
    }

    /// Kills a stream.
    pub fn reset(&mut self, id: StreamId) {
        let Some(stream) = self.remove(id) else {
            return;
        };
        // The other side never heard of this stream: no reset is needed.
        if !stream.syn {
            let flags = Flags::RST.with(Flags::ACK, stream.ack);
            self.answers.push_back(Header {
                kind: Kind::WindowUpdate,
                flags,
                stream: id,
                length: 0,
            });
        }
    }

    /// Says that `len` bytes of a stream were used, so that the other side may send as many more.
    pub fn consume(&mut self, id: StreamId, len: usize) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.consume(u32::try_from(len).unwrap_or(u32::MAX));
        }
        self.schedule(id);
    }

    /// Sends a ping, unless one is under way.
    pub fn ping(&mut self) {
        if self.pinged.is_none() {
            self.ping = self.ping.wrapping_add(1);
            self.pinged = Some(self.now);
            let length = self.ping;
            self.answers.push_back(Header {
                kind: Kind::Ping,
                flags: Flags::SYN,
                stream: 0,
                length,
            });
        }
    }

    /// Tells the other side that no more streams are taken.
    pub fn go_away(&mut self) {
        self.answers.push_back(Header {
            kind: Kind::GoAway,
            flags: Flags(0),
            stream: 0,
            length: 0,
        });
    }

    /// Whether [`write`](Self::write) has something to write.
    pub fn has_output(&self) -> bool {
        !self.answers.is_empty() || !self.ready.is_empty()
    }

    /// Streams whose last byte and FIN were written since the last call.
    pub fn take_flushed(&mut self) -> Vec<StreamId> {
        core::mem::take(&mut self.flushed)
    }

    /// Whether [`take_flushed`](Self::take_flushed) has something to give.
    pub fn has_flushed(&self) -> bool {
        !self.flushed.is_empty()
    }

    /// Writes frames into `buf`, as many as fit, and gives how many bytes they take.
    pub fn write(&mut self, buf: &mut [u8]) -> usize {
        let mut at = 0;
        while buf.len() - at >= HEADER
            && let Some(answer) = self.answers.pop_front()
        {
            at += emit(buf, at, answer);
        }
        while buf.len() - at >= HEADER
            && let Some(id) = self.ready.pop_front()
        {
            let Some(stream) = self.streams.get_mut(&id) else {
                continue;
            };
            stream.scheduled = false;
            let written = self.write_stream(id, &mut buf[at..], at == 0);
            at += written;
            if let Some(stream) = self.streams.get_mut(&id)
                && stream.is_ready()
            {
                stream.scheduled = true;
                if written == 0 {
                    // The next buffer has more room.
                    self.ready.push_front(id);
                    break;
                }
                self.ready.push_back(id);
            }
        }
        at
    }

    /// Writes what one stream has to say this turn: a window update, one data frame, a FIN.
    fn write_stream(&mut self, id: StreamId, buf: &mut [u8], first: bool) -> usize {
        let Some(stream) = self.streams.get_mut(&id) else {
            return 0;
        };
        let mut at = 0;
        if stream.wants_update() {
            let allowance = self
                .config
                .max_window_growth
                .saturating_sub(self.window_growth);
            self.window_growth -= stream.growth();
            let max = self.config.max_window;
            let length = stream.update(self.now, self.round_trip, max, allowance);
            self.window_growth += stream.growth();
            let flags = opening(stream);
            at += emit(
                buf,
                at,
                Header {
                    kind: Kind::WindowUpdate,
                    flags,
                    stream: id,
                    length,
                },
            );
        }
        let room = buf
            .len()
            .saturating_sub(at + HEADER)
            .min(self.config.max_frame);
        let sendable = stream
            .queued
            .min(usize::try_from(stream.credit).unwrap_or(usize::MAX));
        if sendable > 0 && room > 0 && (first || at > 0 || room >= sendable.min(MIN_ROOM)) {
            let len = sendable.min(room);
            let flags = opening(stream);
            let header = Header {
                kind: Kind::Data,
                flags,
                stream: id,
                length: len as u32,
            };
            at += emit(buf, at, header);
            stream.pop(&mut buf[at..at + len]);
            self.queued -= len;
            at += len;
        }
        if stream.queued == 0 && stream.half == Half::Closing && buf.len() - at >= HEADER {
            // A frame of its own, since some peers handle the FIN of a data frame before its data.
            let flags = opening(stream).with(Flags::FIN, true);
            at += emit(
                buf,
                at,
                Header {
                    kind: Kind::Data,
                    flags,
                    stream: id,
                    length: 0,
                },
            );
            stream.half = Half::Closed;
            self.flushed.push(id);
            if stream.remote_finished {
                self.remove(id);
            }
        }
        at
    }

    fn schedule(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id)
            && !stream.scheduled
            && stream.is_ready()
        {
            stream.scheduled = true;
            self.ready.push_back(id);
        }
    }

    fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.streams.remove(&id)?;
        self.queued -= stream.queued;
        self.window_growth -= stream.growth();
        if !self.is_ours(id) {
            self.inbound -= 1;
        }
        if stream.scheduled {
            self.ready.retain(|&ready| ready != id);
        }
        Some(stream)
    }

    // -- in -------------------------------------------------------------------------------------

    /// Takes bytes off the front of `bytes` and gives the next thing they mean; `None` once they
    /// are used up.
    pub fn read<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Event<'a>>, YamuxError> {
        loop {
            match &mut self.input {
                Input::Header { bytes: header, len } => {
                    let take = bytes.len().min(HEADER - *len);
                    header[*len..*len + take].copy_from_slice(&bytes[..take]);
                    *len += take;
                    *bytes = &bytes[take..];
                    if *len < HEADER {
                        return Ok(None);
                    }
                    let header = Header::parse(header)?;
                    self.input = START;
                    if let Some(event) = self.frame(header)? {
                        return Ok(Some(event));
                    }
                }
                Input::Body { stream, left, .. } if *left > 0 => {
                    if bytes.is_empty() {
                        return Ok(None);
                    }
                    let take = bytes.len().min(*left as usize);
                    let (data, rest) = bytes.split_at(take);
                    *bytes = rest;
                    *left -= take as u32;
                    let stream = *stream;
                    // Bytes of a stream that is gone were under way when it went.
                    if self.streams.contains_key(&stream) {
                        return Ok(Some(Event::Data(stream, data)));
                    }
                }
                Input::Body { stream, fin, .. } => {
                    let (id, fin) = (*stream, *fin);
                    self.input = START;
                    if fin && let Some(stream) = self.streams.get_mut(&id) {
                        stream.remote_finished = true;
                        if stream.half == Half::Closed {
                            self.remove(id);
                        }
                        return Ok(Some(Event::Finished(id)));
                    }
                }
            }
        }
    }

    fn frame<'a>(&mut self, header: Header) -> Result<Option<Event<'a>>, YamuxError> {
        let Header {
            kind,
            flags,
            stream: id,
            length,
        } = header;
        let of_session = matches!(kind, Kind::Ping | Kind::GoAway);
        if of_session != (id == 0) {
            return Err(YamuxError::StreamZero);
        }
        match kind {
            Kind::GoAway => {
                // Told once: what follows from it looks at all streams.
                let again = core::mem::replace(&mut self.left, true);
                return Ok((!again).then_some(Event::GoAway(length)));
            }
            Kind::Ping if flags.has(Flags::SYN) => {
                self.answer(Header {
                    kind: Kind::Ping,
                    flags: Flags::ACK,
                    stream: 0,
                    length,
                })?;
                return Ok(None);
            }
            // An answer to a ping that was not sent is ignored.
            Kind::Ping if !flags.has(Flags::ACK) || length != self.ping => return Ok(None),
            Kind::Ping => {
                let round_trip = self.pinged.take().map(|sent| self.now.since(sent));
                self.round_trip = round_trip.or(self.round_trip);
                return Ok(round_trip.map(Event::Pong));
            }
            Kind::Data | Kind::WindowUpdate => {}
        }
        let data = if kind == Kind::Data { length } else { 0 };
        self.input = Input::Body {
            stream: id,
            left: data,
            fin: flags.has(Flags::FIN),
        };
        if flags.has(Flags::RST) {
            return Ok(self.remove(id).map(|_| Event::Reset(id)));
        }
        let mut event = None;
        if flags.has(Flags::SYN) {
            if self.is_ours(id) || self.streams.contains_key(&id) {
                return Err(YamuxError::StreamId(id));
            }
            if self.answers.len() >= self.config.max_answers {
                // Each stream beyond the limit costs an answer. A peer that does not read them must
                // not pile them up here.
                return Err(YamuxError::AnswerFlood);
            }
            if self.inbound >= self.config.max_inbound_streams.min(self.allowed) {
                let flags = Flags::RST;
                self.answer(Header {
                    kind: Kind::WindowUpdate,
                    flags,
                    stream: id,
                    length: 0,
                })?;
                return Ok(Some(Event::Refused(id)));
            }
            self.inbound += 1;
            self.streams.insert(id, Stream::new(self.now, false));
            event = Some(Event::Opened(id));
        }
        let Some(stream) = self.streams.get_mut(&id) else {
            return Ok(None);
        };
        if kind == Kind::Data {
            if stream.remote_finished || !stream.receive(length) {
                return Err(YamuxError::WindowExceeded(id));
            }
        } else {
            let credit = stream.credit.checked_add(u64::from(length));
            // No honest peer has a window of a tebibyte.
            stream.credit = credit
                .filter(|&sum| sum < 1 << 40)
                .ok_or(YamuxError::CreditOverflow(id))?;
            self.schedule(id);
            if length > 0 && event.is_none() {
                event = Some(Event::Credit(id));
            }
        }
        Ok(event)
    }

    fn answer(&mut self, header: Header) -> Result<(), YamuxError> {
        if self.answers.len() >= self.config.max_answers {
            return Err(YamuxError::AnswerFlood);
        }
        self.answers.push_back(header);
        Ok(())
    }
}

/// Writes a header at `at`; gives its size.
fn emit(buf: &mut [u8], at: usize, header: Header) -> usize {
    buf[at..at + HEADER].copy_from_slice(&header.emit());
    HEADER
}

/// The flags that a stream's first frame carries.
fn opening(stream: &mut Stream) -> Flags {
    let flags = Flags(0)
        .with(Flags::SYN, stream.syn)
        .with(Flags::ACK, stream.ack);
    (stream.syn, stream.ack) = (false, false);
    flags
}
