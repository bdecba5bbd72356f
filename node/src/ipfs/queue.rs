//! Whose file comes next: files that come, and files that wait for their turn.
//!
//! The host's and its operator's go first, so the definitions of deals come whatever strangers ask
//! for. Everybody else has a share of the places and of the queue, and whoever has fewest under way
//! is next.

use alloc::collections::VecDeque;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use crate::refusal::Refusal;

/// Files that come at the same time.
pub(super) const PLACES: usize = 16;
/// Places that only host and operator take.
const RESERVED: usize = 4;
/// Places of one author.
const PLACES_OF_ONE: usize = 8;
/// Files of one author that wait.
const WAITING_OF_ONE: usize = 256;
/// Bytes of files that wait to be added.
const WAITING_BYTES: usize = 64 << 20;
/// Those of one author.
const WAITING_BYTES_OF_ONE: usize = WAITING_BYTES / 4;

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) author: PeerId,
    /// Whether the author is the host or its operator.
    pub(super) first: bool,
}

/// A file that waits.
struct Waiting<T> {
    owner: Owner,
    until: Instant,
    bytes: usize,
    task: T,
}

/// Files that wait, the one that came first at the front.
pub(super) struct Queue<T> {
    waiting: VecDeque<Waiting<T>>,
    /// Most that wait; host and operator have as many for themselves.
    max: usize,
}

impl<T> Queue<T> {
    /// Nothing waits.
    pub(super) fn new(max: usize) -> Queue<T> {
        let waiting = VecDeque::new();
        Queue { waiting, max }
    }

    /// Why one more, with so many bytes, may not wait.
    pub(super) fn refusal(&self, owner: Owner, bytes: usize) -> Option<Refusal> {
        let alike = || {
            let all = self.waiting.iter();
            all.filter(|waiting| waiting.owner.first == owner.first)
        };
        let own = || alike().filter(|waiting| waiting.owner.author == owner.author);
        let held: usize = alike().map(|waiting| waiting.bytes).sum();
        let own_bytes: usize = own().map(|waiting| waiting.bytes).sum();
        let most_of_one = match owner.first {
            true => WAITING_BYTES,
            false => WAITING_BYTES_OF_ONE,
        };
        let over = |held: usize, most: usize| bytes > 0 && held + bytes > most;
        if alike().count() >= self.max || over(held, WAITING_BYTES) {
            return Some(Refusal::FilesFull);
        }
        let has_share = own().count() >= WAITING_OF_ONE || over(own_bytes, most_of_one);
        has_share.then_some(Refusal::FilesShare)
    }

    /// Lets one wait, until then at most.
    pub(super) fn push(&mut self, owner: Owner, until: Instant, bytes: usize, task: T) {
        self.waiting.push_back(Waiting {
            owner,
            until,
            bytes,
            task,
        });
    }

    /// The next one that gets a place, beside those of `coming`.
    pub(super) fn next(&mut self, coming: &[Owner]) -> Option<(Owner, T)> {
        if coming.len() >= PLACES {
            return None;
        }
        let others = coming.iter().filter(|owner| !owner.first).count();
        let mut best = None;
        for (index, waiting) in self.waiting.iter().enumerate() {
            let owner = waiting.owner;
            if owner.first {
                best = Some((0, index));
                break;
            }
            let own = coming.iter().filter(|other| other.author == owner.author);
            let own = own.count();
            let has_place = others < PLACES - RESERVED && own < PLACES_OF_ONE;
            if has_place && best.is_none_or(|(least, _)| own < least) {
                best = Some((own, index));
            }
        }
        let waiting = self.waiting.remove(best?.1)?;
        Some((waiting.owner, waiting.task))
    }

    /// One whose time is over.
    pub(super) fn late(&mut self, now: Instant) -> Option<T> {
        let late = self
            .waiting
            .iter()
            .position(|waiting| waiting.until <= now)?;
        self.waiting.remove(late).map(|waiting| waiting.task)
    }

