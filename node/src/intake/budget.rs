//! What one author of particles, or one worker, may take of the node, so that nobody can take all
//! of it.

use alloc::collections::BTreeMap;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use super::limits::Share;
use crate::refusal::Refusal;
use crate::shares::{Payer, Pool};

const SECOND: u64 = 1_000_000_000;

/// A budget of one second's worth, refilled as time goes by. Kept as one number: the time at which
/// it is full again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bucket {
    /// In nanoseconds. Not later than a second from now unless more was charged than there was.
    full_at: u64,
}

impl Bucket {
    /// Takes an amount; false if there is not so much. A full bucket gives any amount once, so that
    /// a particle bigger than a second's worth gets through at all.
    fn take(&mut self, now: u64, amount: u64, per_second: u64) -> bool {
        let full_at = self
            .full_at
            .max(now)
            .saturating_add(time(amount, per_second));
        let fits = full_at - now <= SECOND || self.full_at <= now;
        if fits {
            self.full_at = full_at;
        }
        fits
    }

    /// Takes an amount that was used already. The debt is a second's worth at most: what was used
    /// while nobody else wanted it must not keep its user waiting for long.
    fn charge(&mut self, now: u64, amount: u64, per_second: u64) {
        let full_at = self
            .full_at
            .max(now)
            .saturating_add(time(amount, per_second));
        self.full_at = full_at.min(now + 2 * SECOND);
    }

    /// When there is something in it again.
    fn ready_at(&self) -> u64 {
        self.full_at.saturating_sub(SECOND)
    }
}

/// Nanoseconds in which a bucket gets an amount.
fn time(amount: u64, per_second: u64) -> u64 {
    let time = u128::from(amount) * u128::from(SECOND) / u128::from(per_second.max(1));
    u64::try_from(time).unwrap_or(u64::MAX)
}

fn nanoseconds(now: Instant) -> u64 {
    now.as_micros().saturating_mul(1000)
}

/// What one author or worker holds, and has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    arrivals: Bucket,
    bytes: Bucket,
    work: Bucket,
    /// Particles alive.
    pub actors: usize,
    /// Bytes they hold.
    pub memory: usize,
    /// Particles that came in, including those refused.
    pub received: u64,
    /// Instructions executed.
    pub steps: u64,
    /// Particles refused.
    pub refused: u64,
    /// Turns put off behind those of others.
    pub deferred: u64,
    /// From when on its turns are taken to be short; none: it had none yet.
    light_from: Option<Instant>,
}

impl Account {
    fn is_idle(&self, now: u64) -> bool {
        let buckets = [self.arrivals, self.bytes, self.work];
        self.actors == 0 && buckets.iter().all(|bucket| bucket.full_at <= now)
    }
}

/// The refusals of authors' accounts, or of workers'.
struct Reasons {
    rate: Refusal,
    bytes: Refusal,
    actors: Refusal,
    memory: Refusal,
}

/// The accounts of authors, or of workers.
pub(crate) struct Accounts {
    share: Share,
    reasons: Reasons,
    /// Accounts that there may be. When nobody gets one any more, those without particles and with
    /// full budgets are forgotten: nothing is lost by that.
    pool: Pool,
    by_peer: BTreeMap<PeerId, Account>,
    /// Who has an account of the pool.
    payers: BTreeMap<PeerId, Payer>,
    /// When accounts were last forgotten, in nanoseconds.
    swept_at: u64,
}

/// Nanoseconds between two looks for accounts that can be forgotten: each goes through all.
const SWEEP: u64 = SECOND;

impl Accounts {
    pub(crate) fn of_authors(share: Share, max: usize) -> Accounts {
        let reasons = Reasons {
            rate: Refusal::AuthorRate,
            bytes: Refusal::AuthorBytes,
            actors: Refusal::AuthorActors,
            memory: Refusal::AuthorMemory,
        };
        Accounts {
            share,
            reasons,
            pool: Pool::new(max as u64),
            by_peer: BTreeMap::new(),
            payers: BTreeMap::new(),
            swept_at: 0,
        }
    }

    /// Without a limit of their own: the host decides how many workers there are.
    pub(crate) fn of_workers(share: Share) -> Accounts {
        let reasons = Reasons {
            rate: Refusal::WorkerRate,
            bytes: Refusal::WorkerBytes,
            actors: Refusal::WorkerActors,
            memory: Refusal::WorkerMemory,
        };
        Accounts {
            share,
            reasons,
            pool: Pool::default(),
            by_peer: BTreeMap::new(),
            payers: BTreeMap::new(),
            swept_at: 0,
        }
    }

    /// Number of accounts.
    pub(crate) fn len(&self) -> usize {
        self.by_peer.len()
    }

