//! The secure channel: multistream-select, Noise, multistream-select again, then Yamux.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::context::Context;
use super::error::Error;
use super::event::Event;
use super::streams::Streams;
use crate::direction::Direction;
use crate::multistream::{Dialer, Responder};
use crate::noise::{self, Handshake, NoiseError, Opener, Sealer};
use crate::yamux::{self, Session};
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::peer_id::PeerId;

/// What is known of the other end before it has said anything.
#[derive(Debug)]
pub(super) struct OtherEnd {
    /// The peer that must prove itself; `None` takes any.
    pub(super) expected: Option<PeerId>,
    /// The address that its bytes come from.
    pub(super) observed: Multiaddr,
}

/// How far the set-up is.
#[derive(Debug)]
pub(super) enum Channel {
    /// Agreeing on Noise.
    Security(Negotiation, Handshake),
    /// Noise.
    Handshake(Handshake),
    /// Agreeing on Yamux.
    Muxer(Box<Secured>),
    /// Done.
    Open(Box<Open>),
    /// Over.
    Closed,
}

/// Agreement on the one protocol there is.
#[derive(Debug)]
pub(super) enum Negotiation {
    Dialer(Option<Dialer>),
    Responder(Responder),
}

#[derive(Debug)]
pub(super) struct Secured {
    negotiation: Negotiation,
    seal: Sealer,
    open: Opener,
    remote: PeerId,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) seal: Sealer,
    open: Opener,
    pub(super) session: Session,
    pub(super) streams: Streams,
}

impl Negotiation {
    fn new(direction: Direction) -> Self {
        match direction {
            Direction::Inbound => Self::Responder(Responder::default()),
            Direction::Outbound => Self::Dialer(None),
        }
    }

    fn start(&mut self, protocol: &str, out: &mut Vec<u8>) {
        if let Self::Dialer(dialer) = self {
            *dialer = Some(Dialer::new(protocol, out));
        }
    }

    /// True once `protocol` is agreed on.
    fn push(
        &mut self,
        bytes: &mut &[u8],
        protocol: &str,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        match self {
            Self::Dialer(Some(dialer)) => Ok(dialer.push(bytes, protocol)?),
            Self::Dialer(None) => Ok(false),
            Self::Responder(responder) => {
                let choose = |line: &str| (line == protocol).then_some(());
                Ok(responder.push(bytes, out, choose)?.is_some())
            }
        }
    }
}

/// The message at the front of `bytes`, as a range without its length, if it is all there.
fn message(bytes: &[u8], at: usize, max: usize) -> Result<Option<(usize, usize)>, NoiseError> {
    let Some(len) = noise::message_len(&bytes[at..]) else {
        return Ok(None);
    };
    if len > max {
        return Err(NoiseError::Long);
    }
    let start = at + noise::PREFIX;
    Ok(Some((start, start + len)).filter(|&(_, end)| end <= bytes.len()))
}

impl Channel {
    pub(super) fn new(identity: &noise::Identity, direction: Direction, entropy: [u8; 32]) -> Self {
        let initiator = direction == Direction::Outbound;
        let handshake = Handshake::new(identity, entropy, initiator);
        Self::Security(Negotiation::new(direction), handshake)
    }