    /// When the next one's time is over.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use basalt_net::keypair::Keypair;

    fn owner(seed: u8, first: bool) -> Owner {
        let author = Keypair::from_seed([seed; 32]).peer_id();
        Owner { author, first }
    }

    fn later(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// Gives places until there are none for anybody who waits.
    fn fill(queue: &mut Queue<u32>, coming: &mut Vec<Owner>) -> Vec<u32> {
        let mut tasks = Vec::new();
        while let Some((owner, task)) = queue.next(coming) {
            coming.push(owner);
            tasks.push(task);
        }
        tasks
    }

    #[test]
    fn nobody_takes_all_places() {
        let (greedy, modest, host) = (owner(1, false), owner(2, false), owner(3, true));
        let mut queue = Queue::new(4 * WAITING_OF_ONE);
        let mut coming = Vec::new();
        for task in 0..30 {
            queue.push(greedy, later(9), 0, task);
        }
        assert_eq!(fill(&mut queue, &mut coming), (0..8).collect::<Vec<_>>());
        for task in 100..110 {
            queue.push(modest, later(9), 0, task);
        }
        assert_eq!(fill(&mut queue, &mut coming), [100, 101, 102, 103]);
        for task in 200..210 {
            queue.push(host, later(9), 0, task);
        }
        assert_eq!(fill(&mut queue, &mut coming), [200, 201, 202, 203]);
        // A place becomes free: the host's goes first, wherever it stands.
        coming.remove(0);
        assert_eq!(fill(&mut queue, &mut coming), [204]);
        // Without the host's, whoever has fewest under way is next.
        while queue.waiting.iter().any(|waiting| waiting.owner.first) {
            coming.retain(|owner| !owner.first);
            fill(&mut queue, &mut coming);
        }
        let mut coming = Vec::from([greedy; 3]);
        assert_eq!(fill(&mut queue, &mut coming)[..4], [104, 105, 106, 8]);
    }

    #[test]
    fn the_queue_is_bounded_for_each_and_for_all() {
        let mut queue = Queue::new(4 * WAITING_OF_ONE);
        for author in 0..4 {
            for _ in 0..WAITING_OF_ONE {
                assert_eq!(queue.refusal(owner(author, false), 0), None);
                queue.push(owner(author, false), later(9), 0, ());
            }
            assert!(queue.refusal(owner(author, false), 0).is_some());
        }
        assert_eq!(queue.refusal(owner(9, false), 0), Some(Refusal::FilesFull));
        assert_eq!(queue.refusal(owner(9, true), 0), None);
        let mut queue = Queue::new(4 * WAITING_OF_ONE);
        for author in 0..4 {
            let has_room = |queue: &Queue<()>, bytes| {
                let refusal = queue.refusal(owner(author, false), bytes);
                assert!(matches!(refusal, None | Some(Refusal::FilesShare)));
                refusal.is_none()
            };
            queue.push(owner(author, false), later(9), WAITING_BYTES_OF_ONE - 1, ());
            assert!(has_room(&queue, 1) && has_room(&queue, 0));
            assert!(!has_room(&queue, 2));
        }
        assert_eq!(queue.refusal(owner(9, false), 4), None);
        assert_eq!(queue.refusal(owner(9, false), 5), Some(Refusal::FilesFull));
        assert_eq!(queue.refusal(owner(9, true), WAITING_BYTES), None);
    }

    #[test]
    fn what_waits_too_long_ends() {
        let mut queue = Queue::new(4 * WAITING_OF_ONE);
        assert_eq!(queue.wake_at(), None);
        queue.push(owner(1, false), later(20), 0, 1);
        queue.push(owner(1, false), later(10), 0, 2);
        assert_eq!(queue.wake_at(), Some(later(10)));
        assert_eq!(queue.late(later(9)), None);
        assert_eq!(queue.late(later(10)), Some(2));
        assert_eq!(queue.late(later(20)), Some(1));
        assert_eq!(queue.late(later(99)), None);
    }
}
