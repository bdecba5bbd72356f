//! Particles that their peers have not taken yet.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use super::conn_id::ConnId;
use crate::particle::frame::Frame;
use crate::sending::SendId;
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// Time without a sign of life on a connection that has something to say: then others are used.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many connections a particle is tried on.
const MAX_TRIES: u8 = 3;

/// A particle for a peer.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) peer: PeerId,
    pub(super) id: SendId,
    pub(super) frame: Frame,
    /// On how many connections it was tried, with the next one.
    pub(super) tries: u8,
}

/// A particle that the peer has not taken yet.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) peer: PeerId,
    pub(super) conn: ConnId,
    /// What is sent if another connection has to be used; nothing if too much is kept already.
    pub(super) frame: Option<Frame>,
    /// When the connection was looked at last, and how many bytes it had taken by then.
    pub(super) checked: Instant,
    pub(super) taken: u64,
    pub(super) tries: u8,
}

impl UnderWay {
    /// The particle, for another connection.
    pub(super) fn again(&self, id: SendId) -> Option<Parcel> {
        if self.tries >= MAX_TRIES {
            return None;
        }
        let frame = self.frame.clone()?;
        let (peer, tries) = (self.peer, self.tries + 1);
        Some(Parcel {
            peer,
            id,
            frame,
            tries,
        })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    items: BTreeMap<SendId, UnderWay>,
    pub(super) checks: BTreeSet<(Instant, SendId)>,
    /// Bytes of frames that are kept.
    pub(super) kept: usize,
}

impl Delivery {
    pub(super) fn add(&mut self, id: SendId, item: UnderWay) {
        self.kept += item.frame.as_ref().map_or(0, Frame::size);
        self.checks.insert((item.checked + PATIENCE, id));
        self.items.insert(id, item);
    }

    pub(super) fn remove(&mut self, id: SendId) -> Option<UnderWay> {
        let item = self.items.remove(&id)?;
        self.kept -= item.frame.as_ref().map_or(0, Frame::size);
        self.checks.remove(&(item.checked + PATIENCE, id));
        Some(item)
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.checks.first().map(|(due, _)| *due)
    }
}
