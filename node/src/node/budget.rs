//! What one author of particles may take of the node, so that nobody can take it all.

use alloc::collections::BTreeMap;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use crate::limits::Limits;
use crate::refusal::Refusal;

/// Microseconds in which a bucket gets one particle's worth.
fn price(limits: &Limits) -> u64 {
    1_000_000 / u64::from(limits.author_rate.max(1))
}

/// What an author has.
#[derive(Debug, Clone, Copy)]
struct Account {
    /// Time at which the bucket is full again, in microseconds.
    full_at: u64,
    particles: usize,
    bytes: usize,
}

/// The accounts of authors with particles alive or a bucket that is not full.
#[derive(Default)]
pub(super) struct Budgets(BTreeMap<PeerId, Account>);

impl Budgets {
    /// Counts an arrival against its author's rate: a bucket that holds a second's worth.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        limits: &Limits,
        author: PeerId,
    ) -> Result<(), Refusal> {
        let now = now.as_micros();
        if self.0.len() >= limits.max_authors && !self.0.contains_key(&author) {
            self.0
                .retain(|_, account| account.particles > 0 || account.full_at > now);
            if self.0.len() >= limits.max_authors {
                return Err(Refusal::AuthorsFull);
            }
        }
        let account = self.0.entry(author).or_insert(Account {
            full_at: now,
            particles: 0,
            bytes: 0,
        });
        let full_at = account.full_at.max(now) + price(limits);
        if full_at - now > 1_000_000 {
            return Err(Refusal::AuthorRate);
        }
        account.full_at = full_at;
        Ok(())
    }

    /// Counts a particle that becomes alive.
    pub(super) fn add(
        &mut self,
        limits: &Limits,
        author: PeerId,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let account = self.0.entry(author).or_insert(Account {
            full_at: 0,
            particles: 0,
            bytes: 0,
        });
        if account.particles >= limits.author_actors {
            return Err(Refusal::AuthorActors);
        }
        if account.bytes + bytes > limits.author_memory {
            return Err(Refusal::AuthorMemory);
        }
        account.particles += 1;
        account.bytes += bytes;
        Ok(())
    }

    /// Whether an author's living particles may grow by these bytes.
    pub(super) fn may_hold(&self, limits: &Limits, author: &PeerId, bytes: usize) -> bool {
        let held = self.0.get(author).map_or(0, |account| account.bytes);
        held + bytes <= limits.author_memory
    }

    /// A particle's memory has changed.
    pub(super) fn resize(&mut self, author: &PeerId, before: usize, after: usize) {
        if let Some(account) = self.0.get_mut(author) {
            account.bytes = (account.bytes + after).saturating_sub(before);
        }
    }

    /// A particle is gone.
    pub(super) fn remove(&mut self, author: &PeerId, bytes: usize) {
        if let Some(account) = self.0.get_mut(author) {
            account.particles = account.particles.saturating_sub(1);
            account.bytes = account.bytes.saturating_sub(bytes);
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

    fn limits() -> Limits {
        Limits {
            author_rate: 10,
            author_actors: 2,
            author_memory: 100,
            max_authors: 2,
            ..Limits::default()
        }
    }

    #[test]
    fn a_second_holds_so_many_particles_of_one_author() {
        let (limits, mut budgets) = (limits(), Budgets::default());
        let now = Instant::from_millis(5_000);
        for _ in 0..10 {
            assert_eq!(budgets.arrive(now, &limits, author(1)), Ok(()));
        }
        let refused = Err(Refusal::AuthorRate);
        assert_eq!(budgets.arrive(now, &limits, author(1)), refused);
        assert_eq!(budgets.arrive(now, &limits, author(2)), Ok(()));
        let third = budgets.arrive(now, &limits, author(3));
        assert_eq!(third, Err(Refusal::AuthorsFull));
        let later = now + Duration::from_millis(200);
        assert_eq!(budgets.arrive(later, &limits, author(1)), Ok(()));
        assert_eq!(budgets.arrive(later, &limits, author(1)), Ok(()));
        assert_eq!(budgets.arrive(later, &limits, author(1)), refused);
        let much_later = now + Duration::from_secs(10);
        assert_eq!(budgets.arrive(much_later, &limits, author(3)), Ok(()));
    }

    #[test]
    fn living_particles_are_counted_until_they_are_gone() {
        let (limits, mut budgets) = (limits(), Budgets::default());
        let me = author(1);
        assert_eq!(budgets.add(&limits, me, 40), Ok(()));
        assert_eq!(budgets.add(&limits, me, 70), Err(Refusal::AuthorMemory));
        assert_eq!(budgets.add(&limits, me, 40), Ok(()));
        assert_eq!(budgets.add(&limits, me, 1), Err(Refusal::AuthorActors));
        budgets.resize(&me, 40, 60);
        assert!(!budgets.may_hold(&limits, &me, 1));
        budgets.remove(&me, 60);
        assert!(budgets.may_hold(&limits, &me, 60));
        assert_eq!(budgets.add(&limits, me, 1), Ok(()));
    }
}
