//! What happens on a connection.

use alloc::boxed::Box;
use alloc::vec::Vec;

use basalt_terms::peer_id::PeerId;

use super::close::CloseReason;
use crate::particle::Particle;
use crate::particle::frame::Frame;
use crate::refusal::Refusal;
use crate::sending::{SendError, SendId};
use crate::yamux::StreamId;
use crate::{identify, kad};

/// What happened on a connection.
#[derive(Debug)]
pub enum Event {
    /// Set-up is done: the peer has proven its identity.
    Established(PeerId),
    /// The peer told what it is, because it was asked.
    Identified(Box<identify::Info>),
    /// The peer told unasked what it is; fields that are missing are as they were.
    Pushed(Box<identify::Info>),
    /// A particle came in.
    Particle(Box<Particle>),
    /// A particle's bytes are all out.
    Sent(SendId),
    /// A particle cannot be sent.
    SendFailed(SendId, SendError),
    /// The peer asks as a part of Kademlia; `Connection::answer_kad` answers.
    KadRequest(StreamId, Box<kad::Message>),
    /// The answer to `Connection::ask_kad`, or `None` if there will be none.
    KadAnswer(kad::QueryId, Option<Box<kad::Message>>),
    /// The peer takes no more streams. Those that are open go on; these particles, which waited for
    /// a stream, have to go another way.
    Left(Vec<(SendId, Frame)>),
    /// Something was refused; the connection goes on.
    Refused(Refusal),
    /// The connection is over. What `Connection::transmit` still gives may be sent.
    Closed(CloseReason),
}