    /// All accounts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PeerId, &Account)> {
        self.by_peer.iter()
    }

    /// Gives an author an account, unless it has one.
    fn open(&mut self, now: u64, who: PeerId, payer: &Payer) -> Result<(), Refusal> {
        if self.payers.contains_key(&who) {
            return Ok(());
        }
        if self.pool.may_take(payer, 1).is_err() && now >= self.swept_at.saturating_add(SWEEP) {
            self.swept_at = now;
            let (pool, payers) = (&mut self.pool, &mut self.payers);
            self.by_peer.retain(|who, account| {
                let stays = !account.is_idle(now);
                if !stays && let Some(payer) = payers.remove(who) {
                    pool.give(&payer, 1);
                }
                stays
            });
        }
        let taken = self.pool.take(payer, 1);
        taken.map_err(|_| Refusal::AuthorsFull)?;
        self.payers.insert(who, *payer);
        Ok(())
    }

    /// Counts a particle of so many bytes that came in, against the rates.
    pub(crate) fn arrive(
        &mut self,
        now: Instant,
        who: PeerId,
        payer: Option<&Payer>,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let now = nanoseconds(now);
        if let Some(payer) = payer {
            self.open(now, who, payer)?;
        }
        let account = self.by_peer.entry(who).or_default();
        account.received += 1;
        let refusal = if !account.arrivals.take(now, 1, self.share.rate.into()) {
            self.reasons.rate
        } else if !account.bytes.take(now, bytes as u64, self.share.bytes) {
            self.reasons.bytes
        } else {
            return Ok(());
        };
        account.refused += 1;
        Err(refusal)
    }

    /// Whether living particles may grow by so many bytes and become so many more.
    pub(crate) fn may_hold(
        &mut self,
        who: PeerId,
        actors: usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let account = self.by_peer.entry(who).or_default();
        let refusal = if account.actors + actors > self.share.actors {
            self.reasons.actors
        } else if account.memory.saturating_add(bytes) > self.share.memory {
            self.reasons.memory
        } else {
            return Ok(());
        };
        account.refused += 1;
        Err(refusal)
    }

    /// Counts a particle that becomes alive.
    pub(crate) fn add(&mut self, who: PeerId, bytes: usize) {
        let account = self.by_peer.entry(who).or_default();
        account.actors += 1;
        account.memory += bytes;
    }

    /// A particle's memory has changed.
    pub(crate) fn resize(&mut self, who: &PeerId, before: usize, after: usize) {
        if let Some(account) = self.by_peer.get_mut(who) {
            account.memory = (account.memory + after).saturating_sub(before);
        }
    }

    /// A particle is gone.
    pub(crate) fn remove(&mut self, who: &PeerId, bytes: usize) {
        if let Some(account) = self.by_peer.get_mut(who) {
            account.actors = account.actors.saturating_sub(1);
            account.memory = account.memory.saturating_sub(bytes);
        }
    }

    /// Counts a run against the budget of work.
    pub(crate) fn charge(&mut self, now: Instant, who: &PeerId, steps: u64, cost: u64) {
        if let Some(account) = self.by_peer.get_mut(who) {
            account.steps += steps;
            account.work.charge(nanoseconds(now), cost, self.share.work);
        }
    }

    /// Until when one goes behind others for having had more than its share of work.
    pub(crate) fn busy_until(&self, now: Instant, who: &PeerId) -> Option<Instant> {
        let ready = self.by_peer.get(who)?.work.ready_at();
        (ready > nanoseconds(now)).then(|| Instant::from_micros(ready.div_ceil(1000)))
    }

    /// Whether one's turns are known to be short.
    pub(crate) fn is_light(&self, now: Instant, who: &PeerId) -> bool {
        let account = self.by_peer.get(who);
        account
            .and_then(|account| account.light_from)
            .is_some_and(|from| from <= now)
    }

    /// Remembers from when on one's turns are taken to be short.
    pub(crate) fn set_light(&mut self, who: &PeerId, from: Instant) {
        if let Some(account) = self.by_peer.get_mut(who) {
            account.light_from = account.light_from.max(Some(from));
        }
    }

    /// Counts a turn put off behind those of others.
    pub(crate) fn defer(&mut self, who: &PeerId) {
        if let Some(account) = self.by_peer.get_mut(who) {
            account.deferred += 1;
        }
    }

    /// Forgets one that does not exist any more.
    pub(crate) fn forget(&mut self, who: &PeerId) {
        if self
            .by_peer
            .get(who)
            .is_some_and(|account| account.actors == 0)
        {
            self.by_peer.remove(who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use basalt_net::keypair::Keypair;
    use core::time::Duration;

    fn author(n: u8) -> PeerId {
        Keypair::from_seed([n; 32]).peer_id()
    }

    fn payer(n: u8) -> Option<Payer> {
        Some(Payer::author(author(n), crate::shares::Origin::default()))
    }

    fn accounts() -> Accounts {
        let share = Share {
            rate: 10,
            bytes: 1_000,
            actors: 2,
            memory: 100,
            work: 1_000,
        };
        Accounts::of_authors(share, 2)
    }

    #[test]
    fn a_second_holds_so_many_particles_of_one_author() {
        let mut accounts = accounts();
        let now = Instant::from_millis(5_000);
        for _ in 0..10 {
            assert_eq!(
                accounts.arrive(now, author(1), payer(1).as_ref(), 1),
                Ok(())
            );
        }
        let refused = Err(Refusal::AuthorRate);
        assert_eq!(
            accounts.arrive(now, author(1), payer(1).as_ref(), 1),
            refused
        );
        assert_eq!(
            accounts.arrive(now, author(2), payer(2).as_ref(), 1),
            Ok(())
        );
        let third = accounts.arrive(now, author(3), payer(3).as_ref(), 1);
        assert_eq!(third, Err(Refusal::AuthorsFull));
        let later = now + Duration::from_millis(200);
        assert_eq!(
            accounts.arrive(later, author(1), payer(1).as_ref(), 1),
            Ok(())
        );
        assert_eq!(
            accounts.arrive(later, author(1), payer(1).as_ref(), 1),
            Ok(())
        );
        assert_eq!(
            accounts.arrive(later, author(1), payer(1).as_ref(), 1),
            refused
        );
        let much_later = now + Duration::from_secs(10);
        assert_eq!(
            accounts.arrive(much_later, author(3), payer(3).as_ref(), 1),
            Ok(())
        );
    }

    #[test]
    fn a_second_holds_so_many_bytes_but_a_big_particle_may_come_once() {
        let mut accounts = accounts();
        let now = Instant::from_millis(5_000);
        let refused = Err(Refusal::AuthorBytes);
        assert_eq!(
            accounts.arrive(now, author(1), payer(1).as_ref(), 900),
            Ok(())
        );
        assert_eq!(
            accounts.arrive(now, author(1), payer(1).as_ref(), 200),
            refused
        );
        assert_eq!(
            accounts.arrive(now, author(1), payer(1).as_ref(), 100),
            Ok(())
        );
        assert_eq!(
            accounts.arrive(now, author(2), payer(2).as_ref(), 3_000),
            Ok(())
        );
        let later = now + Duration::from_millis(1_900);
        assert_eq!(
            accounts.arrive(later, author(2), payer(2).as_ref(), 1),
            refused
        );
        let later = now + Duration::from_millis(2_100);
        assert_eq!(
            accounts.arrive(later, author(2), payer(2).as_ref(), 1),
            Ok(())
        );
        let (_, account) = accounts.iter().find(|(who, _)| **who == author(1)).unwrap();
        assert_eq!((account.received, account.refused), (3, 1));
    }

    #[test]
    fn living_particles_are_counted_until_they_are_gone() {
        let mut accounts = accounts();
        let me = author(1);
        assert_eq!(accounts.may_hold(me, 1, 40), Ok(()));
        accounts.add(me, 40);
        let memory = Err(Refusal::AuthorMemory);
        assert_eq!(accounts.may_hold(me, 1, 70), memory);
        accounts.add(me, 40);
        assert_eq!(accounts.may_hold(me, 1, 1), Err(Refusal::AuthorActors));
        accounts.resize(&me, 40, 60);
        assert_eq!(accounts.may_hold(me, 0, 1), memory);
        accounts.remove(&me, 60);
        assert_eq!(accounts.may_hold(me, 1, 60), Ok(()));
    }

    #[test]
    fn work_is_lent_for_a_second_at_most() {
        let mut accounts = accounts();
        let (me, now) = (author(1), Instant::from_millis(5_000));
        accounts.add(me, 1);
        accounts.charge(now, &me, 700, 900);
        assert_eq!(accounts.busy_until(now, &me), None);
        accounts.charge(now, &me, 100, 350);
        let ready = now + Duration::from_millis(250);
        assert_eq!(accounts.busy_until(now, &me), Some(ready));
        assert_eq!(accounts.busy_until(ready, &me), None);
        accounts.charge(now, &me, 1, 1_000_000);
        let ready = now + Duration::from_secs(1);
        assert_eq!(accounts.busy_until(now, &me), Some(ready));
        assert_eq!(accounts.iter().next().unwrap().1.steps, 801);
    }
}