    pub(super) fn open(&self) -> Option<&Open> {
        if let Self::Open(open) = self {
            Some(open)
        } else {
            None
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match self {
            Self::Open(open) => Some(open),
            _ => None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// The dialer's first bytes: the proposal, and the first message of what it proposes.
    pub(super) fn start(&mut self, identity: &noise::Identity, out: &mut Vec<u8>) {
        if let Self::Security(negotiation, handshake) = self {
            negotiation.start(noise::PROTOCOL, out);
            // The first message is not encrypted and cannot fail.
            let _ = handshake.write(identity, out);
        }
    }

    /// Uses bytes from the front of `inbox`, decrypting them where they lie, and gives how many.
    /// Answers that belong to the set-up go to `answer`.
    pub(super) fn receive(
        &mut self,
        context: Context<'_>,
        other: &OtherEnd,
        inbox: &mut [u8],
        answer: &mut Vec<u8>,
        out: &mut Vec<Event>,
    ) -> Result<usize, Error> {
        let mut at = 0;
        if let Self::Security(negotiation, _) = self {
            let mut rest = &inbox[..];
            let agreed = negotiation.push(&mut rest, noise::PROTOCOL, answer)?;
            at = inbox.len() - rest.len();
            if !agreed {
                return Ok(at);
            }
            if let Self::Security(_, handshake) = core::mem::replace(self, Self::Closed) {
                *self = Self::Handshake(handshake);
            }
        }
        while let Self::Handshake(handshake) = self {
            let found = message(inbox, at, noise::MAX_HANDSHAKE_MESSAGE)?;
            let Some((start, end)) = found else {
                return Ok(at);
            };
            handshake.read(&context.local.noise, &inbox[start..end])?;
            at = end;
            if handshake.is_write_turn() {
                handshake.write(&context.local.noise, answer)?;
            }
            if let Some((mut seal, open, remote)) = handshake.finish() {
                if other.expected.is_some_and(|expected| expected != remote) {
                    return Err(Error::WrongPeer(remote));
                }
                let mut negotiation = Negotiation::new(handshake.direction());
                let mut proposal = Vec::new();
                negotiation.start(yamux::PROTOCOL, &mut proposal);
                seal_into(&mut seal, &proposal, answer);
                *self = Self::Muxer(Box::new(Secured {
                    negotiation,
                    seal,
                    open,
                    remote,
                }));
            }
        }
        while let Self::Muxer(secured) = self {
            let Some((start, end)) = message(inbox, at, noise::MAX_MESSAGE)? else {
                return Ok(at);
            };
            at = end;
            let mut text = &*secured.open.open(&mut inbox[start..end])?;
            let mut reply = Vec::new();
            let agreed = secured
                .negotiation
                .push(&mut text, yamux::PROTOCOL, &mut reply)?;
            seal_into(&mut secured.seal, &reply, answer);
            if !agreed {
                continue;
            }
            let Self::Muxer(secured) = core::mem::replace(self, Self::Closed) else {
                break;
            };
            let Secured {
                negotiation,
                seal,
                open,
                remote,
            } = *secured;
            let initiator = matches!(negotiation, Negotiation::Dialer(_));
            let config = context.local.limits.yamux.clone();
            let session = Session::new(config, context.now, initiator);
            let streams = Streams::new(context.now, &context.local.limits);
            let mut open = Box::new(Open {
                seal,
                open,
                session,
                streams,
            });
            out.push(Event::Established(remote));
            open.text(context, other, text, out)?;
            *self = Self::Open(open);
        }
        if let Self::Open(open) = self {
            open.session.set_now(context.now);
            while let Some((start, end)) = message(inbox, at, noise::MAX_MESSAGE)? {
                let Open { open: opener, .. } = &mut **open;
                let text = &*opener.open(&mut inbox[start..end])?;
                open.text(context, other, text, out)?;
                at = end;
            }
        }
        Ok(at)
    }
}

/// Appends `text`, if there is any, as one message.
fn seal_into(seal: &mut Sealer, text: &[u8], out: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    let start = out.len();
    out.resize(start + noise::PREFIX, 0);
    out.extend_from_slice(text);
    out.resize(out.len() + noise::TAG, 0);
    seal.seal(&mut out[start..], text.len());
}

impl Open {
    /// Takes decrypted bytes.
    fn text(
        &mut self,
        context: Context<'_>,
        other: &OtherEnd,
        mut text: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), Error> {
        while let Some(event) = self.session.read(&mut text)? {
            self.streams
                .handle(context, &other.observed, &mut self.session, event, out);
        }
        Ok(())
    }
}
