//! Whose turn it is.
//!
//! Whoever was served least goes first ([`fair`]): addresses share the core, the connections of an
//! address its part, and the authors whose particles come by a connection that one's. The host, the
//! operator and workers' spells stand beside the addresses, with four parts.
//!
//! Runs cannot be interrupted, so fair turns alone would let an author with long runs keep the core
//! busy nearly always, and everybody else would find it so. Turns are therefore in two lines: light
//! ones, of authors whose runs are known to be short, and the others. The others get two fifths of
//! the time while light turns wait. After a long turn they rest, so that they get no more while
//! light turns come in.

mod fair;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::time::Duration;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use self::fair::{Fair, Queue};
use super::actor::ActorId;
use crate::shares::{Origin, Payer, Place};

/// Microseconds of charged work from which a turn is long.
const LONG: u64 = 5_000;
/// How long the line of others rests after a long turn, in quarters of what that cost. The turn
/// itself is four of them: its cost is charged to the moment at which it began.
const REST: u64 = 10;
/// How long an author whose turn was long is not one of light turns, in times of what it cost.
const HEAVY: u64 = 20;
/// How long light turns keep the others resting.
const ABOUT: Duration = Duration::from_secs(1);
/// The two lines.
const LIGHT: usize = 0;
const OTHERS: usize = 1;
/// What a microsecond counts in each of them: three and two of five parts.
const PARTS: [u64; 2] = [2, 3];
/// Parts of the host.
const HOUSE: u64 = 4;

type Authors = Fair<Option<PeerId>, VecDeque<ActorId>>;
type Line = Fair<Place, Fair<Option<PeerId>, Authors>>;
type Path = (Place, (Option<PeerId>, (Option<PeerId>, ())));

fn path(payer: &Payer) -> Path {
    let (place, connection, author) = payer.line();
    (place, (connection, (author, ())))
}

/// How long what an author has to do takes, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Not long.
    Light,
    /// Long, or nothing is known.
    Other,
}

/// Actors with something to do, each once. Which one waits here is known to the actors themselves
/// (`waits_for_turn`).
#[derive(Default)]
pub(super) struct Turns {
    light: Line,
    others: Line,
    /// What the lines were served, by their parts, as in [`fair`]: light turns and the others.
    tags: [u64; 2],
    /// The tag of the line that was served last.
    time: u64,
    /// Those whose author or worker had more than its share, by the time until which they go behind
    /// all.
    later: BTreeSet<(Instant, ActorId)>,
    /// Until when the others rest.
    rests_until: Instant,
    /// Until when they do so although no light turn waits.
    about_until: Instant,
    /// Connections by which a turn came that was taken for light and was not: none of theirs is
    /// light until then. Each is there for some multiple of what it cost, so there are few.
    deceivers: BTreeMap<PeerId, Instant>,
    /// When the last turn was given.
    now: Instant,
    /// That turn.
    current: Option<(Weight, Path)>,
}

impl Turns {
    /// Number of actors.
    pub(super) fn len(&self) -> usize {
        self.light.len() + self.others.len() + self.later.len()
    }

    /// Number of actors whose particles came by a connection, and do not go behind others.
    pub(super) fn of_connection(&self, origin: &Origin) -> usize {
        let (place, connection) = origin.line();
        let of = |line: &Line| Some(line.get(&place)?.get(&connection)?.len());
        of(&self.light).unwrap_or(0) + of(&self.others).unwrap_or(0)
    }

    /// When the next turn can be given.
    pub(super) fn next_at(&self, now: Instant) -> Option<Instant> {
        if self.light.len() > 0 || !self.later.is_empty() && self.may_serve_others(now) {
            return Some(now);
        }
        let others = self.others.len() > 0 || !self.later.is_empty();
        others.then(|| match self.may_serve_others(now) {
            true => now,
            false => self.rests_until.min(self.about_until),
        })
    }

