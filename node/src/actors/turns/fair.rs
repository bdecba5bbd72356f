//! Fair queueing: whoever was served least goes first, whatever each turn costs.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996): a flow's tag is what it was served
//! so far, counted from the tag that was being served when the flow got something to do. The flow
//! with the lowest tag has the next turn. A flow that comes new, or comes back, begins where those
//! that wait are: it gets no credit for its absence.
//!
//! A flow's queue may be fair queueing itself: addresses, their connections, the authors of each.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

/// What waits, and in which order it is served.
pub(super) trait Queue: Default {
    /// Where something is put.
    type Path: Copy;
    /// What waits.
    type Item;

    /// Things that wait.
    fn len(&self) -> usize;

    /// Puts something behind what waits on its path.
    fn push(&mut self, path: Self::Path, item: Self::Item);

    /// Takes what is to be served next.
    fn pop(&mut self) -> Option<Self::Item>;

    /// Counts what serving a thing cost, if that matters still.
    fn charge(&mut self, path: Self::Path, cost: u64);
}

/// First come, first served.
impl<T> Queue for VecDeque<T> {
    type Path = ();
    type Item = T;

    fn len(&self) -> usize {
        self.len()
    }

    fn push(&mut self, (): (), item: T) {
        self.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn charge(&mut self, (): (), _: u64) {}
}

/// Flows with a name each.
pub(super) struct Fair<K, Q> {
    flows: BTreeMap<K, Flow<Q>>,
    /// Flows with something to do: by tag, then by when they got it.
    order: BTreeSet<(u64, u64, K)>,
    /// Flows with nothing to do, by tag. They are forgotten when the others have come so far.
    idle: BTreeSet<(u64, K)>,
    /// The tag of the flow that was served last.
    time: u64,
    /// Counts flows that got something to do.
    next: u64,
    len: usize,
}

struct Flow<Q> {
    tag: u64,
    ticket: u64,
    queue: Q,
}

impl<K, Q> Default for Fair<K, Q> {
    fn default() -> Self {
        Fair {
            flows: BTreeMap::new(),
            order: BTreeSet::new(),
            idle: BTreeSet::new(),
            time: 0,
            next: 0,
            len: 0,
        }
    }
}

impl<K: Ord + Copy, Q: Queue> Fair<K, Q> {
    /// The queue of a flow, if it is not forgotten.
    pub(super) fn get(&self, key: &K) -> Option<&Q> {
        self.flows.get(key).map(|flow| &flow.queue)
    }

    /// Forgets flows whose turns the others have had by now.
    fn forget(&mut self) {
        while let Some(&(tag, key)) = self.idle.first()
            && tag < self.time
        {
            self.idle.pop_first();
            self.flows.remove(&key);
        }
    }
}

impl<K: Ord + Copy, Q: Queue> Queue for Fair<K, Q> {
    type Path = (K, Q::Path);
    type Item = Q::Item;

    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, (key, path): Self::Path, item: Q::Item) {
        if self.len == 0 {
            // Nobody waits: nobody has been served more than another.
            *self = Fair::default();
        }
        let flow = self.flows.entry(key).or_insert_with(|| Flow {
            tag: self.time,
            ticket: 0,
            queue: Q::default(),
        });
        if flow.queue.len() == 0 {
            self.idle.remove(&(flow.tag, key));
            flow.tag = flow.tag.max(self.time);
            flow.ticket = self.next;
            self.next += 1;
            self.order.insert((flow.tag, flow.ticket, key));
        }
        flow.queue.push(path, item);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<Q::Item> {
        let &(tag, ticket, key) = self.order.first()?;
        self.time = tag;
        self.forget();
        let flow = self.flows.get_mut(&key)?;
        let item = flow.queue.pop()?;
        self.len -= 1;
        self.order.remove(&(tag, ticket, key));
        if flow.queue.len() == 0 {
            self.idle.insert((tag, key));
        } else {
            // Behind those with the same tag, should the turn cost nothing.
            flow.ticket = self.next;
            self.next += 1;
            self.order.insert((tag, flow.ticket, key));
        }
        Some(item)
    }

    fn charge(&mut self, (key, path): Self::Path, cost: u64) {
        let Some(flow) = self.flows.get_mut(&key) else {
            return;
        };
        let tag = flow.tag.saturating_add(cost);
        if flow.queue.len() == 0 {
            self.idle.remove(&(flow.tag, key));
            self.idle.insert((tag, key));
        } else {
            self.order.remove(&(flow.tag, flow.ticket, key));
            self.order.insert((tag, flow.ticket, key));
        }
        flow.tag = tag;
        flow.queue.charge(path, cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    type Line = Fair<u8, VecDeque<u64>>;

    /// Serves `turns` turns, each for its item's cost; who had them.
    fn serve(line: &mut Line, turns: usize) -> Vec<u64> {
        let mut served = Vec::new();
        for _ in 0..turns {
            let Some(item) = line.pop() else { break };
            line.charge(((item / 1000) as u8, ()), item % 1000);
            served.push(item);
        }
        served
    }

    #[test]
    fn each_flow_gets_the_same_work_whatever_a_turn_costs() {
        let mut line = Line::default();
        for _ in 0..100 {
            line.push((1, ()), 1_100);
            line.push((2, ()), 2_010);
        }
        let served = serve(&mut line, 55);
        let of = |flow: u64| served.iter().filter(|item| **item / 1000 == flow).count();
        assert_eq!((of(1), of(2)), (5, 50));
    }

    #[test]
    fn who_comes_back_goes_before_those_that_were_served_and_gets_no_credit() {
        let mut line = Line::default();
        for _ in 0..20 {
            line.push((1, ()), 1_100);
        }
        line.push((2, ()), 2_001);
        assert_eq!(serve(&mut line, 12)[..2], [1_100, 2_001]);
        for _ in 0..200 {
            line.push((2, ()), 2_100);
        }
        // Not eleven in a row, for the time in which it asked for nothing.
        assert_eq!(serve(&mut line, 4), [2_100, 1_100, 2_100, 1_100]);
    }

    #[test]
    fn nothing_is_kept_of_flows_that_others_have_caught_up_with() {
        let mut line = Line::default();
        line.push((0, ()), 500);
        for flow in 1..=200 {
            line.push((flow, ()), u64::from(flow) * 1000 + 1);
        }
        line.push((0, ()), 500);
        line.push((0, ()), 500);
        assert_eq!(serve(&mut line, 203).len(), 203);
        assert_eq!(line.flows.len(), 1);
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn authors_of_one_connection_share_its_turns() {
        let mut line: Fair<u8, Line> = Fair::default();
        for author in 0..100 {
            line.push((1, (author, ())), 1_000 + u64::from(author));
        }
        line.push((2, (0, ())), 2_000);
        line.push((2, (0, ())), 2_001);
        let mut order = Vec::new();
        for _ in 0..6 {
            let item = line.pop().unwrap();
            line.charge(((item / 1000) as u8, ((item % 1000) as u8, ())), 10);
            order.push(item);
        }
        assert_eq!(order, [1_000, 2_000, 1_001, 2_001, 1_002, 1_003]);
        assert_eq!(line.len(), 96);
    }
}