    /// An actor has something to do.
    pub(super) fn push(&mut self, id: ActorId, payer: &Payer, weight: Weight) {
        let path = path(payer);
        let (_, (connection, _)) = path;
        let deceived = connection.and_then(|connection| self.deceivers.get(&connection));
        let is_light = weight == Weight::Light && deceived.is_none_or(|until| *until <= self.now);
        self.put(if is_light { LIGHT } else { OTHERS }, path, id);
    }

    fn put(&mut self, which: usize, path: Path, id: ActorId) {
        let line = match which {
            LIGHT => &mut self.light,
            _ => &mut self.others,
        };
        if line.len() == 0 {
            self.tags[which] = self.tags[which].max(self.time);
        }
        line.push(path, id);
    }

    /// The time that turns go by.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Tells the time.
    pub(super) fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    fn may_serve_others(&self, now: Instant) -> bool {
        self.rests_until <= now || self.light.len() == 0 && self.about_until <= now
    }

    /// The next actor. `look` tells who pays for one, if it has something to do still, and, if it
    /// is asked for that, until when it goes behind all others. When no others wait, those have
    /// their turn at once: no time of the core is wasted.
    pub(super) fn pop(
        &mut self,
        now: Instant,
        mut look: impl FnMut(ActorId, bool) -> Option<(Payer, Option<Instant>)>,
    ) -> Option<ActorId> {
        self.now = now;
        self.current = None;
        while let Some(&(until, id)) = self.later.first()
            && until <= now
        {
            self.later.pop_first();
            if let Some((payer, _)) = look(id, false) {
                self.put(OTHERS, path(&payer), id);
            }
        }
        loop {
            let others = self.others.len() > 0 && self.may_serve_others(now);
            let which = match (self.light.len() > 0, others) {
                (true, true) if self.tags[OTHERS] < self.tags[LIGHT] => OTHERS,
                (true, _) => LIGHT,
                (false, true) => OTHERS,
                (false, false) => break,
            };
            self.time = self.tags[which];
            let (line, weight) = match which {
                LIGHT => (&mut self.light, Weight::Light),
                _ => (&mut self.others, Weight::Other),
            };
            let Some(id) = line.pop() else { break };
            match look(id, true) {
                None => {}
                Some((_, Some(until))) => drop(self.later.insert((until, id))),
                Some((payer, None)) => {
                    if weight == Weight::Light {
                        self.about_until = now + ABOUT;
                    }
                    self.current = Some((weight, path(&payer)));
                    return Some(id);
                }
            }
        }
        while self.may_serve_others(now) {
            let (_, id) = self.later.pop_first()?;
            if let Some((payer, _)) = look(id, false) {
                self.give(&payer);
                return Some(id);
            }
        }
        None
    }

    /// Gives a turn out of order.
    pub(super) fn give(&mut self, payer: &Payer) {
        self.current = Some((Weight::Other, path(payer)));
    }

    /// Counts what the turn that was given last has cost, in microseconds. From when on its
    /// author's turns are light, if it was one that tells.
    pub(super) fn charge(&mut self, now: Instant, cost: u64) -> Option<Instant> {
        let (weight, path) = self.current.take().filter(|_| cost > 0)?;
        let (place, (connection, (author, ()))) = path;
        let (line, which) = match weight {
            Weight::Light => (&mut self.light, LIGHT),
            Weight::Other => (&mut self.others, OTHERS),
        };
        self.tags[which] += cost * PARTS[which];
        let part = match place {
            Place::House => HOUSE,
            _ => 1,
        };
        line.charge(path, cost.div_ceil(part));
        if cost < LONG {
            return Some(now);
        }
        let heavy_until = now + Duration::from_micros(cost * HEAVY);
        if author.is_some() {
            self.rests_until = now + Duration::from_micros(cost * REST / 4);
            if let (Weight::Light, Some(connection)) = (weight, connection) {
                self.deceivers.retain(|_, until| *until > now);
                self.deceivers.insert(connection, heavy_until);
            }
        }
        Some(heavy_until)
    }
}

#[cfg(test)]
mod tests;
